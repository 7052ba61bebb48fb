"""What else ``PATCH /v1/users/{email}`` changes: title, phone, password."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from django.core import mail

from accounts.login import password_change
from accounts.models import LoginEvent, User
from mfa import binding
from tests.contracts.bytebase.conversation import LOGIN, ME, REFRESH, Api, refused
from tests.fixtures import PASSWORD, Cast

ALICE = "alice@alpha.example"
NEW = "a horse of another colour"


@pytest.fixture
def token(api: Api, cast: Cast) -> str:
    return api.token(cast.alice)


def password(value: object, **more: object) -> dict[str, object]:
    return {"password": value, **more}


def test_title_and_phone_follow_the_mask(api: Api, cast: Cast, token: str) -> None:
    before = api.get(ME, token=token).json()
    table: list[tuple[str, dict[str, Any], str | None, str | None]] = [
        ("", {"title": "Ada", "phone": "+4930123456"}, "Ada", "+4930123456"),
        ("updateMask=title", {"title": "Bea", "phone": "+1"}, "Bea", "+4930123456"),
        ("update_mask=phone,name,state,nonsense", {"title": "Cleo"}, "Bea", None),
        ("updateMask=", {"title": "Cleo"}, "Bea", None),
        ("updateMask=displayName", {"title": "Cleo"}, "Bea", None),
        ("", {"title": None}, "Bea", None),
        ("", {}, "Bea", None),
        ("unknown=1", {"title": "Cleo ö"}, "Cleo ö", None),
        # Without a title the user name stands in.
        ("updateMask=title", {}, "alice", None),
    ]
    for query, body, title, phone in table:
        answer = api.patch(ALICE, query, body, token=token)
        assert answer.status_code == 200, answer.content
        expected = before | {"title": title} | ({"phone": phone} if phone else {})
        assert answer.json() == expected
        assert api.get(ME, token=token).json() == expected
    assert not mail.outbox


def test_what_was_read_may_be_sent_back(api: Api, cast: Cast, token: str) -> None:
    read = api.patch(ALICE, "regenerateTempMfaSecret=true", token=token).json()
    more = {
        "groups": ["groups/x"],
        "state": 1,
        "userType": "SYSTEM_BOT",
        "workloadIdentityConfig": {"providerType": "GITHUB", "allowedAudiences": ["a"]},
    }
    answer = api.patch(ALICE, "updateMask=title", read | more | {"title": "Ada"}, token=token)
    assert answer.json() == read | {"title": "Ada"}


def test_a_telephone_number_in_another_form_is_not_told_and_stays(
    api: Api, cast: Cast, token: str
) -> None:
    User.objects.filter(pk=cast.alice.user.pk).update(phone="030 123")
    read = api.get(ME, token=token).json()
    assert "phone" not in read
    sent = {name: value for name, value in read.items() if name != "email"}
    assert api.patch(ALICE, "", sent | {"title": "Ada"}, token=token).status_code == 200
    assert User.objects.get(pk=cast.alice.user.pk).phone == "030 123"


@pytest.mark.parametrize("path", [ALICE, "ALICE%40Alpha.example", "alice%40alpha.example"])
def test_the_address_is_read_as_at_the_login(api: Api, cast: Cast, token: str, path: str) -> None:
    assert api.patch(path, "", {"title": "Ada"}, token=token).json()["title"] == "Ada"


MESSAGES: list[tuple[str, Any, str]] = [
    (
        "updateMask=email",
        {},
        "email updates are not supported through UpdateUser, use UpdateEmail API instead",
    ),
    (
        "",
        {"email": ALICE},
        "email updates are not supported through UpdateUser, use UpdateEmail API instead",
    ),
    ("updateMask=service_key", {}, "service key can be mutated for service accounts only"),
    ("", {"title": "x" * 201}, "user title must be at most 200 printable characters"),
    ("", {"title": "a\nb"}, "user title must be at most 200 printable characters"),
    ("", {"phone": "030 123"}, 'invalid phone number "030 123"'),
    ("", {"phone": "+49301234567890123"}, 'invalid phone number "+49301234567890123"'),
    ("", password("x" * 14), "password length should no less than 15 characters"),
    ("updateMask=password", {}, "password length should no less than 15 characters"),
    ("", password(PASSWORD), "password cannot be the same"),
    ("", password("1234567890123456"), "This password is too easy to guess."),
    ("", password("x y" * 400), "The password must have at most 1024 characters."),
    ("", password(NEW, phone="1"), 'invalid phone number "1"'),
    ("", password(NEW, mfaEnabled=True), "MFA is not setup yet"),
    # A guess at the old password tells nothing where something else is wrong.
    ("", password(PASSWORD, mfaEnabled=True), "MFA is not setup yet"),
]


def test_what_may_not_be_is_refused_in_the_documented_words(
    api: Api, cast: Cast, token: str
) -> None:
    before = api.get(ME, token=token).json()
    for query, body, message in MESSAGES:
        refused(api.patch(ALICE, query, body, token=token), 400, 3, message)
    assert api.get(ME, token=token).json() == before
    assert not mail.outbox


SHAPES: list[tuple[str, Any]] = [
    ("", b"{"),
    ("", b"[]"),
    ("", {"title": 1}),
    ("", {"password": ["x"]}),
    ("", {"mfaEnabled": "true"}),
    ("", {"mfaEnabled": 1}),
    ("", {"mfaEnabled": True, "mfa_enabled": True}),
    ("", {"unknown": 1}),
    ("", {"state": "GONE"}),
    ("", {"state": True}),
    ("", {"userType": 2**31}),
    ("", {"profile": {"lastLoginTime": "yesterday"}}),
    ("", {"tempOtpSecretCreatedTime": "2026-01-31 12:00:00"}),
    ("", {"groups": "x"}),
    ("", {"groups": [1]}),
    ("", {"profile": []}),
    ("", {"profile": {"unknown": ""}}),
    ("", {"workloadIdentityConfig": {"providerType": "X"}}),
    ("", {"title": "a\x00"}),
    ("regenerateTempMfaSecret=yes", {}),
    ("regenerateTempMfaSecret=", {}),
    ("regenerateRecoveryCodes=2", {}),
    ("otpCode=1&otpCode=2", {}),
    ("otpCode=1&otp_code=2", {}),
    ("otpCode=%00", {}),
    ("updateMask=title&updateMask=phone", {}),
]


def test_what_cannot_be_read_is_a_bad_request(api: Api, cast: Cast, token: str) -> None:
    for query, body in SHAPES:
        answer = api.patch(ALICE, query, body, token=token)
        told = answer.json()
        assert (answer.status_code, list(told), told["code"]) == (400, ["code", "message"], 3), body
        assert told["message"].startswith("proto: ")


def test_a_new_password_ends_every_other_session_and_the_reset_that_was_due(
    api: Api, cast: Cast
) -> None:
    User.objects.filter(pk=cast.alice.user.pk).update(must_change_password=True)
    other, browser = api.token(cast.alice), Api()
    answer = browser.log_in(cast.alice, web=True)
    assert answer.json()["requireResetPassword"] is True
    changed = browser.patch(ALICE, "updateMask=password", password(NEW, title="ignored"))
    assert changed.status_code == 200, changed.content
    assert changed.json()["title"] == "Alice"
    old = answer.json()["user"]["profile"]["lastChangePasswordTime"]
    assert changed.json()["profile"]["lastChangePasswordTime"] > old
    assert NEW not in changed.content.decode()
    assert [(m.subject, m.to) for m in mail.outbox] == [("The password was changed", [ALICE])]
    assert LoginEvent.objects.filter(event="password:subject:changed").count() == 1

    refused(api.get(ME, token=other), 401, 16, "authenticated user not found")
    assert browser.post(REFRESH, {}).json() == {}
    assert browser.get(ME).json()["email"] == ALICE
    refused(api.log_in(cast.alice), 401, 16, "invalid email or password")
    again = api.post(LOGIN, {"email": ALICE, "password": NEW}).json()
    assert list(again) == ["token", "user"]


def test_a_new_password_ends_unfinished_logins(api: Api, cast: Cast) -> None:
    temp, token = api.temp_token(cast.bob), api.token_after_code(cast.bob)
    answer = api.patch("bob@alpha.example", "", password(NEW), token=token)
    assert answer.status_code == 200, answer.content
    body = {"mfaTempToken": temp, "recoveryCode": cast.bob.recovery_codes[0]}
    refused(api.post(LOGIN, body), 401, 16, "failed to parse claim")


def test_of_two_changes_at_once_the_later_one_is_refused_whole(
    api: Api, cast: Cast, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare = password_change.prepare

    def slow(*args: Any) -> str:
        encoded = prepare(*args)
        User.objects.filter(pk=cast.alice.user.pk).update(security_epoch=1)
        return encoded

    monkeypatch.setattr(password_change, "prepare", slow)
    answer = api.patch(ALICE, "", password(NEW, title="Ada"), token=token)
    refused(answer, 401, 16, "access token expired")
    api.patch(ALICE, "regenerateTempMfaSecret=true", token=(again := api.token(cast.alice)))
    monkeypatch.setattr(binding, "confirm", lambda *args, **more: None)
    body = {"title": "Ada", "mfaEnabled": True}
    refused(api.patch(ALICE, "", body, token=again), 400, 3, "MFA is not setup yet")
    assert User.objects.get(pk=cast.alice.user.pk).display_name == "Alice"
    assert not mail.outbox


def test_nobody_changes_anothers_record(api: Api, cast: Cast, token: str) -> None:
    denied = (403, 7, 'user does not have permission "bb.users.update"')
    table = {
        "bob@alpha.example": denied,
        cast.svc.email: denied,
        # Nor is he told of whom there is a record: disabled, nobody, another tenant's.
        "carol@alpha.example": denied,
        "nobody@alpha.example": denied,
        "dave@beta.example": denied,
        'a"b': denied,
    }
    for email, expected in table.items():
        for query in ("", "regenerateTempMfaSecret=true", "updateMask=password"):
            answer = api.patch(quote(email), query, {"password": NEW, "title": "x"}, token=token)
            refused(answer, *expected)
    assert api.token(cast.dave)
