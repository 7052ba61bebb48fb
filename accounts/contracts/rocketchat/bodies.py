"""What a login body says: the nine accepted forms, brought down to credentials.

The product never answers 400 or 415 to a login: a body that cannot be read is a body without
usable members, and that is refused like a wrong password.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from rest_framework import serializers

from accounts.contracts.rocketchat import wording
from accounts.login.attempt import (
    Credential,
    Identifier,
    NameForm,
    OneTimePassword,
    Password,
    PasswordDigest,
    RecoveryCodeInput,
    SessionToken,
)
from accounts.login.personal_tokens import MAX_NAME
from accounts.wire.call import Call
from accounts.wire.contract import Answer, Fault, Faulted
from accounts.wire.fields import ExactText
from accounts.wire.parsers import form_value, json_value
from accounts.wire.shapes import checked
from mfa.totp import is_code

# The product's own bound; longer passwords are refused unhashed.
MAX_PASSWORD = 256
_GAPS = re.compile(r"[\s-]+")
_MAX_CODE = 64
_DIGEST = re.compile(r"[0-9a-f]{64}")
_PLAIN = frozenset({"user", "username", "email", "password", "code"})
_FORMS = {"username": NameForm.USERNAME, "email": NameForm.EMAIL, "id": NameForm.SUBJECT}


@dataclass(frozen=True, slots=True)
class Presented:
    """A name with a password or its digest, and a code where one was sent."""

    identifier: Identifier
    credentials: tuple[Credential, ...] = field(repr=False)


class UserField(serializers.Field[Identifier, Any, Any, Any]):
    """An object that names the user by exactly one of ``username``, ``email`` and ``id``."""

    def to_internal_value(self, data: Any) -> Identifier:
        """The name as the core looks it up. Raises ValidationError."""
        match list(data.items()) if isinstance(data, dict) else []:
            case [(str(kind), str(value))] if kind in _FORMS and value:
                return Identifier(_FORMS[kind], value)
        raise serializers.ValidationError("must name the user in one way")


class PasswordField(serializers.Field[Password | PasswordDigest, Any, Any, Any]):
    """A password as typed, or its SHA-256 in an object."""

    def to_internal_value(self, data: Any) -> Password | PasswordDigest:
        """The credential. Raises ValidationError."""
        match data:
            case str(typed) if 0 < len(typed) <= MAX_PASSWORD:
                return Password(typed)
            case {"digest": str(digest), "algorithm": "sha-256"} if len(data) == 2:
                if _DIGEST.fullmatch(digest):
                    return PasswordDigest(digest)
        raise serializers.ValidationError("must be a password or its digest")


class PasswordShape(serializers.Serializer[Any]):
    """A password login, after the names were brought into one form."""

    user = UserField()
    password = PasswordField()
    code = ExactText(required=False, allow_null=True, allow_empty=True)


class DirectoryShape(serializers.Serializer[Any]):
    """The mobile app's login where the tenant has a directory: a plain login by its data."""

    username = ExactText()
    ldapPass = PasswordField()  # the product's key
    code = ExactText(required=False, allow_null=True, allow_empty=True)


class CodeShape(serializers.Serializer[Any]):
    """A code around a login that is not brought into form any more."""

    code = ExactText()
    login = serializers.DictField()


class ResumeShape(serializers.Serializer[Any]):
    """A token that was issued before."""

    resume = ExactText()


def read_body(call: Call) -> dict[str, Any]:
    """The members of the body by its content type; none where it cannot be read.

    Raises Faulted(TOO_LARGE).
    """
    body, media = call.body, call.header("Content-Type").lower()
    try:
        if "application/json" in media:
            value = json_value(body)
            return value if isinstance(value, dict) else {}
        if "application/x-www-form-urlencoded" in media:
            return dict(form_value(body))
    except Faulted:
        return {}
    return {}


def presented(body: Mapping[str, Any], code: str) -> Presented | SessionToken:
    """What a login body presents; ``code`` is the header's. Raises Faulted(INVALID)."""
    members = _normalised(body)
    # The token speaks before everything else.
    if members.get("resume"):
        return SessionToken(checked(ResumeShape, members)["resume"])
    if "totp" in members:
        shape = checked(CodeShape, members["totp"])
        return _named({**shape["login"], "code": shape["code"]}, "")
    return _named(members, code)


def _normalised(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """A plain login with its name as an object: ``user`` wins over ``username`` over ``email``."""
    if body.get("password") is None or not body.keys() <= _PLAIN:
        return body
    rest = {key: body[key] for key in ("password", "code") if key in body}
    if isinstance(user := body.get("user"), str):
        return {"user": {"email" if "@" in user else "username": user}, **rest}
    for kind in ("username", "email"):
        if body.get(kind):
            return {"user": {kind: body[kind]}, **rest}
    return body


def _named(members: Mapping[str, Any], code: str) -> Presented:
    if members.get("ldap"):
        shape = checked(DirectoryShape, members)
        identifier, password = Identifier(NameForm.EITHER, shape["username"]), shape["ldapPass"]
    else:
        if not members.keys() <= {"user", "password", "code"}:
            _unusable()
        shape = checked(PasswordShape, members)
        identifier, password = shape["user"], shape["password"]
    code = shape.get("code") or code
    return Presented(identifier, (password, _second_factor(code)) if code else (password,))


def plain_code(code: str) -> str:
    """Six digits however they are grouped, as the mail shows them; everything else unchanged."""
    digits = _GAPS.sub("", code) if len(code) <= _MAX_CODE else code
    return digits if is_code(digits) else code


def _second_factor(code: str) -> OneTimePassword | RecoveryCodeInput:
    """Six digits are an authenticator's or a mail's; everything else can only be a saved code."""
    code = plain_code(code)
    return OneTimePassword(code) if is_code(code) else RecoveryCodeInput(code)


def text(body: Mapping[str, Any], name: str) -> str | Answer:
    """A member that a call must have, or the refusal of a body without it."""
    value = body.get(name)
    return value if isinstance(value, str) else wording.missing(name, given=name in body)


def token_name(body: Mapping[str, Any]) -> str | Answer:
    """The name of a personal access token, or the refusal of a body without a usable one."""
    name = body.get("tokenName")
    if not name:
        return wording.NO_TOKEN_NAME
    if not isinstance(name, str):
        return wording.missing("tokenName", given=True)
    return name if len(name) <= MAX_NAME else wording.LONG_TOKEN_NAME


def _unusable() -> NoReturn:
    raise Faulted(Fault.INVALID, "the body names no login that is served")
