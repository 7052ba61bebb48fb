"""Links that officers have mailed: invitations and resets, and what voids them."""

from __future__ import annotations

import re
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import settings

from accounts.login.outcome import LoginRefused
from accounts.models import LoginEvent, User
from mfa.models import Challenge
from tenants import resolve
from tests.console.deeds import deed, do, last_event, log_in
from tests.console.furniture import make_superuser, path_of
from tests.fixtures import Cast
from tests.web.browsing import Browser, signed_in

CHOSEN = "violet anvil under seven bridges"


def link_in(outbox: list[Any]) -> str:
    (message,) = outbox
    found = re.search(r"https?://\S+", message.body)
    assert found
    return found[0]


def test_a_person_is_made_and_invited_in_one_step(
    cast: Cast, officer: Browser, mailed: Any
) -> None:
    path = path_of(User, "add")
    page = officer.get(path)
    assert re.search(r'name="invite"[^>]*checked', page.content.decode())
    fields = {"tenant": str(cast.alpha.pk), "kind": "person", "username": "frank"}
    with mailed() as outbox:
        answer = officer.submit(page, path, **fields, email="frank@alpha.example", invite="on")
    assert answer.status_code == 302
    frank = User.objects.get(username="frank")
    assert (frank.has_usable_password(), frank.email_verified) == (False, False)
    assert [message.subject for message in outbox] == ["Your account"]
    assert outbox[0].to == ["frank@alpha.example"]
    sent = last_event("password:link:sent")
    assert (sent.user_id, sent.reason, sent.trace) == (frank.pk, "invitation", [["by", "erin"]])
    assert last_event("admin:user:created").user_id == frank.pk
    guest = Browser()
    address = link_in(outbox)
    done = guest.submit(guest.get(address), address, new_password=CHOSEN, again=CHOSEN)
    assert done.status_code == 200
    chosen = User.objects.get(pk=frank.pk)
    assert (chosen.has_usable_password(), chosen.email_verified) == (True, True)


def test_an_invitation_that_could_not_arrive_makes_no_account(
    cast: Cast, officer: Browser, mailed: Any
) -> None:
    path = path_of(User, "add")
    fields = {"tenant": str(cast.alpha.pk), "username": "frank", "invite": "on"}
    cases = [
        ({"kind": "person"}, "An invitation needs an e-mail address."),
        ({"kind": "service", "email": "f@alpha.example"}, "Only people are invited"),
    ]
    with mailed() as outbox:
        for more, why in cases:
            page = officer.submit(officer.get(path), path, **fields, **more)
            assert (page.status_code, why in page.content.decode()) == (200, True), more
        with patch.object(
            settings, "EMAIL_BACKEND", "django.core.mail.backends.dummy.EmailBackend"
        ):
            page = officer.submit(
                officer.get(path), path, **fields, kind="person", email="f@alpha.example"
            )
            assert "No mail leaves this server." in page.content.decode()
        cast.beta.contracts = {"browser": {"enabled": False}}
        cast.beta.save()
        resolve.invalidate()
        boss = signed_in(make_superuser(cast.erin))
        fields["tenant"] = str(cast.beta.pk)
        page = boss.submit(boss.get(path), path, **fields, kind="person", email="f@beta.example")
        assert "sign-in is closed in this tenant" in page.content.decode()
    assert outbox == []
    assert not User.objects.filter(username="frank").exists()
    # A box that says no is as good as none.
    with mailed() as outbox:
        fields |= {"tenant": str(cast.alpha.pk), "invite": "false"}
        answer = officer.submit(officer.get(path), path, **fields, kind="service")
    assert (answer.status_code, outbox) == (302, [])
    assert User.objects.get(username="frank").kind == "service"


def test_a_reset_is_sent_to_the_owner_and_never_through_the_officer(
    cast: Cast, officer: Browser, mailed: Any
) -> None:
    with mailed() as outbox:
        answer = do(officer, deed(cast.bob, "send-reset"))
    assert answer.status_code == 302
    assert [(message.subject, message.to) for message in outbox] == [
        ("Choose a new password", ["bob@alpha.example"])
    ]
    assert "An administrator lets you choose a new password for bob." in outbox[0].body
    token = link_in(outbox).rstrip("/").rsplit("/", 1)[1]
    for page in (officer.get(answer["Location"]), officer.get(path_of(LoginEvent))):
        assert token not in page.content.decode()
    event = last_event("password:link:sent")
    assert (event.reason, event.trace) == ("password_reset", [["by", "erin"]])
    # Bob still needs his app: the link stands in for no second factor.
    guest, address = Browser(), link_in(outbox)
    guest.submit(guest.get(address), address, new_password=CHOSEN, again=CHOSEN)
    assert "dragoman" not in guest.cookies
    with pytest.raises(LoginRefused):
        log_in("bob")


def test_links_are_offered_only_where_they_are_of_use(cast: Cast, officer: Browser) -> None:
    User.objects.filter(pk=cast.alice.user.pk).update(password="!")
    offered = {
        (who.username, slug)
        for who in (cast.alice, cast.bob, cast.carol, cast.svc)
        for slug in ("invite", "send-reset")
        if officer.get(deed(who, slug)).status_code == 200
    }
    assert offered == {("alice", "invite"), ("bob", "send-reset")}
    User.objects.filter(pk=cast.bob.user.pk).update(email="", email_key="")
    assert officer.get(deed(cast.bob, "send-reset")).status_code == 404


def test_a_new_address_is_told_to_the_old_one_and_voids_links_to_it(
    cast: Cast, officer: Browser, mailed: Any
) -> None:
    with mailed() as outbox:
        do(officer, deed(cast.alice, "send-reset"))
    address = link_in(outbox)
    path = path_of(User, cast.alice.user.pk, "change")
    with mailed() as outbox:
        answer = officer.submit(officer.get(path), path, username="alice", email="al@alpha.example")
        assert answer.status_code == 302
    assert [(message.subject, message.to) for message in outbox] == [
        ("The e-mail address was changed", ["alice@alpha.example"])
    ]
    assert Browser().get(address).status_code == 410
    assert Challenge.objects.get().spent_at is None
    # Changing a name tells nobody.
    with mailed() as outbox:
        officer.submit(officer.get(path), path, username="al", email="al@alpha.example", phone="1")
    assert outbox == []
