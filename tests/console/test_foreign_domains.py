"""An officer gives nobody an address whose domain leads logins to another tenant."""

from __future__ import annotations

from typing import Any

from accounts import provisioning
from accounts.models import User
from tenants.models import Tenant
from tests.console.furniture import make_superuser, path_of
from tests.fixtures import Cast
from tests.web.browsing import Browser, signed_in

THEIRS = "ada@beta.example"
REFUSED = "Addresses of this domain are another tenant&#x27;s."


def submitted(officer: Browser, path: str, **fields: Any) -> str:
    """What the form says to these fields; nothing where it took them."""
    answer = officer.submit(officer.get(path), path, **fields)
    return "" if answer.status_code == 302 else answer.content.decode()


def test_an_officer_gives_no_address_of_another_tenants_domain(cast: Cast) -> None:
    officer = signed_in(cast.erin)
    new, alice = path_of(User, "add"), path_of(User, cast.alice.user.pk, "change")
    fields = {"tenant": str(cast.alpha.pk), "username": "ada", "email": THEIRS, "invite": "false"}
    assert REFUSED in submitted(officer, new, **fields, kind="person")
    assert REFUSED in submitted(officer, alice, username="alice", email=THEIRS)
    assert not User.objects.filter(email=THEIRS).exists()
    # Products prescribe how machines are called.
    assert submitted(officer, new, **fields, kind="service") == ""


def test_who_is_over_all_tenants_may_and_what_stands_does_not_disturb(cast: Cast) -> None:
    boss = signed_in(make_superuser(cast.erin))
    alice = path_of(User, cast.alice.user.pk, "change")
    assert submitted(boss, alice, username="alice", email=THEIRS) == ""
    guest = provisioning.create_user(cast.alpha, "guest", email="guest@beta.example")
    User.objects.filter(pk=cast.erin.user.pk).update(is_superuser=False)
    officer = signed_in(cast.erin)
    path = path_of(User, guest.pk, "change")
    page = officer.get(path)
    answer = officer.submit(page, path, username="guest", email=guest.email, display_name="G")
    assert answer.status_code == 302
    assert User.objects.get(pk=guest.pk).display_name == "G"


def test_who_claims_a_domain_is_told_of_other_tenants_people_in_it(cast: Cast) -> None:
    provisioning.create_user(cast.beta, "guest", email="guest@Gamma.example")
    provisioning.create_user(cast.beta, "bot", email="bot@gamma.example", kind="service")
    provisioning.create_user(cast.alpha, "own", email="own@gamma.example")
    boss = signed_in(make_superuser(cast.erin))
    path = path_of(Tenant, cast.alpha.pk, "change")

    def told(**fields: str) -> str:
        form = {"name": "Alpha", "state": "active", **fields}
        for part, number in (("domains", "1"), ("policy", "0")):
            form |= {f"{part}-TOTAL_FORMS": number, f"{part}-INITIAL_FORMS": "0"}
        assert boss.submit(boss.get(path), path, **form).status_code == 302
        return boss.get(path_of(Tenant)).content.decode()

    new = {"domains-0-tenant": str(cast.alpha.pk), "domains-0-id": ""}
    warning = "People of other tenants have addresses in gamma.example (Beta: 1)."
    told(**new, **{"domains-0-kind": "host", "domains-0-domain": "gamma.example"})
    assert warning not in told(
        **new, **{"domains-0-kind": "email", "domains-0-domain": "d.example"}
    )
    assert warning in told(
        **new, **{"domains-0-kind": "email", "domains-0-domain": "Gamma.example"}
    )
    assert warning not in boss.get(path_of(Tenant)).content.decode()
