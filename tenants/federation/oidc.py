"""OpenID Connect: OAuth 2 whose token endpoint says in a signed token who the user is.

OpenID Connect Core 1.0, section 3.1.3.7.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc.errors import JoseError

from tenants.federation import issuers, oauth2
from tenants.federation.assertions import EC, RSA, BadToken, audiences, check_times, read, verified
from tenants.federation.identity import (
    ExternalIdentity,
    ProviderRefused,
    ProviderUnavailable,
    identity,
    is_subject,
)
from tenants.federation.oauth2 import Client, Redeemable
from tenants.federation.outbound import Unreachable
from tenants.federation.provider import Provider

_ALGORITHMS = (*RSA, *EC)
_ADDRESS = ("email", "email_verified")


def authorization_url(
    provider: Provider, *, redirect_uri: str, state: str, verifier: str, nonce: str
) -> str:
    """Where the browser goes to log in. Raises :class:`ProviderUnavailable`."""
    settings = provider.oidc
    return oauth2.grant_url(
        endpoint(provider, "authorization_endpoint"),
        settings.client_id,
        settings.scopes,
        redirect_uri=redirect_uri,
        state=state,
        verifier=verifier,
        nonce=nonce,
    )


def endpoint(provider: Provider, name: str) -> str:
    """An address out of the provider's discovery document. Raises :class:`ProviderUnavailable`."""
    try:
        return issuers.address(provider.oidc.issuer, name)
    except Unreachable as error:
        raise ProviderUnavailable(str(error), "token") from error


def check_answer(provider: Provider, issuer: str | None) -> None:
    """Whether the answer to an authorization request is this provider's (RFC 9207).

    Raises :class:`ProviderRefused` where another one has sent it, or nobody says who.
    """
    if issuer is None:
        try:
            document = issuers.discovered(provider.oidc.issuer)
        except Unreachable as error:
            raise ProviderUnavailable(str(error), "token") from error
        if document.get("authorization_response_iss_parameter_supported") is not True:
            return
    if issuer != provider.oidc.issuer:
        raise ProviderRefused("the answer is another issuer's", "token")


def authenticate(provider: Provider, evidence: Redeemable, now: datetime) -> ExternalIdentity:
    """Who redeems this code. Raises :class:`ProviderRefused`."""
    settings = provider.oidc
    client = Client(
        endpoint(provider, "token_endpoint"),
        settings.client_id,
        provider.secret,
        settings.auth_style,
    )
    answer = oauth2.redeem(client, evidence)
    id_token = answer.get("id_token")
    if not isinstance(id_token, str):
        raise ProviderRefused("the provider gave no ID token")
    try:
        claims = _claims(provider, id_token, evidence.nonce, answer["access_token"], now)
    except BadToken as error:
        raise ProviderRefused(f"the ID token is no good: {error}") from error
    told = _told(provider, claims, answer["access_token"])
    known = {**told, **claims, **_address(claims, told)}
    return identity(str(claims["sub"]), known, settings.mapping, provider.domain)


def _address(claims: Mapping[str, Any], told: Mapping[str, Any]) -> Mapping[str, Any]:
    """The address and what is said about it, from one and the same source."""
    whole = all(name in claims for name in _ADDRESS)
    source = claims if whole or "email" not in told else told
    return {name: source.get(name) for name in _ADDRESS}


def _claims(
    provider: Provider, token: str, nonce: str, access_token: str, now: datetime
) -> Mapping[str, Any]:
    """The claims of an ID token in which everything is right. Raises :class:`BadToken`."""
    settings = provider.oidc
    unverified = read(token)
    if unverified.issuer != settings.issuer:
        # Before the key is looked up: a stranger's token causes no request.
        raise BadToken("it is another issuer's")
    try:
        key = issuers.key_of(endpoint(provider, "jwks_uri"), unverified.kid)
    except Unreachable as error:
        raise ProviderUnavailable(str(error)) from error
    if key is None:
        raise BadToken("its key is not among the issuer's")
    claims = verified(token, key, _ALGORITHMS)
    if settings.client_id not in audiences(claims):
        raise BadToken("it is for another audience")
    check_times(claims, now)
    params = {"client_id": settings.client_id, "nonce": nonce, "access_token": access_token}
    try:
        CodeIDToken(claims, dict(unverified.header), params=params).validate(
            now=int(now.timestamp()), leeway=60
        )
    except (JoseError, TypeError, ValueError) as error:
        raise BadToken(str(error)) from error
    if not nonce and claims.get("nonce"):
        # Of a code that another flow has asked for, as our own pages do (RFC 9700, 4.5).
        raise BadToken("it answers another login's nonce")
    subject = claims.get("sub")
    if not is_subject(subject):
        raise BadToken("it names no subject")
    return claims


def _told(provider: Provider, claims: Mapping[str, Any], token: str) -> Mapping[str, Any]:
    """What the user info endpoint tells, where the ID token lacks a mapped claim.

    Its answer is no proof: it counts only if it speaks of the same subject (Core 5.3.2). Raises
    :class:`ProviderUnavailable` where it gives none, so that no account is made by half.
    """
    mapping = provider.oidc.mapping
    wanted = (mapping.identifier, mapping.display_name, mapping.phone, mapping.groups, *_ADDRESS)
    if all(not name or name in claims for name in wanted):
        return {}
    try:
        url = endpoint(provider, "userinfo_endpoint")
    except ProviderUnavailable:
        # It has none.
        return {}
    try:
        told = oauth2.user_info(url, token)
    except ProviderUnavailable:
        raise
    except ProviderRefused:
        return {}
    return told if told.get("sub") == claims["sub"] else {}
