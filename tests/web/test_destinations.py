"""Where a sign-in leads to: never away."""

from __future__ import annotations

import pytest

from accounts.web.destinations import page_within
from tests.fixtures import Cast
from tests.web.browsing import LOGIN, Browser

HOSTILE = [
    "https://evil.example/",
    "http://evil.example/admin/",
    "HTTPS://EVIL.EXAMPLE/account/",
    "//evil.example",
    "//evil.example/admin/",
    "///evil.example/account/",
    "////evil.example",
    "/\\evil.example/admin/",
    "\\\\evil.example",
    "\\/evil.example/account/",
    "/account\\..\\..\\evil.example",
    "https:evil.example",
    "https:/evil.example",
    "http:///evil.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)//account/",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "/admin/../../evil",
    "/account/./../x",
    "/account/..;/x",
    "/account//evil.example",
    "/account/%2e%2e/x",
    "/account/%2E%2E/x",
    " //evil.example",
    " /account/",
    "\t//evil.example",
    "/\t/evil.example/account/",
    "/account/\r\nSet-Cookie: a=b",
    "/account/%0d%0aSet-Cookie:a=b\n",
    "/%2f%2fevil.example",
    "/account/%2f%2fevil.example",
    "/account/%5cevil.example",
    "/%09/evil.example",
    "https://testserver@evil.example/admin/",
    "https://testserver/account/",
    "testserver/account/",
    "account/",
    "/account",
    "/accounts/",
    "/adminevil/",
    "/v1/users/me",
    "/sign-out/",
    "/sign-in/?next=//evil.example",
    "/admin/login/?next=//evil.example",
    "/admin/logout/",
    "/t/alpha/admin/logout/",
    "/t//account/",
    "/t/../account/",
    "/t/beta@evil.example/account/",
    "/account/#//evil.example",
    "/account/\x00",
    "/account/\u2028",
    "/\uff0faccount/",
    "/account/" + "a" * 2000,
    "?next=/account/",
    "#",
    "",
]


def test_no_hostile_address_is_taken_for_a_page() -> None:
    assert [wanted for wanted in HOSTILE if page_within(wanted)] == []


@pytest.mark.parametrize(
    "wanted",
    [
        "/account/",
        "/account/sessions/?page=2&q=a%20b",
        "/admin/",
        "/admin/accounts/user/?q=o'brien",
        "/t/beta/account/",
        "/t/beta/admin/",
    ],
)
def test_our_own_pages_are_taken(wanted: str) -> None:
    assert page_within(wanted) == wanted


def test_a_choice_of_language_may_lead_back_to_an_open_page() -> None:
    assert page_within("/sign-in/?next=/admin/", ways_in=True) == "/sign-in/?next=/admin/"
    assert page_within("/t/beta/forgot/", ways_in=True) == "/t/beta/forgot/"
    assert [wanted for wanted in HOSTILE if page_within(wanted, ways_in=True)] == [
        "/sign-in/?next=//evil.example"
    ]


def test_a_sign_in_goes_to_the_account_in_place_of_a_hostile_address(cast: Cast) -> None:
    browser = Browser()
    signed_in_once = browser.sign_in(cast.alice)
    assert signed_in_once["Location"] == "/account/"
    astray = []
    for wanted in HOSTILE:
        # Signed in already, the page redirects at once, by the same rule as after a sign-in.
        answer = browser.get(LOGIN, {"next": wanted})
        if (answer.status_code, answer["Location"]) != (302, "/account/"):
            astray.append((wanted, answer["Location"]))
    assert astray == []


def test_the_address_in_a_form_is_judged_like_the_one_in_a_link(cast: Cast) -> None:
    browser = Browser()
    page = browser.get(LOGIN, {"next": "/admin/"})
    fields = {"identifier": "erin", "password": cast.erin.password}
    answer = browser.submit(page, next="//evil.example/admin/", **fields)
    assert (answer.status_code, answer["Location"]) == (302, "/account/")
