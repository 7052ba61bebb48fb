"""Passkeys on the pages: signing in alone, as the second step, and the user's own list."""

from __future__ import annotations

import json
from typing import Any

from django.utils import timezone

from accounts.models import LoginEvent, Session
from mfa.models import Challenge, Passkey
from tenants import resolve
from tenants.models import TenantPolicy
from tests.fixtures import Cast
from tests.mfa.software_key import SoftwareKey
from tests.web.browsing import LOGIN, Browser, hidden, signed_in

OPTIONS, NEW, OWN = "/sign-in/passkey/", "/account/passkeys/options/", "/account/passkeys/"


def asked(browser: Browser, address: str, page: Any, **question: str) -> Any:
    """What our script is told, as the script asks for it."""
    answer = browser.post(
        address,
        json.dumps(question),
        content_type="application/json",
        headers={"X-CSRFToken": hidden(page)["csrfmiddlewaretoken"]},
    )
    assert answer.status_code == 200, answer.content
    return answer.json()


def give(browser: Browser, key: SoftwareKey, **fields: Any) -> Any:
    """Add a passkey on the account's page; the page after it."""
    page = browser.get(OWN)
    answer = key.create(asked(browser, NEW, page))
    return send(browser, page, OWN, act="add", passkey=answer, follow=True, **fields)


def send(browser: Browser, page: Any, address: str, *, follow: bool = False, **fields: Any) -> Any:
    token = hidden(page)["csrfmiddlewaretoken"]
    return browser.post(address, {"csrfmiddlewaretoken": token, **fields}, follow=follow)


def alone(browser: Browser, key: SoftwareKey, **fields: Any) -> Any:
    page = browser.get(LOGIN)
    answer = key.get(asked(browser, OPTIONS, page))
    return send(browser, page, LOGIN, step="passkey_alone", passkey=answer, **fields)


def test_a_passkey_signs_in_alone_and_as_the_second_step(cast: Cast) -> None:
    key, first = SoftwareKey(), signed_in(cast.alice)
    page = give(first, key, name="Blue key").content.decode()
    assert "The passkey “Blue key” was added." in page
    assert "Blue key" in page.partition("<tbody>")[2]

    browser = Browser()
    answer = alone(browser, key, next="/account/passkeys/")
    assert (answer.status_code, answer["Location"]) == (302, "/account/passkeys/")
    assert browser.get("/account/").status_code == 200
    session = Session.objects.latest("auth_time")
    assert [record["method"] for record in session.amr] == ["hwk", "user"]

    browser = Browser()
    page = browser.sign_in(cast.alice)
    assert "Use the passkey" in page.content.decode()
    challenge = hidden(page)["challenge"]
    answer = key.get(asked(browser, OPTIONS, page, challenge=challenge))
    fields: dict[str, Any] = {"step": "passkey", "challenge": challenge, "passkey": answer}
    answer = send(browser, page, LOGIN, **fields)
    assert (answer.status_code, answer["Location"]) == (302, "/account/")
    session = Session.objects.latest("auth_time")
    assert [record["method"] for record in session.amr] == ["pwd", "hwk"]


def test_the_last_passkey_stays_where_the_tenant_demands_a_second_factor(cast: Cast) -> None:
    browser = signed_in(cast.alice)
    give(browser, SoftwareKey(), name="Old")
    give(browser, SoftwareKey(), name="New")
    TenantPolicy(tenant=cast.alpha, second_factor="required").save()
    resolve.invalidate()
    old, new = Passkey.objects.order_by("created_at")
    page = browser.get(OWN)
    assert send(browser, page, OWN, act="remove", id=str(old.pk)).status_code == 302
    answer = send(browser, page, OWN, act="remove", id=str(new.pk))
    assert answer.status_code == 403
    assert "Your organization asks for a second factor" in answer.content.decode()
    assert Passkey.objects.get() == new


def test_what_was_signed_in_one_browser_is_of_no_use_in_another(cast: Cast) -> None:
    key = SoftwareKey()
    give(signed_in(cast.alice), key)
    victim, thief = Browser(), Browser()
    taken = key.get(asked(victim, OPTIONS, victim.get(LOGIN)))
    page = thief.get(LOGIN)
    asked(thief, OPTIONS, page)
    answer = send(thief, page, LOGIN, step="passkey_alone", passkey=taken)
    assert answer.status_code == 403
    assert "begin again" in answer.content.decode()
    assert Session.objects.count() == 1


def test_whatever_is_wrong_with_a_passkey_is_told_in_the_same_words(cast: Cast) -> None:
    key = SoftwareKey()
    give(signed_in(cast.alice), key)
    browser = Browser()
    page = browser.get(LOGIN)
    options = asked(browser, OPTIONS, page)
    wrong = [
        SoftwareKey(user_handle=key.user_handle).get(options),
        SoftwareKey(user_handle=b"x").get(options),
        key.get(options, flags=1),
        key.get(options, origin="https://evil.example"),
        "{}",
        "[" * 20_000,
    ]
    told = set()
    for text in wrong:
        answer = send(browser, page, LOGIN, step="passkey_alone", passkey=text)
        words = answer.content.decode()
        told.add((answer.status_code, "This passkey cannot be used here." in words))
    assert told == {(403, True)}
    for text in ("", "x" * 32_769):
        answer = send(browser, page, LOGIN, step="passkey_alone", passkey=text)
        assert answer.status_code == 400
    assert Session.objects.count() == 1


