"""The tokens of a login: ID and access token (RS256, one key each), and the refresh token.

Claims as in Amazon Cognito's developer guide, "Understanding the identity (ID) token" and
"Understanding the access token".
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any
from uuid import UUID, uuid4, uuid5

from accounts.login.outcome import Factor, Obligation, TokenSet
from accounts.login.profile import (
    ChallengeForm,
    Issued,
    IssuedGrant,
    LoginProfile,
    ObligationForm,
)
from accounts.login.sessions import Found
from accounts.login.subject import Subject
from accounts.models import Grant, Session, User
from accounts.tokens import jwt, opaque
from accounts.tokens.claims import Claims, seconds, times
from accounts.tokens.jwt import Verified
from accounts.tokens.profile import Algorithm, KidForm, TokenProfile
from accounts.wire.authentication import bearer as wire_bearer
from accounts.wire.authentication import session as session_of
from accounts.wire.authentication import verified
from accounts.wire.call import Call
from accounts.wire.contract import Fault, Faulted
from tenants.conf import conf
from tenants.policy import TenantRecord

SLUG = "oloid"
SCOPE = "aws.cognito.signin.user.admin"

ACCESS_LIFETIME = timedelta(hours=1)
REFRESH_LIFETIME = timedelta(days=30)
# Of the JSON of the groups' names: a token of more than 8 KiB is refused, here as elsewhere.
_MOST_OF_GROUPS = 4000
# Cognito lets access and ID tokens live for a day at most.
_LONGEST = timedelta(days=1)

ID = TokenProfile("oloid.id", ACCESS_LIFETIME, Algorithm.RS256, KidForm.BASE64, typ=None)
ACCESS = TokenProfile("oloid.access", ACCESS_LIFETIME, Algorithm.RS256, KidForm.BASE64, typ=None)


def issuer(tenant: TenantRecord) -> str:
    """The address of the tenant's pool, below which its keys are published."""
    return f"{conf().cognito_issuer or conf().base_url}/{tenant.pool_id}"


def lifetime(session: Session, subject: Subject, now: datetime) -> timedelta:
    """How long tokens made now live: the tenant's "access" seconds, never beyond the session."""
    wanted = subject.tenant.contract(SLUG).lifetime("access", ACCESS_LIFETIME)
    return min(wanted, _LONGEST, session.expires_at - now)


def attributes(user: User) -> dict[str, Any]:
    """What is known of the user besides ``sub``, under the names of OpenID Connect."""
    known = {
        "name": user.display_name,
        "given_name": user.given_name,
        "family_name": user.family_name,
        "phone_number": user.phone,
        "email": user.email,
    }
    found: dict[str, Any] = {name: value for name, value in known.items() if value}
    # In a token it is a boolean, and a claim about an address that must be there.
    return {"email_verified": user.email_verified, **found} if user.email else found


def attribute_texts(user: User) -> dict[str, str]:
    """The same outside of tokens, where every value is a text, ``sub`` among them."""
    texts = {"sub": str(user.pk)}
    for name, value in attributes(user).items():
        texts[name] = str(value).lower() if isinstance(value, bool) else value
    return texts


def mandate_claims(subject: Subject) -> dict[str, str]:
    """What a machine's credential says of it, as custom attributes; nothing for people."""
    mandate = subject.mandate
    said = {"custom:role": mandate.role, "custom:scopes": " ".join(mandate.scopes)}
    return {name: text for name, text in said.items() if text}


def id_claims(session: Session, subject: Subject, now: datetime) -> Claims:
    """Who the user is, for the client ``aud``: a text, not a list."""
    return {
        **_subject_claims(subject),
        **attributes(subject.user),
        **mandate_claims(subject),
        "cognito:username": subject.user.username,
        "aud": subject.tenant.client_id,
        "token_use": "id",
        **_session_claims(session, subject, now),
    }


def access_claims(session: Session, subject: Subject, now: datetime) -> Claims:
    """What the bearer may do. No ``aud`` and no personal data beyond the user name.

    A machine's scopes follow the one that every login over this contract has.
    """
    role = {"custom:role": subject.mandate.role} if subject.mandate.role else {}
    return {
        **_subject_claims(subject),
        **role,
        "client_id": subject.tenant.client_id,
        "token_use": "access",
        "scope": " ".join(dict.fromkeys([SCOPE, *subject.mandate.scopes])),
        **_session_claims(session, subject, now),
        "username": subject.user.username,
    }


