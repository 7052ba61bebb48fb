"""Personal access tokens in use: what they survive, what they die of, what they are asked for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.login import custody
from accounts.login.custody import Act
from accounts.models import Session
from accounts.provisioning import operator
from mfa.models import Enrolment, TotpAuthenticator
from tests.contracts.rocketchat.exchange import (
    DIGEST,
    NOT_SIGNED_IN,
    UNAUTHORIZED,
    MailingClient,
    let_pass,
    log_in,
    post,
    refused,
    signed_in,
)
from tests.contracts.rocketchat.personal_tokens import GENERATE, ME, SUCCESS, made
from tests.contracts.rocketchat.test_enrolment import set_up
from tests.contracts.rocketchat.test_guard import PASSWORD_REQUIRED, TOTP_REQUIRED
from tests.fixtures import PASSWORD, Cast


@pytest.fixture
def client() -> Client:
    return MailingClient()


# What changes one's own second factors, whatever the body says.
OWN_FACTORS = (
    "users.enableTotp",
    "users.validateTotp",
    "users.2fa.enableEmail",
    "users.2fa.disableEmail",
)


class TestLife:
    def test_it_has_no_end_and_is_resumed(self, client: Client, cast: Cast) -> None:
        bot = made(client, signed_in(client, "alice", PASSWORD))
        Session.objects.filter(personal_token=None).delete()
        with pytest.MonkeyPatch.context() as patch:
            later = timezone.now() + timedelta(days=4000)
            patch.setattr("accounts.wire.call.timezone.now", lambda: later)
            assert client.get(ME, headers=bot).status_code == 200
            answer = log_in(client, {"resume": bot["X-Auth-Token"]})
        assert answer.json()["data"]["authToken"] == bot["X-Auth-Token"]

    def test_logging_out_the_other_clients_spares_it(self, client: Client, cast: Cast) -> None:
        alice, other = (signed_in(client, "alice", PASSWORD) for _ in range(2))
        bot = made(client, alice)
        assert post(client, "users.removeOtherTokens", alice).status_code == 200
        refused(client.get(ME, headers=other), 401, NOT_SIGNED_IN)
        # It has no end to tell.
        answer = post(client, "users.logoutOtherClients", bot)
        told = {"token": bot["X-Auth-Token"], "tokenExpires": "", "success": True}
        assert (answer.status_code, answer.json()) == (200, told)
        refused(client.get(ME, headers=alice), 401, NOT_SIGNED_IN)
        assert client.get(ME, headers=bot).status_code == 200

    def test_a_new_second_factor_spares_it(self, client: Client, cast: Cast) -> None:
        alice, other = (signed_in(client, "alice", PASSWORD) for _ in range(2))
        bot = made(client, alice)
        set_up(client, alice)
        refused(client.get(ME, headers=other), 401, NOT_SIGNED_IN)
        assert client.get(ME, headers=bot).status_code == 200
        # But it is asked for the new factor from now on.
        refused(post(client, GENERATE, bot, {"tokenName": "more"}), 400, TOTP_REQUIRED)

    def test_it_is_not_one_of_the_fifty(
        self, client: Client, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("accounts.contracts.rocketchat.tokens.MAX_TOKENS", 2)
        first = signed_in(client, "alice", PASSWORD)
        bot = made(client, first)
        second = signed_in(client, "alice", PASSWORD)
        assert client.get(ME, headers=first).status_code == 200
        third = signed_in(client, "alice", PASSWORD)
        refused(client.get(ME, headers=first), 401, NOT_SIGNED_IN)
        for headers in (bot, second, third):
            assert client.get(ME, headers=headers).status_code == 200

    @pytest.mark.parametrize("by", ["logout", "all sessions", "epoch", "disabled"])
    def test_it_dies_with_what_it_hangs_on(self, client: Client, cast: Cast, by: str) -> None:
        alice = signed_in(client, "alice", PASSWORD)
        bot = made(client, alice)
        user, act = cast.alice.user, Act(operator(), "erin")
        if by == "logout":
            assert client.post("/api/v1/logout", headers=bot).status_code == 200
        elif by == "all sessions":
            assert post(client, "users.logout", alice).status_code == 200
        elif by == "epoch":
            custody.end_sessions(user, act)
        else:
            custody.disable(user, act)
            custody.enable(user, act)
        refused(client.get(ME, headers=bot), 401, NOT_SIGNED_IN)
        refused(log_in(client, {"resume": bot["X-Auth-Token"]}), 401, UNAUTHORIZED)

    def test_it_opens_nothing_at_another_tenant_or_for_another_user(
        self, client: Client, cast: Cast
    ) -> None:
        bot = made(client, signed_in(client, "alice", PASSWORD))
        refused(client.get(f"/t/beta{ME}", headers=bot), 401, NOT_SIGNED_IN)
        erin = signed_in(client, "erin", PASSWORD)
        mixed = {**bot, "X-User-Id": erin["X-User-Id"]}
        refused(client.get(ME, headers=mixed), 401, NOT_SIGNED_IN)


class TestGuard:
    def test_without_the_bypass_it_is_asked_like_an_old_login(
        self, client: Client, cast: Cast
    ) -> None:
        bot = made(client, signed_in(client, "alice", PASSWORD))
        # It has proved nothing itself, however young it is.
        refused(post(client, GENERATE, bot, {"tokenName": "more"}), 400, PASSWORD_REQUIRED)
        sent = {**bot, "x-2fa-code": DIGEST, "x-2fa-method": "password"}
        assert post(client, GENERATE, sent, {"tokenName": "more"}).status_code == 200
        assert post(client, GENERATE, bot, {"tokenName": "yet more"}).status_code == 200
        let_pass(1801)
        refused(post(client, GENERATE, bot, {"tokenName": "too many"}), 400, PASSWORD_REQUIRED)

    def test_with_the_bypass_nothing_is_asked_about_tokens(
        self, client: Client, cast: Cast
    ) -> None:
        code = cast.bob.code(steps=-1)
        bob = signed_in(client, "bob", PASSWORD, code=code)
        bot = made(client, bob, bypassTwoFactor=True)
        let_pass(1801)
        refused(post(client, GENERATE, bob, {"tokenName": "more"}), 400, TOTP_REQUIRED)
        elsewhere = MailingClient(REMOTE_ADDR="192.0.2.9")
        assert post(elsewhere, GENERATE, bot, {"tokenName": "more"}).status_code == 200

    def test_the_bypass_changes_no_factor_of_its_owner(self, client: Client, cast: Cast) -> None:
        bob = signed_in(client, "bob", PASSWORD, code=cast.bob.code(steps=-1))
        bot = made(client, bob, bypassTwoFactor=True)
        for call in (*OWN_FACTORS, "users.resetTOTP"):
            refused(post(client, call, bot, {"code": "123456"}), 400, TOTP_REQUIRED)
        assert TotpAuthenticator.objects.filter(user=cast.bob.user).exists()
        alice = signed_in(client, "alice", PASSWORD)
        bot = made(client, alice, bypassTwoFactor=True)
        for call in (*OWN_FACTORS, "users.resetTOTP"):
            refused(post(client, call, bot, {"code": "123456"}), 400, PASSWORD_REQUIRED)
        assert not Enrolment.objects.exists()

    def test_an_officers_bypass_helps_others(self, client: Client, cast: Cast) -> None:
        bot = made(client, signed_in(client, "erin", PASSWORD), bypassTwoFactor=True)
        # "No memory" does not touch the bypass.
        refused(post(client, "users.resetTOTP", bot, {"username": "bob"}), 200, SUCCESS)
        assert not TotpAuthenticator.objects.filter(user=cast.bob.user).exists()
        refused(post(client, "users.resetTOTP", bot, {"username": "erin"}), 400, PASSWORD_REQUIRED)
        digest = {**bot, "x-2fa-code": DIGEST}
        refused(post(client, "users.resetTOTP", digest, {"username": "erin"}), 200, SUCCESS)

    @pytest.mark.parametrize("value", [None, "true", 1, "yes", [True], {}])
    def test_nothing_but_true_is_a_bypass(self, client: Client, cast: Cast, value: Any) -> None:
        bot = made(client, signed_in(client, "alice", PASSWORD), bypassTwoFactor=value)
        refused(post(client, GENERATE, bot, {"tokenName": "more"}), 400, PASSWORD_REQUIRED)
