"""Whose account an identity opens: the rules of links."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.utils import timezone

from accounts import provisioning
from accounts.client import ClientContext
from accounts.login import external
from accounts.login.external import NotAdmitted, admit, link
from accounts.login.outcome import Reason
from accounts.models import ExternalAccount, Group, LoginEvent, User
from tenants.federation.identity import ExternalIdentity
from tenants.federation.provider import Provider, of_row
from tenants.federation.settings import Kind
from tenants.models import IdentityProvider, Tenant
from tests.federation.upstream.providers import oauth2_settings, oidc_settings, row
from tests.fixtures import Cast

ISSUER = "https://id.corp.example"
# A link in alpha for "ann", proved by her provider.
ANN = ExternalIdentity("s-1", "ann@corp.example", "ann@corp.example", True, "Ann", "+1 2")


def client() -> ClientContext:
    return ClientContext(contract="browser", now=timezone.now(), address="203.0.113.9")


def oidc(tenant: Tenant, **fields: Any) -> Provider:
    return of_row(row(tenant, Kind.OIDC, oidc_settings(ISSUER), **fields))


def refusal(provider: Provider, identity: ExternalIdentity) -> Reason:
    before = User.objects.count(), ExternalAccount.objects.count(), Group.objects.count()
    with pytest.raises(NotAdmitted) as refused:
        admit(provider, identity, client())
    assert (
        User.objects.count(),
        ExternalAccount.objects.count(),
        Group.objects.count(),
    ) == before
    return refused.value.reason


def test_the_first_login_makes_an_account_and_later_ones_find_it(cast: Cast) -> None:
    provider = oidc(cast.alpha)
    first = admit(provider, ANN, client())
    user = first.user
    assert first.created
    assert (user.username, user.email, user.email_verified, user.display_name, user.phone) == (
        "ann@corp.example",
        "ann@corp.example",
        True,
        "Ann",
        "+1 2",
    )
    assert not user.has_usable_password()
    assert (user.is_staff, user.is_superuser) == (False, False)
    # Whatever she is called there afterwards, and whoever gets her old address.
    later = replace(ANN, identifier="eve@corp.example", email="eve@corp.example")
    again = admit(provider, later, client())
    assert (again.user, again.created) == (user, False)
    known = ExternalAccount.objects.get()
    assert (known.subject, known.identifier) == ("s-1", "eve@corp.example")
    heir = replace(ANN, subject="s-2")
    assert refusal(provider, heir) is Reason.EXTERNAL_CONFLICT
    events = LoginEvent.objects.filter(user_id=user.pk).order_by("at", "pk")
    assert [event.event for event in events] == ["admin:user:created", "external:account:linked"]


def test_no_address_leads_to_an_account_that_is_somebodys(cast: Cast) -> None:
    """Not by a verified address, not with the domain trusted; nor does it take the name."""
    trusting = oidc(cast.alpha, trusted_domains=["alpha.example"])
    for persona in (cast.alice, cast.bob, cast.carol, cast.erin):
        stranger = ExternalIdentity(f"s-{persona.username}", persona.email, persona.email, True)
        assert refusal(trusting, stranger) is Reason.EXTERNAL_CONFLICT
    lookalike = ExternalIdentity(
        "s-x", "ＡＬＩＣＥ@alpha.example", "ＡＬＩＣＥ@alpha.example", True
    )
    assert refusal(trusting, lookalike) is Reason.EXTERNAL_CONFLICT


def _waiting(tenant: Tenant, **fields: Any) -> User:
    return provisioning.create_user(
        tenant, "ann", email="ann@corp.example", password=None, **fields
    )


def test_an_account_that_waits_for_its_owner_is_found_where_the_domain_is_trusted(
    cast: Cast,
) -> None:
    waiting = _waiting(cast.alpha)
    assert refusal(oidc(cast.alpha), ANN) is Reason.EXTERNAL_CONFLICT
    trusting = oidc(cast.alpha, name="two", trusted_domains=["corp.example"])
    unverified = replace(ANN, email_verified=False)
    assert refusal(trusting, unverified) is Reason.EXTERNAL_UNVERIFIED
    assert admit(trusting, ANN, client()).user == waiting
    # From now on it is somebody's.
    three = oidc(cast.alpha, name="three", trusted_domains=["corp.example"])
    assert refusal(three, ANN) is Reason.EXTERNAL_CONFLICT


@pytest.mark.parametrize(
    "fields",
    [
        {"is_staff": True},
        {"is_superuser": True},
        {"last_login": timezone.now()},
        {"kind": "service"},
    ],
)
def test_no_other_account_waits(cast: Cast, fields: dict[str, Any]) -> None:
    user = _waiting(cast.alpha)
    User.objects.filter(pk=user.pk).update(**fields)
    trusting = oidc(cast.alpha, trusted_domains=["corp.example"])
    assert refusal(trusting, ANN) is Reason.EXTERNAL_CONFLICT


def test_a_provider_that_makes_no_accounts_opens_linked_ones_only(cast: Cast) -> None:
    provider = oidc(cast.alpha, creates_accounts=False)
    assert refusal(provider, ANN) is Reason.EXTERNAL_UNKNOWN
    link(provider, ANN, cast.alice.user, client())
    assert admit(provider, ANN, client()).user == cast.alice.user


def test_the_same_subject_of_another_provider_or_tenant_is_another_person(cast: Cast) -> None:
    ours, other = oidc(cast.alpha), oidc(cast.alpha, name="other")
    theirs = oidc(cast.beta)
    link(ours, ANN, cast.alice.user, client())
    nameless = ExternalIdentity("s-1", "ann", "")
    made = {admit(each, replace(nameless, identifier=n), client()).user for each, n in
            ((other, "ann-a"), (theirs, "ann-b"))}  # fmt: skip
    assert cast.alice.user not in made
    assert {user.tenant.slug for user in made} == {"alpha", "beta"}


def test_plain_oauth_2_is_believed_in_the_domains_that_the_officer_names(cast: Cast) -> None:
    def provider(name: str, *domains: str) -> Provider:
        fields = {"name": name, "trusted_domains": list(domains)}
        return of_row(row(cast.alpha, Kind.OAUTH2, oauth2_settings(ISSUER), **fields))

    said = ExternalIdentity("7", "ann@corp.example", "ann@corp.example")
    assert refusal(provider("a"), said) is Reason.EXTERNAL_UNVERIFIED
    assert refusal(provider("b", "other.example"), said) is Reason.EXTERNAL_UNVERIFIED
    # A word of OpenID Connect in what may be anybody's profile.
    assert refusal(provider("d"), replace(said, email_verified=True)) is Reason.EXTERNAL_UNVERIFIED
    assert admit(provider("c", "Corp.Example"), said, client()).user.email_verified


def test_a_link_is_made_once_by_its_owner_and_he_hears_of_it(cast: Cast) -> None:
    provider = oidc(cast.alpha)
    link(provider, ANN, cast.alice.user, client())
    link(provider, ANN, cast.alice.user, client())
    for other, where in ((cast.bob, cast.alpha), (cast.dave, cast.beta)):
        assert other.user.tenant == where
        with pytest.raises(NotAdmitted) as refused:
            link(provider, ANN, other.user, client())
        assert refused.value.reason is Reason.EXTERNAL_CONFLICT
    with pytest.raises(NotAdmitted):
        link(provider, replace(ANN, subject="s-2"), cast.svc.user, client())
    assert ExternalAccount.objects.get().user == cast.alice.user


def test_groups_follow_the_provider_and_ours_stay(cast: Cast) -> None:
    provider = oidc(cast.alpha)
    ours = Group.objects.create(tenant=cast.alpha, name="admins")
    kept = Group.objects.create(tenant=cast.alpha, name="kept")
    user = admit(provider, replace(ANN, groups=("staff", "admins")), client()).user
    user.member_of.add(kept)

    def names() -> set[str]:
        return set(user.member_of.values_list("name", flat=True))

    assert names() == {"kept", "staff"}
    assert not ours.members.exists()
    admit(provider, replace(ANN, groups=("ops",)), client())
    assert names() == {"kept", "ops"}
    admit(provider, replace(ANN, groups=None), client())
    assert names() == {"kept", "ops"}
    admit(provider, replace(ANN, groups=()), client())
    assert names() == {"kept"}


def test_a_provider_that_is_taken_away_takes_its_links_along(cast: Cast) -> None:
    provider = oidc(cast.alpha)
    user = admit(provider, ANN, client()).user
    IdentityProvider.objects.all().delete()
    assert not ExternalAccount.objects.exists()
    assert User.objects.filter(pk=user.pk).exists()


@pytest.mark.django_db(transaction=True)
def test_two_first_logins_at_once_make_one_account(cast: Cast) -> None:
    provider = oidc(cast.alpha)
    ready, found, failed = threading.Barrier(4), [], []

    def log_in() -> None:
        try:
            ready.wait()
            found.append(admit(provider, replace(ANN, groups=("staff",)), client()).user.pk)
        except Exception as error:  # noqa: BLE001  # shown by the assertion
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=log_in) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert failed == []
    assert len(set(found)) == 1
    assert User.objects.filter(email_key="ann@corp.example").count() == 1
    assert ExternalAccount.objects.count() == 1
    assert mail.outbox == []
    assert external.address(provider, ANN) == "ann@corp.example"
