"""Every call that sets up, changes or takes away a second factor from inside of a session."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from tests.attack.places import (
    ABSENT,
    SET_UP,
    Place,
    Try,
    auth_token,
    cognito,
    members,
)
from tests.attack.wire import Heard, Sent

_ROCKETCHAT, _OLOID = frozenset({"rocketchat token"}), frozenset({"oloid access"})
_BYTEBASE = frozenset({"bytebase access", SET_UP})


@dataclass(frozen=True)
class FactorCall:
    """How a contract asks for one change."""

    place: Place
    # "fresh": a young login of the account's level; "step-up": that, or a code beside the call;
    # "code": a code beside the call, whatever was proved before; "own code": one in the body.
    asks: str

    def sent(self, token: str, tried: Try) -> Sent:
        return self.place.sent(token, tried)


def _rocketchat(name: str) -> Callable[[str, Try], Sent]:
    def sent(token: str, tried: Try) -> Sent:
        plain = auth_token(f"/api/v1/users.{name}", "POST")(token, tried)
        headers = dict(plain.headers)
        if isinstance(tried.step_up, str):
            headers["X-2FA-Code"] = quote(tried.step_up)
            headers["X-2FA-Method"] = "totp" if "email" not in name.lower() else "email"
        return replace(plain, body=members(code=tried.code), headers=headers)

    return sent


def _bytebase(query: str, body: Any) -> Callable[[str, Try], Sent]:
    def sent(token: str, tried: Try) -> Sent:
        path = f"/v1/users/{tried.email}?{query}"
        if "otpCode" in query:
            path += "" if tried.code is ABSENT else quote(str(tried.code))
        headers = {"Authorization": f"Bearer {token}"}
        return Sent(path, body, method="PATCH", headers=headers, **tried.at)

    return sent


def _associate(token: str, tried: Try) -> Sent:
    return cognito("AssociateSoftwareToken", tried, AccessToken=token)


def _verify(token: str, tried: Try) -> Sent:
    given = members(UserCode=tried.code)
    return cognito("VerifySoftwareToken", tried, AccessToken=token, **given)


def _switched_off(token: str, tried: Try) -> Sent:
    settings = {"Enabled": False}
    return cognito(
        "SetUserMFAPreference", tried, AccessToken=token, SoftwareTokenMfaSettings=settings
    )


def _of_rocketchat(name: str, asks: str) -> FactorCall:
    return FactorCall(Place("rocketchat", _ROCKETCHAT, _rocketchat(name)), asks)


def _of_bytebase(query: str, body: Any) -> FactorCall:
    return FactorCall(Place("bytebase", _BYTEBASE, _bytebase(query, body)), "fresh")


def _of_oloid(sent: Callable[[str, Try], Sent]) -> FactorCall:
    return FactorCall(Place("oloid", _OLOID, sent), "fresh")


_ON, _OFF = {"mfaEnabled": True}, {"mfaEnabled": False}
# A new secret.
ASK: Mapping[str, FactorCall] = {
    "oloid": _of_oloid(_associate),
    "bytebase": _of_bytebase("regenerateTempMfaSecret=true", {}),
    "rocketchat": _of_rocketchat("enableTotp", "step-up"),
}
# Its first code, which puts it into use. Bytebase takes a switch without one, too.
PROVE: Mapping[str, FactorCall] = {
    "oloid": _of_oloid(_verify),
    "bytebase": _of_bytebase("updateMask=mfa_enabled&otpCode=", _ON),
    "bytebase unproved": _of_bytebase("updateMask=mfa_enabled", _ON),
    "rocketchat": _of_rocketchat("validateTotp", "step-up"),
}
OTHER: Mapping[str, FactorCall] = {
    "oloid off": _of_oloid(_switched_off),
    "bytebase off": _of_bytebase("updateMask=mfa_enabled", _OFF),
    "rocketchat off": _of_rocketchat("disableTotp", "own code"),
    "rocketchat reset": _of_rocketchat("resetTOTP", "code"),
    "rocketchat codes": _of_rocketchat("regenerateTotpCodes", "own code"),
    "rocketchat mail": _of_rocketchat("2fa.enableEmail", "step-up"),
    "rocketchat no mail": _of_rocketchat("2fa.disableEmail", "code"),
}
REMOVES = frozenset({"oloid off", "bytebase off", "rocketchat off", "rocketchat reset"})


def secret_of(heard: Heard) -> str:
    """The new secret in an answer, or nothing."""
    found = _member(heard, "SecretCode", "tempOtpSecret", "secret")
    return found if isinstance(found, str) else ""


def codes_of(heard: Heard) -> tuple[str, ...]:
    """The saved codes in an answer."""
    return tuple(_member(heard, "tempRecoveryCodes", "codes") or ())


def _member(heard: Heard, *names: str) -> Any:
    body = heard.json() if heard.text.startswith("{") else {}
    return next((body[name] for name in names if body.get(name)), None)


def associate(tried: Try) -> Sent:
    """A secret in the middle of a login."""
    return cognito("AssociateSoftwareToken", tried, **members(Session=tried.challenge))


def verify(tried: Try) -> Sent:
    """Its first code."""
    given = members(Session=tried.challenge, UserCode=tried.code)
    return cognito("VerifySoftwareToken", tried, **given)


def mail_again(tried: Try) -> Sent:
    """Another code by mail, for whoever's name it is."""
    body = {"emailOrUsername": tried.name}
    return Sent("/api/v1/users.2fa.sendEmailCode", body, **tried.at)
