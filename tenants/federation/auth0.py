"""Auth0 tenants, configured as datarhei Core configures them; their access tokens log in.

Source: Core's configuration reference, ``api.auth.auth0`` and ``CORE_API_AUTH_AUTH0_TENANTS``.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tenants.federation import issuers
from tenants.federation.assertions import (
    RSA,
    BadToken,
    Unverified,
    audiences,
    check_times,
    verified,
)
from tenants.federation.identity import ExternalIdentity, ProviderRefused, ProviderUnavailable
from tenants.federation.outbound import Unreachable
from tenants.federation.provider import Provider

_SCHEME = "auth0://"


def of_issuer(providers: Iterable[Provider], token: Unverified) -> Provider | None:
    """The provider that the token claims to come from; None is no Auth0 login at all.

    Of several for one issuer it is the one of the token's audience.
    """
    found = [one for one in providers if one.auth0.issuer == token.issuer]
    meant = audiences(token.claims)
    return next((one for one in found if one.auth0.audience in meant), next(iter(found), None))


def authenticate(
    provider: Provider, token: str, claimed: Unverified, now: datetime
) -> ExternalIdentity:
    """Whose token this is; the steps come in Core's order. Raises :class:`ProviderRefused`."""
    settings = provider.auth0
    if claimed.issuer != settings.issuer:
        raise ProviderRefused("another issuer")
    subject = claimed.claims.get("sub")
    if not isinstance(subject, str) or subject not in settings.users:
        raise ProviderRefused("user not allowed")
    try:
        key = issuers.key_of(f"{settings.issuer}.well-known/jwks.json", claimed.kid or "")
    except Unreachable as error:
        raise ProviderUnavailable(str(error)) from error
    if key is None:
        raise ProviderRefused("no cert for kid found")
    try:
        claims = verified(token, key, RSA)
        # Core lets a token without an end pass; Auth0 makes none.
        check_times(claims, now)
    except BadToken as error:
        raise ProviderRefused(str(error)) from error
    if settings.audience not in audiences(claims):
        # Core stopped comparing it; a token for another service opens nothing here.
        raise ProviderRefused("invalid audience")
    return ExternalIdentity(subject=subject, identifier=subject, claims=claims)


def configured(text: str) -> list[dict[str, Any]]:
    """The settings of each tenant in the environment form. Raises ValueError.

    Items are separated by commas; each is base64 of a JSON object, or
    ``auth0://CLIENTID@DOMAIN?aud=AUDIENCE&user=SUBJECT&user=SUBJECT``.
    """
    return [_item(item.strip()) for item in text.split(",") if item.strip()]


def _item(item: str) -> dict[str, Any]:
    if not item.startswith(_SCHEME):
        try:
            value = json.loads(b64decode(item, validate=True))
        except (ValueError, RecursionError) as error:
            raise ValueError("an item is neither base64 of JSON nor an auth0:// address") from error
        if not isinstance(value, Mapping):
            raise ValueError("an item is no JSON object")
        return dict(value)
    parts = urlsplit(item)
    query = parse_qs(parts.query, strict_parsing=bool(parts.query))
    user, _, domain = parts.netloc.rpartition("@")
    return {
        "domain": domain,
        "audience": query.get("aud", [""])[0],
        # As in every address: encoded, and a password behind a colon is not part of it.
        "clientid": unquote(user.partition(":")[0]),
        "users": query.get("user", []),
    }
