"""What officers do to others over the API."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest
from django.core import mail
from django.utils import timezone

from accounts import provisioning
from accounts.client import ClientContext
from accounts.login import password_links
from accounts.login.custody import Act
from accounts.models import LoginEvent, User
from mfa import binding, challenges, email_codes
from mfa.models import TotpAuthenticator
from tests.contracts.bytebase.conversation import LOGIN, ME, Api, Clock, Text, refused
from tests.fixtures import PASSWORD, Cast, Persona

USERS = "/v1/users"
ALICE, BOB, CAROL = "alice@alpha.example", "bob@alpha.example", "carol@alpha.example"
ERIN, SVC = "erin@alpha.example", "svc@service.bytebase.com"
TOO_OLD = (403, 7, "the login is too old for this change, please log in again")


@pytest.fixture
def officer(api: Api, cast: Cast) -> str:
    return api.token(cast.erin)


def last_event(email: str) -> Any:
    row = LoginEvent.objects.filter(user__email=email).latest("at", "pk")
    return row.event, row.reason, row.trace


def test_title_and_phone_of_another_are_changed_and_recorded(
    api: Api, cast: Cast, officer: str, clock: Clock
) -> None:
    clock.forward(minutes=20)
    before = api.get(f"{USERS}/{ALICE}", officer).json()
    answer = api.patch(ALICE, "", {"title": "Ada", "phone": "+4930123456"}, token=officer)
    changed = before | {"title": "Ada", "phone": "+4930123456"}
    assert answer.json() == changed
    assert last_event(ALICE) == (
        "admin:user:changed",
        "",
        [["by", "erin"], ["changed", "display_name, phone"]],
    )
    masked = api.patch(ALICE, "updateMask=unknown,groups", {"title": "x"}, token=officer)
    assert masked.json() == changed


def test_a_lost_authenticator_is_taken_away(api: Api, cast: Cast, officer: str) -> None:
    assert api.get(f"{USERS}/{BOB}", officer).json()["mfaEnabled"] is True
    for query, body in (("updateMask=mfa_enabled", {}), ("", {"mfaEnabled": False})):
        answer = api.patch(BOB, query, body, token=officer)
        assert (answer.status_code, "mfaEnabled" in answer.json()) == (200, False)
    assert last_event(BOB)[:2] == ("factor:authenticator:removed", "removed by an administrator")
    assert [(m.subject, m.to) for m in mail.outbox] == [("An authenticator app was removed", [BOB])]
    assert list(api.log_in(cast.bob).json()) == ["token", "user"]


def test_a_renewed_key_replaces_every_older_one(api: Api, cast: Cast, officer: str) -> None:
    other = provisioning.issue_credential(cast.svc.user, client_id="rc", contract="rocketchat")
    old = api.token(cast.svc)
    answer = api.patch(SVC, "updateMask=service_key", {}, token=officer)
    key = answer.json()["serviceKey"]
    assert Text("bbs_[0-9a-zA-Z]{20}") == key
    refused(api.get(ME, old), 401, 16, "authenticated user not found")
    refused(api.log_in(cast.svc), 401, 16, "invalid email or password")
    assert api.post(LOGIN, {"email": SVC, "password": key}).status_code == 200
    again = api.patch(SVC, "", {"serviceKey": "mine"}, token=officer).json()["serviceKey"]
    assert again not in {key, "mine"}
    refused(api.post(LOGIN, {"email": SVC, "password": key}), 401, 16, "invalid email or password")
    assert "serviceKey" not in api.patch(SVC, "", {"title": "S"}, token=officer).json()
    other.credential.refresh_from_db()
    assert other.credential.revoked_at is None


def test_what_only_the_owner_may_do_is_refused_to_officers(
    api: Api, cast: Cast, officer: str
) -> None:
    chosen = {"password": "Grace-Hopper-1906-compiler"}
    factor = "a second factor is set up by its owner"
    password = "a password is chosen by its owner"
    key = "service key can be mutated for service accounts only"
    person = "password can be mutated for end users only"
    table: list[tuple[str, str, dict[str, Any], str]] = [
        (BOB, "", chosen, password),
        (BOB, "updateMask=title,password", {"title": "x"}, password),
        (SVC, "", chosen, person),
        (BOB, "regenerateTempMfaSecret=true", {}, factor),
        (BOB, "regenerateRecoveryCodes=true", {}, factor),
        (BOB, "otpCode=123456", {}, factor),
        (BOB, "", {"mfaEnabled": True}, factor),
        (BOB, "", {"serviceKey": "x", "title": "x"}, key),
        (
            BOB,
            "",
            {"email": "b@x.org"},
            "email updates are not supported through UpdateUser, use UpdateEmail API instead",
        ),
    ]
    before = api.get(f"{USERS}/{BOB}", officer).json()
    for email, query, body, message in table:
        refused(api.patch(email, query, body, token=officer), 400, 3, message)
    assert api.get(f"{USERS}/{BOB}", officer).json() == before
    assert api.log_in(cast.bob).status_code == 200


def test_factors_keys_and_addresses_ask_for_a_fresh_login(
    api: Api, cast: Cast, officer: str, clock: Clock
) -> None:
    clock.forward(minutes=16)
    refused(api.patch(BOB, "", {"mfaEnabled": False}, token=officer), *TOO_OLD)
    refused(api.patch(SVC, "updateMask=service_key", {}, token=officer), *TOO_OLD)
    refused(api.post(f"{USERS}/{BOB}:updateEmail", {"email": "b@x.org"}, officer), *TOO_OLD)
    assert TotpAuthenticator.objects.filter(user=cast.bob.user).exists()


def test_deactivated_and_reactivated(api: Api, cast: Cast, officer: str) -> None:
    token = api.token(cast.alice)
    answer = api.delete(ALICE, officer)
    assert (answer.status_code, answer.json()) == (200, {})
    assert last_event(ALICE)[:2] == ("admin:user:changed", "disabled")
    refused(
        api.get(f"{USERS}/{ALICE}", token),
        401,
        16,
        f"user ID '{ALICE}' has been deactivated by administrators",
    )
    refused(api.log_in(cast.alice), 401, 16, "user has been deactivated by administrators")
    deleted = (404, 5, f'user "{ALICE}" has been deleted')
    refused(api.delete(ALICE, officer), *deleted)
    refused(api.patch(ALICE, "", {"title": "x"}, token=officer), *deleted)
    refused(api.post(f"{USERS}/{ALICE}:updateEmail", {"email": "a@x.org"}, officer), *deleted)
    assert api.get(f"{USERS}/{ALICE}", officer).json()["state"] == "DELETED"

    back = api.post(f"{USERS}/{ALICE}:undelete", {}, token=officer)
    assert (back.json()["name"], back.json()["state"]) == (f"users/{ALICE}", "ACTIVE")
    again = api.post(f"{USERS}/{ALICE}:undelete", None, token=officer)
    refused(again, 400, 3, f'user "{ALICE}" is already active')
    assert api.log_in(cast.alice).status_code == 200
    assert api.get(f"{USERS}/{ALICE}", token).status_code == 401


def test_the_last_officer_stays(api: Api, cast: Cast, officer: str) -> None:
    User.objects.filter(pk=cast.svc.user.pk).update(is_staff=True)
    User.objects.filter(pk=cast.carol.user.pk).update(is_staff=True)
    User.objects.filter(pk=cast.dave.user.pk).update(is_staff=True)
    refused(api.delete(ERIN, officer), 400, 3, "workspace must have at least one admin")
    assert api.delete(SVC, officer).status_code == 200
    User.objects.filter(pk=cast.alice.user.pk).update(is_staff=True)
    assert api.delete(ERIN, officer).status_code == 200
    token = api.token(cast.alice)
    refused(api.delete(ALICE, token), 400, 3, "workspace must have at least one admin")


def now_at(contract: str) -> ClientContext:
    return ClientContext(contract, timezone.now())


def mailed_link(who: Persona) -> str:
    """The token of an open link to choose a password; who gets the mail does not matter here."""
    with patch.object(challenges, "new_token", return_value=(token := challenges.new_token())):
        password_links.send_reset(who.user, Act(now_at("console"), "erin"))
    assert password_links.find(token, now_at("browser"), None) is not None
    return token


def test_an_account_gets_another_address(api: Api, cast: Cast, officer: str) -> None:
    User.objects.filter(pk=cast.alice.user.pk).update(username=ALICE, username_key=ALICE)
    token, link = api.token(cast.alice), mailed_link(cast.alice)
    email_codes.issue(cast.alice.user.pk, timezone.now())
    answer = api.post(f"{USERS}/{ALICE}:updateEmail", {"email": "ada@alpha.example"}, officer)
    told = answer.json()
    assert (told["name"], told["email"]) == ("users/ada@alpha.example", "ada@alpha.example")
    row = User.objects.get(pk=cast.alice.user.pk)
    assert (row.email_verified, row.username) == (False, "ada@alpha.example")
    assert last_event("ada@alpha.example")[:2] == ("admin:user:changed", "address changed")
    assert [(m.subject, m.to) for m in mail.outbox] == [("The e-mail address was changed", [ALICE])]
    refused(
        api.get(f"{USERS}/{ALICE}", token),
        401,
        16,
        f'user email "{ALICE}" not exists in the access token',
    )
    body = {"email": "ada@alpha.example", "password": PASSWORD}
    assert api.post(LOGIN, body).status_code == 200
    refused(api.log_in(cast.alice), 401, 16, "invalid email or password")
    # What was mailed before: the old mailbox must neither choose the password nor answer a login.
    assert password_links.find(link, now_at("browser"), None) is None
    assert email_codes.current(cast.alice.user.pk, timezone.now()) is None

    path = f"{USERS}/{BOB}:updateEmail"
    for email, expected in {
        "": (400, 3, "email must be set"),
        "Bob@x.org": (400, 3, "invalid email: email should be lowercase"),
        "bob": (400, 3, 'invalid email: "bob" is no address'),
        "b/b@x.org": (400, 3, 'invalid email: "b/b@x.org" must not contain a slash'),
        "ada@alpha.example": (409, 6, "email ada@alpha.example is already existed"),
        CAROL: (409, 6, f"email {CAROL} is already existed"),
    }.items():
        refused(api.post(path, {"email": email}, officer), *expected)
    assert api.post(path, {"name": "ignored", "email": BOB}, officer).json()["email"] == BOB
    assert User.objects.get(pk=cast.bob.user.pk).username == "bob"


def test_who_may_not(api: Api, cast: Cast, officer: str) -> None:
    root = provisioning.create_user(
        cast.alpha, "root", email="root@alpha.example", is_superuser=True
    )
    binding.bind_totp(root.pk, b"x" * 20)
    alice = api.token(cast.alice)
    renamed = {"email": "x@alpha.example"}
    method = "/bytebase.v1.UserService/UpdateEmail"
    interceptor = (
        f'permission denied for method "{method}", '
        'user does not have permission "bb.users.updateEmail", extra []'
    )

    def told(verb: str) -> str:
        return f'user does not have permission "bb.users.{verb}"'

    for token, email in ((alice, BOB), (alice, "nobody@x.org"), (officer, root.email)):
        refused(api.delete(email, token), 403, 7, told("delete"))
        refused(api.post(f"{USERS}/{email}:undelete", {}, token), 403, 7, told("undelete"))
    refused(api.patch(root.email, "", {"mfaEnabled": False}, token=officer), 403, 7, told("update"))
    refused(api.patch(root.email, "", {"title": "x"}, token=officer), 403, 7, told("update"))
    refused(api.post(f"{USERS}/{BOB}:updateEmail", renamed, alice), 403, 7, interceptor)
    path = f"{USERS}/{root.email}:updateEmail"
    refused(api.post(path, renamed, officer), 403, 7, told("updateEmail"))
    # Of another tenant: nobody of this name.
    for email in ("dave@beta.example", "nobody@alpha.example"):
        unknown = (404, 5, f'user "{email}" not found')
        refused(api.delete(email, officer), *unknown)
        refused(api.post(f"{USERS}/{email}:undelete", {}, officer), *unknown)
        refused(api.post(f"{USERS}/{email}:updateEmail", renamed, officer), *unknown)
        refused(api.patch(email, "", {"title": "x"}, token=officer), *unknown)
    for answer in (
        api.delete(BOB),
        api.post(f"{USERS}/{BOB}:undelete"),
        api.post(f"{USERS}/{BOB}:updateEmail", renamed),
    ):
        refused(answer, 401, 16, "access token not found")
    assert api.log_in(cast.dave).status_code == 200
    assert TotpAuthenticator.objects.filter(user=root).exists()
