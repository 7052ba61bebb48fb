"""A forgotten password, and an invitation: the link, whom it reaches, and that it works once."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.core import mail
from django.db import connection
from django.utils import timezone

from accounts.client import ClientContext
from accounts.login import password_links
from accounts.login.custody import Act
from accounts.models import LoginEvent, Session, ThrottleBucket, User
from mfa.models import Challenge
from tenants import resolve
from tests.fixtures import PASSWORD, Cast, Persona, make_cast
from tests.web.browsing import Browser, signed_in

CHOSEN = "violet anvil under seven bridges"
_ADDRESS = re.compile(r"https?://\S+")


def ask(name: str, path: str = "/forgot/", headers: dict[str, str] | None = None) -> Any:
    browser = Browser(headers=headers)
    return browser.submit(browser.get(path), path, identifier=name)


def link_in(outbox: list[Any]) -> str:
    """The address in the only mail."""
    (message,) = outbox
    found = _ADDRESS.search(message.body)
    assert found
    return found[0]


def path_of(address: str) -> str:
    return "/" + address.split("/", 3)[3]


def link_for(who: Persona, mailed: Any) -> str:
    with mailed() as outbox:
        assert ask(who.username).status_code == 200
    return path_of(link_in(outbox))


def choose(path: str, password: str = CHOSEN, again: str = "") -> Any:
    browser = Browser()
    page = browser.get(path)
    return browser.submit(page, path, new_password=password, again=again or password)


def test_a_link_by_mail_lets_the_owner_choose_a_new_password(cast: Cast, mailed: Any) -> None:
    inside = signed_in(cast.alice)
    path = link_for(cast.alice, mailed)
    assert re.fullmatch(r"/password/[\w-]{43}/", path)
    browser = Browser()
    page = browser.get(path)
    text = page.content.decode()
    assert (page.status_code, page["Referrer-Policy"]) == (200, "strict-origin")
    assert "no-store" in page["Cache-Control"]
    assert "<strong>alice</strong>: at least 15 characters" in text
    with mailed() as outbox:
        done = browser.submit(page, path, new_password=CHOSEN, again=CHOSEN)
    assert done.status_code == 200
    assert "Sign in with your new password" in done.content.decode()
    # Nobody is signed in by a link, and whoever was is not any more.
    assert "dragoman" not in browser.cookies
    assert inside.get("/account/").status_code == 302
    assert [message.subject for message in outbox] == ["The password was changed"]
    assert Browser().sign_in(cast.alice).status_code == 403
    assert Browser().sign_in(replace(cast.alice, password=CHOSEN)).status_code == 302
    trail = LoginEvent.objects.filter(event__startswith="password:").order_by("at")
    assert [(row.event, row.reason) for row in trail] == [
        ("password:link:sent", "password_reset"),
        ("password:subject:changed", "password_reset"),
    ]


def test_a_new_password_stands_in_for_no_second_factor(cast: Cast, mailed: Any) -> None:
    assert choose(link_for(cast.bob, mailed)).status_code == 200
    browser = Browser()
    second = browser.sign_in(replace(cast.bob, password=CHOSEN))
    assert (second.status_code, "dragoman" in browser.cookies) == (200, False)
    assert 'name="code"' in second.content.decode()
    assert browser.submit(second, code=cast.bob.code()).status_code == 302


def test_a_link_works_once_and_is_void_after_anything_that_matters(cast: Cast, mailed: Any) -> None:
    def again(path: str) -> int:
        return Browser().get(path).status_code

    path = link_for(cast.alice, mailed)
    assert choose(path, "short").status_code == 403
    assert choose(path, CHOSEN, "something else").status_code == 400
    assert choose(path).status_code == 200
    assert (again(path), choose(path).status_code) == (410, 410)

    alice = User.objects.filter(pk=cast.alice.user.pk)
    path = link_for(cast.alice, mailed)
    alice.update(security_epoch=9)
    assert again(path) == 410
    path = link_for(cast.alice, mailed)
    Challenge.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert again(path) == 410
    ThrottleBucket.objects.all().delete()
    first = link_for(cast.alice, mailed)
    second = link_for(cast.alice, mailed)
    assert (again(first), again(second)) == (410, 200)
    alice.update(state=User.State.DISABLED)
    assert again(second) == 410
    assert again("/password/" + "x" * 43 + "/") == 410


def test_a_token_of_a_link_is_none_of_a_sign_in_and_the_other_way_round(
    cast: Cast, mailed: Any
) -> None:
    token = link_for(cast.bob, mailed).split("/")[2]
    browser = Browser()
    page = browser.get("/sign-in/")
    for step in ("second_factor", "new_password", "bind_factor"):
        fields = {"code": cast.bob.code(), "new_password": CHOSEN, "again": CHOSEN}
        answer = browser.submit(page, step=step, challenge=token, **fields)
        assert (answer.status_code, "dragoman" in browser.cookies) == (403, False)
    User.objects.filter(pk=cast.alice.user.pk).update(must_change_password=True)
    step_page = browser.sign_in(cast.alice).content.decode()
    found = re.search(r'name="challenge" value="([^"]*)"', step_page)
    assert found
    assert Browser().get(f"/password/{found[1]}/").status_code == 410


def test_the_answer_is_the_same_for_every_name_and_only_owners_get_mail(
    cast: Cast, mailed: Any
) -> None:
    User.objects.filter(pk=cast.erin.user.pk).update(password="!")
    User.objects.filter(pk=cast.bob.user.pk).update(email="", email_key="")
    bodies, got_mail = set(), []
    names = ["alice", "ALICE@alpha.example", "bob", "carol", "erin", "svc", "nobody", "a@b.c", "*"]
    for name in names:
        with mailed() as outbox:
            answer = ask(name)
        assert answer.status_code == 200
        page = re.sub(r'(csrfmiddlewaretoken" value=")[^"]*', r"\1", answer.content.decode())
        bodies.add(page)
        got_mail += [name] if outbox else []
    assert len(bodies) == 1
    assert got_mail == ["alice", "ALICE@alpha.example"]
    asked = LoginEvent.objects.filter(event__startswith="password:link")
    assert asked.count() == len(names)


def test_a_flood_of_requests_is_stopped_for_known_and_unknown_names_alike(
    cast: Cast, mailed: Any
) -> None:
    sent: dict[str, int] = {}
    for name in ("alice", "nobody"):
        with mailed() as outbox:
            answers = [ask(name) for _ in range(6)]
        sent[name] = len(outbox)
        assert [answer.status_code for answer in answers] == [200] * 5 + [429]
        assert 0 < int(answers[-1]["Retry-After"]) <= 3600
    assert sent == {"alice": 3, "nobody": 0}
    with mailed() as outbox:
        ask("alice@alpha.example")
    assert outbox == []


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example.com"},
        {"host": "evil.example.com:8443"},
        {"x-forwarded-host": "evil.example.com"},
        {"forwarded": "host=evil.example.com"},
        {"x-forwarded-proto": "ftp", "x-host": "evil.example.com"},
        {"referer": "http://evil.example.com/", "x-original-url": "http://evil.example.com/"},
    ],
)
def test_no_header_steers_the_link(cast: Cast, mailed: Any, headers: dict[str, str]) -> None:
    with mailed() as outbox:
        # Every host of this domain is served here, so nothing stops such a request before.
        ask("alice", headers=headers)
    assert link_in(outbox).startswith("http://testserver/password/")
    assert "evil" not in outbox[0].body


def test_the_link_leads_to_the_tenants_own_address(cast: Cast, mailed: Any) -> None:
    with mailed() as outbox:
        ask("dave@beta.example", path="/t/beta/forgot/")
    assert link_in(outbox).startswith("http://beta.example.com/password/")
    cast.beta.domains.filter(kind="host").delete()
    resolve.invalidate()
    with mailed() as outbox:
        ask("dave@beta.example")
    assert link_in(outbox).startswith("http://testserver/t/beta/password/")


def test_a_link_of_one_tenant_opens_at_its_own_address_only(cast: Cast, mailed: Any) -> None:
    with mailed() as outbox:
        ask("dave@beta.example")
    token = link_in(outbox).split("/")[4]
    assert Browser().get(f"/t/alpha/password/{token}/").status_code == 410
    assert Browser().get(f"/t/beta/password/{token}/").status_code == 200


def test_an_invitation_lets_somebody_choose_his_first_password(cast: Cast, mailed: Any) -> None:
    User.objects.filter(pk=cast.alice.user.pk).update(password="", email_verified=False)
    alice = User.objects.get(pk=cast.alice.user.pk)
    act = Act(ClientContext("browser", timezone.now()), by="erin")
    with mailed() as outbox:
        password_links.invite(alice, act)
    assert outbox[0].subject == "Your account"
    path = path_of(link_in(outbox))
    assert "Choose your password" in Browser().get(path).content.decode()
    six_days = timezone.now() + timedelta(days=6, hours=23)
    with patch("django.utils.timezone.now", return_value=six_days):
        assert choose(path).status_code == 200
    assert Browser().sign_in(replace(cast.alice, password=CHOSEN)).status_code == 302
    # The mail was read, so the address is the owner's.
    assert User.objects.get(pk=alice.pk).email_verified
    row = LoginEvent.objects.get(event="password:link:sent")
    assert (row.reason, row.trace) == ("invitation", [["by", "erin"]])
    with pytest.raises(ValueError, match="a person's e-mail address"):
        password_links.invite(cast.carol.user, act)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_use_a_link_at_once_one_succeeds() -> None:
    make_cast()
    mail.outbox.clear()
    ask("alice")
    path = path_of(link_in(mail.outbox))
    chosen = [CHOSEN, "orange kettle above nine rivers"]

    def redeem(password: str) -> int:
        try:
            status: int = choose(path, password).status_code
            return status
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        statuses = list(pool.map(redeem, chosen))
    assert sorted(statuses) == [200, 410]
    user = User.objects.get(username="alice", tenant__slug="alpha")
    assert user.security_epoch == 1
    assert user.check_password(chosen[statuses.index(200)])
    assert LoginEvent.objects.filter(event="password:subject:changed").count() == 1
    assert not Session.objects.exists()
    assert not user.check_password(PASSWORD)
