"""OAuth 2: a code from a browser becomes a token, the token becomes an identity.

RFC 6749 4.1, RFC 7636 (PKCE) and RFC 9700.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, quote_plus

from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from tenants.federation import outbound
from tenants.federation.identity import (
    ExternalIdentity,
    ProviderRefused,
    ProviderUnavailable,
    identity,
    is_subject,
    is_trusted,
)
from tenants.federation.outbound import Fetched, Unreachable
from tenants.federation.provider import Provider
from tenants.federation.settings import AuthStyle

MAX_CODE = 4096
_STYLES = {
    AuthStyle.IN_PARAMS: "client_secret_post",
    AuthStyle.IN_HEADER: "client_secret_basic",
}


@dataclass(frozen=True, slots=True)
class Redeemable:
    """A code, and what was sent along when it was asked for."""

    code: str = field(repr=False)
    redirect_uri: str
    # Empty where somebody else began the flow and kept no verifier (Bytebase's clients).
    verifier: str = field(default="", repr=False)
    nonce: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Client:
    """Whom the token endpoint knows us as."""

    token_url: str
    client_id: str
    secret: str = field(repr=False)
    auth_style: AuthStyle


def authorization_url(
    provider: Provider, *, redirect_uri: str, state: str, verifier: str, nonce: str = ""
) -> str:
    """Where the browser goes to log in. ``nonce`` is OpenID Connect's."""
    settings = provider.oauth2
    return grant_url(
        settings.auth_url,
        settings.client_id,
        settings.scopes,
        redirect_uri=redirect_uri,
        state=state,
        verifier=verifier,
        nonce=nonce,
    )


def grant_url(
    url: str,
    client_id: str,
    scopes: tuple[str, ...],
    *,
    redirect_uri: str,
    state: str,
    verifier: str,
    nonce: str,
) -> str:
    """The address of an authorization request with PKCE."""
    made: str = prepare_grant_uri(
        url,
        client_id,
        "code",
        redirect_uri=redirect_uri,
        scope=" ".join(scopes) or None,
        state=state,
        nonce=nonce or None,
        code_challenge=create_s256_code_challenge(verifier),
        code_challenge_method="S256",
    )
    return made


def authenticate(provider: Provider, evidence: Redeemable) -> ExternalIdentity:
    """Who redeems this code. Raises :class:`ProviderRefused`."""
    settings = provider.oauth2
    client = Client(settings.token_url, settings.client_id, provider.secret, settings.auth_style)
    token = redeem(client, evidence)
    claims = user_info(settings.user_info_url, token["access_token"])
    known = identity(_lasting_id(claims), claims, settings.mapping, provider.domain)
    if known.subject:
        return known
    # Names and addresses change hands there. One in a domain that the officer trusts does for an
    # id where there is none: its provider would be believed about a new account as well.
    if not is_trusted(known.identifier, provider.trusted_domains):
        raise ProviderRefused("the provider gave no lasting id of the user")
    return replace(known, subject=known.identifier)


def _lasting_id(claims: Mapping[str, Any]) -> str:
    """What identifies the account at the provider for good; empty if it does not say.

    The names are those of OpenID Connect and of the large providers of plain OAuth 2.
    """
    for name in ("sub", "id", "user_id", "uid"):
        value = claims.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if is_subject(value):
            return str(value)
    return ""


def redeem(client: Client, evidence: Redeemable) -> Mapping[str, Any]:
    """The token endpoint's answer to a code. Raises :class:`ProviderRefused`."""
    code = evidence.code
    if not code or len(code) > MAX_CODE or not code.isprintable():
        raise ProviderRefused("the code is empty or malformed", "token")
    body = prepare_token_request(
        "authorization_code",
        redirect_uri=evidence.redirect_uri,
        code=code,
        # Left out where it is empty: some providers take no parameter that they do not know.
        **({"code_verifier": evidence.verifier} if evidence.verifier else {}),
    )
    headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
    style = _STYLES[client.auth_style] if client.secret else "none"
    known = client.client_id, client.secret
    if style == "client_secret_basic":
        # In the form of a query before they are joined (RFC 6749, 2.3.1); the library joins only.
        known = quote_plus(client.client_id), quote_plus(client.secret)
    prepare = ClientAuth(*known, style).prepare
    _, headers, body = prepare("POST", client.token_url, headers, body)
    try:
        answer = outbound.fetch(
            client.token_url, method="POST", headers=headers, body=body.encode()
        )
    except Unreachable as error:
        raise ProviderUnavailable(str(error), "token") from error
    return _token(answer)


def _token(answer: Fetched) -> Mapping[str, Any]:
    found = _members(answer.body)
    # Some providers report errors with status 200.
    if not answer.ok or "error" in found:
        kind = ProviderUnavailable if answer.status >= 500 else ProviderRefused
        raise kind(f"the provider refused the code: {_error(found, answer.status)}", "token")
    token = found.get("access_token")
    if not isinstance(token, str) or not token:
        raise ProviderRefused("the provider gave no access token", "token")
    return found


def check_answer(error: str | None) -> None:
    """Whether an authorization request was granted. Raises :class:`ProviderRefused`."""
    if error is not None:
        raise ProviderRefused(f"the provider said {_word(error) or 'no'}", "token")


def _error(found: Mapping[str, Any], status: int) -> str:
    return _word(found.get("error")) or str(status)


def _word(said: Any) -> str:
    """A provider's word for what went wrong (RFC 6749, 5.2), if it is one."""
    known = isinstance(said, str) and said.isascii() and said.isprintable()
    return str(said)[:80] if known else ""


def _members(body: bytes) -> Mapping[str, Any]:
    """The members of a JSON object, or of a form, as providers of the first days still send it."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        try:
            return dict(parse_qsl(body.decode("ascii"), max_num_fields=50))
        except ValueError:
            return {}
    return value if isinstance(value, dict) else {}


def user_info(url: str, token: str) -> Mapping[str, Any]:
    """What the holder of a token is told about its user. Raises :class:`ProviderRefused`."""
    if not token.isascii() or not token.isprintable():
        raise ProviderRefused("the provider gave no usable access token", "token")
    headers = {"Accept": "application/json", "Authorization": f"Bearer {token}"}
    try:
        answer = outbound.fetch(url, headers=headers)
    except Unreachable as error:
        raise ProviderUnavailable(str(error)) from error
    if not answer.ok:
        kind = ProviderUnavailable if answer.status >= 500 else ProviderRefused
        raise kind(f"the provider told nothing about the user: {answer.status}")
    claims = _members(answer.body)
    if not claims:
        raise ProviderRefused("the provider told nothing about the user")
    return claims
