"""People at the pages in a real Chromium: every way in, and what they end and make anew there.

No page may log an error or ask another origin, whatever a test does: the fixture looks.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, expect

from tests.mailbox import Mailbox, mail_server
from tests.ops.demo import Demo
from tests.web.chromium import CHROMIUM, chromium
from tests.web.driving import (
    ACCOUNT,
    Watched,
    app_code,
    at_sign_in,
    enter,
    fill_in,
    mailing_server,
    make_people,
    press,
    scanned,
    session_cookie,
    sessions_of,
    signed_in,
    tab_to,
)

CHOSEN = "violet anvil under seven bridges"
SIGN_IN = re.compile(r"/sign-in/(\?.*)?$")
DAY = 86400
# As the product's own page does it.
LOG_IN = """given => fetch('/v1/auth/login', {
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify(given),
}).then(answer => answer.status)"""
People = dict[str, dict[str, Any]]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Chromium"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def people(demo: Demo) -> People:
    """Made once in a demo, even if a process of the tests comes to this module twice."""
    return make_people(demo)


@pytest.fixture
def watched(browser: Browser, demo: Demo) -> Iterator[Watched]:
    opened = Watched(browser, demo.base_url)
    yield opened
    opened.close()
    assert opened.wrong == []


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Mailbox]:
    with mail_server() as started:
        yield started


@pytest.fixture(scope="module")
def mailing(demo: Demo, mailbox: Mailbox) -> Iterator[str]:
    """The address of a server of the demo that sends mail."""
    with mailing_server(demo, mailbox.url) as address:
        yield address


@pytest.fixture
def posted(browser: Browser, mailing: str) -> Iterator[Watched]:
    """The same where mail leaves."""
    opened = Watched(browser, mailing)
    yield opened
    opened.close()
    assert opened.wrong == []


def test_the_keyboard_alone_signs_in_and_out(watched: Watched, people: People) -> None:
    page = at_sign_in(watched.page())
    page.keyboard.type("plain")
    page.keyboard.press("Tab")
    page.keyboard.type(people["plain"]["password"])
    page.keyboard.press("Enter")
    expect(page).to_have_url(ACCOUNT)
    expect(page.get_by_role("definition").filter(has_text=re.compile("^plain$"))).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="To the content")).to_be_focused()
    tab_to(page, page.get_by_role("button", name="Sign out"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_browser_that_was_closed_keeps_only_a_sign_in_that_was_to_be_kept(
    watched: Watched, people: People
) -> None:
    unkept = signed_in(watched.page(), people["plain"]).context
    assert session_cookie(unkept)["expires"] == -1

    page = at_sign_in(watched.page())
    page.get_by_label("Keep me signed in").check()
    fill_in(page, people["plain"])
    expect(page).to_have_url(ACCOUNT)
    kept = session_cookie(page.context)
    assert (kept["httpOnly"], kept["sameSite"], kept["path"]) == (True, "Lax", "/")
    assert abs(kept["expires"] - time.time() - 30 * DAY) < 120

    # A browser that starts again brings the cookies that have an end, and no others.
    lasting = [each for each in page.context.cookies() if each.get("expires", -1) > 0]
    again = watched.page(storage_state={"cookies": lasting, "origins": []})
    again.goto("/account/")
    expect(again).to_have_url(ACCOUNT)
    press(again, "Sign out")
    expect(again).to_have_url(SIGN_IN)
    # The session itself has ended: the cookie that the first browser still has opens nothing.
    page.goto("/account/")
    expect(page).to_have_url(SIGN_IN)


def test_a_code_of_the_app_signs_in_and_a_recovery_code_does_so_once(
    watched: Watched, people: People
) -> None:
    apple = people["apple"]
    page = at_sign_in(watched.page())
    fill_in(page, apple)
    # Nothing is given out before the second step, whatever address is tried.
    other = page.context.new_page()
    other.goto("/account/")
    expect(other).to_have_url(SIGN_IN)
    enter(page, app_code(apple["totp_secret"]))
    expect(page).to_have_url(ACCOUNT)
    press(page, "Sign out")

    code = apple["recovery_codes"][0]
    fill_in(at_sign_in(page), apple)
    enter(page, code)
    expect(page).to_have_url(ACCOUNT)
    expect(page.get_by_text("9 left")).to_be_visible()
    press(page, "Sign out")
    fill_in(at_sign_in(page), apple)
    enter(page, code)
    expect(page.get_by_role("alert")).to_be_visible()
    page.goto("/account/")
    expect(page).to_have_url(SIGN_IN)


def test_without_javascript_one_signs_in_with_a_code_sees_ones_sessions_and_leaves(
    watched: Watched, people: People
) -> None:
    page = watched.page(java_script_enabled=False)
    signed_in(page, people["plainer"])
    page.get_by_role("link", name="Sessions").first.click()
    expect(sessions_of(page, "Browser").get_by_text("this session")).to_be_visible()
    press(page, "Sign out")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_first_password_is_replaced_before_anything_opens(
    watched: Watched, people: People
) -> None:
    novice = people["novice"]
    page = at_sign_in(watched.page())
    fill_in(page, novice)
    expect(page.get_by_label("New password", exact=True)).to_be_visible()
    assert page.context.request.get("/account/", max_redirects=0).status == 302
    page.get_by_label("New password", exact=True).fill(CHOSEN)
    page.get_by_label("New password again").fill(CHOSEN)
    press(page, "Continue")
    expect(page).to_have_url(ACCOUNT)
    press(page, "Sign out")
    fill_in(page, novice)
    expect(page.get_by_role("alert")).to_be_visible()
    signed_in(page, {**novice, "password": CHOSEN})


def test_a_forgotten_password_is_replaced_over_a_real_mail(
    posted: Watched, mailbox: Mailbox, people: People
) -> None:
    forgetful = people["forgetful"]
    page = signed_in(posted.page(), forgetful)
    elsewhere = at_sign_in(posted.page())
    elsewhere.get_by_role("link", name="Forgot your password?").click()
    elsewhere.get_by_label("User name or e-mail").fill(forgetful["email"])
    press(elsewhere, "Send the link")
    link = re.search(r"http\S+", mailbox.next_to(forgetful["email"]))
    assert link
    assert link[0].startswith(f"{posted.address}/")
    elsewhere.goto(link[0])
    elsewhere.get_by_label("New password", exact=True).fill(CHOSEN)
    elsewhere.get_by_label("New password again").fill(CHOSEN)
    press(elsewhere, "Set the password")
    expect(elsewhere.get_by_text("You are signed out everywhere")).to_be_visible()
    assert "password" in mailbox.next_to(forgetful["email"])

    page.reload()
    expect(page).to_have_url(SIGN_IN)
    fill_in(page, forgetful)
    expect(page.get_by_role("alert")).to_be_visible()
    signed_in(page, {**forgetful, "password": CHOSEN})


def test_another_address_is_confirmed_by_a_real_mail(
    posted: Watched, mailbox: Mailbox, people: People
) -> None:
    page = signed_in(posted.page(), people["mover"])
    page.goto("/account/address/")
    page.get_by_label("New e-mail address").fill("moved@acme.test")
    press(page, "Send the link")
    expect(page.get_by_text("a link is on its way to it")).to_be_visible()
    link = re.search(r"http\S+", mailbox.next_to("moved@acme.test"))
    assert link
    page.goto(link[0])
    press(page, "Confirm")
    expect(page.get_by_text("Your e-mail address is moved@acme.test now.")).to_be_visible()
    assert "has another e-mail address now" in mailbox.next_to(people["mover"]["email"])


def test_an_app_is_set_up_by_what_the_picture_says(watched: Watched, people: People) -> None:
    scanner = people["scanner"]
    page = signed_in(watched.page(), scanner)
    page.get_by_role("link", name="Authenticator app").first.click()
    press(page, "Set one up")
    picture = page.get_by_role("img", name="QR code for an authenticator app")
    said = scanned(picture)
    page.emulate_media(color_scheme="dark")
    assert scanned(picture) == said
    address = urlsplit(said)
    assert (address.scheme, address.netloc) == ("otpauth", "totp")
    (secret,) = parse_qs(address.query)["secret"]
    page.get_by_label("Code that the app shows").fill(app_code(secret, earlier=True))
    press(page, "Confirm")
    expect(page.get_by_role("heading", name="Save your recovery codes")).to_be_visible()
    codes = page.locator("ol.codes code").all_inner_texts()
    assert len(set(codes)) == 10
    press(page, "Sign out")
    fill_in(page, scanner)
    enter(page, app_code(secret))
    expect(page).to_have_url(ACCOUNT)


def test_a_rocketchat_session_that_is_ended_in_the_browser_is_dead(
    watched: Watched, people: People
) -> None:
    chatter, program = people["chatter"], watched.context().request
    given = {"user": "chatter", "password": chatter["password"]}
    told = program.post("/api/v1/login", data=given).json()["data"]
    headers = {"X-Auth-Token": told["authToken"], "X-User-Id": told["userId"]}
    assert program.get("/api/v1/me", headers=headers).json()["username"] == "chatter"

    page = signed_in(watched.page(), chatter)
    page.get_by_role("link", name="Sessions").first.click()
    line = sessions_of(page, "Rocket.Chat")
    expect(line).to_have_count(1)
    line.get_by_role("button", name="End the session Rocket.Chat").click()
    expect(page.get_by_text("The session is ended.")).to_be_visible()
    expect(line).to_have_count(0)
    answer = program.get("/api/v1/me", headers=headers)
    assert (answer.status, answer.json()["status"]) == (401, "error")


def test_the_cookies_of_a_bytebase_login_open_a_session_that_its_owner_sees_and_ends(
    watched: Watched, people: People
) -> None:
    basil = people["basil"]
    page = signed_in(watched.page(), basil)
    given = {"email": basil["email"], "password": basil["password"], "web": True}
    assert page.evaluate(LOG_IN, given) == 200
    assert page.evaluate("() => fetch('/v1/users/me').then(answer => answer.status)") == 200
    cookies = {each.get("name", ""): each for each in page.context.cookies()}
    access = cookies["access-token"]
    assert (access.get("httpOnly"), access.get("sameSite")) == (True, "Strict")

    page.get_by_role("link", name="Sessions").first.click()
    line = sessions_of(page, "Bytebase")
    line.get_by_role("button", name="End the session Bytebase").click()
    expect(page.get_by_text("The session is ended.")).to_be_visible()
    expect(line).to_have_count(0)
    # By a request beside the page: a browser's console tells every 401.
    assert page.context.request.get("/v1/users/me").status == 401
    assert page.context.request.post("/v1/auth/refresh", data={}).status == 401


def test_an_officer_makes_new_recovery_codes_and_one_of_them_signs_in(
    watched: Watched, people: People
) -> None:
    coder = people["coder"]
    page = signed_in(watched.page(), people["officer"])
    page.goto("/admin/accounts/user/?q=coder")
    page.get_by_role("link", name="coder").first.click()
    page.get_by_role("link", name="See recovery codes").click()
    page.get_by_role("link", name="New recovery codes").click()
    press(page, "New recovery codes")
    expect(page.get_by_text("Shown this once.")).to_be_visible()
    codes = page.locator("ol.codes code").all_inner_texts()
    assert len(codes) == 10
    assert not set(codes) & set(coder["recovery_codes"])
    with page.expect_download() as started:
        press(page, "Download as a text file")
    kept = started.value.path().read_text()
    assert [code for code in codes if code not in kept] == []

    theirs = at_sign_in(watched.page())
    fill_in(theirs, coder)
    enter(theirs, coder["recovery_codes"][0])
    expect(theirs.get_by_role("alert")).to_be_visible()
    enter(theirs, codes[-1])
    expect(theirs).to_have_url(ACCOUNT)
