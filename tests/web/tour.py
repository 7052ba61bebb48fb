"""A walk over every page: what a stranger, a person and an officer reach by following links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, StorageState, expect

from tests.ops.demo import Demo
from tests.web.driving import app_code

# Rows of one kind look alike: one of each is visited.
_VARYING = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|(?<=/)\d+(?=/)")
# What ends the walk, or is no page.
_LEFT_OUT = ("/sign-out/", "/admin/logout/", "/api/", "/language/")
_STEP_PAGES = ("/sign-in/", "/forgot/", "/password/no-such-link/")


@dataclass(frozen=True)
class Walker:
    """Who walks, and where the walk begins."""

    name: str
    persona: str
    starts: tuple[str, ...]


WALKERS = (
    Walker("stranger", "", ("/", *_STEP_PAGES)),
    Walker("person", "bob", ("/account/",)),
    Walker("officer", "erin", ("/admin/",)),
)


def kind_of(path: str) -> str:
    """What kind of page lies at a path."""
    return _VARYING.sub("*", path)


def sign_in(page: Page, address: str, persona: dict[str, Any]) -> None:
    """Sign a demo persona in, with the second step where there is one."""
    page.goto(f"{address}/sign-in/")
    page.locator("[name=identifier]").fill(persona["email"])
    page.locator("[name=password]").fill(persona["password"])
    page.get_by_role("button", name="Sign in", exact=True).click()
    if "totp_secret" in persona:
        page.locator("[name=code]").fill(app_code(persona["totp_secret"]))
        page.get_by_role("button", name="Continue").click()
    expect(page).to_have_url(re.compile("/(account|admin)/"))


def pages(page: Page, address: str, starts: tuple[str, ...], most: int) -> Iterator[str]:
    """Walk from the starts over all links, one page of a kind; each is open when it is told."""
    waiting = list(starts)
    seen: set[str] = set()
    while waiting and len(seen) < most:
        path = waiting.pop(0)
        if kind_of(path) in seen:
            continue
        seen.add(kind_of(path))
        page.goto(f"{address}{path}")
        yield kind_of(path)
        hrefs = page.eval_on_selector_all("a[href]", "all => all.map(a => a.getAttribute('href'))")
        waiting += [found for href in hrefs if (found := _inside(address, path, href))]


def _inside(address: str, path: str, href: str) -> str:
    """The path of a link within the service; empty for another's and for what is no page."""
    parts = urlsplit(urljoin(f"{address}{path}", href))
    if parts.netloc != urlsplit(address).netloc or parts.query:
        return ""
    if parts.path.startswith(_LEFT_OUT) or not parts.path.endswith("/"):
        return ""
    return parts.path


_cookies: dict[tuple[str, str], StorageState] = {}


def opened(browser: Browser, demo: Demo, walker: Walker, **options: Any) -> BrowserContext:
    """A browser's context in which the walker is signed in.

    Once for all walks through one demo: a code of the app is good once in its time step.
    """
    if not walker.persona:
        return browser.new_context(**options)
    key = (demo.base_url, walker.persona)
    if key not in _cookies:
        context = browser.new_context()
        sign_in(context.new_page(), demo.base_url, demo.persona(walker.persona, "acme"))
        _cookies[key] = context.storage_state()
        context.close()
    return browser.new_context(storage_state=_cookies[key], **options)
