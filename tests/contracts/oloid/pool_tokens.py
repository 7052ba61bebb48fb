"""The tokens of a pool as published clients show them."""

from typing import Any

from tests.peers.conversations import Conversations, Demo, Person
from tests.peers.likeness import INTEGER, UUID, including, matching, opaque

RS256 = including(alg="RS256", kid=matching(r"[A-Za-z0-9+/]{43}="))


class Pool:
    """What every token of one tenant's pool says about one person."""

    def __init__(self, demo: Demo, person: Person, tenant: dict[str, Any]) -> None:
        common = {
            "iss": f"{demo.base_url}/{tenant['pool_id']}",
            "sub": UUID,
            "auth_time": INTEGER,
            "iat": INTEGER,
            "exp": INTEGER,
            "jti": UUID,
            "origin_jti": UUID,
        }
        self.access_claims = including(
            token_use="access",
            client_id=tenant["client_id"],
            username=person["username"],
            scope="aws.cognito.signin.user.admin",
            **common,
        )
        self.id_claims = including(
            token_use="id",
            aud=tenant["client_id"],
            **{"cognito:username": person["username"]},
            **common,
        )
        self.access = {"header": RS256, "claims": self.access_claims}
        self.id = {"header": RS256, "claims": self.id_claims}
        self.renewed = {
            "AccessToken": self.access,
            "IdToken": self.id,
            "ExpiresIn": 3600,
            "TokenType": "Bearer",
        }
        self.tokens = {**self.renewed, "RefreshToken": opaque(32)}
        self.username = person["username"]


def pool_of(demo: Demo, conversations: Conversations, person: Person) -> Pool:
    return Pool(demo, person, conversations.tenant_of(person))