def _subject_claims(subject: Subject) -> Claims:
    groups = {"cognito:groups": _listed(subject.groups)} if subject.groups else {}
    return {"sub": str(subject.user.pk), **groups, "iss": issuer(subject.tenant)}


def _listed(groups: Sequence[str]) -> list[str]:
    """The names in their order, as many as a token has room for."""
    lengths = accumulate(len(json.dumps(name)) + 1 for name in groups)
    return [n for n, length in zip(groups, lengths, strict=True) if length <= _MOST_OF_GROUPS]


def _session_claims(session: Session, subject: Subject, now: datetime) -> Claims:
    return {
        "origin_jti": str(session.id),
        # The login event: one per session, so that a refresh keeps it.
        "event_id": str(uuid5(session.id, "event")),
        "auth_time": seconds(session.auth_time),
        **times(now, lifetime(session, subject, now)),
        "jti": str(uuid4()),
    }


def pair(session: Session, subject: Subject, now: datetime) -> TokenSet:
    """A fresh ID and access token of a session."""
    tenant_id = subject.tenant.id
    return TokenSet(
        access=jwt.sign(ACCESS, tenant_id, access_claims(session, subject, now), now),
        id=jwt.sign(ID, tenant_id, id_claims(session, subject, now), now),
    )


def _refresh_lifetime(subject: Subject) -> timedelta:
    return subject.tenant.contract(SLUG).lifetime("refresh", REFRESH_LIFETIME)


def _issue(session: Session, subject: Subject) -> Issued:
    now = session.auth_time
    tokens = pair(session, subject, now)
    refresh = opaque.mint()
    ends = min(session.expires_at, now + _refresh_lifetime(subject))
    return Issued(
        TokenSet(access=tokens.access, id=tokens.id, refresh=refresh),
        (IssuedGrant(Grant.Kind.REFRESH, refresh, ends),),
    )


_STEPS: dict[Obligation, ObligationForm] = {
    Obligation.CHANGE_PASSWORD: ObligationForm.CHALLENGE,
    Obligation.BIND_FACTOR: ObligationForm.CHALLENGE,
}

LOGIN = LoginProfile(
    contract=SLUG,
    issue=_issue,
    lifetime=_refresh_lifetime,
    challenge=ChallengeForm.TOKEN,
    # A code has six digits here: there is no field for a saved code or a passkey.
    factors=frozenset({Factor.OTP, Factor.EMAIL}),
    names_factor=True,
    challenge_lifetime=timedelta(minutes=3),
    challenge_attempts=5,
    obligations=_STEPS,
)


def authentication_result(
    tokens: TokenSet, session: Session, subject: Subject, now: datetime
) -> dict[str, Any]:
    """``AuthenticationResult``. A refresh gives no ``RefreshToken``: the old one stays good.

    The key is left out then, not null: a client that tests for the key would store the null.
    """
    result: dict[str, Any] = {
        "AccessToken": tokens.access,
        "ExpiresIn": int(lifetime(session, subject, now).total_seconds()),
        "TokenType": "Bearer",
        "RefreshToken": tokens.refresh,
        "IdToken": tokens.id,
    }
    return {name: value for name, value in result.items() if value != ""}


def bearer(call: Call, token: str) -> Found:
    """The live session of an access token, in one statement. Raises Faulted."""
    read = verified(call, token)
    if not _is_access(read):
        raise Faulted(Fault.WRONG_KIND)
    return _session(call, read)


def signed_in(call: Call) -> Found:
    """The live session of an access or ID token in ``Authorization``, bare or after ``Bearer``.

    The product's texts show both forms of the header and do not say which of the tokens is meant.
    One statement. Raises Faulted.
    """
    header = call.header("Authorization").strip()
    if not header:
        raise Faulted(Fault.NO_TOKEN)
    read = verified(call, wire_bearer(call) or header)
    if not _is_access(read) and read.purpose != ID.purpose:
        raise Faulted(Fault.WRONG_KIND)
    return _session(call, read)


def _is_access(read: Verified) -> bool:
    return read.purpose == ACCESS.purpose and SCOPE in str(read.claims.get("scope")).split()


def _session(call: Call, read: Verified) -> Found:
    if read.expired:
        raise Faulted(Fault.EXPIRED_TOKEN)
    return session_of(call, read, LOGIN, pk=UUID(read.claims["origin_jti"]))
