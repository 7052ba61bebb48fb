"""Values of an answer that change from login to login, described instead of written down."""

import re
from collections.abc import Callable
from typing import Any


class Like:
    """Equal to every value that passes the check: for what changes from login to login."""

    def __init__(self, name: str, check: Callable[[Any], bool]) -> None:
        self.name = name
        self.check = check

    def __eq__(self, other: object) -> bool:
        return self.check(other)

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"<{self.name}>"


def matching(pattern: str) -> Like:
    return Like(pattern, lambda v: isinstance(v, str) and re.fullmatch(pattern, v) is not None)


def opaque(least: int) -> Like:
    return Like(
        f"opaque, {least} characters or more",
        lambda v: isinstance(v, dict) and set(v) == {"opaque"} and v["opaque"] >= least,
    )


def including(**members: Any) -> Like:
    """An object with at least these members."""
    return Like(
        f"object with {members}",
        lambda v: isinstance(v, dict) and all(v.get(name) == members[name] for name in members),
    )


TEXT = Like("text", lambda v: isinstance(v, str) and v != "")
INTEGER = Like("integer", lambda v: type(v) is int)
SEMVER = matching(r"\d+\.\d+\.\d+[-.\w]*")
UUID = matching(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MOMENT = matching(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
A_JWT = Like("JWT", lambda v: isinstance(v, dict) and set(v) == {"header", "claims"})
