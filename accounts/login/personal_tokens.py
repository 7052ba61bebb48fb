"""Personal access tokens: made by their owner for a program, good until somebody ends them.

Each is a session with one token, so it is judged, listed and ended like any other. It dies with
the account, with a changed password and with "end all sessions"; it survives a new second factor
and the end of the owner's other sessions. Whoever calls ``make``, ``renew`` or ``remove`` has asked
the owner to prove himself first (ASVS 5.0, 7.5.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from django.db import IntegrityError, transaction

from accounts import audit, notices
from accounts.audit import Event
from accounts.client import ClientContext
from accounts.login import sessions
from accounts.login.profile import IssuedGrant, LoginProfile
from accounts.login.sessions import Found
from accounts.models import Grant, LoginEvent, PersonalAccessToken, Session, User
from accounts.models.statement import Insert, Update, execute
from accounts.tokens import opaque

MAX_NAME = 200
# Nobody needs as many; a program that makes one at each start would never stop.
MAX_TOKENS = 100
# Such a token has no end; the column has to have one.
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
_LAST_PART = 6


class NameTaken(Exception):
    """The owner has a token of this name."""


class UnknownToken(Exception):
    """The owner has no token of this name."""


class TooManyTokens(Exception):
    """The owner has as many tokens as anybody may have."""


def make(
    found: Found,
    name: str,
    profile: LoginProfile,
    client: ClientContext,
    *,
    bypass_second_factor: bool = False,
) -> str:
    """A new token of 1 to 200 characters' name; the text is returned this once.

    Raises NameTaken, TooManyTokens, and LoginRefused(SESSION_ENDED) where the owner's own session
    has just ended.
    """
    user = found.subject.user
    with transaction.atomic():
        sessions.hold(found.session, client.now)
        session, token, grant = _opened(found, profile, client)
        row = PersonalAccessToken(
            user=user,
            session=session,
            name=name,
            last_part=token[-_LAST_PART:],
            bypass_second_factor=bypass_second_factor,
            created_at=client.now,
        )
        _forget_ended(user, name, client.now)
        if len(listed(user, client.now)) >= MAX_TOKENS:
            raise TooManyTokens
        try:
            with transaction.atomic():
                made = _event(Event.TOKEN_MADE, found, name, client)
                execute(Insert(session), Insert(grant), Insert(row), Insert(made))
        except IntegrityError as error:
            raise NameTaken from error
        notices.personal_token_made(user, name, bypasses=bypass_second_factor)
    return token


def renew(found: Found, name: str, profile: LoginProfile, client: ClientContext) -> str:
    """Another text for the token of this name; the old one opens nothing from now on.

    Raises UnknownToken, and LoginRefused as :func:`make`.
    """
    user = found.subject.user
    with transaction.atomic():
        sessions.hold(found.session, client.now)
        session, token, grant = _opened(found, profile, client)
        row = _named(user, name, client.now)
        last_part = token[-_LAST_PART:]
        execute(
            _end(row, client.now),
            Insert(session),
            Insert(grant),
            Update(
                PersonalAccessToken.objects.filter(pk=row.pk),
                session=session,
                last_part=last_part,
                created_at=client.now,
            ),
            Insert(_event(Event.TOKEN_RENEWED, found, name, client)),
        )
        notices.personal_token_made(user, name, bypasses=row.bypass_second_factor)
    return token


def remove(found: Found, name: str, client: ClientContext) -> None:
    """The token of this name opens nothing any more, and its name is free. Raises UnknownToken."""
    user = found.subject.user
    with transaction.atomic():
        row = _named(user, name, client.now)
        execute(_end(row, client.now), Insert(_event(Event.TOKEN_REMOVED, found, name, client)))
        row.delete()
        notices.personal_token_removed(user, name)


def listed(user: User, now: datetime) -> Sequence[PersonalAccessToken]:
    """The tokens of a user that open something, the oldest first."""
    rows = PersonalAccessToken.objects.select_related("session")
    rows = rows.filter(sessions.alive(now, "session__"), user=user)
    return list(rows.order_by("created_at", "id"))


def is_personal(session: Session) -> bool:
    """Whether a session is a personal access token. No statement."""
    return any(record["method"] == sessions.PERSONAL_TOKEN for record in session.amr[:1])


def bypasses_second_factor(session: Session) -> bool:
    """Whether a session is never asked for a second factor. No statement but for such tokens."""
    rows = PersonalAccessToken.objects.filter(session=session, bypass_second_factor=True)
    return is_personal(session) and rows.exists()


def _opened(
    found: Found, profile: LoginProfile, client: ClientContext
) -> tuple[Session, str, Grant]:
    """The unsaved session of a new token, its text and its grant. The owner's session is held."""
    record = sessions.amr(sessions.PERSONAL_TOKEN, client.now)
    session = sessions.build(found.subject, profile, client, [record])
    session.expires_at, session.idle_seconds = NEVER, None
    # As of now, see sessions.hold; the account was read earlier.
    session.security_epoch = found.session.security_epoch
    token = opaque.mint()
    grant = IssuedGrant(Grant.Kind.RESUME, token, NEVER)
    return session, token, sessions.grant_row(grant, session, client)


def _forget_ended(user: User, name: str, now: datetime) -> None:
    """A token that was ended with its session leaves its name to the next."""
    over = PersonalAccessToken.objects.filter(user=user, name=name)
    over.exclude(sessions.alive(now, "session__")).delete()


def _named(user: User, name: str, now: datetime) -> PersonalAccessToken:
    rows = PersonalAccessToken.objects.filter(sessions.alive(now, "session__"))
    row = rows.select_for_update(of=("self",)).filter(user=user, name=name).first()
    if row is None:
        raise UnknownToken
    return row


def _end(row: PersonalAccessToken, now: datetime) -> Update:
    live = Session.objects.filter(pk=row.session_id, ended_at=None)
    return Update(live, ended_at=now, end_reason="token removed")


def _event(event: Event, found: Found, name: str, client: ClientContext) -> LoginEvent:
    """Whoever reads the trail finds the session in which the owner did it, and the name."""
    return audit.row(
        event,
        client,
        tenant_id=found.subject.tenant.id,
        user_id=found.subject.user.pk,
        session_id=found.session.pk,
        trace=[("token", name)],
    )
