"""Pages that no link leads to: later steps, refusals, secrets shown once, what a superuser has."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.ops.demo import Demo
from tests.web.driving import app_code, enter, fill_in, press
from tests.web.tour import pages

Made = Mapping[str, Any]
Scenes = Iterator[str]
# What the officer of a tenant does not see, or has no row of.
_OWN = re.compile(
    "/tenants/.*/(?:add|auth0|change|test|delete)/|/signingkey/.*/deed/|/group/.*/delete/"
    "|/(?:externalaccount|passkey)/.*/(?:change|deed)/"
)


def furnish(demo: Demo) -> Made:
    """The people and rows of `furnished.py`, made in a running demo."""
    done = demo.manage("shell", "-c", "from tests.web import furnished; furnished.make()")
    assert done.returncode == 0, done.stderr
    told: Made = json.loads(done.stdout.splitlines()[-1])
    return told


def outside(page: Page, made: Made) -> Scenes:
    """Somebody who is not signed in: everything that can come before that."""
    page.goto("/sign-in/?organization=1")
    yield "another organization"
    page.goto("/t/nobody/sign-in/")
    yield "no such organization"
    page.goto("/t/tour/sign-in/")
    _go(page, fill_in, {"username": "guest", "password": "wrong"})
    yield "a wrong password"
    _go(page, fill_in, made["late"])
    yield "a forced password"
    _choose(page, "Continue")
    yield "a forced password that differs"
    page.goto("/t/tour/sign-in/")
    _go(page, fill_in, made["bearer"])
    yield "a second step"
    _go(page, enter, "000000")
    yield "a wrong code"
    page.goto("/forgot/")
    page.get_by_label("User name or e-mail").fill("nobody")
    _go(page, press, "Send the link")
    yield "a link was asked for"
    page.goto(made["link"])
    yield "a link"
    _choose(page, "Set the password")
    yield "a password that differs"
    page.goto("/oidc/callback")
    yield "a way back that leads nowhere"
    page.goto("/t/tour/sign-in/")
    # So the page that sends people off stays.
    page.route("https://idp.invalid/**", _nothing)
    _go(page, press, "Club")
    expect(page.get_by_role("link", name="Go to Club")).to_be_visible()
    yield "off to a provider"
    page.goto("/t/strict/sign-in/")
    _go(page, fill_in, made["new"])
    yield "an app has to be set up"
    _confirm(page, "Continue")
    yield "the first recovery codes"


def inside(page: Page, made: Made) -> Scenes:
    """Somebody at his own account."""
    page.goto("/t/tour/sign-in/")
    _go(page, fill_in, made["guest"])
    expect(page).to_have_url(re.compile("/account/$"))
    yield "an account without a second factor"
    for name in ("passkeys", "recovery-codes", "linked"):
        page.goto(f"/t/tour/account/{name}/")
        yield f"none yet, {name}"
    page.goto("/t/tour/account/profile/")
    page.get_by_label("Phone").fill("seven")
    _go(page, press, "Save")
    yield "a profile that is refused"
    for name, field in (("app-passwords", "player"), ("tokens", "bot")):
        page.goto(f"/t/tour/account/{name}/")
        page.get_by_label("Name").fill(field)
        _go(page, press, "Make it")
        yield f"shown once, {name}"
        page.goto(f"/t/tour/account/{name}/")
        yield f"one is there, {name}"
    page.goto("/t/tour/account/sessions/")
    yield "several sessions"
    page.goto("/t/tour/account/address/")
    page.get_by_label("New e-mail address").fill("moved@tour.test")
    _go(page, press, "Send the link")
    yield "an address is asked for"
    page.goto("/t/tour/account/authenticator/")
    _go(page, press, "Set one up")
    yield "an app is set up"
    page.get_by_label("Code that the app shows").fill("000000")
    _go(page, press, "Confirm")
    yield "an app that shows another code"
    _confirm(page, "Confirm")
    yield "recovery codes, shown once"
    page.goto("/sign-in/?again=1&next=/account/")
    yield "a fresh sign-in"
    page.goto("/admin/")
    yield "no console"


def console(page: Page, made: Made) -> Scenes:
    """A superuser: what staff do not have, and answers to forms."""
    page.goto("/t/tour/sign-in/")
    _go(page, fill_in, {"username": "guest", "password": "wrong"})
    page.goto("/sign-in/?next=/admin/")
    _go(page, fill_in, made["chief"])
    expect(page.get_by_role("heading", name="Console")).to_be_visible()
    address = page.url.removesuffix("/admin/")
    yield from (kind for kind in pages(page, address, ("/admin/",), 80) if _OWN.search(kind))
    for kind in ("LDAP", "OIDC"):
        page.goto(f"/admin/tenants/identityprovider/add/?kind={kind}")
        yield f"a new {kind} provider"
    _unchecked(page, "Save")
    yield "a provider that is refused"
    page.goto("/admin/accounts/user/add/")
    page.locator("[name=username]").fill("guest")
    _unchecked(page, "Save")
    yield "an account that is refused"
    _row(page, "accounts/user", "tour-workload")
    yield "a workload"
    _follow(page.get_by_role("link", name="Trusted issuer").first)
    _follow(page.get_by_role("link", name="Kubernetes"))
    _unchecked(page, "Save")
    yield "a trust that is refused"
    _row(page, "accounts/user", "bearer")
    yield "an account with everything"
    _follow(page.get_by_role("link", name="Recovery codes", exact=True))
    _follow(page.get_by_role("link", name="New recovery codes"))
    _go(page, press, "New recovery codes")
    yield "codes of another, shown once"
    page.goto("/admin/accounts/servicecredential/add/")
    page.locator("[name=user]").select_option(label="tour-service")
    _follow(page.locator("[name=_save]"))
    yield "a service's secret, shown once"
    _row(page, "tenants/identityprovider", "corp")
    _follow(page.get_by_role("link", name="Test connection"))
    _go(page, press, "Test connection")
    yield "a connection was tested"
    _row(page, "tenants/tenant", "tour")
    page.locator("[name=colour]").fill("yellow")
    _unchecked(page, "Save")
    yield "a tenant that is refused"
    page.goto("/admin/accounts/session/?live=yes")
    page.locator("#action-toggle").check()
    page.locator("select[name=action]").select_option("end_selected")
    _go(page, press, "Go")
    yield "sessions are to end"
    page.goto("/admin/accounts/loginevent/?reason=wrong_password")
    _follow(page.locator("#result_list tbody a").first)
    yield "why somebody was refused"
    page.goto("/admin/accounts/user/?q=nobody-of-this-name&state__exact=active")
    yield "nobody is found"
    page.goto(f"/admin/accounts/user/{UUID(int=1)}/change/")
    yield "no such row"


SCENES: Mapping[str, Callable[[Page, Made], Scenes]] = {
    "outside": outside,
    "inside": inside,
    "console": console,
}


def played(
    browser: Browser,
    demo: Demo,
    made: Made,
    name: str,
    *,
    script: Path | None = None,
    **options: Any,
) -> Iterator[tuple[str, Page]]:
    """One walk over such pages; each is open when it is told. ``script``: one for every page."""
    # A name that passkeys can be made for.
    address = demo.base_url.replace("127.0.0.1", "localhost")
    context = browser.new_context(base_url=address, locale="en", **options)
    if script is not None:
        context.add_init_script(path=script)
    page = context.new_page()
    for scene in SCENES[name](page, made):
        yield scene, page
    context.close()


def _go(page: Page, act: Callable[[Page, Any], None], what: Any) -> None:
    """Do what leads to another page, and wait for that: the old one is still there for a moment."""
    with page.expect_navigation():
        act(page, what)


def _follow(way: Locator) -> None:
    with way.page.expect_navigation():
        way.click()


def _choose(page: Page, button: str) -> None:
    """Two passwords that differ."""
    page.get_by_label("New password", exact=True).fill("one")
    page.get_by_label("New password again").fill("another")
    _go(page, press, button)


def _confirm(page: Page, button: str) -> None:
    secret = (page.locator("code.secret").text_content() or "").replace(" ", "")
    page.get_by_label("Code that the app shows").fill(app_code(secret, earlier=True))
    _go(page, press, button)
    expect(page.get_by_role("heading", name="Save your recovery codes")).to_be_visible()


def _nothing(route: Route) -> None:
    route.fulfill(status=204)


def _row(page: Page, table: str, name: str) -> None:
    """The page of a row that is looked for."""
    page.goto(f"/admin/{table}/?q={name}")
    _follow(page.locator("#result_list tbody a").first)


def _unchecked(page: Page, button: str) -> None:
    """Send a form that the browser itself would not send."""
    page.evaluate("() => { for (const each of document.forms) each.noValidate = true; }")
    _go(page, press, button)
