"""What the model writes down: logins that wait, sessions, tokens, and what the tables showed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.core.mail import EmailMessage
from django.db import connection

from tests.attack.people import Actor
from tests.attack.places import claims

GRACE = timedelta(seconds=10)
BROWSER_IDLE = timedelta(hours=1)
CHALLENGE_LIFE = {"oloid": timedelta(minutes=3)}
LONGEST_CHALLENGE = timedelta(minutes=5)
# How long a proof allows changes of one's factors: by any contract, and by Rocket.Chat's memory.
FRESH = timedelta(minutes=15)
REMEMBERED = timedelta(minutes=30)
# How long a new authenticator waits for its first code.
WAITING = timedelta(minutes=5)
MAILED_LIFE = timedelta(hours=1)
_MAILED = re.compile(r"Your code is (\d{3})-(\d{3})\.")


@dataclass
class Open:
    """A login that waits for its next step, with what was proved in it."""

    token: str
    contract: str
    actor: Actor
    step: str
    nonce: str
    born: datetime
    epoch: int
    new_password: str = ""
    spent: bool = False
    # An authenticator that is bound with the login's last step, once its code was shown.
    secret: bytes = b""
    proved_step: int | None = None


@dataclass
class Live:
    """A session that was opened, as far as the test knows."""

    id: Any
    actor: Actor
    contract: str
    epoch: int
    ends: datetime
    seen: datetime
    ended: bool = False
    # What was proved in it, and when: "password", "secret", "totp", "recovery", "mail".
    proofs: list[tuple[str, datetime]] = field(default_factory=list)
    # It may only bind the factor that its account owes.
    sets_up: bool = False
    # A person's token for a program: a new second factor does not end it.
    personal: bool = False
    # Of a rotating refresh token: the present one, the one before and when it was replaced.
    current: str = ""
    previous: str = ""
    rotated_at: datetime | None = None

    def proved(self, now: datetime, within: timedelta) -> set[str]:
        return {kind for kind, at in self.proofs if now - at <= within}


@dataclass
class Token:
    text: str
    kind: str
    live: Live
    ends: datetime


@dataclass
class Waiting:
    """An authenticator that a session has asked for and not yet put into use."""

    secret: bytes
    codes: tuple[str, ...]
    live: Live
    born: datetime
    # The newest time step that was shown for it: that code is spent.
    last_step: int = -1


def end_of(token: str, otherwise: datetime) -> datetime:
    expires = claims(token).get("exp")
    if expires is None:
        return otherwise
    return min(otherwise, datetime.fromtimestamp(expires, tz=otherwise.tzinfo))


@dataclass(frozen=True)
class Factors:
    """What an account has, as the tables say."""

    authenticator: int | None
    step: int | None
    mailed: bool
    saved: int


@dataclass(frozen=True)
class Sight:
    """One look at the tables."""

    sessions: frozenset[str]
    logins: Mapping[str, str | None]
    apps: Mapping[str, tuple[int, int]]
    mailed: frozenset[str]
    saved: Mapping[str, int]

    def factors(self, user_id: Any) -> Factors:
        key = str(user_id)
        app, step = self.apps.get(key, (None, None))
        return Factors(app, step, key in self.mailed, self.saved.get(key, 0))


# Counters are emptied on the way: what they keep out is not what is looked for here.
_LOOK = """
WITH forgotten AS (DELETE FROM accounts_throttlebucket)
SELECT
  (SELECT array_agg(id::text) FROM accounts_session),
  (SELECT jsonb_object_agg(id, last_login) FROM accounts_user),
  (SELECT jsonb_object_agg(user_id, array[id, last_step]) FROM mfa_totpauthenticator),
  (SELECT array_agg(user_id::text) FROM mfa_emailfactor),
  (SELECT jsonb_object_agg(user_id, n) FROM (
    SELECT user_id, count(*) AS n FROM mfa_recoverycode WHERE used_at IS NULL GROUP BY user_id
  ) AS unused)
"""


def look() -> Sight:
    """One statement, however much is asked: it runs after every request."""
    with connection.cursor() as cursor:
        cursor.execute(_LOOK)
        sessions, logins, apps, mailed, saved = cursor.fetchone()
    logins, apps, saved = (_mapping(each) for each in (logins, apps, saved))
    return Sight(frozenset(sessions or ()), logins, apps, frozenset(mailed or ()), saved)


def _mapping(found: Any) -> Any:
    return (json.loads(found) if isinstance(found, str) else found) or {}


def posted() -> list[tuple[str, str]]:
    """The codes that were mailed since the last look, each with its address."""
    found = []
    for waiting in connection.run_on_commit:
        send = waiting[1]
        message = send.args[0] if isinstance(send, partial) else None
        if isinstance(message, EmailMessage) and (code := _MAILED.search(str(message.body))):
            found.append((message.to[0], code[1] + code[2]))
    connection.run_on_commit = []
    return found
