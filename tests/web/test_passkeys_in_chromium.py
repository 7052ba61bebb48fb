"""Passkeys in a real browser, whose authenticator is the one of its developer tools."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.ops.demo import Demo

CHROMIUM = "/usr/bin/chromium"
# Nothing in the background: a test must not wait for what the browser wants from elsewhere.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="needs Chromium"),
]


@pytest.fixture
def chromium() -> Iterator[Browser]:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def new_account(demo: Demo) -> str:
    """An account of this test alone; its password."""
    made = demo.manage("create_user", "pam", "--email", "pam@acme.test", "--keep-password")
    assert made.returncode == 0, made.stderr
    return made.stdout.split()[-1]


def sign_in(page: Page, address: str, password: str) -> None:
    page.goto(f"{address}/sign-in/")
    page.get_by_label("User name or e-mail").fill("pam")
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def sign_out(page: Page) -> None:
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def device(page: Page) -> tuple[Any, str]:
    """A phone or laptop that checks its holder; it confirms only when it is told to."""
    tools = page.context.new_cdp_session(page)
    tools.send("WebAuthn.enable", {"enableUI": False})
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    made = tools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return tools, made["authenticatorId"]


def test_a_passkey_is_added_and_signs_in_alone_and_as_the_second_step(
    chromium: Browser, demo: Demo
) -> None:
    password = new_account(demo)
    # Browsers take no bare address for a relying party; this name means the same machine.
    address = demo.base_url.replace("127.0.0.1", "localhost")
    page = chromium.new_page()
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    tools, authenticator = device(page)

    def ready(*, confirms: bool) -> None:
        chosen = {"authenticatorId": authenticator, "enabled": confirms}
        tools.send("WebAuthn.setAutomaticPresenceSimulation", chosen)

    sign_in(page, address, password)
    expect(page).to_have_url(re.compile("/account/$"))
    page.goto(f"{address}/account/passkeys/")
    page.get_by_label("Name").fill("This laptop")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_text("The passkey “This laptop” was added.")).to_be_visible()
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_text("This device has a passkey for your account already.")).to_be_visible()

    ready(confirms=False)
    sign_out(page)
    expect(page.locator("[name=identifier]")).to_have_attribute("autocomplete", "username webauthn")
    ready(confirms=True)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page).to_have_url(re.compile("/account/$"))

    ready(confirms=False)
    sign_out(page)
    sign_in(page, address, password)
    ready(confirms=True)
    page.get_by_role("button", name="Use the passkey").click()
    expect(page).to_have_url(re.compile("/account/$"))
    assert wrong == []

    # Without script the password's form is all there is, and the second step says why.
    page = chromium.new_context(java_script_enabled=False).new_page()
    sign_in(page, address, password)
    expect(page.get_by_text("Passkeys need JavaScript")).to_be_visible()
    page.goto(f"{address}/sign-in/")
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_hidden()
