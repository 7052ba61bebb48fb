"""A provider's word that counts no longer: logins under way, groups, two logins at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection, transaction

from accounts.admin.providers import end_opened
from accounts.login import custody, external, identify
from accounts.login.custody import Act
from accounts.login.external import admit
from accounts.models import ExternalAccount, Group, Session, User
from tenants.models import IdentityProvider
from tests.console.furniture import make_superuser, path_of
from tests.federation.upstream.issuer import Issuer
from tests.federation.upstream.test_admission import ANN, client, oidc
from tests.federation.upstream.test_browser import BACK, depart, linked, reason, says
from tests.fixtures import Cast
from tests.login.test_races import _own_connection
from tests.login.test_races_of_sessions import _until_somebody_waits
from tests.web.browsing import Browser, signed_in


def _unlinked() -> None:
    custody.unlink(ExternalAccount.objects.get(), Act(client(), "bob"))


def _switched_off() -> None:
    end_opened(IdentityProvider.objects.get(), Act(client(), "erin"), "identity provider disabled")


@pytest.mark.parametrize("withdrawn", [_unlinked, _switched_off])
def test_a_login_that_waits_for_its_second_factor_ends_with_the_word_that_began_it(
    cast: Cast, issuer: Issuer, withdrawn: Callable[[], None]
) -> None:
    linked(cast, issuer, cast.bob)
    browser = Browser()
    query = depart(browser)
    says(issuer, query["nonce"])
    page = browser.get(BACK, {"state": query["state"], "code": "c0de"})
    withdrawn()
    browser.submit(page, code=cast.bob.code())
    assert reason() == "challenge_spent"
    assert not Session.objects.exists()


@pytest.mark.parametrize(
    ("withdrawn", "earlier"), [(_unlinked, True), (_unlinked, False), (_switched_off, False)]
)
def test_a_login_that_ends_at_that_moment_opens_nothing(
    cast: Cast,
    issuer: Issuer,
    monkeypatch: pytest.MonkeyPatch,
    withdrawn: Callable[[], None],
    earlier: bool,  # one of a test's cases
) -> None:
    """Its session is written when those that the word has opened were ended already.

    ``earlier``: the link was found, and the account is just to be read.
    """
    linked(cast, issuer, cast.alice)
    other = signed_in(cast.alice)
    browser, read = Browser(), identify.by_id

    def meanwhile(*given: Any) -> Any:
        if earlier:
            withdrawn()
            return read(*given)
        found = read(*given)
        withdrawn()
        return found

    query = depart(browser)
    says(issuer, query["nonce"])
    monkeypatch.setattr(identify, "by_id", meanwhile)
    browser.get(BACK, {"state": query["state"], "code": "c0de"})
    assert browser.get("/account/").status_code == 302
    # What the owner has opened by himself goes on.
    assert other.get("/account/").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_an_account_that_is_just_being_linked_is_among_those_whose_logins_end(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider, create = oidc(cast.alpha, creates_accounts=True), external._created

    def withdraw() -> None:
        with _own_connection(), transaction.atomic():
            _switched_off()

    officer = threading.Thread(target=withdraw)

    def meanwhile(*given: Any) -> User:
        officer.start()
        _until_somebody_waits()
        return create(*given)

    monkeypatch.setattr(external, "_created", meanwhile)
    judged = admit(provider, ANN, client()).user
    officer.join(20)
    assert User.objects.get(pk=judged.pk).security_epoch == judged.security_epoch + 1


@pytest.mark.django_db(transaction=True)
def test_two_logins_that_bring_the_same_new_groups_do_not_block_each_other(cast: Cast) -> None:
    """The groups are written in one order, whatever order the provider tells them in."""
    provider, failed = oidc(cast.alpha), []

    def log_in() -> None:
        try:
            admit(provider, replace(ANN, groups=("b", "a")), client())
        except Exception as error:  # noqa: BLE001  # shown by the assertion
            failed.append(error)
        finally:
            connection.close()

    def add(name: str) -> None:
        new = [Group(tenant=cast.alpha, name=name, provider_id=provider.id)]
        Group.objects.bulk_create(new, ignore_conflicts=True)

    thread = threading.Thread(target=log_in)
    with transaction.atomic():
        add("a")
        thread.start()
        thread.join(0.7)
        assert thread.is_alive()
        add("b")
    thread.join()
    assert failed == []
    assert set(Group.objects.values_list("name", flat=True)) == {"a", "b"}


def test_groups_end_with_the_provider_that_told_their_members(cast: Cast) -> None:
    """Kept here they would have members for ever, and keep their names from a new provider."""
    corp = oidc(cast.alpha)
    kept = Group.objects.create(tenant=cast.alpha, name="kept")
    user = admit(corp, replace(ANN, groups=("staff",)), client()).user
    user.member_of.add(kept)
    boss = signed_in(make_superuser(cast.erin))
    path = path_of(IdentityProvider, corp.id, "delete")
    page = boss.get(path)
    assert "Groups whose members it tells: 1" in page.content.decode()
    assert boss.submit(page, path, post="yes").status_code == 302
    assert list(Group.objects.all()) == [kept]
    assert list(user.member_of.all()) == [kept]
