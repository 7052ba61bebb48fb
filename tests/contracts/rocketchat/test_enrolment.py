"""Setting up an authenticator over the API, its backup codes, taking it away, ending sessions."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import LoginEvent, Session, ThrottleBucket, User
from mfa import binding, totp
from mfa.models import Enrolment, RecoveryCode, TotpAuthenticator
from tests.contracts.rocketchat.exchange import (
    CODE_INVALID,
    CODE_REQUIRED,
    DIGEST,
    NOT_SIGNED_IN,
    MailingClient,
    Text,
    failure,
    log_in,
    plain,
    post,
    refused,
    signed_in,
)
from tests.contracts.rocketchat.test_guard import FORBIDDEN
from tests.fixtures import PASSWORD, Cast

ALICE: dict[str, Any] = {"user": "alice", "password": PASSWORD}
INVALID = failure("invalid-totp")
SUCCESS = b'{"success":true}'
BACKUP_CODE = Text(r"[23456789ABCDEFGHJKLMNPQRSTWXYZabcdefghijkmnopqrstuvwxyz]{8}")
NO_CODE = failure("invalid-params", "must have required property 'code'")
NO_TEXT = failure("invalid-params", "must be string")


@pytest.fixture
def client() -> Client:
    return MailingClient()


def secret_of(answer: Any) -> bytes:
    text = answer.json()["secret"]
    return base64.b32decode(text + "=" * (-len(text) % 8))


def code_of(secret: bytes, steps: int = 0) -> str:
    return totp.code_at(secret, totp.step_at(timezone.now()) + steps)


def wrong(secret: bytes) -> str:
    """Six digits that the authenticator shows at no time near."""
    near = {code_of(secret, steps) for steps in range(-3, 4)}
    return next(code for code in ("000000", "111111", "222222", *near) if code not in near)


def set_up(client: Client, headers: dict[str, str]) -> tuple[bytes, list[str]]:
    secret = secret_of(post(client, "users.enableTotp", headers))
    answer = post(client, "users.validateTotp", headers, {"code": code_of(secret, -1)})
    assert answer.status_code == 200, answer.content
    return secret, answer.json()["codes"]


class TestSettingUp:
    def test_the_secret_is_shown_and_nothing_changes_yet(self, client: Client, cast: Cast) -> None:
        headers = signed_in(client, "alice", PASSWORD)
        answer = post(client, "users.enableTotp", headers)
        secret = Text(r"[A-Z2-7]{32}")
        url = Text(r"otpauth://totp/Rocket\.Chat:alice\?secret=[A-Z2-7]{32}")
        assert answer.status_code == 200
        assert answer.json() == {"secret": secret, "url": url, "success": True}
        assert answer.json()["url"].endswith(answer.json()["secret"])
        plain(answer)
        assert answer.json()["secret"] not in Enrolment.objects.get().state_sealed
        assert log_in(client, ALICE).status_code == 200
        assert not mail.outbox

    def test_the_first_code_puts_it_into_use(self, client: Client, cast: Cast) -> None:
        other, headers = (signed_in(client, "alice", PASSWORD) for _ in range(2))
        secret = secret_of(post(client, "users.enableTotp", headers))
        first = code_of(secret)
        answer = post(client, "users.validateTotp", headers, {"code": first})
        assert answer.status_code == 200
        assert answer.json() == {"codes": [BACKUP_CODE] * 12, "success": True}
        assert len(set(answer.json()["codes"])) == 12
        plain(answer)
        refused(client.get("/api/v1/me", headers=other), 401, NOT_SIGNED_IN)
        me = client.get("/api/v1/me", headers=headers).json()
        assert me["services"] == {"password": {"exists": True}, "totp": {"enabled": True}}
        assert [message.subject for message in mail.outbox] == ["An authenticator app was added"]
        assert LoginEvent.objects.filter(event="factor:authenticator:bound").count() == 1
        refused(log_in(client, ALICE), 401, CODE_REQUIRED)
        # The code that proved it is spent; a backup code logs in.
        refused(log_in(client, {**ALICE, "code": first}), 401, CODE_INVALID)
        backup = answer.json()["codes"][0]
        assert log_in(client, {**ALICE, "code": backup}).status_code == 200

    def test_the_proof_is_remembered_for_the_token(self, client: Client, cast: Cast) -> None:
        headers = signed_in(client, "alice", PASSWORD)
        set_up(client, headers)
        refused(
            post(client, "users.enableTotp", headers), 400, failure("error-2fa-already-enabled")
        )
        assert Session.objects.get(ended_at=None).acr == "aal2"

    def test_a_wrong_code_leaves_it_waiting(self, client: Client, cast: Cast) -> None:
        headers = signed_in(client, "alice", PASSWORD)
        secret = secret_of(post(client, "users.enableTotp", headers))
        refused(post(client, "users.validateTotp", headers, {"code": wrong(secret)}), 400, INVALID)
        assert not TotpAuthenticator.objects.filter(user=cast.alice.user).exists()
        answer = post(client, "users.validateTotp", headers, {"code": code_of(secret)})
        assert answer.status_code == 200

    def test_wrong_codes_are_limited(self, client: Client, cast: Cast) -> None:
        headers = signed_in(client, "alice", PASSWORD)
        secret = secret_of(post(client, "users.enableTotp", headers))
        for _ in range(5):
            post(client, "users.validateTotp", headers, {"code": wrong(secret)})
        # From another address, so that the limit of calls does not answer first.
        elsewhere = MailingClient(REMOTE_ADDR="192.0.2.9")
        headers["x-2fa-code"] = DIGEST
        answer = post(elsewhere, "users.validateTotp", headers, {"code": code_of(secret)})
        refused(answer, 400, INVALID)

    def test_nothing_waits_twice_or_for_ever(self, client: Client, cast: Cast) -> None:
        headers = signed_in(client, "alice", PASSWORD)
        refused(post(client, "users.validateTotp", headers, {"code": "123456"}), 400, INVALID)
        secret = secret_of(post(client, "users.enableTotp", headers))
        Enrolment.objects.update(expires_at=timezone.now())
        body = {"code": code_of(secret)}
        refused(post(client, "users.validateTotp", headers, body), 400, INVALID)

    def test_another_users_secret_is_not_ones_own(self, client: Client, cast: Cast) -> None:
        alice, erin = (signed_in(client, name, PASSWORD) for name in ("alice", "erin"))
        secret = secret_of(post(client, "users.enableTotp", alice))
        post(client, "users.enableTotp", erin)
        body = {"code": code_of(secret)}
        refused(post(client, "users.validateTotp", erin, body), 400, INVALID)


@pytest.mark.parametrize(
    "call", ["users.validateTotp", "users.disableTotp", "users.regenerateTotpCodes"]
)
def test_a_body_without_a_code_is_told(client: Client, cast: Cast, call: str) -> None:
    headers = signed_in(client, "alice", PASSWORD)
    no_bodies: list[Any] = [None, {}, [], "x"]
    wrong_types: list[Any] = [None, 123456, ["123456"], {"a": 1}, True]
    unusable = [(body, NO_CODE) for body in no_bodies]
    unusable += [({"code": code}, NO_TEXT) for code in wrong_types]
    for body, told in unusable:
        ThrottleBucket.objects.all().delete()
        refused(post(client, call, headers, body), 400, told)


def test_the_calls_around_an_authenticator_admit_five_a_minute(client: Client, cast: Cast) -> None:
    headers = signed_in(client, "alice", PASSWORD)
    path = "/api/v1/users.totpCodesRemaining"
    for left in (4, 3, 2, 1, 0):
        answer = client.get(path, headers=headers)
        refused(answer, 400, INVALID)
        assert (answer["X-RateLimit-Limit"], answer["X-RateLimit-Remaining"]) == ("5", str(left))
    answer = client.get(path, headers=headers)
    told = re.fullmatch(
        r"Error, too many requests\. Please slow down\. You must wait (\d+) seconds before trying "
        r"this endpoint again\. \[error-too-many-requests\]",
        answer.json()["error"],
    )
    assert answer.status_code == 429
    assert told is not None
    assert 0 < int(told[1]) <= 60
    assert answer.json() == {"success": False, "error": told[0]}
    plain(answer)
    # Every call has a count of its own, and without a token none is used up.
    assert post(client, "users.enableTotp", headers)["X-RateLimit-Remaining"] == "4"
    refused(post(client, "users.enableTotp", {}), 401, NOT_SIGNED_IN)
    assert post(client, "users.enableTotp", headers)["X-RateLimit-Remaining"] == "3"


class TestTakingAway:
    def bob(self, client: Client, cast: Cast) -> dict[str, str]:
        return signed_in(client, "bob", PASSWORD, code=cast.bob.code(steps=-1))

    @pytest.mark.parametrize("by", ["app", "backup"])
    def test_a_code_takes_the_authenticator_away(self, client: Client, cast: Cast, by: str) -> None:
        headers = self.bob(client, cast)
        code = cast.bob.code() if by == "app" else cast.bob.recovery_codes[0]
        answer = post(client, "users.disableTotp", headers, {"code": code})
        refused(answer, 200, b'{"disabled":true,"success":true}')
        assert mail.outbox[-1].subject == "An authenticator app was removed"
        assert not RecoveryCode.objects.filter(user=cast.bob.user).exists()
        assert log_in(client, {"user": "bob", "password": PASSWORD}).status_code == 200

    @pytest.mark.parametrize("code", ["000000", "", "x" * 60_000, "aaaaaaaa", DIGEST])
    def test_a_wrong_code_takes_nothing_away(self, client: Client, cast: Cast, code: str) -> None:
        headers = self.bob(client, cast)
        answer = post(client, "users.disableTotp", headers, {"code": code})
        refused(answer, 200, b'{"disabled":false,"success":true}')
        assert TotpAuthenticator.objects.filter(user=cast.bob.user).exists()

    def test_the_code_of_the_login_is_spent(self, client: Client, cast: Cast) -> None:
        code = cast.bob.code()
        headers = signed_in(client, "bob", PASSWORD, code=code)
        answer = post(client, "users.disableTotp", headers, {"code": code})
        refused(answer, 200, b'{"disabled":false,"success":true}')
        refused(post(client, "users.regenerateTotpCodes", headers, {"code": code}), 400, INVALID)

    def test_who_has_none_is_told_so(self, client: Client, cast: Cast) -> None:
        headers = signed_in(client, "alice", PASSWORD)
        answer = post(client, "users.disableTotp", headers, {"code": "123456"})
        refused(answer, 200, b'{"disabled":false,"success":true}')
        body = {"code": "123456"}
        refused(post(client, "users.regenerateTotpCodes", headers, body), 400, INVALID)
        refused(client.get("/api/v1/users.totpCodesRemaining", headers=headers), 400, INVALID)

    def test_new_backup_codes_void_the_old_ones(self, client: Client, cast: Cast) -> None:
        headers = self.bob(client, cast)
        remaining = client.get("/api/v1/users.totpCodesRemaining", headers=headers)
        refused(remaining, 200, b'{"remaining":10,"success":true}')
        body = {"code": cast.bob.code()}
        answer = post(client, "users.regenerateTotpCodes", headers, body)
        assert answer.status_code == 200
        assert answer.json() == {"codes": [BACKUP_CODE] * 12, "success": True}
        plain(answer)
        assert mail.outbox[-1].subject == "New recovery codes were made"
        remaining = client.get("/api/v1/users.totpCodesRemaining", headers=headers)
        refused(remaining, 200, b'{"remaining":12,"success":true}')
        bob = {"user": "bob", "password": PASSWORD}
        old = log_in(client, {**bob, "code": cast.bob.recovery_codes[0]})
        refused(old, 401, CODE_INVALID)
        assert log_in(client, {**bob, "code": answer.json()["codes"][3]}).status_code == 200

    def test_ones_own_is_reset_with_a_code(self, client: Client, cast: Cast) -> None:
        headers = {**self.bob(client, cast), "x-2fa-code": cast.bob.code()}
        refused(post(client, "users.resetTOTP", headers), 200, SUCCESS)
        assert not TotpAuthenticator.objects.exists()
        assert mail.outbox[-1].subject == "An authenticator app was removed"


class TestOfficers:
    @pytest.fixture
    def erin(self, client: Client, cast: Cast) -> dict[str, str]:
        """Staff of alpha, with the code that guarded calls ask for."""
        headers = signed_in(client, "erin", PASSWORD)
        return {**headers, "x-2fa-code": DIGEST, "x-2fa-method": "password"}

    @pytest.mark.parametrize("selector", ["userId", "username", "user"])
    def test_staff_resets_anothers_authenticator(
        self, client: Client, cast: Cast, erin: dict[str, str], selector: str
    ) -> None:
        bob = signed_in(client, "bob", PASSWORD, code=cast.bob.code())["X-User-Id"]
        body = {selector: bob if selector == "userId" else "bob"}
        refused(post(client, "users.resetTOTP", erin, body), 200, SUCCESS)
        assert not TotpAuthenticator.objects.exists()
        assert mail.outbox[-1].to == ["bob@alpha.example"]
        event = LoginEvent.objects.get(event="factor:authenticator:removed")
        assert event.user_id == cast.bob.user.pk
        assert ["by", "erin"] in event.trace

    def test_staff_ends_anothers_sessions(
        self, client: Client, cast: Cast, erin: dict[str, str]
    ) -> None:
        alice = signed_in(client, "alice", PASSWORD)
        target = alice["X-User-Id"]
        answer = post(client, "users.logout", erin, {"userId": target})
        text = f'{{"message":"User {target} has been logged out!","success":true}}'
        refused(answer, 200, text.encode())
        refused(client.get("/api/v1/me", headers=alice), 401, NOT_SIGNED_IN)
        event = LoginEvent.objects.get(event="session:subject:ended", user=cast.alice.user)
        assert ["by", "erin"] in event.trace

    @pytest.mark.parametrize("call", ["users.resetTOTP", "users.logout"])
    def test_others_may_not_whoever_is_named(self, client: Client, cast: Cast, call: str) -> None:
        headers = {**signed_in(client, "alice", PASSWORD), "x-2fa-code": DIGEST}
        for body in ({"username": "bob"}, {"username": "nobody"}, {"userId": 7}, {"userId": "x"}):
            refused(post(client, call, headers, body), 403, FORBIDDEN)
        assert TotpAuthenticator.objects.exists()

    @pytest.mark.parametrize("call", ["users.resetTOTP", "users.logout"])
    def test_staff_touches_no_superuser_and_no_other_tenant(
        self, client: Client, cast: Cast, erin: dict[str, str], call: str
    ) -> None:
        User.objects.filter(pk=cast.bob.user.pk).update(is_superuser=True)
        refused(post(client, call, erin, {"username": "bob"}), 403, FORBIDDEN)
        unknown = b'{"success":false,"error":"User not found."}'
        for name in ("dave", "nobody", "", ["bob"]):
            refused(post(client, call, erin, {"username": name}), 400, unknown)
        assert TotpAuthenticator.objects.exists()

    def test_a_superuser_resets_a_superusers(
        self, client: Client, cast: Cast, erin: dict[str, str]
    ) -> None:
        User.objects.filter(username__in=["bob", "erin"]).update(is_superuser=True)
        refused(post(client, "users.resetTOTP", erin, {"username": "bob"}), 200, SUCCESS)
        assert not TotpAuthenticator.objects.exists()

    def test_nothing_to_reset_is_no_error_and_no_event(
        self, client: Client, cast: Cast, erin: dict[str, str]
    ) -> None:
        refused(post(client, "users.resetTOTP", erin, {"username": "alice"}), 200, SUCCESS)
        assert not mail.outbox
        assert not LoginEvent.objects.filter(event__startswith="factor:").exists()


@pytest.mark.parametrize("named", [False, True])
def test_logging_out_everywhere_ends_ones_own_sessions(
    client: Client, cast: Cast, named: bool
) -> None:
    first, second = (signed_in(client, "alice", PASSWORD) for _ in range(2))
    target = first["X-User-Id"]
    answer = post(client, "users.logout", first, {"userId": target} if named else None)
    text = f'{{"message":"User {target} has been logged out!","success":true}}'
    refused(answer, 200, text.encode())
    for headers in (first, second):
        refused(client.get("/api/v1/me", headers=headers), 401, NOT_SIGNED_IN)


def test_an_authenticator_that_was_set_up_elsewhere_is_known_here(
    client: Client, cast: Cast
) -> None:
    headers = signed_in(client, "alice", PASSWORD)
    binding.bind_totp(cast.alice.user.pk, totp.new_secret())
    remaining = client.get("/api/v1/users.totpCodesRemaining", headers=headers)
    refused(remaining, 200, b'{"remaining":0,"success":true}')
