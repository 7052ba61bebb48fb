"""Pictures of every page, light and dark, on a desktop and at 360 pixels: ``make screenshots``.

All of them go to ``var/screenshots``; those that the documentation shows to ``docs/screenshots``.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page

from tests.ops.demo import ROOT, Demo, running_demo
from tests.web.chromium import chromium
from tests.web.scenes import SCENES, furnish, played
from tests.web.tour import WALKERS, Walker, opened, pages

EVERY = ROOT / "var" / "screenshots"
SHOWN = ROOT / "docs" / "screenshots"
WIDTHS = {"desktop": 1200, "phone": 360}
THEMES = ("light", "dark")
# Picture of the documentation: who sees it, where, at which width, in which light.
BEST = {
    "sign-in": "stranger-sign-in-desktop-light",
    "account-dark": "person-account-phone-dark",
    "console": "officer-admin-desktop-light",
    "why": "officer-admin-accounts-loginevent-change-desktop-light",
}


def name_of(walker: str, kind: str) -> str:
    """A file's name for a kind of page."""
    path = re.sub(r"[^a-z0-9]+", "-", kind.lower()).strip("-")
    return f"{walker}-{path or 'home'}"


def take(page: Page, name: str) -> None:
    """One page in every width and light."""
    for width_name, width in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": 800})
        for theme in THEMES:
            page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
            page.wait_for_timeout(250)  # a colour that changes slowly has changed by then
            page.screenshot(path=EVERY / f"{name}-{width_name}-{theme}.png", full_page=True)


def walk(browser: Browser, demo: Demo, walker: Walker) -> None:
    """Everything that one walker reaches."""
    page = opened(browser, demo, walker).new_page()
    for kind in pages(page, demo.base_url, walker.starts, 80):
        take(page, name_of(walker.name, kind))


def live(demo: Demo) -> None:
    """Some logins over every contract, right and wrong: the console has something to show."""
    alice = demo.persona("alice", "acme")
    name, email, password = alice["username"], alice["email"], alice["password"]
    calls: list[tuple[str, dict[str, str]]] = [
        ("/account/login", {"email": email, "password": password}),
        ("/api/v1/login", {"user": name, "password": password}),
        ("/v1/auth/login", {"email": email, "password": password}),
        ("/api/login", {"username": name, "password": password}),
        ("/Login", {"UserName": name, "TenantName": "Acme", "Password": password}),
    ]
    for turn in range(3):
        for path, body in calls[turn:]:
            _post(demo, path, body)
    for path, body in calls[:3]:
        _post(
            demo,
            path,
            {key: "wrong" if value == password else value for key, value in body.items()},
        )


def _post(demo: Demo, path: str, body: dict[str, str]) -> None:
    connection = http.client.HTTPConnection(urlsplit(demo.base_url).netloc, timeout=30)
    with contextlib.closing(connection):
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"{path.split('/')[1]}-client/2.1",
        }
        connection.request("POST", path, json.dumps(body), headers)
        connection.getresponse().read()


def main() -> None:
    """Start a demo of its own, walk through it, keep the best."""
    shutil.rmtree(EVERY, ignore_errors=True)
    EVERY.mkdir(parents=True)
    SHOWN.mkdir(parents=True, exist_ok=True)
    with (
        TemporaryDirectory() as directory,
        running_demo(Path(directory)) as demo,
        chromium() as browser,
    ):
        live(demo)
        for walker in WALKERS:
            walk(browser, demo, walker)
        # Afterwards: the pictures above are of the demo as it is.
        made = furnish(demo)
        for name in SCENES:
            for scene, page in played(browser, demo, made, name):
                take(page, name_of(name, scene))
    for name, source in BEST.items():
        shutil.copyfile(EVERY / f"{source}.png", SHOWN / f"{name}.png")
    # What the program is for.
    print(f"{len(list(EVERY.iterdir()))} pictures in {EVERY.relative_to(ROOT)}")  # noqa: T201


if __name__ == "__main__":
    main()
