"""Whether an identity provider can be used: what it is asked, and what is wrong with its answers.

Everything is asked by tenants.federation.outbound, so no address leads to where only this server
can go. The words hold no secret.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tenants.federation import issuers, ldap, outbound
from tenants.federation.outbound import Unreachable
from tenants.federation.provider import Provider
from tenants.federation.settings import Kind
from tenants.sealing import SealBroken


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    good: bool
    said: str


def examine(provider: Provider) -> list[Finding]:
    """Ask the provider for all that a login needs of it, short of a login."""
    return list(_EXAMINERS[provider.kind](provider))


def examine_issuer(issuer: str) -> list[Finding]:
    """Ask an issuer for what checking its tokens needs."""
    discovery, document = _discovery(issuer)
    keys = [_key_set(document.get("jwks_uri"))] if discovery.good else []
    return [discovery, *keys]


def _secret(provider: Provider, *, needed: bool) -> Iterator[Finding]:
    try:
        there = bool(provider.secret)
    except SealBroken as error:
        yield Finding("Secret", good=False, said=f"It cannot be opened: {error}")
        return
    if there:
        yield Finding("Secret", good=True, said="There is one. Whether it is right, a login shows.")
    else:
        said = "There is none." if needed else "There is none: a public client."
        yield Finding("Secret", good=not needed, said=said)


def _of_directory(provider: Provider) -> Iterator[Finding]:
    try:
        wrong = ldap.check(provider)
    except SealBroken as error:
        wrong = [f"The password cannot be opened: {error}"]
    for said in wrong:
        yield Finding("Directory", good=False, said=said)
    if not wrong:
        said = "Every server answers, and people are found below the base DN."
        yield Finding("Directory", good=True, said=said)


def _of_oauth2(provider: Provider) -> Iterator[Finding]:
    settings = provider.oauth2
    yield from _secret(provider, needed=False)
    yield _answering("Authorization address", settings.auth_url, by_browser=True)
    yield _answering("Token address", settings.token_url, method="POST")
    yield _answering("User info address", settings.user_info_url)


def _of_oidc(provider: Provider) -> Iterator[Finding]:
    yield from _secret(provider, needed=False)
    discovery, document = _discovery(provider.oidc.issuer)
    yield discovery
    if not discovery.good:
        return
    yield _answering(
        "Authorization address", document.get("authorization_endpoint"), by_browser=True
    )
    yield _answering("Token address", document.get("token_endpoint"), method="POST")
    yield _key_set(document.get("jwks_uri"))
    methods = document.get("code_challenge_methods_supported")
    if isinstance(methods, list) and "S256" not in methods:
        yield Finding("PKCE", good=False, said="The provider says that it does not know S256.")


def _of_auth0(provider: Provider) -> Iterator[Finding]:
    yield _key_set(f"{provider.auth0.issuer}.well-known/jwks.json")
    if not provider.auth0.users:
        yield Finding("Users", good=False, said="None is listed, so nobody can log in.")


_EXAMINERS: Mapping[Kind, Callable[[Provider], Iterator[Finding]]] = {
    Kind.LDAP: _of_directory,
    Kind.OAUTH2: _of_oauth2,
    Kind.OIDC: _of_oidc,
    Kind.AUTH0: _of_auth0,
}


def _discovery(issuer: str) -> tuple[Finding, Mapping[str, Any]]:
    """The discovery document; with a finding that is not good it is not to be used."""
    what = "Discovery"
    try:
        document = issuers.json_object(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    except Unreachable as error:
        return Finding(what, good=False, said=str(error)), {}
    if document.get("issuer") != issuer:
        named = "".join(filter(str.isprintable, str(document.get("issuer"))))[:200]
        said = (
            f"The discovery document names another issuer: {named}. The setting must be the same."
        )
        return Finding(what, good=False, said=said), {}
    return Finding(what, good=True, said="The document names this issuer."), document


def _answering(what: str, url: Any, *, method: str = "GET", by_browser: bool = False) -> Finding:
    """Whether anybody answers there. A refusal is an answer: nothing was sent that is meant.

    Token addresses know POST alone (RFC 6749, 3.2), and some are unknown to any other method.
    """
    if not isinstance(url, str):
        return Finding(what, good=False, said="The discovery document names none.")
    try:
        answer = outbound.fetch(url, method=method)
    except Unreachable as error:
        return Finding(what, good=False, said=str(error))
    said = f"It answered {answer.status}."
    if 300 <= answer.status < 400 and not by_browser:
        return Finding(what, good=False, said=f"{said} Redirects are not followed.")
    return Finding(what, good=answer.status < 500 and answer.status != 404, said=said)


def _key_set(url: Any) -> Finding:
    if not isinstance(url, str):
        return Finding("Key set", good=False, said="The discovery document names none.")
    try:
        keys = issuers.json_object(url).get("keys")
    except Unreachable as error:
        return Finding("Key set", good=False, said=str(error))
    usable = [
        key
        for key in (keys if isinstance(keys, list) else [])
        if isinstance(key, dict)
        and key.get("kty") in {"RSA", "EC"}
        and key.get("use", "sig") == "sig"
    ]
    said = f"It holds {len(usable)} usable keys." if usable else "It holds no usable key."
    return Finding("Key set", good=bool(usable), said=said)
