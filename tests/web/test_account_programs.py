"""App passwords and personal access tokens: made, used at their contracts' doors, taken away."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from accounts.login import app_passwords, personal_tokens, sessions
from accounts.models import LoginEvent, ServiceCredential, User
from tenants import resolve
from tests.fixtures import Cast
from tests.web.accounting import (
    APP_PASSWORDS,
    TOKENS,
    Mailed,
    events,
    proved,
    send,
    shown_once,
    text,
)
from tests.web.browsing import signed_in
from tests.web.test_pages import faults_of

JSON = "application/json"


def core_login(name: str, password: str) -> Any:
    body = {"username": name, "password": password}
    return Client().post("/api/login", body, content_type=JSON)


def core_about(token: str) -> Any:
    return Client().get("/api", headers={"Authorization": f"Bearer {token}"})


def chat(user_id: str, token: str) -> Any:
    headers = {"X-Auth-Token": token, "X-User-Id": user_id}
    return Client().get("/api/v1/me", headers=headers)


def test_an_app_password_opens_core_for_whoever_has_an_app(cast: Cast, mailed: Mailed) -> None:
    browser = proved(cast.bob)
    assert core_login("bob", cast.bob.password).status_code == 401
    with mailed() as outbox:
        page = send(browser, APP_PASSWORDS, act="make", label="Restreamer", contract="datarhei")
    assert (page.status_code, faults_of(page)) == (200, [])
    name, secret = shown_once(page)
    assert (name, len(secret)) == ("bob", 40)
    assert [each.subject for each in outbox] == ["An app password was made"]
    assert 'Its name: "Restreamer"' in outbox[0].body
    assert secret not in outbox[0].body
    row = ServiceCredential.objects.get(user=cast.bob.user)
    assert secret not in str(vars(row))
    made = LoginEvent.objects.get(event="admin:credential:created", user=cast.bob.user)
    assert made.trace == [["client id", row.client_id], ["label", "Restreamer"]]

    assert "never" in text(browser.get(APP_PASSWORDS))
    tokens = core_login("bob", secret).json()
    listed = text(browser.get(APP_PASSWORDS))
    assert ("Restreamer" in listed, secret in listed) == (True, False)
    assert "never" not in listed.partition("</tbody>")[0]

    whole = core_about(tokens["access_token"]).json()
    with mailed() as outbox:
        answer = send(browser, APP_PASSWORDS, act="revoke", id=str(row.pk))
    assert answer["Location"] == APP_PASSWORDS
    assert [each.subject for each in outbox] == ["An app password was revoked"]
    assert core_login("bob", secret).status_code == 401
    assert core_about(tokens["access_token"]).json() != whole
    assert "Restreamer" not in text(browser.get(APP_PASSWORDS)).partition("<h2>")[0]
    assert send(browser, APP_PASSWORDS, act="revoke", id=str(row.pk)).status_code == 404


def test_an_app_password_has_its_contract_and_its_end(cast: Cast) -> None:
    browser = signed_in(cast.alice)
    page = text(browser.get(APP_PASSWORDS))
    assert 'value="datarhei"' in page
    assert 'value="rocketchat"' not in page
    secret = shown_once(send(browser, APP_PASSWORDS, act="make", label="a", days="30"))[1]
    row = ServiceCredential.objects.get(user=cast.alice.user)
    assert row.contract == ""
    assert row.expires_at is not None
    assert abs(row.expires_at - timezone.now() - timedelta(days=30)) < timedelta(minutes=1)
    assert core_login("alice", secret).status_code == 200
    body = {"user": "alice", "password": secret}
    assert Client().post("/api/v1/login", body, content_type=JSON).status_code == 401
    ServiceCredential.objects.update(expires_at=timezone.now())
    assert core_login("alice", secret).status_code == 401
    assert str(row.pk) not in text(browser.get(APP_PASSWORDS))


def test_forms_for_programs_refuse_what_means_nothing(cast: Cast, monkeypatch: Any) -> None:
    browser = signed_in(cast.alice)
    send(browser, TOKENS, act="make", name="taken", contract="rocketchat")
    rows: list[tuple[str, dict[str, str]]] = [
        (APP_PASSWORDS, {"label": ""}),
        (APP_PASSWORDS, {"label": "a" * 101}),
        (APP_PASSWORDS, {"label": "a\x00"}),
        (APP_PASSWORDS, {"label": "a\r\nb"}),
        (APP_PASSWORDS, {"label": "a", "contract": "rocketchat"}),
        (APP_PASSWORDS, {"label": "a", "contract": "nothing"}),
        (APP_PASSWORDS, {"label": "a", "days": "7"}),
        (TOKENS, {"name": "", "contract": "rocketchat"}),
        (TOKENS, {"name": "a" * 201, "contract": "rocketchat"}),
        (TOKENS, {"name": "a", "contract": "datarhei"}),
        (TOKENS, {"name": "a"}),
        (TOKENS, {"name": "taken", "contract": "rocketchat"}),
    ]
    wrong = []
    for path, fields in rows:
        answer = send(browser, path, act="make", **fields)
        if answer.status_code != 400 or faults_of(answer):
            wrong.append((path, fields, answer.status_code))
    monkeypatch.setattr(app_passwords, "MOST", 0)
    monkeypatch.setattr(personal_tokens, "MAX_TOKENS", 1)
    full = send(browser, APP_PASSWORDS, act="make", label="a")
    more = send(browser, TOKENS, act="make", name="b", contract="rocketchat")
    wrong += [page for page in (full, more) if "You have as many" not in text(page)]
    assert wrong == []
    assert ServiceCredential.objects.filter(user=cast.alice.user).count() == 0


def test_a_personal_token_is_made_renewed_and_removed(cast: Cast, mailed: Mailed) -> None:
    browser = signed_in(cast.alice)
    with mailed() as outbox:
        page = send(browser, TOKENS, act="make", name="Bot", contract="rocketchat", bypass="on")
    assert faults_of(page) == []
    user_id, first = shown_once(page)
    assert chat(user_id, first).json()["username"] == "alice"
    assert [each.subject for each in outbox] == ["A personal access token was made"]
    assert "It is not asked for a second factor." in outbox[0].body
    listed = text(browser.get(TOKENS))
    assert (f"…{first[-6:]}, without a second factor" in listed, first in listed) == (True, False)

    row = cast.alice.user.personal_tokens.get()
    known, second = shown_once(send(browser, TOKENS, act="renew", id=str(row.pk)))
    assert known == user_id
    assert (chat(user_id, first).status_code, chat(user_id, second).status_code) == (401, 200)
    answer = send(browser, TOKENS, act="remove", id=str(row.pk))
    assert answer["Location"] == TOKENS
    assert chat(user_id, second).status_code == 401
    assert events(
        cast.alice, "token:personal:made", "token:personal:renewed", "token:personal:removed"
    ) == [
        ("token:personal:made", ""),
        ("token:personal:renewed", ""),
        ("token:personal:removed", ""),
    ]
    assert send(browser, TOKENS, act="renew", id=str(row.pk)).status_code == 404


def test_nothing_is_offered_for_contracts_that_the_tenant_has_switched_off(cast: Cast) -> None:
    closed = {"enabled": False}
    cast.alpha.contracts = {"datarhei": closed, "rocketchat": closed}
    cast.alpha.save()
    resolve.invalidate()
    browser = signed_in(cast.alice)
    assert "Nothing that your organization uses takes app passwords" in text(
        browser.get(APP_PASSWORDS)
    )
    assert "has personal access tokens" in text(browser.get(TOKENS))
    assert send(browser, TOKENS, act="make", name="a", contract="rocketchat").status_code == 400


def test_whom_a_contract_bars_from_its_login_gets_no_token_for_it(cast: Cast) -> None:
    cast.alpha.contracts = {"rocketchat": {"options": {"verified_email_only": True}}}
    cast.alpha.save()
    resolve.invalidate()
    User.objects.filter(pk=cast.alice.user.pk).update(email_verified=False)
    browser = signed_in(cast.alice)
    assert send(browser, TOKENS, act="make", name="a", contract="rocketchat").status_code == 400
    User.objects.filter(pk=cast.alice.user.pk).update(email_verified=True)
    assert send(browser, TOKENS, act="make", name="a", contract="rocketchat").status_code == 200


def test_a_session_that_has_just_ended_makes_nothing(cast: Cast, monkeypatch: Any) -> None:
    browser = signed_in(cast.alice)
    send(browser, APP_PASSWORDS)
    held = sessions.hold

    def ended_meanwhile(session: Any, now: Any) -> None:
        cast.alice.user.sessions.update(ended_at=now)
        held(session, now)

    monkeypatch.setattr(sessions, "hold", ended_meanwhile)
    answer = send(browser, APP_PASSWORDS, act="make", label="a")
    assert (answer.status_code, faults_of(answer)) == (403, [])
    assert ServiceCredential.objects.filter(user=cast.alice.user).count() == 0
