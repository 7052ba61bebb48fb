"""Making tenants and accounts: a bad or taken name is told, never a fault."""

from __future__ import annotations

import re

import pytest
from django.core.exceptions import ValidationError

from accounts import provisioning
from accounts.login.passwords import secret_digest
from accounts.models import LoginEvent, SigningKey, User
from accounts.wire.registry import token_profiles
from tenants import resolve
from tenants.models import Tenant, TenantDomain
from tests.login.gate import Town, last_event, logged_in


def test_a_new_tenant_has_its_keys_and_names(db: None) -> None:
    made = provisioning.create_tenant(
        "gamma", "Gamma Ltd", is_default=True, hosts=["G.Example"], email_domains=["g.example"]
    )
    known = resolve.directory()
    assert known.default is not None
    assert known.default.id == made.id
    assert known.by_name["gamma ltd"].id == known.by_host["g.example"].id == made.id
    purposes = set(SigningKey.objects.filter(tenant=made).values_list("purpose", flat=True))
    assert purposes == {profile.purpose for profile in token_profiles()}
    event = LoginEvent.objects.get()
    assert (event.event, event.tenant_id) == ("admin:tenant:created", made.pk)


@pytest.mark.parametrize(
    ("slug", "name", "more"),
    [
        ("alpha", "Another", {}),
        ("another", "Alpha", {}),
        ("another", " ＡLPHA ", {}),
        ("another", "BETA", {}),
        ("no spaces", "Another", {}),
        ("Upper", "Another", {}),
        ("another", "", {}),
        ("another", "x" * 101, {}),
        ("another", "Another", {"is_default": True}),
        ("another", "Another", {"hosts": ["BETA.example.com"]}),
        ("another", "Another", {"email_domains": ["beta.example"]}),
        ("another", "Another", {"hosts": ["x" * 300]}),
    ],
)
def test_a_bad_or_taken_name_makes_no_tenant(
    town: Town, slug: str, name: str, more: dict[str, object]
) -> None:
    with pytest.raises(ValidationError):
        provisioning.create_tenant(slug, name, **more)  # type: ignore[arg-type]  # wrong on purpose
    assert Tenant.objects.count() == 2
    assert TenantDomain.objects.count() == 2
    assert not LoginEvent.objects.exists()


def test_a_new_account_can_log_in_and_is_recorded(town: Town) -> None:
    made = provisioning.create_user(town.alpha, "Eve", password="eve's own password", email="")
    assert logged_in("eve", "eve's own password").subject.user == made
    event = LoginEvent.objects.get(event="admin:user:created")
    assert (event.user_id, event.tenant_id) == (made.pk, town.alpha.pk)
    provisioning.create_user(town.alpha, "eva", email="")


def test_without_a_password_nobody_can_log_in_with_one(town: Town) -> None:
    made = provisioning.create_user(town.alpha, "robot", kind=User.Kind.SERVICE)
    assert made.password.startswith("!")
    assert not made.has_usable_password()


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("alice", {}),
        ("ＡLICE", {}),
        ("", {}),
        ("\u3000", {}),
        ("x" * 151, {}),
        # Short as written, long as folded.
        ("\ufdfa" * 100, {}),
        ("аlice", {}),
        ("al\u200bice", {}),
        ("new", {"email": "ALICE@alpha.example"}),
        ("new", {"email": "no address"}),
        ("bob@alpha.example", {}),
        ("bob＠alpha.example", {}),
        ("bob@alpha.example", {"email": "new@alpha.example"}),
        ("new", {"kind": "robot"}),
    ],
)
def test_a_bad_or_taken_name_makes_no_account(
    town: Town, name: str, fields: dict[str, str]
) -> None:
    before = User.objects.count()
    with pytest.raises(ValidationError):
        # Wrong on purpose.
        provisioning.create_user(town.alpha, name, **fields)  # type: ignore[arg-type]
    assert User.objects.count() == before
    assert not LoginEvent.objects.exists()


def test_the_same_name_is_free_in_another_tenant(town: Town) -> None:
    provisioning.create_user(town.beta, "bob", email="bob@beta.example")


def test_nobody_takes_the_client_id_of_a_machine_as_his_name(town: Town) -> None:
    with pytest.raises(ValidationError, match="taken"):
        provisioning.create_user(town.alpha, "SVC-Client")
    assert logged_in("svc-client", "m" * 40).subject.user == town.svc
    town.svc.username = "svc-client"
    town.svc.full_clean()
    provisioning.create_user(town.beta, "svc-client")


def test_an_address_is_a_good_name_for_its_owner(town: Town) -> None:
    made = provisioning.create_user(town.alpha, "Eve@Alpha.Example", email="eve@alpha.example")
    assert made.username_key == made.email_key


def test_a_credential_is_shown_once_and_stored_as_a_hash(town: Town) -> None:
    issued = provisioning.issue_credential(town.svc, client_id="new-client", scopes=["read"])
    assert re.fullmatch(r"[A-Za-z0-9]{40}", issued.secret)
    assert issued.credential.secret_hash == secret_digest(issued.secret)
    assert issued.secret not in repr(issued)
    assert last_event().event == "admin:credential:created"
    assert logged_in("new-client", issued.secret).subject.user == town.svc


def test_random_secrets_are_long_and_differ() -> None:
    passwords = {provisioning.new_password() for _ in range(100)}
    secrets = {provisioning.new_secret() for _ in range(100)}
    assert len(passwords) == len(secrets) == 100
    assert {len(p) for p in passwords} == {20}


def test_nobody_is_found_under_an_empty_address(town: Town) -> None:
    provisioning.create_user(town.alpha, "robot")
    for email in ("", " "):
        assert not User.objects.with_email(town.alpha.pk, email).exists()
    assert User.objects.with_email(town.alpha.pk, " ALICE@alpha.example").get() == town.alice
    assert User.objects.named(town.alpha.pk, "ALICE").get() == town.alice
    assert not User.objects.named(town.beta.pk, "bob").exists()


def test_an_old_copy_of_a_row_writes_no_old_name_back(town: Town) -> None:
    user, tenant = town.alice, town.alpha
    old_user, old_tenant = User.objects.get(pk=user.pk), Tenant.objects.get(pk=tenant.pk)
    user.username, user.email, tenant.name = "lovelace", "lovelace@alpha.example", "Omega"
    user.save(update_fields=["username", "email"])
    tenant.save(update_fields=["name"])
    old_user.display_name, old_tenant.branding = "Ada", {}
    old_user.save(update_fields=["display_name"])
    old_tenant.save(update_fields=["branding"])
    stored, renamed = User.objects.get(pk=user.pk), Tenant.objects.get(pk=tenant.pk)
    assert (stored.display_name, stored.email, stored.email_key, stored.username_key) == (
        "Ada",
        "lovelace@alpha.example",
        "lovelace@alpha.example",
        "lovelace",
    )
    assert (renamed.name, renamed.name_key) == ("Omega", "omega")
