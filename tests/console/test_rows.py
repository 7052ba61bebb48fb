"""What officers make and change: accounts, groups, secrets of machines, tenants."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection
from django.utils import timezone

from accounts.admin.user_form import UserForm
from accounts.client import ClientContext
from accounts.login.attempt import Attempt, Identifier, NameForm, Password
from accounts.login.outcome import Authenticated, ChallengeRequired, LoginRefused
from accounts.login.pipeline import authenticate
from accounts.models import Group, LoginEvent, ServiceCredential, User
from tenants import resolve
from tenants.hint import TenantHint
from tenants.models import Tenant
from tests.console.deeds import REPEATING, do, last_event
from tests.console.furniture import make_superuser, path_of
from tests.fixtures import Cast
from tests.web.accounting import text
from tests.web.browsing import Browser, signed_in


def test_the_secret_of_a_credential_is_shown_once_and_works(cast: Cast, officer: Browser) -> None:
    path = path_of(ServiceCredential, "add")
    page = officer.submit(
        officer.get(path), path, user=str(cast.svc.user.pk), label="backup", contract="bytebase"
    )
    assert page.status_code == 200
    assert "no-store" in page["Cache-Control"]
    client_id, secret = re.findall(r"<dd><code>([^<]+)</code>", page.content.decode())
    assert len(secret) == 40
    made = ServiceCredential.objects.get(client_id=client_id)
    assert (made.label, made.contract, made.user_id) == ("backup", "bytebase", cast.svc.user.pk)
    assert made.secret_hash != secret
    later = officer.get(path_of(ServiceCredential, made.pk, "change")).content.decode()
    assert secret not in later
    assert made.secret_hash not in later
    assert last_event("admin:credential:created").trace[0] == ["by", "erin"]
    profile = replace(REPEATING, contract="bytebase")

    def present() -> Authenticated | ChallengeRequired:
        client = ClientContext("bytebase", timezone.now())
        named = Identifier(NameForm.ANY, client_id)
        return authenticate(Attempt((Password(secret),), TenantHint(), client, named), profile)

    assert isinstance(present(), Authenticated)
    do(officer, path_of(ServiceCredential, made.pk, "deed", "revoke"))
    with pytest.raises(LoginRefused):
        present()
    assert last_event("admin:credential:revoked").trace[1] == ["client id", client_id]


def test_no_officer_makes_a_secret_that_stands_for_a_person(cast: Cast, officer: Browser) -> None:
    path = path_of(ServiceCredential, "add")
    page = officer.submit(officer.get(path), path, user=str(cast.alice.user.pk), label="x")
    assert "Select a valid choice" in page.content.decode()


def test_a_new_account_has_no_password_and_its_names_are_checked(
    cast: Cast, officer: Browser
) -> None:
    path = path_of(User, "add")
    fields = {"tenant": str(cast.alpha.pk), "kind": "person", "username": "frank"}
    answer = officer.submit(officer.get(path), path, **fields, email="frank@alpha.example")
    assert answer.status_code == 302
    frank = User.objects.get(username="frank")
    assert (frank.tenant_id, frank.username_key, frank.has_usable_password()) == (
        cast.alpha.pk,
        "frank",
        False,
    )
    assert last_event("admin:user:created").user_id == frank.pk
    for bad, why in (
        ({"username": "FRANK"}, "Another account has this user name."),
        ({"username": "ｆｒａｎｋ"}, "Another account has this user name."),
        ({"username": "fr\u0430nk"}, "mixes letters of several scripts"),
        ({"username": "fr\u200bank"}, "invisible"),
        ({"username": "g", "email": "Frank@ALPHA.example"}, "Another account has this e-mail"),
        ({"username": "x@alpha.example"}, "must be the user&#x27;s own e-mail"),
    ):
        page = officer.submit(officer.get(path), path, **{**fields, **bad})
        assert page.status_code == 200, bad
        assert why in page.content.decode(), bad
    assert User.objects.filter(tenant=cast.alpha, username__istartswith="f").count() == 1


def test_a_change_writes_only_what_was_changed(cast: Cast, officer: Browser) -> None:
    path = path_of(User, cast.alice.user.pk, "change")
    page = officer.get(path)
    clean = UserForm.clean

    def meanwhile(form: UserForm) -> Any:
        # After this request has read the row another officer disables the account.
        User.objects.filter(pk=cast.alice.user.pk).update(state="disabled", security_epoch=7)
        return clean(form)

    with patch.object(UserForm, "clean", meanwhile):
        answer = officer.submit(
            page, path, username="alice", email="a@alpha.example", display_name="Alice A."
        )
    assert answer.status_code == 302
    alice = User.objects.get(pk=cast.alice.user.pk)
    assert (alice.state, alice.security_epoch) == ("disabled", 7)
    assert (alice.display_name, alice.email_key) == ("Alice A.", "a@alpha.example")
    assert not alice.email_verified
    changed = dict(last_event("admin:user:changed").trace)
    assert changed["by"] == "erin"
    assert "Email" in changed["changed"]
    assert "a@alpha.example" not in str(changed)


def test_groups_are_made_given_renamed_and_deleted(cast: Cast, officer: Browser) -> None:
    add = path_of(Group, "add")
    officer.submit(officer.get(add), add, tenant=str(cast.alpha.pk), name="ops")
    ops = Group.objects.get()
    again = officer.submit(officer.get(add), add, tenant=str(cast.alpha.pk), name="ops")
    assert "Another group has this name." in again.content.decode()
    path = path_of(User, cast.alice.user.pk, "change")
    fields = {"username": "alice", "email": cast.alice.email, "display_name": "Alice"}
    officer.submit(officer.get(path), path, **fields, groups=str(ops.pk))
    assert list(cast.alice.user.member_of.all()) == [ops]
    assert dict(last_event("admin:user:changed").trace)["changed"] == "changed groups"
    change = path_of(Group, ops.pk, "change")
    officer.submit(officer.get(change), change, name="crew")
    assert Group.objects.get().name == "crew"
    delete = path_of(Group, ops.pk, "delete")
    asked: Any = officer.get(delete)
    assert "Memberships: 1. The accounts stay." in text(asked)
    assert "relationship" not in text(asked)
    officer.submit(asked, delete, post="yes")
    assert not Group.objects.exists()
    names = LoginEvent.objects.filter(event__startswith="admin:group").order_by("at")
    assert [event.event for event in names] == [
        "admin:group:created",
        "admin:group:changed",
        "admin:group:deleted",
    ]


def test_a_superuser_switches_a_contract_off_and_the_process_knows_at_once(
    cast: Cast, django_capture_on_commit_callbacks: Any
) -> None:
    boss = signed_in(make_superuser(cast.erin))
    path = path_of(Tenant, cast.alpha.pk, "change")
    page = boss.get(path)
    body = page.content.decode()
    hidden = {
        name: html.unescape(value)
        for name, value in re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', body)
    }
    boxes = re.findall(r'type="checkbox" name="(\w+)"[^>]*checked', body)
    assert "coldstream__enabled" in boxes
    assert resolve.directory().by_slug["alpha"].serves("coldstream")
    with django_capture_on_commit_callbacks(execute=True):
        answer = boss.post(
            path,
            {
                **hidden,
                **dict.fromkeys([box for box in boxes if box != "coldstream__enabled"], "on"),
                "name": "Alpha",
                "state": "active",
                "bytebase__life__access": "600",
                "datarhei__option__algorithm": "HS256",
                "domains-0-kind": "email",
                "domains-0-domain": "alpha.example",
                "policy-0-second_factor": "required",
                "policy-0-password_min_length": "15",
            },
        )
    assert answer.status_code == 302, answer.content.decode()
    known = resolve.directory().by_slug["alpha"]
    assert not known.serves("coldstream")
    assert known.serves("bytebase")
    assert known.contract("bytebase").lifetimes == {"access": 600}
    assert known.policy.second_factor == "required"
    assert last_event("admin:tenant:changed").tenant_id == cast.alpha.pk


def test_a_new_tenant_has_its_keys(cast: Cast, django_capture_on_commit_callbacks: Any) -> None:
    boss = signed_in(make_superuser(cast.erin))
    path = path_of(Tenant, "add")
    with django_capture_on_commit_callbacks(execute=True):
        answer = boss.submit(boss.get(path), path, name="Gamma", slug="gamma")
    assert answer.status_code == 302
    gamma = Tenant.objects.get(slug="gamma")
    assert gamma.signing_keys.count() == cast.alpha.signing_keys.count() > 0
    assert resolve.directory().by_slug["gamma"].name == "Gamma"
    assert last_event("admin:tenant:created").tenant_id == gamma.pk


def test_djangos_own_log_stays_empty(cast: Cast, officer: Browser) -> None:
    add = path_of(Group, "add")
    officer.submit(officer.get(add), add, tenant=str(cast.alpha.pk), name="ops")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM django_admin_log")
        assert cursor.fetchone() == (0,)
