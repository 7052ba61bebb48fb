"""The headers of pages, wherever they come from, and what changes with TLS."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from django.conf import settings
from django.test import override_settings

from accounts.console import console
from tests.console.furniture import furnish, make_superuser, path_of
from tests.fixtures import Cast
from tests.ops.demo import ROOT
from tests.settings import ENVIRON
from tests.web.browsing import LOGIN, Browser, signed_in
from tests.web.test_pages import unheaded

TLS = """
import json
from config import settings
names = [name for name in dir(settings) if name.startswith(("SECURE_HSTS", "SESSION_COOKIE",
    "CSRF_COOKIE", "LANGUAGE_COOKIE"))]
print(json.dumps({name: getattr(settings, name) for name in names}))
"""


def test_every_page_of_the_console_has_the_headers_that_a_browser_goes_by(cast: Cast) -> None:
    rows = furnish(cast.alpha, cast.bob.user)
    browser = signed_in(make_superuser(cast.erin))
    paths = ["/admin/", "/admin/nothing/", "/admin/login/", "/admin", "/admin/accounts/"]
    for model in console._registry:
        paths += [path_of(model), path_of(model, "add"), path_of(model, rows[model].pk, "change")]
        paths.append(path_of(model, "none", "change"))
    pages = {path: browser.get(path) for path in paths}
    pages["not signed in"] = Browser().get("/admin/")
    pages["not staff"] = signed_in(cast.alice).get("/admin/")
    pages["without a form of ours"] = browser.post("/admin/accounts/group/add/", {})
    assert {page.status_code for page in pages.values()} >= {200, 302, 403, 404}
    wrong: dict[str, list[str]] = {}
    for path, page in pages.items():
        # Nobody keeps a redirect of this kind unless he is told to (RFC 9111, 3).
        faults = [f for f in unheaded(page) if f != "may be kept" or page.status_code != 302]
        if faults:
            wrong[path] = faults
    assert wrong == {}


def test_over_tls_pages_and_cookies_insist_on_it(cast: Cast) -> None:
    environment = {**os.environ, **ENVIRON, "DRAGOMAN_BASE_URL": "https://testserver"}
    command = [sys.executable, "-c", TLS]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    told: dict[str, Any] = json.loads(done.stdout)
    proxy = ("HTTP_X_FORWARDED_PROTO", "https")
    with (
        override_settings(**told, SECURE_PROXY_SSL_HEADER=proxy),
        patch.object(
            settings, "DRAGOMAN", replace(settings.DRAGOMAN, base_url="https://testserver")
        ),
    ):
        browser = Browser(
            HTTP_HOST="testserver",
            HTTP_X_FORWARDED_PROTO="https",
            HTTP_REFERER="https://testserver/",
        )
        pages = [browser.get(LOGIN), browser.sign_in(cast.erin), browser.get("/admin/")]
        pages += [browser.get("/account/nobody/"), browser.get("/brand/ffcc00.css")]
        pages.append(browser.submit(browser.get("/account/"), "/language/", language="de"))
        assert pages[1].status_code == 302, pages[1].content.decode()
        assert {page.get("Strict-Transport-Security") for page in pages} == {"max-age=31536000"}
        cookies = {name: each for page in pages for name, each in page.cookies.items()}
        assert len(cookies) >= 3
        for name, each in cookies.items():
            kept = (name[:7], each["secure"], each["path"], each["domain"], each["httponly"])
            assert kept == ("__Host-", True, "/", "", True), name
    # Without TLS there is nothing to insist on.
    assert "Strict-Transport-Security" not in Browser().get(LOGIN)