def test_the_script_is_told_only_what_it_may_know(cast: Cast) -> None:
    key = SoftwareKey()
    give(signed_in(cast.alice), key)
    browser = Browser()
    page: Any = browser.get(LOGIN)
    token = {"X-CSRFToken": hidden(page)["csrfmiddlewaretoken"]}
    bodies: list[tuple[str, Any, int]] = [
        ("application/json", "{}", 200),
        ("application/json", '{"challenge": "nonsense"}', 404),
        ("application/json", '{"challenge": 7}', 400),
        ("application/json", "[]", 400),
        ("application/json", "{", 400),
        ("application/json", b"\xff", 400),
        ("application/json", "[" * 1000, 400),
        ("application/json", " " * 1025, 400),
        ("text/plain", "{}", 415),
        ("application/x-www-form-urlencoded", "a=1", 415),
    ]
    heard = [
        browser.post(OPTIONS, body, content_type=kind, headers=token).status_code
        for kind, body, _ in bodies
    ]
    assert heard == [status for _, _, status in bodies]
    assert browser.post(OPTIONS, "{}", content_type="application/json").status_code == 403
    assert browser.get(OPTIONS).status_code == 405
    # Of a stranger nothing is known, and nothing is written for him.
    options = asked(browser, OPTIONS, page)
    assert options["allowCredentials"] == []
    assert not Challenge.objects.exclude(step=Challenge.Step.PASSKEY).exists()
    answer = browser.post(NEW, "{}", content_type="application/json", headers=token)
    assert answer.status_code == 403
    # A host without passkeys: its page offers none, so the script there asks for nothing.
    assert "data-passkey" in page.content.decode()
    there = browser.get(LOGIN, headers={"host": "other.example.com"})
    assert (there.status_code, "data-passkey" in there.content.decode()) == (200, False)
    away = browser.post(
        OPTIONS,
        "{}",
        content_type="application/json",
        headers={**token, "host": "other.example.com"},
    )
    assert away.status_code == 404


def test_another_organizations_page_takes_no_passkey_of_this_one(cast: Cast) -> None:
    key = SoftwareKey()
    give(signed_in(cast.alice), key)
    browser = Browser()
    page = browser.get("/t/beta/sign-in/")
    answer = key.get(asked(browser, "/t/beta/sign-in/passkey/", page))
    answer = send(browser, page, "/t/beta/sign-in/", step="passkey_alone", passkey=answer)
    assert answer.status_code == 403
    event = LoginEvent.objects.order_by("-at", "-id")[0]
    assert (event.tenant_id, event.user_id) == (cast.beta.pk, None)


class TestOwn:
    def test_renaming_and_removing(self, cast: Cast) -> None:
        browser = signed_in(cast.alice)
        give(browser, SoftwareKey())
        row, page = Passkey.objects.get(), browser.get(OWN)
        told = send(browser, page, OWN, act="rename", id=str(row.pk), name="<b>", follow=True)
        assert "&lt;b&gt;" in told.content.decode()
        told = send(browser, page, OWN, act="remove", id=str(row.pk), follow=True)
        assert "The passkey was removed." in told.content.decode()
        assert not Passkey.objects.exists()

    def test_what_is_wrong_or_anothers_changes_nothing(self, cast: Cast) -> None:
        give(signed_in(cast.alice), SoftwareKey())
        row, browser = Passkey.objects.get(), signed_in(cast.erin)
        page = browser.get(OWN)
        for fields in (
            {"act": "rename", "id": str(row.pk), "name": "mine"},
            {"act": "remove", "id": str(row.pk)},
            {"act": "remove", "id": "7"},
            {"act": "remove"},
            {"act": "add", "passkey": "{}"},
            {"act": "add"},
            {"act": "steal"},
            {},
        ):
            told = send(browser, page, OWN, follow=True, **fields)
            assert "Nothing was changed." in told.content.decode(), fields
        row.refresh_from_db()
        assert (row.user, row.name) == (cast.alice.user, "Passkey")

    def test_wants_a_fresh_sign_in(self, cast: Cast) -> None:
        browser = signed_in(cast.alice)
        give(browser, SoftwareKey())
        row = Passkey.objects.get()
        page: Any = browser.get(OWN)
        old = [{"method": "pwd", "at": int(timezone.now().timestamp()) - 1000}]
        Session.objects.update(amr=old)
        assert "again=1" in browser.get(OWN)["Location"]
        answer = send(browser, page, OWN, act="remove", id=str(row.pk))
        assert "again=1" in answer["Location"]
        token = {"X-CSRFToken": hidden(page)["csrfmiddlewaretoken"]}
        answer = browser.post(NEW, "{}", content_type="application/json", headers=token)
        assert answer.status_code == 403
        assert Passkey.objects.exists()

    def test_a_stranger_is_sent_to_the_sign_in(self, cast: Cast) -> None:
        answer = Browser().get(OWN)
        assert (answer.status_code, answer["Location"]) == (302, f"/sign-in/?next={OWN}")
