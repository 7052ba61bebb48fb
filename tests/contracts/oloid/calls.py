"""Calls as Oloid's and Cognito's clients make them, and what their answers are compared with."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tenants.models import Tenant
from tests.fixtures import Cast, Persona

JSON_1_1 = "application/x-amz-json-1.1"
# What Django's test client returns: a response that knows more than its class says.
Answer = Any
SCOPE = "aws.cognito.signin.user.admin"


class Like:
    """Equal to every text that the pattern fits."""

    def __init__(self, pattern: str) -> None:
        self.pattern = re.compile(pattern)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and self.pattern.fullmatch(other) is not None

    __hash__ = None  # type: ignore[assignment]  # equal to many, so never a key

    def __repr__(self) -> str:
        return f"<like {self.pattern.pattern}>"


UUID = Like(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
JWT = Like(r"[\w-]+\.[\w-]+\.[\w-]+")
OPAQUE = Like(r"[\w-]{43}")
SESSION = Like(r"[\w-]{20,4096}")

TOKENS = {
    "AccessToken": JWT,
    "ExpiresIn": 3600,
    "TokenType": "Bearer",
    "RefreshToken": OPAQUE,
    "IdToken": JWT,
}
RENEWED = {name: value for name, value in TOKENS.items() if name != "RefreshToken"}


@dataclass
class Pool:
    """One tenant's user pool as a client sees it; ``prefix`` is the address below the root."""

    client: Client
    tenant: Tenant
    prefix: str = "/"

    def call(self, operation: str, body: Any, **headers: str) -> Answer:
        """One operation, whatever its body."""
        content = body if isinstance(body, (str, bytes)) else json.dumps(body)
        target = f"AWSCognitoIdentityProviderService.{operation}"
        asked = {"X-Amz-Target": target, **headers}
        return self.client.post(self.prefix, content, content_type=JSON_1_1, headers=asked)

    def initiate(self, flow: str, **parameters: str) -> Answer:
        return self.call(
            "InitiateAuth",
            {"AuthFlow": flow, "ClientId": self.tenant.client_id, "AuthParameters": parameters},
        )

    def by_password(self, username: str, password: str) -> Answer:
        return self.initiate("USER_PASSWORD_AUTH", USERNAME=username, PASSWORD=password)

    def log_in(self, who: Persona) -> dict[str, Any]:
        """The tokens of a right password."""
        answer = self.by_password(who.username, who.password)
        assert answer.status_code == 200, answer.content
        tokens: dict[str, Any] = json.loads(answer.content)["AuthenticationResult"]
        return tokens

    def refresh(self, token: str) -> Answer:
        return self.initiate("REFRESH_TOKEN_AUTH", REFRESH_TOKEN=token)

    def respond(self, challenge: str, session: str, **responses: str) -> Answer:
        return self.call(
            "RespondToAuthChallenge",
            {
                "ClientId": self.tenant.client_id,
                "ChallengeName": challenge,
                "Session": session,
                "ChallengeResponses": responses,
            },
        )

    def code(self, session: str, username: str, code: str) -> Answer:
        return self.respond(
            "SOFTWARE_TOKEN_MFA", session, USERNAME=username, SOFTWARE_TOKEN_MFA_CODE=code
        )

    def get_user(self, token: str) -> Answer:
        return self.call("GetUser", {"AccessToken": token})


def alpha(client: Client, cast: Cast) -> Pool:
    return Pool(client, cast.alpha)


def post_login(client: Client, body: Any, path: str = "/Login", **extra: Any) -> Answer:
    """Oloid's own call."""
    content = body if isinstance(body, (str, bytes)) else json.dumps(body)
    extra.setdefault("content_type", "application/json")
    return client.post(path, content, **extra)


def credentials(who: Persona, tenant: Tenant, **changes: Any) -> dict[str, Any]:
    return {
        "UserName": who.username,
        "TenantName": tenant.name,
        "Password": who.password,
        **changes,
    }


def body_of(answer: Answer) -> Any:
    return json.loads(answer.content)


def assert_refused(answer: Answer, kind: str, message: str | None, status: int = 400) -> None:
    """The whole of a Cognito error: status, body and the three headers."""
    told = {"__type": kind} if message is None else {"__type": kind, "message": message}
    assert (answer.status_code, body_of(answer)) == (status, told)
    assert answer["Content-Type"] == JSON_1_1
    assert answer["x-amzn-ErrorType"] == f"{kind}:"
    assert answer.get("x-amzn-ErrorMessage") == message
    assert answer["x-amzn-RequestId"] == UUID
    assert answer["Cache-Control"] == "no-store"


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The header and the claims of a token, unverified."""
    header, claims = (
        json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        for part in token.split(".")[:2]
    )
    return header, claims


class Statements(CaptureQueriesContext):
    """Counts what reaches the database, without the test's own savepoints."""

    def __init__(self) -> None:
        super().__init__(connection)

    @property
    def count(self) -> int:
        words = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "ROLLBACK")
        return sum(not query["sql"].startswith(words) for query in self.captured_queries)
