"""Whole pages in German, by the browser's wish or by hand; and what stays English."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone, translation

from accounts.models import Session
from accounts.templatetags.ages import ago
from tests.fixtures import Cast
from tests.web.accounting import ACTIVITY, APP_PASSWORDS, PASSWORD, PROFILE, SESSIONS, send
from tests.web.browsing import LOGIN, Browser, signed_in

GERMAN = {"accept-language": "de-AT,de;q=0.9,en;q=0.5"}
# Words of the English pages that no German page holds.
_ENGLISH = re.compile(
    r"\b(the|your|and|with|please|password|sign|session|code of)\b", re.IGNORECASE
)


def words(page: Any) -> str:
    """What a reader sees of a page."""
    bare = re.sub(r"<(script|style)\b.*?</\1>", "", page.content.decode(), flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", bare)).split())


def not_german(page: Any) -> list[str]:
    """What an English page has and a German one has not."""
    faults = [] if '<html lang="de">' in page.content.decode() else ["another language"]
    faults += [] if page.get("Content-Language") == "de" else ["another header"]
    return faults + _ENGLISH.findall(words(page))


def in_german(who: Any) -> Browser:
    """A browser of somebody who reads German, signed in with a password."""
    browser = Browser(headers=GERMAN)
    assert browser.sign_in(who).status_code == 302
    return browser


def test_the_sign_in_is_german_to_its_end(cast: Cast) -> None:
    browser = Browser(headers=GERMAN)
    first = browser.get(LOGIN)
    refused = browser.submit(first, identifier="bob", password="no")
    empty = browser.submit(first, identifier="", password="")
    second = browser.submit(first, identifier="bob", password=cast.bob.password)
    wrong = browser.submit(second, step="second_factor", code="000000x")
    over = browser.submit(second, step="second_factor", code="000000", challenge="nothing")
    told = {
        "first": words(first),
        "refused": words(refused),
        "empty": words(empty),
        "second": words(second),
        "wrong": words(wrong),
        "over": words(over),
    }
    expected = {
        "first": "Alpha Anmelden Benutzername oder E-Mail Passwort Angemeldet bleiben",
        "refused": "Der Name oder das Passwort stimmt nicht.",
        "empty": "Bitte prüfen Sie Ihre Eingaben: Benutzername oder E-Mail: Dieses Feld",
        "second": "Geben Sie die sechs Ziffern ein, die Ihre Authenticator-App anzeigt, oder einen "
        "Ihrer Wiederherstellungscodes. Bestätigungscode Weiter Von vorn beginnen",
        "wrong": "Der Bestätigungscode stimmt nicht oder wurde schon benutzt.",
        "over": "Diese Anmeldung hat zu lange gedauert oder zu viele Versuche gebraucht.",
    }
    assert {name: text for name, text in told.items() if expected[name] not in text} == {}
    pages = [first, refused, empty, second, wrong, over]
    assert [faults for page in pages if (faults := not_german(page))] == []


def test_a_forgotten_password_is_told_in_german(cast: Cast) -> None:
    browser = Browser(headers=GERMAN)
    page = browser.get("/forgot/")
    sent = browser.submit(page, "/forgot/", identifier="alice")
    void = browser.get("/password/nothing/")
    nowhere = browser.get("/t/nowhere/sign-in/")
    strange = Browser(headers=GERMAN).post(LOGIN)
    asked = (
        "Passwort vergessen? Geben Sie Ihren Benutzernamen oder Ihre E-Mail-Adresse an. Gehört "
        "dazu ein Konto mit einer Adresse, geht dorthin ein Link zum Wählen eines neuen Passworts. "
        "Benutzername oder E-Mail Link senden Zurück zur Anmeldung"
    )
    told = (
        "Sehen Sie in Ihr Postfach Wenn es ein Konto dieses Namens mit einer E-Mail-Adresse gibt, "
        "ist ein Link dorthin unterwegs. Er gilt einmal, eine Stunde lang. Keine E-Mail? Sehen Sie "
        "im Spam-Ordner nach, oder fragen Sie Ihre Administration: Konten eines "
        "Firmenverzeichnisses bekommen ihr Passwort dort. Zurück zur Anmeldung"
    )
    assert [asked in words(page), told in words(sent)] == [True, True]
    assert "Dieser Link ist nicht mehr gültig Er wurde schon benutzt" in words(void)
    assert "Unter dieser Adresse gibt es keine Organisation." in words(nowhere)
    assert "Dieses Formular ist nicht verwendbar" in words(strange)
    assert [not_german(each) for each in (page, sent, void, nowhere)] == [[]] * 4


def test_the_account_is_german_with_german_dates(cast: Cast) -> None:
    browser = in_german(cast.alice)
    session = Session.objects.get(user=cast.alice.user)
    then = timezone.now() - timedelta(days=3, hours=1)
    Session.objects.filter(pk=session.pk).update(auth_time=then)
    overview, sessions = browser.get("/account/"), browser.get(SESSIONS)
    assert "Angemeldet als alice" in words(overview)
    assert "So melden Sie sich an Passwort gewählt" in words(overview)
    assert "Wiederherstellungscodes noch 0 Codes per E-Mail aus" in words(overview)
    assert "Browser diese Sitzung Programm Unbekanntes Programm" in words(sessions)
    assert "Geöffnet vor 3 Tagen Zuletzt gesehen gerade eben" in words(sessions)
    months = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember"
    day = f"{then.day}. {months.split()[then.month - 1]} {then.year} {then:%H:%M}"
    assert f'title="{day} UTC"' in sessions.content.decode()
    faults = {path: not_german(browser.get(path)) for path in (*_pages(overview), SESSIONS)}
    assert len(faults) > 10
    assert {path: each for path, each in faults.items() if each} == {}


def _pages(overview: Any) -> list[str]:
    return re.findall(r'<li><a href="(/account/[^"]*)"', overview.content.decode())


def test_what_is_refused_and_what_is_done_is_told_in_german(cast: Cast) -> None:
    browser = in_german(cast.alice)
    wanted = {"current": cast.alice.password, "new_password": "kurz", "again": "kurz"}
    short = send(browser, PASSWORD, **wanted)
    differ = send(browser, PASSWORD, **{**wanted, "again": "anders"})
    same = {"new_password": cast.alice.password, "again": cast.alice.password}
    other = send(browser, PASSWORD, **{**wanted, **same})
    phone = send(browser, PROFILE, language="de", phone="nichts")
    made = send(browser, APP_PASSWORDS, act="make", label="Rechner")
    assert "Das Passwort muss mindestens" in words(short)
    assert "Die beiden Passwörter sind verschieden." in words(differ)
    assert "Das neue Passwort muss sich vom bisherigen unterscheiden." in words(other)
    assert "Das ist keine Telefonnummer mit Ländervorwahl." in words(phone)
    assert "Kopieren Sie es jetzt: Niemand kann es noch einmal anzeigen." in words(made)
    assert "Ein App-Passwort wurde erstellt: „Rechner“" in words(browser.get(ACTIVITY))
    saved = send(browser, PROFILE, language="de", display_name="Alice")
    assert "Ihr Profil ist gespeichert." in words(browser.get(saved["Location"]))


def test_the_choice_at_the_foot_of_a_page_goes_before_the_browsers(cast: Cast) -> None:
    browser = Browser(headers={"accept-language": "fr, en;q=0.5"})
    page = browser.get(LOGIN)
    assert 'value="en" lang="en" aria-current="true"' in page.content.decode()
    browser.submit(page, "/language/", language="de", back=LOGIN)
    german = browser.get(LOGIN)
    assert not_german(german) == []
    assert 'value="de" lang="de" aria-current="true"' in german.content.decode()
    browser.submit(german, "/language/", language="en", back=LOGIN)
    assert "Keep me signed in" in words(browser.get(LOGIN))


def test_the_console_and_the_contracts_stay_english(cast: Cast) -> None:
    officer = Browser(headers=GERMAN)
    officer.sign_in(cast.erin, path="/sign-in/?next=/admin/")
    console = officer.get("/admin/").content.decode()
    assert ('lang="en' in console, "Log out" in console or "Sign out" in console) == (True, True)
    body = {"user": "alice", "password": "wrong"}
    answers = [
        Client(headers=headers).post("/api/v1/login", body, content_type="application/json")
        for headers in (GERMAN, {})
    ]
    assert answers[0].content == answers[1].content
    assert translation.get_language() == "en"


@pytest.mark.parametrize(
    ("age", "english", "german"),
    [
        (timedelta(seconds=-5), "just now", "gerade eben"),
        (timedelta(seconds=59), "just now", "gerade eben"),
        (timedelta(minutes=1), "1 minute ago", "vor 1 Minute"),
        (timedelta(minutes=119), "1 hour ago", "vor 1 Stunde"),
        (timedelta(hours=23), "23 hours ago", "vor 23 Stunden"),
        (timedelta(days=1), "1 day ago", "vor 1 Tag"),
        (timedelta(days=59), "59 days ago", "vor 59 Tagen"),
        (timedelta(days=60), "2 months ago", "vor 2 Monaten"),
        (timedelta(days=364), "12 months ago", "vor 12 Monaten"),
        (timedelta(days=800), "2 years ago", "vor 2 Jahren"),
    ],
)
def test_an_age_stands_in_the_case_that_its_language_asks_for(
    age: timedelta, english: str, german: str
) -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=timezone.get_fixed_timezone(0))
    with translation.override("de"):
        spoken = ago(now - age, now)
    assert (ago(now - age, now), spoken) == (english, german)


def test_a_whole_page_of_texts_is_there_in_both_languages(cast: Cast) -> None:
    browser = signed_in(cast.alice)
    assert "What is open Sessions 1" in words(browser.get("/account/"))
    german = browser.get("/account/", headers=GERMAN)
    assert "Was offen ist Sitzungen 1" in words(german)
