"""What a contract declares, and the transport faults that every contract must answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern

from accounts.login.outcome import LoginRefused, Reason
from accounts.login.profile import LoginProfile
from accounts.tokens.profile import TokenProfile

if TYPE_CHECKING:
    # Contracts are looked for before models can be loaded.
    from accounts.models import User


class Fault(StrEnum):
    """What can be wrong with a request before or besides a login. Closed, like Reason."""

    MALFORMED = "malformed"  # no JSON, too deep, a key twice, NUL, not UTF-8
    INVALID = "invalid"  # JSON, but not of the shape that the endpoint takes
    UNSUPPORTED_MEDIA = "unsupported_media"
    TOO_LARGE = "too_large"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    NO_TOKEN = "no_token"  # noqa: S105  # a word about passwords, no password
    BAD_TOKEN = "bad_token"  # noqa: S105  # a word about passwords, no password
    EXPIRED_TOKEN = "expired_token"  # noqa: S105  # a word about passwords, no password
    WRONG_KIND = "wrong_kind"  # a token of ours, but not for this
    ENDED = "ended"  # its session is over
    SUBJECT_GONE = "subject_gone"
    SUBJECT_DISABLED = "subject_disabled"
    FORBIDDEN = "forbidden"
    BAD_HOST = "bad_host"
    INTERNAL = "internal"
    UNAVAILABLE = "unavailable"


# Why a token opens nothing: most products have one answer to all of these.
OF_A_TOKEN = (
    Fault.NO_TOKEN,
    Fault.BAD_TOKEN,
    Fault.EXPIRED_TOKEN,
    Fault.WRONG_KIND,
    Fault.ENDED,
    Fault.SUBJECT_GONE,
    Fault.SUBJECT_DISABLED,
)


class Faulted(Exception):
    """Raised by wire and views; the contract's table turns it into an answer."""

    def __init__(self, fault: Fault, message: str = "", **detail: Any) -> None:
        super().__init__(message or fault.value)
        self.fault = fault
        self.message = message
        self.detail: Mapping[str, Any] = detail
        # The request at fault, once a view has seen it: some products name its method and address.
        self.request: HttpRequest | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a body that becomes compact JSON (None: no body), and headers."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


Refusal = Callable[[LoginRefused], Answer]
FaultAnswer = Callable[[Faulted], Answer]


@dataclass(frozen=True, slots=True)
class Cors:
    """Cross-origin headers of a contract whose browser clients are served from elsewhere."""

    # On every answer but a preflight's.
    actual: Mapping[str, str]
    # On a preflight's answer, whole.
    preflight: Mapping[str, str]
    preflight_status: int = 204


_DIGEST = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Option:
    """A setting that a tenant can make for this contract alone; the console makes a field of it."""

    name: str
    # What it does, for who sets it.
    label: str
    # What holds where the tenant says nothing. Its type is the setting's: a switch, a number, a
    # text, or a list of texts.
    default: bool | int | str | tuple[str, ...]
    choices: Sequence[str] = ()
    # Written, never shown: the SHA-256, in hex, of a secret.
    hidden: bool = False

    def check(self, value: Any) -> None:
        """Refuse a value that the setting cannot have; ValueError says which ones it can."""
        if type(value) is type(self.default) and value == self.default:
            return
        if form := self._missed(value):
            raise ValueError(f"{self.name} must be {form}")

    def _missed(self, value: Any) -> str:
        """The form that the setting has, where the value has another one."""
        if self.choices:
            return "" if value in self.choices else f"one of {', '.join(self.choices)}"
        if self.hidden:
            right = isinstance(value, str) and _DIGEST.fullmatch(value)
            return "" if right else "64 hex digits"
        match self.default:
            case bool():
                return "" if isinstance(value, bool) else "true or false"
            case int():
                return "" if type(value) is int and value >= 0 else "a number, 0 or more"
            case str():
                return "" if isinstance(value, str) else "a text"
            case _:
                texts = isinstance(value, list) and all(isinstance(v, str) and v for v in value)
                return "" if texts else "a list of texts"


@dataclass(frozen=True, slots=True)
class Contract:
    """One product's login surface: declared in one module, found because it lies there."""

    slug: str
    title: str
    urlpatterns: Sequence[URLPattern]
    # Every Reason and every Fault must be a key: a system check refuses a gap.
    refusals: Mapping[Reason, Refusal]
    faults: Mapping[Fault, FaultAnswer]
    tokens: Sequence[TokenProfile]
    # Path prefixes (without leading slash) below which unknown paths are this product's.
    territory: Sequence[str]
    # What answers POST on the bare address, told apart from the home page by its method.
    root: Callable[..., HttpResponseBase] | None = None
    cors: Cors | None = None
    # One curl line that logs in, with {base}, {username}, {email}, {password}, {tenant}.
    example: str = ""
    # One more that uses what the first one was answered, with {base} and {answer[…]}.
    follow_up: str = ""
    # Whether a person's app password is taken in place of the password.
    app_passwords: bool = False
    # The login whose tokens people can make for their programs; None: there are none.
    personal_tokens: LoginProfile | None = None
    # What its clients call an account, where that follows from the account itself; an identifier
    # that is made at the first login (SubjectIdentifier) needs no word here.
    name_of: Callable[[User], str] | None = None
    # What a tenant can set: lives of tokens by their kind, with words that say what holds without.
    # Every contract knows "session".
    lifetimes: Mapping[str, str] = field(default_factory=dict)
    options: Sequence[Option] = ()
    # Served paths that end in a slash, against the rule: the product's document calls them so.
    slashed: Sequence[str] = ()

    def refuse(self, refused: LoginRefused) -> Answer:
        """The product's words for a refusal."""
        return self.refusals[refused.reason](refused)

    def fault(self, faulted: Faulted) -> Answer:
        """The product's words for a transport fault."""
        return self.faults[faulted.fault](faulted)


def always(answer: Answer) -> Callable[[Any], Answer]:
    """A table entry that answers the same whatever the details."""
    return lambda _: answer
