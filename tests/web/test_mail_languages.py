"""Mail speaks its owner's language, whichever way it was set off."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts import notices
from accounts.models import User
from tests.fixtures import Cast, Persona
from tests.web.accounting import APP_PASSWORDS, PROFILE, Mailed, send
from tests.web.browsing import LOGIN, Browser

GERMAN = {"accept-language": "de-AT,de;q=0.9,en;q=0.5"}
USED = {
    "de": (
        "Ein Wiederherstellungscode wurde verwendet",
        (
            "Jemand hat sich bei bob mit einem Ihrer Wiederherstellungscodes angemeldet.\n\n"
            "Wenn Sie es waren, erstellen Sie neue, sobald nur noch wenige übrig sind. "
            "Wenn nicht, benachrichtigen Sie Ihre Administration."
        ),
    ),
    "en": (
        "A recovery code was used",
        (
            "Somebody signed in to bob with one of your recovery codes.\n\n"
            "If it was you, make a new set when few are left. If not, tell your administrator."
        ),
    ),
}


def in_german(who: Persona) -> Browser:
    browser = Browser(headers=GERMAN)
    page = browser.sign_in(who)
    if page.status_code == 200:
        page = browser.submit(page, step="second_factor", code=who.code())
    assert page.status_code == 302
    return browser


def spend(who: Persona, number: int) -> None:
    """Log in over an API with a recovery code: no page, no language."""
    client, path = Client(), "/v1/auth/login"
    login = {"email": who.user.email, "password": who.password}
    token = client.post(path, login, "application/json").json()["mfaTempToken"]
    step = {"mfaTempToken": token, "recoveryCode": who.recovery_codes[number]}
    assert client.post(path, step, "application/json").status_code == 200


def told(outbox: list[Any]) -> tuple[str, str]:
    (mail,) = outbox
    return mail.subject, mail.body


def test_mail_that_an_api_sets_off_speaks_the_language_of_the_last_sign_in(
    cast: Cast, mailed: Mailed
) -> None:
    with mailed() as before:
        spend(cast.bob, 0)
    assert told(before) == USED["en"]
    in_german(cast.bob)
    with mailed() as after:
        spend(cast.bob, 1)
    assert told(after) == USED["de"]


def test_mail_that_a_page_sets_off_is_german_with_the_names_as_they_were_typed(
    cast: Cast, mailed: Mailed
) -> None:
    browser = in_german(cast.alice)
    with mailed() as outbox:
        send(browser, APP_PASSWORDS, act="make", label="Server %(account)s")
    assert told(outbox) == (
        "Ein App-Passwort wurde erstellt",
        (
            "Konto alice: Ein App-Passwort wurde erstellt.\n\n"
            'Name: "Server %(account)s"\n\n'
            "Wenn Sie es nicht waren, benachrichtigen Sie sofort Ihre Administration."
        ),
    )


@pytest.mark.parametrize(
    ("path", "fields"),
    [("/language/", {"language": "en", "back": "/account/"}), (PROFILE, {"language": "en"})],
    ids=["at the foot of a page", "in the profile"],
)
def test_a_language_that_is_chosen_is_that_of_the_mail(
    cast: Cast, mailed: Mailed, path: str, fields: dict[str, str]
) -> None:
    browser = in_german(cast.bob)
    assert User.objects.get(pk=cast.bob.user.pk).language == "de"
    assert send(browser, path, **fields).status_code == 302
    with mailed() as outbox:
        spend(cast.bob, 0)
    assert told(outbox) == USED["en"]


def test_a_stranger_who_chooses_a_language_chooses_it_for_nobody(cast: Cast) -> None:
    browser = Browser(headers=GERMAN)
    browser.get(LOGIN)
    send(browser, "/language/", language="de", back=LOGIN)
    assert browser.sign_in(cast.bob).status_code == 200
    assert User.objects.exclude(language="").count() == 0


def test_a_passkeys_name_is_not_read_as_a_pattern(cast: Cast, mailed: Mailed) -> None:
    with mailed() as outbox:
        notices.factor_bound(cast.bob.user, notices.PASSKEY, "50 %(what)s %s")
    assert told(outbox)[0] == "The passkey “50 %(what)s %s” was added"
