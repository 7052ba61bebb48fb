"""Personal access tokens: made, listed, renewed and removed by their owner."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from django.core import mail
from django.db import IntegrityError
from django.test import Client

from accounts.login import custody, personal_tokens, sessions
from accounts.login.custody import Act
from accounts.models import Grant, LoginEvent, PersonalAccessToken, Session
from accounts.provisioning import operator
from tests.contracts.rocketchat.exchange import (
    NOT_SIGNED_IN,
    TIME,
    TOKEN,
    UNAUTHORIZED,
    MailingClient,
    log_in,
    plain,
    post,
    refused,
    signed_in,
    statements,
)
from tests.contracts.rocketchat.personal_tokens import (
    CALLS,
    GENERATE,
    LIST,
    ME,
    NO_NAME,
    REMOVE,
    RENEW,
    SUCCESS,
    end_all_first,
    failed,
    made,
)
from tests.contracts.rocketchat.test_guard import FORBIDDEN
from tests.fixtures import PASSWORD, Cast


@pytest.fixture
def client() -> Client:
    return MailingClient()


class TestMaking:
    def test_a_token_is_shown_once_and_opens_calls(self, client: Client, cast: Cast) -> None:
        alice = signed_in(client, "alice", PASSWORD)
        answer = post(client, GENERATE, alice, {"tokenName": "bot", "bypassTwoFactor": False})
        assert (answer.status_code, answer.json()) == (200, {"token": TOKEN, "success": True})
        assert list(answer.json()) == ["token", "success"]
        plain(answer)
        token = answer.json()["token"]
        bot = {**alice, "X-Auth-Token": token}
        with statements(1):
            assert client.get(ME, headers=bot).json()["username"] == "alice"
        listed = client.get(LIST, headers=bot)
        shown = {
            "name": "bot",
            "createdAt": TIME,
            "lastTokenPart": token[-6:],
            "bypassTwoFactor": False,
        }
        assert (listed.status_code, listed.json()) == (200, {"tokens": [shown], "success": True})
        assert list(listed.json()["tokens"][0]) == list(shown)
        plain(listed)
        grant = Grant.objects.get(session__personal_token__name="bot")
        assert bytes(grant.token_hash) == hashlib.sha256(token.encode()).digest()
        kept = [Grant.objects.values(), Session.objects.values(), LoginEvent.objects.values()]
        assert token not in str([list(rows) for rows in kept])

    def test_its_owner_is_told_and_the_trail_has_it(self, client: Client, cast: Cast) -> None:
        made(client, signed_in(client, "alice", PASSWORD), bypassTwoFactor=True)
        message = mail.outbox[-1]
        assert (message.subject, message.to) == (
            "A personal access token was made",
            [cast.alice.email],
        )
        assert 'Its name: "bot"\n' in message.body
        assert "not asked for a second factor" in message.body
        event = LoginEvent.objects.get(event="token:personal:made")
        assert (event.user_id, event.trace) == (cast.alice.user.pk, [["token", "bot"]])
        assert event.session_id == Session.objects.get(personal_token=None).pk

    def test_a_name_is_good_once(self, client: Client, cast: Cast) -> None:
        alice, erin = (signed_in(client, name, PASSWORD) for name in ("alice", "erin"))
        made(client, alice)
        taken = failed(
            "error-token-already-exists", "A token with this name already exists", GENERATE
        )
        refused(post(client, GENERATE, alice, {"tokenName": "bot"}), 400, taken)
        assert PersonalAccessToken.objects.count() == 1
        # Another's tokens are another's, and letters count exactly.
        made(client, erin)
        made(client, alice, "Bot")

    def test_two_of_a_name_at_once_are_one(self, client: Client, cast: Cast) -> None:
        alice = signed_in(client, "alice", PASSWORD)
        with pytest.MonkeyPatch.context() as patch:
            # The other request was faster: the table has the last word.
            patch.setattr(personal_tokens, "execute", _taken)
            answer = post(client, GENERATE, alice, {"tokenName": "bot"})
        assert answer.json()["errorType"] == "error-token-already-exists"
        assert not mail.outbox

    @pytest.mark.parametrize("call", CALLS)
    def test_a_body_without_a_usable_name_is_told(
        self, client: Client, cast: Cast, call: str
    ) -> None:
        alice = signed_in(client, "alice", PASSWORD)
        bodies: list[Any] = [None, {}, [], "x", {"tokenName": ""}, {"tokenName": None}]
        for body in bodies:
            refused(post(client, call, alice, body), 400, NO_NAME)
        no_text = b'{"success":false,"error":"must be string [invalid-params]",'
        no_text += b'"errorType":"invalid-params"}'
        names: list[Any] = [7, True, ["bot"], {"a": 1}]
        for name in names:
            refused(post(client, call, alice, {"tokenName": name}), 400, no_text)
        long = b'{"success":false,"error":"must NOT have more than 200 characters [invalid-params]"'
        long += b',"errorType":"invalid-params"}'
        refused(post(client, call, alice, {"tokenName": "x" * 201}), 400, long)
        assert not PersonalAccessToken.objects.exists()

    def test_a_form_makes_one_too(self, client: Client, cast: Cast) -> None:
        alice = signed_in(client, "alice", PASSWORD)
        answer = client.post(
            f"/api/v1/{GENERATE}",
            "tokenName=a+b&bypassTwoFactor=true",
            content_type="application/x-www-form-urlencoded",
            headers=alice,
        )
        assert answer.status_code == 200
        row = PersonalAccessToken.objects.get()
        # A text is not the JSON value `true`.
        assert (row.name, row.bypass_second_factor) == ("a b", False)

    def test_there_is_a_bound(
        self, client: Client, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(personal_tokens, "MAX_TOKENS", 2)
        alice = signed_in(client, "alice", PASSWORD)
        for name in ("one", "two"):
            made(client, alice, name)
        too_many = failed("error-too-many-tokens", "Too many personal access tokens", GENERATE)
        refused(post(client, GENERATE, alice, {"tokenName": "three"}), 400, too_many)

    def test_a_machine_makes_none(self, client: Client, cast: Cast) -> None:
        svc = signed_in(client, cast.svc.username, cast.svc.client_secret)
        refused(post(client, GENERATE, svc, {"tokenName": "bot"}), 403, FORBIDDEN)

    def test_a_session_that_ends_meanwhile_makes_none(
        self, client: Client, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        alice = signed_in(client, "alice", PASSWORD)
        monkeypatch.setattr(sessions, "judge", end_all_first)
        refused(post(client, GENERATE, alice, {"tokenName": "bot"}), 401, NOT_SIGNED_IN)
        assert not PersonalAccessToken.objects.exists()


class TestRenewing:
    def test_the_old_text_opens_nothing_and_the_new_one_has_its_rights(
        self, client: Client, cast: Cast
    ) -> None:
        alice = signed_in(client, "alice", PASSWORD)
        old = made(client, alice, bypassTwoFactor=True)
        answer = post(client, RENEW, alice, {"tokenName": "bot"})
        assert (answer.status_code, answer.json()) == (200, {"token": TOKEN, "success": True})
        plain(answer)
        new = {**alice, "X-Auth-Token": answer.json()["token"]}
        refused(client.get(ME, headers=old), 401, NOT_SIGNED_IN)
        assert client.get(ME, headers=new).status_code == 200
        (listed,) = client.get(LIST, headers=new).json()["tokens"]
        assert listed == {
            "name": "bot",
            "createdAt": TIME,
            "lastTokenPart": new["X-Auth-Token"][-6:],
            "bypassTwoFactor": True,
        }
        assert LoginEvent.objects.filter(event="token:personal:renewed").count() == 1
        assert len(mail.outbox) == 2

    def test_a_token_renews_itself(self, client: Client, cast: Cast) -> None:
        bot = made(client, signed_in(client, "alice", PASSWORD), bypassTwoFactor=True)
        answer = post(client, RENEW, bot, {"tokenName": "bot"})
        refused(client.get(ME, headers=bot), 401, NOT_SIGNED_IN)
        again = {**bot, "X-Auth-Token": answer.json()["token"]}
        assert client.get(ME, headers=again).status_code == 200

    @pytest.mark.parametrize("call", [RENEW, REMOVE])
    def test_an_unknown_name_is_told_and_anothers_is_unknown(
        self, client: Client, cast: Cast, call: str
    ) -> None:
        alice, erin = (signed_in(client, name, PASSWORD) for name in ("alice", "erin"))
        bot = made(client, erin)
        unknown = failed("error-token-does-not-exists", "Token does not exist", call)
        refused(post(client, call, alice, {"tokenName": "bot"}), 400, unknown)
        assert client.get(ME, headers=bot).status_code == 200


class TestRemoving:
    def test_it_opens_nothing_any_more_and_its_name_is_free(
        self, client: Client, cast: Cast
    ) -> None:
        alice = signed_in(client, "alice", PASSWORD)
        bot = made(client, alice)
        refused(post(client, REMOVE, alice, {"tokenName": "bot"}), 200, SUCCESS)
        refused(client.get(ME, headers=bot), 401, NOT_SIGNED_IN)
        refused(log_in(client, {"resume": bot["X-Auth-Token"]}), 401, UNAUTHORIZED)
        refused(client.get(LIST, headers=alice), 200, b'{"tokens":[],"success":true}')
        event = LoginEvent.objects.get(event="token:personal:removed")
        assert (event.user_id, event.trace) == (cast.alice.user.pk, [["token", "bot"]])
        assert mail.outbox[-1].subject == "A personal access token was removed"
        made(client, alice)

    def test_what_an_officer_ends_is_gone_from_the_list(self, client: Client, cast: Cast) -> None:
        alice = signed_in(client, "alice", PASSWORD)
        bot = made(client, alice)
        act = Act(operator(), "erin")
        custody.end_session(Session.objects.get(personal_token__name="bot"), act)
        refused(client.get(ME, headers=bot), 401, NOT_SIGNED_IN)
        refused(client.get(LIST, headers=alice), 200, b'{"tokens":[],"success":true}')
        # And leaves its name to another.
        assert client.get(ME, headers=made(client, alice)).status_code == 200


HOSTILE = [
    ("application/json", b""),
    ("application/json", b"{"),
    ("application/json", b"[" * 10_000 + b"]" * 10_000),
    ("application/json", b'{"tokenName":"a","tokenName":"b"}'),
    ("application/json", b'{"tokenName":"a\\u0000"}'),
    ("application/json", b'{"tokenName":"\\ud800"}'),
    ("application/json", b'{"tokenName":"\xff"}'),
    ("application/x-www-form-urlencoded", b"tokenName=%00"),
    ("application/x-www-form-urlencoded", b"tokenName=%ff"),
    ("text/plain", b'{"tokenName":"bot"}'),
    ("", b'{"tokenName":"bot"}'),
]


def test_a_body_that_cannot_be_read_names_nothing(client: Client, cast: Cast) -> None:
    alice = signed_in(client, "alice", PASSWORD)
    for call in CALLS:
        for media, body in HOSTILE:
            path = f"/api/v1/{call}"
            answer = client.generic("POST", path, body, content_type=media, headers=alice)
            assert (answer.status_code, answer.content) == (400, NO_NAME), (call, body[:40])
            plain(answer)
    too_large = b'{"tokenName":"' + b"x" * 3_000_000 + b'"}'
    path = f"/api/v1/{GENERATE}"
    answer = client.post(path, too_large, content_type="application/json", headers=alice)
    refused(answer, 413, b'{"success":false,"error":"Request body is too large"}')
    for method in ("GET", "PUT", "DELETE"):
        answer = client.generic(method, path, headers=alice)
        refused(answer, 405, b'{"success":false,"error":"Method not allowed"}')
    assert not PersonalAccessToken.objects.exists()


def test_a_name_of_many_lines_is_one_line_of_the_mail(client: Client, cast: Cast) -> None:
    name = "bot\n\nAll is well, ignore this mail."
    made(client, signed_in(client, "alice", PASSWORD), name)
    assert "\nAll is well" not in mail.outbox[-1].body
    assert PersonalAccessToken.objects.get().name == name


@pytest.mark.parametrize("call", CALLS)
def test_no_good_token_makes_or_ends_none(client: Client, cast: Cast, call: str) -> None:
    alice = signed_in(client, "alice", PASSWORD)
    bot = made(client, alice)
    erin = signed_in(client, "erin", PASSWORD)
    wrong: list[dict[str, str]] = [
        {},
        {"X-Auth-Token": alice["X-Auth-Token"]},
        {**alice, "X-User-Id": erin["X-User-Id"]},
        {**alice, "X-Auth-Token": "x" * 43},
    ]
    for headers in wrong:
        refused(post(client, call, headers, {"tokenName": "bot"}), 401, NOT_SIGNED_IN)
    assert PersonalAccessToken.objects.count() == 1
    assert client.get(ME, headers=bot).status_code == 200


def _taken(*_writes: Any) -> None:
    raise IntegrityError
