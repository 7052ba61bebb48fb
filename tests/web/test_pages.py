"""What every page has in common: headers, language, colours, fields that everybody can use."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test.utils import override_settings

from accounts.web import qr
from accounts.web.colours import CONTRAST, contrast, read, readable
from tenants import resolve
from tenants.branding import LARGEST_LOGO, Branding
from tenants.models import Tenant
from tests.fixtures import Cast
from tests.web.browsing import LOGIN, Browser, signed_in

OPEN = ["/", "/sign-in/", "/forgot/", "/password/nothing/", "/t/beta/", "/t/beta/sign-in/"]
INSIDE = ["/account/", "/t/alpha/account/", "/admin/", "/sign-in/?again=1"]
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
PNG = "data:image/png;base64,iVBORw0KGgo="


class Outline(HTMLParser):
    """The parts of a page that its rules are about."""

    def __init__(self, page: Any) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.feed(page.content.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def all(self, *tags: str) -> list[dict[str, str]]:
        return [attrs for tag, attrs in self.tags if tag in tags]

    def field(self, name: str) -> dict[str, str]:
        return next(attrs for attrs in self.all("input") if attrs.get("name") == name)


def unheaded(page: Any) -> list[str]:
    """Which of the headers of pages are not as they have to be."""
    faults = [f"{name} is {page.get(name)}" for name in HEADERS if page.get(name) != HEADERS[name]]
    if "no-store" not in page.get("Cache-Control", ""):
        faults.append("may be kept")
    if page.get("Referrer-Policy") not in {"same-origin", "strict-origin"}:
        faults.append("tells where it was")
    return faults


def faults_of(page: Any) -> list[str]:
    """What a page does that no page may do."""
    outline = Outline(page)
    faults = unheaded(page)
    faults += ["inline style" for _, attrs in outline.tags if "style" in attrs]
    faults += [f"inline {n}" for _, attrs in outline.tags for n in attrs if n.startswith("on")]
    faults += ["inline script" for attrs in outline.all("script") if "src" not in attrs]
    faults += ["style element" for _ in outline.all("style")]
    labelled = {attrs.get("for") for attrs in outline.all("label")}
    faults += [
        f"no label for {attrs.get('name')}"
        for attrs in outline.all("input")
        if attrs.get("type") not in {"hidden", "submit"} and attrs.get("id") not in labelled
    ]
    named = {attrs["id"] for _, attrs in outline.tags if "id" in attrs}
    described = [a["aria-describedby"] for _, a in outline.tags if "aria-describedby" in a]
    faults += [
        f"describes nothing: {i}" for text in described for i in text.split() if i not in named
    ]
    if len(outline.all("h1")) != 1 or not outline.all("html")[0].get("lang"):
        faults.append("no outline")
    return faults


def test_every_page_keeps_the_rules_of_pages(cast: Cast) -> None:
    outside, inside = Browser(), signed_in(cast.erin)
    found = {path: faults_of(outside.get(path)) for path in OPEN}
    found |= {path: faults_of(inside.get(path)) for path in INSIDE if path != "/admin/"}
    found["a wrong sign-in"] = faults_of(outside.submit(outside.get(LOGIN), identifier="x"))
    found["a second step"] = faults_of(Browser().sign_in(cast.bob))
    found["no right to the console"] = faults_of(signed_in(cast.alice).get("/admin/"))
    found["a form of another site"] = faults_of(Browser().post(LOGIN, {}))
    found["another tenant"] = faults_of(Browser().get("/t/nobody/sign-in/"))
    assert {path: faults for path, faults in found.items() if faults} == {}


def test_a_tenants_prefix_that_leads_nowhere_is_a_page_not_found(cast: Cast) -> None:
    page = Browser().get("/t/nobody/sign-in/")
    assert page.status_code == 404
    assert "There is no organization at this address." in page.content.decode()


def test_password_managers_and_screen_readers_find_their_fields(cast: Cast) -> None:
    browser = Browser()
    page = browser.get(LOGIN)
    first = Outline(page)
    assert first.field("identifier")["autocomplete"] == "username"
    assert first.field("password")["autocomplete"] == "current-password"
    assert "autofocus" in first.field("identifier")
    wrong = browser.submit(page, identifier="", password="")
    again = Outline(wrong)
    assert wrong.status_code == 400
    field = again.field("identifier")
    assert (field["aria-invalid"], field["aria-describedby"]) == ("true", "id_identifier_error")
    summary = next(attrs for _, attrs in again.tags if attrs.get("role") == "alert")
    assert ("autofocus" in summary, summary["tabindex"]) == (True, "-1")
    assert {"#id_identifier", "#id_password"} <= {a.get("href") for a in again.all("a")}
    second = Outline(browser.sign_in(cast.bob))
    assert second.field("code")["autocomplete"] == "one-time-code"


@pytest.mark.parametrize("path", ["/sign-in", "/account", "/forgot", "/t/beta/sign-in"])
def test_a_slash_that_was_left_out_is_no_dead_end(cast: Cast, path: str) -> None:
    answer = Browser().get(path)
    assert (answer.status_code, answer["Location"]) == (302, f"{path}/")


def test_a_tenants_colour_and_logo_are_on_its_pages_alone(cast: Cast) -> None:
    cast.beta.branding = {"colour": "#FFCC00", "logo": PNG}
    cast.beta.save()
    resolve.invalidate()
    page = Browser().get("/t/beta/sign-in/").content.decode()
    assert '<link rel="stylesheet" href="/brand/ffcc00.css">' in page
    assert f'<img src="{PNG}" alt=""' in page
    assert "<span>Beta</span>" in page
    other = Browser().get("/sign-in/").content.decode()
    assert ("brand/" in other, PNG in other) == (False, False)
    sheet = Browser().get("/brand/ffcc00.css")
    text = sheet.content.decode()
    assert (sheet["Content-Type"], sheet.status_code) == ("text/css; charset=utf-8", 200)
    assert sheet["Cache-Control"] == "public, max-age=31536000, immutable"
    assert text.count("--accent:#") == 2
    # Yellow on white cannot be read; on dark pages it stays as it was chosen.
    assert "--accent:#ffcc00;--accent-ink:#0d1b1d" in text
    assert ":root{--accent:#ffcc00" not in text.splitlines()[0]


def test_every_colour_can_be_read() -> None:
    light, dark = read("f7f5f0"), read("1d2427")
    for code in ("000000", "ffffff", "ffcc00", "ff0000", "0000ff", "777777", "1b636b"):
        assert contrast(readable(read(code), light, (0, 0, 0)), light) >= CONTRAST
        assert contrast(readable(read(code), dark, (255, 255, 255)), dark) >= CONTRAST
    assert readable(read("1b636b"), light, (0, 0, 0)) == read("1b636b")
    assert round(contrast(read("000000"), read("ffffff"))) == 21


@pytest.mark.parametrize(
    "raw",
    [
        ["colour"],
        {"color": "#112233"},
        {"colour": "red"},
        {"colour": "#fff"},
        {"colour": "#11223g"},
        {"colour": "#112233;}*{x:y"},
        {"colour": 1},
        {"logo": "https://cdn.example.com/logo.png"},
        {"logo": "javascript:alert(1)"},
        {"logo": "data:text/html;base64,AAAA"},
        {"logo": 'data:image/png;base64,AA"onerror="x'},
        {"logo": "data:image/png;base64,A"},
        {"logo": "data:image/png;base64," + "A" * (LARGEST_LOGO * 4 // 3 + 8)},
        {"logo": ["data:image/png;base64,AAAA"]},
    ],
)
def test_a_branding_that_no_page_could_show_is_refused_and_never_shown(raw: Any) -> None:
    with pytest.raises(ValidationError, match="Not a branding"):
        Tenant(slug="x", name="X", branding=raw).clean_fields(exclude=["pool_id"])
    assert Branding.of(raw) == Branding()


def test_a_language_is_chosen_by_the_browser_or_by_hand(cast: Cast) -> None:
    browser = Browser(headers={"accept-language": "de-AT,de;q=0.9"})
    page = browser.get("/sign-in/?next=/admin/")
    assert (page["Content-Language"], '<html lang="de">' in page.content.decode()) == ("de", True)
    fields = {"language": "en", "back": "/sign-in/?next=/admin/"}
    answer = browser.submit(page, "/language/", **fields)
    assert (answer.status_code, answer["Location"]) == (302, "/sign-in/?next=/admin/")
    assert answer.cookies["dragoman-language"]["httponly"]
    assert browser.get("/sign-in/")["Content-Language"] == "en"
    strange = browser.submit(page, "/language/", language="xx", back="//evil.example")
    assert (strange["Location"], dict(strange.cookies).keys() & {"dragoman-language"}) == (
        "/",
        set(),
    )


def test_a_contracts_answer_speaks_no_language_of_pages(cast: Cast) -> None:
    answer = Browser(headers={"accept-language": "de"}).get("/users/me")
    assert ("Content-Language" in answer, answer.get("Vary")) == (False, None)


def test_a_qr_code_is_a_drawing_without_style() -> None:
    picture = qr.picture("otpauth://totp/Alpha:alice?secret=JBSWY3DPEHPK3PXP")
    assert picture.size in {37, 41, 45}
    # The finder pattern's corner stands behind the quiet zone.
    assert picture.path.startswith("M4 4h1v1h-1zM5 4h1v1h-1z")
    assert re.fullmatch(r"(M\d+ \d+h1v1h-1z)+", picture.path)


@pytest.mark.parametrize("name", ["pages.css", "console.css", "mark.svg"])
def test_the_files_of_pages_are_served(db: None, name: str) -> None:
    with override_settings(WHITENOISE_USE_FINDERS=True):
        answer = Browser().get(f"/static/dragoman/{name}")
    assert answer.status_code == 200
    assert len(answer.getvalue()) > 100
    answer.close()
