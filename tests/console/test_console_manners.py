"""What the console's pages say, offer and refuse, besides what they do."""

from __future__ import annotations

import re

from accounts.models import LoginEvent, Session, User
from tenants.models import Tenant
from tests.console.furniture import make_superuser, path_of
from tests.fixtures import Cast
from tests.web.accounting import text
from tests.web.browsing import signed_in

USERS, EVENTS = "/admin/accounts/user/", "/admin/accounts/loginevent/"
FILTERS = {
    USERS: ("state", "kind__exact", "contract", "factor", "is_staff__exact"),
    "/admin/accounts/session/": ("contract", "live", "since", "user__id__exact"),
    EVENTS: ("contract", "event", "reason", "until"),
    "/admin/tenants/tenant/": ("state__exact", "q"),
}


def test_a_nul_character_in_a_filter_leads_back_to_the_list(cast: Cast) -> None:
    browser = signed_in(cast.erin)
    wrong = []
    for address, names in FILTERS.items():
        for name in names:
            answer = browser.get(f"{address}?{name}=a%00b")
            if (answer.status_code, answer.get("Location")) != (302, f"{address}?e=1"):
                wrong.append((address, name, answer.status_code))
    assert wrong == []


def test_a_list_bears_the_name_of_its_rows_and_counts_only_what_was_looked_for(cast: Cast) -> None:
    browser = signed_in(cast.erin)
    page = text(browser.get(USERS))
    assert "<h1>Users</h1>" in page
    assert "Show all" not in page
    assert "<h1>Audit trail</h1>" in text(browser.get(EVENTS))
    found = text(browser.get(f"{USERS}?q=alice"))
    assert re.search(r"1 result .*?Show all", found)


def test_the_overview_has_the_list_of_pages_at_its_side(cast: Cast) -> None:
    page = text(signed_in(cast.erin).get("/admin/"))
    assert 'id="nav-sidebar"' in page
    assert "Mfa" not in page


def test_the_page_of_an_event_begins_with_why(cast: Cast) -> None:
    browser = signed_in(cast.erin)
    event = LoginEvent.objects.latest("at")
    page = text(browser.get(path_of(LoginEvent, event.pk, "change")))
    assert 0 < page.index('<h2 id="why-heading">Why</h2>') < page.index("Request id:")


def test_each_contract_of_a_tenant_has_a_section_that_says_whether_it_is_on(cast: Cast) -> None:
    browser = signed_in(make_superuser(cast.erin))
    cast.alpha.contracts = {
        "coldstream": {"enabled": False},
        "bytebase": {"deprecated": "2031-01-01", "sunset": "2031-06-01"},
    }
    cast.alpha.save()
    page = text(browser.get(path_of(Tenant, cast.alpha.pk, "change")))
    heads = re.findall(r"<summary> <h2[^>]*>([^<]+)</h2> </summary>", page)
    assert heads[:2] == [
        "Bytebase: on; deprecated 2031-01-01; sunset 2031-06-01",
        "ColdStream: off",
    ]
    # A section with a mistake in it is open.
    answer = browser.submit(
        browser.get(path_of(Tenant, cast.alpha.pk, "change")),
        path_of(Tenant, cast.alpha.pk, "change"),
        name="Alpha",
        state="active",
        bytebase__sunset="soon",
    )
    assert "Bytebase: on" not in re.findall(r"<summary> <h2[^>]*>([^<:]+: \w+)", text(answer))


def test_staff_read_which_policy_holds_where_nobody_has_set_one(cast: Cast) -> None:
    page = text(signed_in(cast.erin).get(path_of(Tenant, cast.alpha.pk, "change")))
    assert "passwords of at least 15 characters" in page
    assert re.search(r"second factor (optional|required)", page)


def test_no_field_of_an_account_leads_to_other_rows(cast: Cast) -> None:
    page = text(signed_in(make_superuser(cast.erin)).get(f"{USERS}add/"))
    assert 'name="tenant"' in page
    assert "related-widget-wrapper" not in page


def test_a_changed_row_is_saved_without_another_one_after_it(cast: Cast) -> None:
    browser = signed_in(cast.erin)
    assert "_addanother" not in text(browser.get(path_of(User, cast.bob.user.pk, "change")))
    assert Session.objects.count() == 1
