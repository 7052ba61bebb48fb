"""What the tests of Rocket.Chat's contract share: its fixed answers, and how a client talks."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.test import Client, TestCase
from django.test.utils import CaptureQueriesContext

from accounts.models import Session
from tests.fixtures import PASSWORD

if TYPE_CHECKING:
    # The stubs' name for what the test client returns; it does not exist at run time.
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

LOGIN = "/api/v1/login"
# The password as a client sends it that keeps it to itself.
DIGEST = hashlib.sha256(PASSWORD.encode()).hexdigest()
DETAILS = b'"details":{"method":"totp","codeGenerated":false,"availableMethods":["totp"]}'
UNAUTHORIZED = b'{"success":false,"error":"Unauthorized","status":"error","message":"Unauthorized"}'
CODE_REQUIRED = (
    b'{"success":false,"error":"totp-required","status":"error",'
    + DETAILS
    + b',"message":"TOTP Required"}'
)
CODE_INVALID = (
    b'{"success":false,"error":"totp-invalid","status":"error",'
    + DETAILS
    + b',"message":"TOTP Invalid"}'
)
NOT_SIGNED_IN = (
    b'{"success":false,"error":"You must be logged in to do this.","status":"error",'
    b'"message":"You must be logged in to do this."}'
)
NOT_FOUND = b'{"success":false,"error":"Resource not found"}'


def judged(error: str, message: str) -> bytes:
    """A refusal that only who knows the password sees, or who is blocked."""
    return (
        f'{{"success":false,"error":"{error}","status":"error",'
        '"details":{"function":"Accounts.validateLoginAttempt"},'
        f'"message":"{message}"}}'
    ).encode()


def log_in(
    client: Client, body: Any, *, at: str = "", headers: dict[str, str] | None = None
) -> Response:
    """A login with a JSON body; ``at`` is a tenant's prefix."""
    return client.post(
        at + LOGIN, json.dumps(body), content_type="application/json", headers=headers or {}
    )


def signed_in(client: Client, name: str, password: str, **more: str) -> dict[str, str]:
    """The headers of a user who has logged in."""
    answer = log_in(client, {"user": name, "password": password, **more})
    assert answer.status_code == 200, answer.content
    return token_headers(answer)


def token_headers(answer: Response) -> dict[str, str]:
    """The headers that a client sends after this login."""
    data = json.loads(answer.content)["data"]
    return {"X-Auth-Token": data["authToken"], "X-User-Id": data["userId"]}


def refused(answer: Response, status: int, body: bytes) -> None:
    """The whole of a refusal: status, bytes and headers."""
    assert (answer.status_code, answer.content) == (status, body)
    plain(answer)


def plain(answer: Response) -> None:
    """The headers that every answer of the product has, and one that none has."""
    assert answer["Content-Type"] == "application/json"
    assert answer["Cache-Control"] == "no-store"
    assert answer["Pragma"] == "no-cache"
    assert not answer.has_header("WWW-Authenticate")
    assert not answer.cookies


class Text(str):
    """Equal to every text that its pattern fits wholly."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and re.fullmatch(self, other) is not None


TOKEN = Text(r"[A-Za-z0-9_-]{43}")
USER_ID = Text(r"[23456789ABCDEFGHJKLMNPQRSTWXYZabcdefghijkmnopqrstuvwxyz]{17}")
TIME = Text(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@contextmanager
def statements(most: int) -> Iterator[None]:
    """At most so many statements run inside; transaction control is none."""
    with CaptureQueriesContext(connection) as captured:
        yield
    control = ("SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN", "COMMIT")
    run = [q["sql"] for q in captured if not str(q["sql"]).startswith(control)]
    assert len(run) <= most, "\n".join(run)


class MailingClient(Client):
    """A client behind whom mail leaves as it does outside of a test: after each request."""

    def request(self, **request: Any) -> Response:
        with TestCase.captureOnCommitCallbacks(execute=True):
            return super().request(**request)


def post(client: Client, call: str, headers: dict[str, str], body: Any = None) -> Response:
    """A call of a signed-in user, with a JSON body or none."""
    text = "" if body is None else json.dumps(body)
    return client.post(f"/api/v1/{call}", text, content_type="application/json", headers=headers)


def guard(error: str, sentence: str, details: bytes) -> bytes:
    """What a guarded call answers where a code is missing or wrong."""
    named = f'"error":"{sentence} [{error}]","errorType":"{error}"'
    return b'{"success":false,' + named.encode() + b',"details":' + details + b"}"


def failure(error: str, sentence: str = "") -> bytes:
    """A failed call with its code."""
    named = f"{sentence} [{error}]".lstrip()
    return f'{{"success":false,"error":"{named}","errorType":"{error}"}}'.encode()


def let_pass(seconds: int) -> None:
    """Make every session's proofs so much older."""
    for session in Session.objects.all():
        session.amr = [{**record, "at": record["at"] - seconds} for record in session.amr]
        session.save(update_fields=["amr"])
