"""The filter of ``ListUsers``: the documented forms of CEL, read in one pass, and nothing else.

``name`` and ``email`` by ``==`` and ``.matches("…")``, ``user_type`` by ``==``, ``in […]`` and
``!(… in […])``, ``state`` by ``==``; joined by ``&&`` and, less tightly, by ``||``; in parentheses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from django.db.models import Q

from accounts.contracts.bytebase.protojson import quoted
from accounts.contracts.bytebase.wording import USER_TYPES, objection
from accounts.models import User
from accounts.wire.contract import Faulted
from tenants.names import fold

_MAX_LENGTH, _MAX_TERMS, _MAX_DEPTH = 2000, 20, 10
# No two alternatives begin alike and none can match in two ways, so no text takes more than a pass.
_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\["'\\])*"|'(?:[^'\\]|\\["'\\])*')"""
    r"""|(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<sign>==|&&|\|\||[][(),.!])|(?P<end>\Z))""",
    re.ASCII,
)
_ESCAPE = re.compile(r"\\(.)")
_KINDS = {name: kind for kind, name in USER_TYPES.items()}
_STATES = {"ACTIVE": User.State.ACTIVE, "DELETED": User.State.DISABLED}


def condition(text: str) -> Q:
    """The condition that a filter stands for; an empty one is for everybody.

    Raises Faulted(INVALID).
    """
    if not text.strip():
        return Q()
    if len(text) > _MAX_LENGTH or "\x00" in text:
        raise _unread(text, f"a filter has at most {_MAX_LENGTH} characters, none of them NUL")
    return _Reader(text).filter()


def _unread(text: str, why: str) -> Faulted:
    return objection(f"failed to parse filter {quoted(text)}, error: {why}")


class _Reader:
    """What is left of a filter."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = self.terms = self.depth = 0
        self.kind, self.token = "", ""
        self._advance()

    def filter(self) -> Q:
        found = self._either()
        if self.kind != "end":
            raise _unread(self.text, f'"&&" or "||" is expected at {self.at}')
        return found

    def _either(self) -> Q:
        found = self._all()
        while self._at_sign("||"):
            self._sign("||")
            found |= self._all()
        return found

    def _all(self) -> Q:
        found = self._part()
        while self._at_sign("&&"):
            self._sign("&&")
            found &= self._part()
        return found

    def _part(self) -> Q:
        if not self._at_sign("("):
            return self._term()
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise _unread(self.text, f"at most {_MAX_DEPTH} parentheses in each other")
        self._sign("(")
        found = self._either()
        self._sign(")")
        self.depth -= 1
        return found

    def _term(self) -> Q:
        self.terms += 1
        if self.terms > _MAX_TERMS:
            raise _unread(self.text, f"at most {_MAX_TERMS} conditions")
        if self._at_sign("!"):
            for sign in "!(":
                self._sign(sign)
            found = ~self._one_of(self._take("word"))
            self._sign(")")
            return found
        variable = self._take("word")
        if (self.kind, self.token) == ("word", "in"):
            return self._one_of(variable)
        if self._at_sign("."):
            return self._matches(variable)
        self._sign("==")
        return _equal(variable, self._literal())

    def _matches(self, variable: str) -> Q:
        self._sign(".")
        if self._take("word") != "matches":
            raise _unread(self.text, 'the only function is "matches"')
        self._sign("(")
        part = self._literal()
        self._sign(")")
        like = _LIKE.get(variable)
        if like is None:
            only = 'only "name" and "email" support "matches" operator'
            raise objection(f"{only}, but found {quoted(variable)}")
        return like(part)

    def _one_of(self, variable: str) -> Q:
        if variable != "user_type":
            form = '"user_type in [xx]"/"!(user_type in [xx])"'
            raise objection(f'only "user_type" support {form} operator')
        if self._take("word") != "in":
            raise _unread(self.text, '"in" is expected')
        self._sign("[")
        if self._at_sign("]"):
            raise objection("empty user_type filter")
        kinds = [_kind(self._literal())]
        while self._at_sign(","):
            self._sign(",")
            kinds.append(_kind(self._literal()))
        self._sign("]")
        return Q(kind__in=kinds)

    def _literal(self) -> str:
        return _ESCAPE.sub(r"\1", self._take("text")[1:-1])

    def _at_sign(self, sign: str) -> bool:
        return (self.kind, self.token) == ("sign", sign)

    def _sign(self, sign: str) -> None:
        if not self._at_sign(sign):
            raise _unread(self.text, f"{quoted(sign)} is expected at {self.at}")
        self._advance()

    def _take(self, kind: str) -> str:
        token = self.token
        if self.kind != kind:
            raise _unread(self.text, f"a {kind} is expected at {self.at}")
        self._advance()
        return token

    def _advance(self) -> None:
        match = _TOKEN.match(self.text, self.at)
        if match is None or match.lastgroup is None:
            raise _unread(self.text, f"nothing fits at {self.at}")
        self.kind, self.token = match.lastgroup, match.group(match.lastgroup)
        self.at = match.end()


def _kind(name: str) -> str:
    kind = _KINDS.get(name)
    if kind is None and name != "SYSTEM_BOT":
        raise objection(f"invalid user type filter {quoted(name)}")
    # There are no bots here.
    return kind or name


def _state(name: str) -> Q:
    if name not in _STATES:
        raise objection(f"invalid state filter {quoted(name)}")
    return Q(state=_STATES[name])


def _titled(title: str) -> Q:
    """What the product calls a user's name is his title; here also his resource name."""
    prefix, _, email = title.partition("/")
    if prefix == "users" and email:
        return _addressed(email)
    return Q(display_name=title) | Q(display_name="", username=title)


def _title_like(part: str) -> Q:
    return Q(display_name__icontains=part) | Q(display_name="", username__icontains=part)


def _addressed(email: str) -> Q:
    return Q(email_key=fold(email))


def _address_like(part: str) -> Q:
    return Q(email__icontains=part)


_LIKE: Mapping[str, Callable[[str], Q]] = {
    "name": _title_like,
    "title": _title_like,
    "email": _address_like,
}
_EQUAL: Mapping[str, Callable[[str], Q]] = {
    "name": _titled,
    "title": _titled,
    "email": _addressed,
    "user_type": lambda name: Q(kind=_kind(name)),
    "state": _state,
}


def _equal(variable: str, value: str) -> Q:
    if variable not in _EQUAL:
        raise objection(f"unsupport variable {quoted(variable)}")
    return _EQUAL[variable](value)
