"""What the drives share: a watched browser, a scanner, a second server of the demo that mails."""

from __future__ import annotations

import base64
import json
import re
import signal
import socket
import subprocess
import sys
import time
from base64 import b32decode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import zxingcpp
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Response,
    expect,
)

from mfa import totp
from tests.ops.demo import ROOT, START_SECONDS, STOP_SECONDS, Demo, clean_environment

ACCOUNT = re.compile("/account/$")
# What a form may be answered by whoever typed something wrong.
_REFUSALS = {400, 401, 403}
# An earlier code is taken until the present one ends, which must not happen on its way.
_TYPING_SECONDS = 5
# The brightness of every point of a picture, as the camera of a phone would see it.
_POINTS = """async png => {
  const image = new Image();
  image.src = 'data:image/png;base64,' + png;
  await image.decode();
  const { width, height } = image;
  const canvas = new OffscreenCanvas(width, height).getContext('2d');
  canvas.drawImage(image, 0, 0);
  const all = canvas.getImageData(0, 0, width, height).data;
  const points = Array.from({ length: width * height }, (_, i) => all[4 * i]);
  return { width, height, points: points.map(each => String.fromCharCode(each)).join('') };
}"""


class Watched:
    """Opens browsers' contexts and writes down what no page of ours may do."""

    def __init__(self, browser: Browser, address: str) -> None:
        self.browser, self.address = browser, address
        self._seen: list[tuple[str, str]] = []
        self._refusals: set[str] = set()
        self._opened: list[BrowserContext] = []

    def context(self, **options: Any) -> BrowserContext:
        """A browser that nobody has used yet, unless the options bring its cookies."""
        made = self.browser.new_context(base_url=self.address, locale="en", **options)
        # Chromium reports what the content security policy forbids as an error on the console.
        made.on("console", self._said)
        made.on("weberror", lambda error: self._seen.append(("", str(error.error))))
        made.on("request", lambda request: self._asked(request.url))
        made.on("response", self._answered)
        self._opened.append(made)
        return made

    def page(self, **options: Any) -> Page:
        """The only page of a new context."""
        return self.context(**options).new_page()

    def close(self) -> None:
        """Close what was opened."""
        for each in self._opened:
            each.close()

    @property
    def wrong(self) -> list[str]:
        """What was seen, without the browser's word that a form's own answer was a refusal."""
        return [f"{text} {url}" for url, text in self._seen if url not in self._refusals]

    def _said(self, said: ConsoleMessage) -> None:
        if said.type in ("error", "warning"):
            failed = said.text.startswith("Failed to load resource")
            self._seen.append((said.location["url"] if failed else "", said.text))

    def _answered(self, answer: Response) -> None:
        if answer.request.method == "POST" and answer.request.is_navigation_request():
            self._refusals |= {answer.url} if answer.status in _REFUSALS else set()

    def _asked(self, url: str) -> None:
        if not url.startswith((f"{self.address}/", "data:")):
            self._seen.append(("", f"another origin was asked: {url}"))


def fill_in(page: Page, person: dict[str, Any]) -> None:
    """Name and password on the sign-in page that is open, sent."""
    page.get_by_label("User name or e-mail").fill(person["username"])
    page.get_by_label("Password", exact=True).fill(person["password"])
    press(page, "Sign in")


def press(page: Page, button: str) -> None:
    """Press the button of this name."""
    page.get_by_role("button", name=button, exact=True).click()


def enter(page: Page, code: str) -> None:
    """The second step of a sign-in."""
    page.get_by_label("Code", exact=True).fill(code)
    press(page, "Continue")


def app_code(secret: str, *, earlier: bool = False) -> str:
    """What an authenticator app shows now, or showed before that: each code works once."""
    left = totp.PERIOD - time.time() % totp.PERIOD
    if earlier and left < _TYPING_SECONDS:
        time.sleep(left)
    return totp.code_at(b32decode(secret), totp.step_at(datetime.now(UTC)) - earlier)


def at_sign_in(page: Page) -> Page:
    """The same page, at the sign-in."""
    page.goto("/sign-in/")
    return page


def signed_in(page: Page, person: dict[str, Any]) -> Page:
    """The same page after a sign-in with all that the person has."""
    fill_in(at_sign_in(page), person)
    if "totp_secret" in person:
        enter(page, app_code(person["totp_secret"]))
    expect(page).to_have_url(ACCOUNT)
    return page


def sessions_of(page: Page, product: str) -> Locator:
    """The lines of a product in the open list of sessions."""
    heading = page.get_by_role("heading", name=product)
    return page.locator("ul.sessions > li").filter(has=heading)


def session_cookie(context: BrowserContext) -> Any:
    """The one cookie of a browser's session."""
    (found,) = [each for each in context.cookies() if each.get("name") == "dragoman"]
    return found


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until the focus is there."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"Tab never reaches {wanted}")


def scanned(picture: Locator) -> str:
    """What a QR code on a page says."""
    png = base64.b64encode(picture.screenshot()).decode()
    browser = picture.page.context.browser
    assert browser
    blank = browser.new_page()
    seen = blank.evaluate(_POINTS, png)
    blank.close()
    grey = memoryview(seen["points"].encode("latin-1")).cast("B", (seen["height"], seen["width"]))
    (found,) = zxingcpp.read_barcodes(grey)
    return found.text


def make_people(demo: Demo) -> dict[str, dict[str, Any]]:
    """The accounts of `tests/web/people.py`, by name."""
    made = demo.manage("shell", "-c", "from tests.web import people; people.make()")
    assert made.returncode == 0, made.stderr
    told: dict[str, dict[str, Any]] = json.loads(made.stdout.splitlines()[-1])
    return told


@contextmanager
def mailing_server(demo: Demo, email_url: str) -> Iterator[str]:
    """The address of one more server over the demo's database, which sends real mail."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address, log = f"http://127.0.0.1:{port}", demo.var_dir / "mailing.log"
    environment = clean_environment(
        demo.var_dir,
        DRAGOMAN_MODE="demo",
        DRAGOMAN_EMAIL_URL=email_url,
        DRAGOMAN_BASE_URL=address,
    )
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "serve", "--port", str(port), "--workers", "1"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while b"listens on" not in log.read_bytes():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield address
    finally:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        process.kill()
        process.wait()
