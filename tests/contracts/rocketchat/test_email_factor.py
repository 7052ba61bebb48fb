"""Codes by mail: at the login, at guarded calls, asked for again, switched on and off."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import LoginEvent, Session, ThrottleBucket, User
from config import database
from mfa import binding, email_codes, totp
from mfa.models import EmailCode, EmailFactor
from tests import mailbox
from tests.contracts.rocketchat.exchange import (
    NOT_SIGNED_IN,
    TIME,
    UNAUTHORIZED,
    MailingClient,
    failure,
    let_pass,
    log_in,
    plain,
    post,
    refused,
    signed_in,
    statements,
)
from tests.fixtures import PASSWORD, Cast, make_cast
from tests.mailbox import Mailbox

ALICE: dict[str, Any] = {"user": "alice", "password": PASSWORD}
CODE = re.compile(r"\b(\d{3}-\d{3})\b")
SUCCESS = b'{"success":true}'
SEND = "users.2fa.sendEmailCode"


@pytest.fixture
def client() -> Client:
    return MailingClient()


@pytest.fixture
def alice(cast: Cast) -> User:
    """A user to whom codes are mailed."""
    email_codes.enable(cast.alice.user.pk, timezone.now())
    return cast.alice.user


def mailed() -> str:
    """The code in the newest mail."""
    found = CODE.search(str(mail.outbox[-1].body))
    assert found, mail.outbox[-1].body
    return found[1]


def details(*, generated: bool, live: bool = True, methods: tuple[str, ...] = ("email",)) -> Any:
    told = {
        "method": "email",
        "codeGenerated": generated,
        "availableMethods": list(methods),
        "emailOrUsername": "alice",
    }
    return {**told, "codeExpires": TIME} if live else told


def login_refusal(error: str, message: str, told: Any) -> Any:
    return {
        "success": False,
        "error": error,
        "status": "error",
        "details": told,
        "message": message,
    }


def is_refused(answer: Any, status: int, body: Any) -> None:
    assert (answer.status_code, answer.json()) == (status, body)
    plain(answer)


REQUIRED = ("totp-required", "TOTP Required")
INVALID = ("totp-invalid", "TOTP Invalid")
EXHAUSTED = ("totp-max-attempts", "TOTP Maximun Failed Attempts Reached")


class TestLogin:
    def test_a_right_password_sends_a_code_once(self, client: Client, alice: User) -> None:
        is_refused(log_in(client, ALICE), 401, login_refusal(*REQUIRED, details(generated=True)))
        assert [message.to for message in mail.outbox] == [["alice@alpha.example"]]
        is_refused(log_in(client, ALICE), 401, login_refusal(*REQUIRED, details(generated=False)))
        assert len(mail.outbox) == 1
        assert not Session.objects.exists()

    def test_a_wrong_password_sends_none(self, client: Client, alice: User) -> None:
        refused(log_in(client, {**ALICE, "password": "wrong"}), 401, UNAUTHORIZED)
        assert not mail.outbox

    @pytest.mark.parametrize("form", ["{0}-{1}", "{0}{1}", " {0} {1} "])
    @pytest.mark.parametrize("place", ["body", "header", "internal"])
    def test_the_code_of_the_mail_logs_in(
        self, client: Client, alice: User, form: str, place: str
    ) -> None:
        log_in(client, ALICE)
        code = form.format(*mailed().split("-"))
        if place == "body":
            answer = log_in(client, {**ALICE, "code": code})
        elif place == "header":
            answer = log_in(client, ALICE, headers={"x-2fa-code": code})
        else:
            login = {"user": {"username": "alice"}, "password": PASSWORD}
            answer = log_in(client, {"totp": {"code": code, "login": login}})
        assert answer.status_code == 200, answer.content
        services = answer.json()["data"]["me"]["services"]
        assert services == {"password": {"exists": True}, "email2fa": {"enabled": True}}
        session = Session.objects.get()
        assert [record["method"] for record in session.amr] == ["pwd", "email"]
        # A mailbox is no second device.
        assert session.acr == "aal1"

    def test_a_code_works_once(self, client: Client, alice: User) -> None:
        log_in(client, ALICE)
        body = {**ALICE, "code": mailed()}
        assert log_in(client, body).status_code == 200
        is_refused(
            log_in(client, body), 401, login_refusal(*INVALID, details(generated=False, live=False))
        )

    def test_an_old_code_is_wrong_and_a_new_one_is_sent(self, client: Client, alice: User) -> None:
        log_in(client, ALICE)
        old = mailed()
        EmailCode.objects.update(expires_at=timezone.now())
        answer = log_in(client, {**ALICE, "code": old})
        is_refused(answer, 401, login_refusal(*INVALID, details(generated=False, live=False)))
        assert log_in(client, ALICE).json()["details"]["codeGenerated"] is True
        assert len(mail.outbox) == 2

    def test_the_fifth_wrong_code_is_the_last(self, client: Client, alice: User) -> None:
        log_in(client, ALICE)
        right = mailed()
        wrong = {**ALICE, "code": f"{(int(right.replace('-', '')) + 1) % 10**6:06d}"}
        for _ in range(4):
            is_refused(
                log_in(client, wrong), 401, login_refusal(*INVALID, details(generated=False))
            )
        spent = login_refusal(*EXHAUSTED, details(generated=False, live=False))
        is_refused(log_in(client, wrong), 401, spent)
        # Locked by now; and once it is not any more, the code is dead all the same.
        is_refused(log_in(client, {**ALICE, "code": right}), 401, spent)
        ThrottleBucket.objects.all().delete()
        is_refused(log_in(client, {**ALICE, "code": right}), 401, spent)
        assert not Session.objects.exists()

    @pytest.mark.parametrize("code", ["abc", "x" * 60_000, "１２３４５６", "8 chars!"])
    def test_what_is_no_code_of_a_mail_uses_no_try_of_it(
        self, client: Client, alice: User, code: str
    ) -> None:
        log_in(client, ALICE)
        answer = log_in(client, {**ALICE, "code": code})
        is_refused(answer, 401, login_refusal(*INVALID, details(generated=False)))
        assert EmailCode.objects.get().attempts == 0

    def test_a_code_of_another_users_mail_is_wrong(
        self, client: Client, cast: Cast, alice: User
    ) -> None:
        email_codes.enable(cast.erin.user.pk, timezone.now())
        log_in(client, {"user": "erin", "password": PASSWORD})
        code = mailed()
        log_in(client, ALICE)
        answer = log_in(client, {**ALICE, "code": code})
        is_refused(answer, 401, login_refusal(*INVALID, details(generated=False)))

    def test_an_app_goes_before_the_mail(self, client: Client, alice: User) -> None:
        secret = totp.new_secret()
        binding.bind_totp(alice.pk, secret)
        told = {"method": "totp", "codeGenerated": False, "availableMethods": ["totp", "email"]}
        is_refused(log_in(client, ALICE), 401, login_refusal(*REQUIRED, told))
        assert not mail.outbox
        # The header does not choose at the login.
        answer = log_in(client, ALICE, headers={"x-2fa-method": "email"})
        is_refused(answer, 401, login_refusal(*REQUIRED, told))
        code = totp.code_at(secret, totp.step_at(timezone.now()))
        wrong = log_in(client, {**ALICE, "code": f"{(int(code) + 1) % 10**6:06d}"})
        is_refused(wrong, 401, login_refusal(*INVALID, told))
        assert log_in(client, {**ALICE, "code": code}).status_code == 200


class TestGuard:
    def call(self, client: Client, headers: dict[str, str], **more: str) -> Any:
        named = {f"x-2fa-{name}": value for name, value in more.items()}
        return post(client, "users.2fa.disableEmail", {**headers, **named})

    @pytest.fixture
    def headers(self, client: Client, alice: User) -> dict[str, str]:
        log_in(client, ALICE)
        return signed_in(client, "alice", PASSWORD, code=mailed())

    def refusal(self, error: str, sentence: str, told: Any) -> Any:
        named = f"{sentence} [{error}]"
        return {"success": False, "error": named, "errorType": error, "details": told}

    def test_the_code_is_mailed_and_switches_the_mail_off(
        self, client: Client, headers: dict[str, str]
    ) -> None:
        asked = self.refusal(*REQUIRED, details(generated=True))
        is_refused(self.call(client, headers), 400, asked)
        is_refused(
            self.call(client, headers, code="000-000", method="email"),
            400,
            self.refusal(*INVALID, details(generated=False)),
        )
        assert EmailFactor.objects.exists()
        answer = self.call(client, headers, code=mailed(), method="email")
        refused(answer, 200, SUCCESS)
        assert not EmailFactor.objects.exists()
        assert not EmailCode.objects.exists()
        assert mail.outbox[-1].subject == "Sign-in by mailed code was removed"
        assert LoginEvent.objects.filter(event="factor:authenticator:removed").count() == 1

    def test_too_many_wrong_codes_are_told(self, client: Client, headers: dict[str, str]) -> None:
        self.call(client, headers)
        for _ in range(4):
            self.call(client, headers, code="000000", method="email")
        is_refused(
            self.call(client, headers, code="000000", method="email"),
            400,
            self.refusal(*EXHAUSTED, details(generated=False, live=False)),
        )

    def test_the_client_chooses_among_the_users_methods(
        self, client: Client, headers: dict[str, str], alice: User
    ) -> None:
        binding.bind_totp(alice.pk, totp.new_secret())
        let_pass(1801)
        both, call = ("totp", "email"), "users.generatePersonalAccessToken"
        app = {"method": "totp", "codeGenerated": False, "availableMethods": list(both)}
        mail_asked = details(generated=True, methods=both)
        by_mail = {**headers, "x-2fa-method": "email"}
        is_refused(post(client, call, headers), 400, self.refusal(*REQUIRED, app))
        is_refused(post(client, call, by_mail), 400, self.refusal(*REQUIRED, mail_asked))
        code = {"x-2fa-code": mailed()}
        by_app = {**headers, "x-2fa-method": "totp"}
        is_refused(post(client, call, {**by_app, **code}), 400, self.refusal(*INVALID, app))
        assert post(client, call, {**by_mail, **code}, {"tokenName": "bot"}).status_code == 200


class TestSendingAgain:
    def ask(self, client: Client, name: Any, at: str = "") -> Any:
        body = {"emailOrUsername": name}
        return client.post(f"{at}/api/v1/{SEND}", body, content_type="application/json")

    def wait(self, **since: float) -> None:
        for code in EmailCode.objects.all():
            code.created_at -= timedelta(**since)
            code.save(update_fields=["created_at"])

    @pytest.mark.parametrize("name", ["alice", "alice@alpha.example"])
    def test_another_code_replaces_the_first_after_a_minute(
        self, client: Client, alice: User, name: str
    ) -> None:
        log_in(client, ALICE)
        first = mailed()
        refused(self.ask(client, name), 200, SUCCESS)
        assert len(mail.outbox) == 1, "within a minute nothing is sent"
        self.wait(seconds=61)
        refused(self.ask(client, name), 200, SUCCESS)
        assert len(mail.outbox) == 2
        second = mailed()
        assert log_in(client, {**ALICE, "code": first}).status_code == 401
        assert log_in(client, {**ALICE, "code": second}).status_code == 200

    def test_nobody_gets_mail_whose_login_does_not_wait(self, client: Client, alice: User) -> None:
        refused(self.ask(client, "alice"), 200, SUCCESS)
        assert not mail.outbox
        assert not EmailCode.objects.exists()

    def test_five_mails_an_hour_can_be_asked_for(self, client: Client, alice: User) -> None:
        log_in(client, ALICE)
        for _ in range(7):
            self.wait(seconds=61)
            refused(self.ask(client, "alice"), 200, SUCCESS)
        assert len(mail.outbox) == 6

    @pytest.mark.parametrize("name", ["nobody", "nobody@alpha.example", "bob", "carol", "x" * 9000])
    def test_the_answer_tells_nothing(self, client: Client, cast: Cast, name: str) -> None:
        refused(self.ask(client, name), 200, SUCCESS)
        assert not mail.outbox

    def test_another_tenants_user_of_this_name_gets_nothing(
        self, client: Client, alice: User
    ) -> None:
        log_in(client, ALICE)
        self.wait(seconds=61)
        refused(self.ask(client, "alice", at="/t/beta"), 200, SUCCESS)
        assert len(mail.outbox) == 1

    def test_ten_calls_a_minute_do_something(self, client: Client, alice: User) -> None:
        for _ in range(10):
            self.ask(client, "nobody")
        log_in(client, ALICE)
        self.wait(seconds=61)
        refused(self.ask(client, "alice"), 200, SUCCESS)
        assert len(mail.outbox) == 1
        with statements(1):
            self.ask(client, "alice")

    @pytest.mark.parametrize("name", [None, "", 7, ["alice"], {"a": "b"}])
    def test_nobody_named_is_told(self, client: Client, cast: Cast, name: Any) -> None:
        expected = failure("error-parameter-required", "emailOrUsername is required")
        refused(self.ask(client, name), 400, expected)
        refused(client.post(f"/api/v1/{SEND}"), 400, expected)


class TestSwitchingOn:
    def test_the_other_sessions_end_and_the_owner_is_told(self, client: Client, cast: Cast) -> None:
        other, headers = (signed_in(client, "alice", PASSWORD) for _ in range(2))
        refused(post(client, "users.2fa.enableEmail", headers), 200, SUCCESS)
        refused(client.get("/api/v1/me", headers=other), 401, NOT_SIGNED_IN)
        services = client.get("/api/v1/me", headers=headers).json()["services"]
        assert services == {"password": {"exists": True}, "email2fa": {"enabled": True}}
        assert mail.outbox[-1].subject == "Sign-in by mailed code was added"
        assert LoginEvent.objects.filter(event="factor:authenticator:bound").count() == 1
        assert log_in(client, ALICE).json()["error"] == "totp-required"

    def test_twice_is_once(self, client: Client, cast: Cast) -> None:
        headers = signed_in(client, "alice", PASSWORD)
        post(client, "users.2fa.enableEmail", headers)
        post(client, "users.2fa.enableEmail", headers)
        answer = post(client, "users.2fa.enableEmail", {**headers, "x-2fa-code": mailed()})
        refused(answer, 200, SUCCESS)
        assert LoginEvent.objects.filter(event="factor:authenticator:bound").count() == 1

    @pytest.mark.parametrize("change", [{"email_verified": False}, {"email": "", "email_key": ""}])
    def test_an_address_that_nobody_verified_is_refused(
        self, client: Client, cast: Cast, change: dict[str, Any]
    ) -> None:
        headers = signed_in(client, "alice", PASSWORD)
        User.objects.filter(pk=cast.alice.user.pk).update(**change)
        refused(
            post(client, "users.2fa.enableEmail", headers),
            400,
            failure("error-invalid-user", "You need to verify your emails before setting up 2FA"),
        )
        assert not EmailFactor.objects.exists()

    def test_a_server_that_sends_no_mail_offers_no_codes_by_mail(
        self, client: Client, cast: Cast, settings: LazySettings
    ) -> None:
        settings.EMAIL_BACKEND = database.mail("", "production")["EMAIL_BACKEND"]
        headers = signed_in(client, "alice", PASSWORD)
        refused(
            post(client, "users.2fa.enableEmail", headers),
            400,
            failure("error-email-send-failed", "Error trying to send email"),
        )
        assert not EmailFactor.objects.exists()


@pytest.fixture
def mail_server(settings: LazySettings) -> Iterator[Mailbox]:
    """A mail server on the loopback, set up as an operator does it."""
    with mailbox.mail_server() as started:
        for name, value in database.mail(started.url, "production").items():
            setattr(settings, name, value)
        yield started


@pytest.mark.django_db(transaction=True)
def test_a_code_that_went_through_a_mail_server_logs_in(mail_server: Mailbox) -> None:
    cast, client = make_cast(), Client()
    email_codes.enable(cast.alice.user.pk, timezone.now())
    assert log_in(client, ALICE).json()["details"]["codeGenerated"] is True
    message = mail_server.received.get(timeout=20)
    assert message["To"] == "alice@alpha.example"
    assert message["Subject"] == "Your sign-in code"
    found = CODE.search(str(message.get_payload()))
    assert found
    assert log_in(client, {**ALICE, "code": found[1]}).status_code == 200
