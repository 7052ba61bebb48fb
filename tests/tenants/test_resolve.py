"""Which tenant a request means."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db.models import JSONField, Value

from tenants import resolve
from tenants.branding import Branding
from tenants.federation.settings import Kind
from tenants.hint import TenantHint
from tenants.models import IdentityProvider, Tenant, TenantDomain, TenantPolicy
from tenants.policy import SecondFactorRule
from tests.login.gate import Town


@pytest.mark.parametrize(
    ("hint", "slug"),
    [
        (TenantHint(), "alpha"),
        (TenantHint(slug="beta"), "beta"),
        (TenantHint(host="beta.example.com"), "beta"),
        (TenantHint(host="BETA.example.com"), "beta"),
        (TenantHint(host="beta.example.com."), "beta"),
        (TenantHint(host="unclaimed.example.com"), "alpha"),
        (TenantHint(host=""), "alpha"),
        (TenantHint(name="Beta"), "beta"),
        (TenantHint(name="BETA "), "beta"),
        (TenantHint(name="beta"), "beta"),
        (TenantHint(email="x@beta.example"), "beta"),
        (TenantHint(email="x@BETA.example"), "beta"),
        (TenantHint(email="a@b@beta.example"), "beta"),
        (TenantHint(email="x@sub.beta.example"), "alpha"),
        (TenantHint(email="beta.example"), "alpha"),
        # The address decides over the e-mail, the prefix over the host.
        (TenantHint(slug="alpha", email="x@beta.example"), "alpha"),
        (TenantHint(host="beta.example.com", email="x@alpha.example"), "beta"),
        (TenantHint(slug="alpha", host="beta.example.com"), "alpha"),
        (TenantHint(name="Beta", slug="beta", host="beta.example.com"), "beta"),
        # A name decides over the e-mail.
        (TenantHint(name="Alpha", email="x@beta.example"), "alpha"),
        # What leads nowhere stays nowhere: no default steps in.
        (TenantHint(slug="ghost"), None),
        (TenantHint(name="ghost"), None),
        (TenantHint(name=""), None),
        # Contradictions.
        (TenantHint(name="Alpha", slug="beta"), None),
        (TenantHint(name="Alpha", host="beta.example.com"), None),
        (TenantHint(name="Beta", slug="ghost"), None),
    ],
)
def test_the_order_of_names(town: Town, hint: TenantHint, slug: str | None) -> None:
    found = resolve.resolve(hint)
    assert (found.slug if found else None) == slug


def test_without_a_default_tenant_a_bare_request_leads_nowhere(town: Town) -> None:
    town.alpha.is_default = False
    town.alpha.save()
    resolve.invalidate()
    assert resolve.resolve(TenantHint()) is None


def test_no_tenant_can_take_the_short_name_of_another_as_its_own_name(town: Town) -> None:
    with pytest.raises(ValidationError):
        Tenant(slug="gamma", name="BETA").full_clean(exclude=["name_key"])
    town.beta.name = "Holding"
    town.beta.save()
    with pytest.raises(ValidationError):
        Tenant(slug="gamma", name="Beta").full_clean(exclude=["name_key"])
    with pytest.raises(ValidationError):
        Tenant(slug="holding", name="Gamma").full_clean(exclude=["name_key"])
    Tenant(slug="gamma", name="Gamma").full_clean(exclude=["name_key"])
    town.beta.full_clean(exclude=["name_key"])


def test_a_change_is_seen_at_the_next_poll_and_not_before(
    town: Town,
) -> None:
    assert resolve.directory().by_slug["beta"].active
    stranger = Tenant.objects.get(slug="beta")
    stranger.state = Tenant.State.SUSPENDED
    stranger.save()
    assert resolve.directory().by_slug["beta"].active, "asked again within the poll interval"
    stale()
    assert not resolve.directory().by_slug["beta"].active


def stale() -> None:
    """As if the poll interval had passed."""
    resolve._directory._asked_at = float("-inf")


def test_each_kind_of_change_is_noticed(town: Town) -> None:
    resolve.directory()
    TenantPolicy(tenant=town.beta, second_factor=SecondFactorRule.REQUIRED).save()
    stale()
    assert resolve.directory().by_slug["beta"].policy.second_factor is SecondFactorRule.REQUIRED
    TenantPolicy.objects.get(tenant=town.beta).delete()
    stale()
    assert resolve.directory().by_slug["beta"].policy.second_factor is SecondFactorRule.OPTIONAL
    domain = TenantDomain(tenant=town.alpha, kind="host", domain="Alpha.Example.COM")
    domain.save()
    stale()
    assert resolve.directory().by_host["alpha.example.com"].slug == "alpha"
    domain.delete()
    stale()
    assert "alpha.example.com" not in resolve.directory().by_host


def test_a_row_that_cannot_be_read_is_closed_and_the_directory_goes_on(town: Town) -> None:
    """Whatever got into the tables: nobody else's logins may suffer from it."""
    company = IdentityProvider.objects.create(tenant=town.beta, name="corp", kind=Kind.OIDC)
    usable = {"issuer": "https://id.example.com", "clientId": "dragoman"}
    rows = IdentityProvider.objects.filter(pk=company.pk)

    def there(kind: str, settings: Any, trusted: Any) -> bool:
        told = [Value(each, JSONField()) for each in (settings, trusted)]
        rows.update(kind=kind, settings=told[0], trusted_domains=told[1])
        resolve.invalidate()
        return bool(resolve.directory().providers.get(town.beta.pk))

    assert there(Kind.OIDC, usable, ["example.com"])
    settings: list[Any] = [None, 5, "x", [], {}, {**usable, "scopes": 5}]
    trusted: list[Any] = [None, 5, True, [["example.com"]], [{}]]
    pairs = [*((odd, []) for odd in settings), *((usable, odd) for odd in trusted)]
    assert [pair for pair in pairs if there(Kind.OIDC, *pair)] == []
    assert not there("SMOKE", usable, [])
    looks: list[Any] = [None, 5, "red", [], {"colour": 7, "logo": {}}, {"logo": "x" * 10}, {"a": 1}]
    for look in looks:
        Tenant.objects.filter(pk=town.beta.pk).update(branding=Value(look, JSONField()))
        resolve.invalidate()
        assert resolve.directory().by_slug["beta"].branding == Branding()
    TenantPolicy(tenant=town.beta, second_factor="sometimes").save()
    resolve.invalidate()
    assert resolve.directory().by_slug["beta"].policy.second_factor is SecondFactorRule.REQUIRED


def test_a_change_made_from_an_old_copy_is_noticed_too(town: Town) -> None:
    """Two windows of the console: the second one must not write the count that the first wrote."""
    one, other = Tenant.objects.get(slug="beta"), Tenant.objects.get(slug="beta")
    one.branding = {"colour": "red"}
    one.save()
    stale()
    assert resolve.directory().by_slug["beta"].active
    other.state = Tenant.State.SUSPENDED
    other.save(update_fields=["state"])
    stale()
    assert not resolve.directory().by_slug["beta"].active
    other.full_clean()
    assert isinstance(other.revision, int)


def test_asking_within_the_poll_interval_runs_no_statement(
    town: Town, django_assert_num_queries: pytest.FixtureRequest
) -> None:
    resolve.directory()
    with django_assert_num_queries(0):  # type: ignore[operator]  # the fixture's stub is too narrow
        resolve.resolve(TenantHint(email="x@beta.example"))
