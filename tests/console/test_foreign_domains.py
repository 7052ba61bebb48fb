"""An officer gives nobody an address whose domain leads logins to another tenant."""

from __future__ import annotations

from typing import Any

from accounts import provisioning
from accounts.models import User
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
