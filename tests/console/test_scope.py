"""Whose rows an officer sees and touches: his tenant's, in the query, for every page.

Every address of a row, the acts included, is tried in test_every_url.py.
"""

from __future__ import annotations

import re

import pytest
from django.contrib.admin.sites import AdminSite
from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext

from accounts import provisioning
from accounts.console import console
from accounts.models import (
    ExternalAccount,
    Group,
    LoginEvent,
    PersonalAccessToken,
    ServiceCredential,
    Session,
    SigningKey,
    SubjectIdentifier,
    User,
)
from mfa import binding, recovery_codes, totp
from mfa.models import Passkey
from tenants.models import IdentityProvider, Tenant
from tests.console.furniture import furnish, make_superuser, open_session, path_of
from tests.console.secrecy import NAMED, secrets_of
from tests.fixtures import Cast
from tests.web.browsing import Browser, signed_in

MODELS = (
    User,
    Group,
    ServiceCredential,
    Session,
    LoginEvent,
    SigningKey,
    Tenant,
    Passkey,
    ExternalAccount,
    PersonalAccessToken,
    IdentityProvider,
)


def test_the_console_knows_exactly_these_tables() -> None:
    assert set(console._registry) == set(MODELS)
    assert isinstance(console, AdminSite)


@pytest.mark.parametrize("model", MODELS)
def test_staff_see_their_own_tenants_rows_only(cast: Cast, model: type[Model]) -> None:
    own = furnish(cast.alpha, cast.alice.user)
    foreign = furnish(cast.beta, cast.dave.user)
    browser = signed_in(cast.erin)
    page = browser.get(path_of(model))
    assert page.status_code == 200
    text = page.content.decode()
    assert str(own[model].pk) in text
    assert str(foreign[model].pk) not in text
    assert "beta" not in text.lower()
    assert browser.get(path_of(model, own[model].pk, "change")).status_code == 200


@pytest.mark.parametrize("model", MODELS)
def test_superusers_see_all_tenants_rows(cast: Cast, model: type[Model]) -> None:
    own = furnish(cast.alpha, cast.alice.user)[model]
    foreign = furnish(cast.beta, cast.dave.user)[model]
    browser = signed_in(make_superuser(cast.erin))
    text = browser.get(path_of(model)).content.decode()
    assert str(own.pk) in text
    assert str(foreign.pk) in text
    assert browser.get(path_of(model, foreign.pk, "change")).status_code == 200


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("path", ["", "add", "x/change", "x/deed/disable"])
def test_without_a_session_every_page_leads_to_the_sign_in(
    cast: Cast, model: type[Model], path: str
) -> None:
    answer = Browser().get(path_of(model, *path.split("/")) if path else path_of(model))
    assert answer.status_code == 302
    assert answer["Location"].startswith("/sign-in/?next=/admin/")


def test_choices_are_of_the_own_tenant(cast: Cast) -> None:
    furnish(cast.beta, cast.dave.user)
    own = furnish(cast.alpha, cast.alice.user)
    browser = signed_in(cast.erin)
    for path in (
        path_of(User, "add"),
        path_of(User, cast.alice.user.pk, "change"),
        path_of(Group, "add"),
        path_of(ServiceCredential, "add"),
    ):
        assert "beta" not in browser.get(path).content.decode().lower()
    assert (
        str(own[Group]) in browser.get(path_of(User, cast.alice.user.pk, "change")).content.decode()
    )


def test_a_choice_of_another_tenant_is_refused(cast: Cast) -> None:
    foreign = furnish(cast.beta, cast.dave.user)
    browser = signed_in(cast.erin)
    page = browser.get(path_of(User, "add"))
    answer = browser.submit(
        page, path_of(User, "add"), tenant=str(cast.beta.pk), kind="person", username="mole"
    )
    assert "Select a valid choice" in answer.content.decode()
    page = browser.get(path_of(User, cast.alice.user.pk, "change"))
    answer = browser.submit(
        page,
        path_of(User, cast.alice.user.pk, "change"),
        username="alice",
        groups=str(foreign[Group].pk),
    )
    assert "Select a valid choice" in answer.content.decode()
    robot = User.objects.get(username="beta-robot")
    page = browser.get(path_of(ServiceCredential, "add"))
    answer = browser.submit(page, path_of(ServiceCredential, "add"), user=str(robot.pk), label="x")
    assert "Select a valid choice" in answer.content.decode()
    assert not User.objects.filter(username="mole").exists()


def test_no_filter_compares_a_secret_or_looks_into_another_table(cast: Cast) -> None:
    browser = signed_in(make_superuser(cast.erin))
    for model, lookup in (
        (User, "password__startswith=argon2"),
        (User, "member_of__tenant__slug=beta"),
        (User, "security_epoch=0"),
        (ServiceCredential, "secret_hash__startswith=0"),
        (ServiceCredential, "user__password__startswith=a"),
        (SigningKey, "sealed__contains=a"),
        (Session, "grants__token_hash=00"),
        (Session, "user__password__startswith=a"),
        (LoginEvent, "user__password__startswith=a"),
        (Tenant, "users__username=dave"),
    ):
        answer = browser.get(f"{path_of(model)}?{lookup}")
        assert answer.status_code == 400, (model, lookup)
    for model, lookup in (
        (User, "state__exact=active&kind__exact=person&factor=no&is_staff__exact=0"),
        (User, "tenant__id__exact=" + str(cast.alpha.pk)),
        (User, "q=al"),
        (Session, f"live=yes&contract=console&user__id__exact={cast.erin.user.pk}"),
        (Session, "live=no"),
        (LoginEvent, "event=login:subject:accepted&contract=console&reason=wrong_password"),
        (LoginEvent, f"user__id__exact={cast.erin.user.pk}"),
        (SigningKey, "algorithm__exact=ES256"),
    ):
        assert browser.get(f"{path_of(model)}?{lookup}").status_code == 200, (model, lookup)


@pytest.mark.parametrize("path", ["q=%00", "p=99", "o=999", "e=1", "user__id__exact=x", "all="])
def test_strange_addresses_of_a_list_are_no_error(cast: Cast, path: str) -> None:
    browser = signed_in(cast.erin)
    for model in MODELS:
        assert browser.get(f"{path_of(model)}?{path}").status_code in {200, 302, 400}


@pytest.mark.parametrize("key", ["x", "%00", "../1", "00000000-0000-0000-0000-000000000000"])
def test_a_row_that_is_not_there_is_a_404(cast: Cast, key: str) -> None:
    browser = signed_in(cast.erin)
    for model in MODELS:
        assert browser.get(path_of(model, key, "change")).status_code == 404
        assert browser.get(path_of(model, key, "deed/disable")).status_code == 404


def test_staff_do_not_touch_a_superuser_of_their_tenant(cast: Cast) -> None:
    make_superuser(cast.alice)
    session = open_session(cast.alice.user)
    browser = signed_in(cast.erin)
    page = browser.get("/admin/")
    shown = browser.get(path_of(User, cast.alice.user.pk, "change")).content.decode()
    assert 'name="username"' not in shown
    assert "/deed/" not in shown
    for path in (
        path_of(User, cast.alice.user.pk, "deed/disable"),
        path_of(User, cast.alice.user.pk, "deed/require-password"),
        path_of(Session, session.pk, "deed/end"),
    ):
        assert browser.submit(page, path, reason="x").status_code == 404
    changed = browser.submit(page, path_of(User, cast.alice.user.pk, "change"), username="a")
    assert changed.status_code == 403
    ended = {"action": "end_selected", "sure": "yes", "_selected_action": str(session.pk)}
    browser.submit(page, path_of(Session), **ended)
    session.refresh_from_db()
    assert session.ended_at is None


def test_staff_cannot_make_superusers(cast: Cast) -> None:
    browser = signed_in(cast.erin)
    path = path_of(User, cast.alice.user.pk, "change")
    page = browser.get(path)
    assert "is_superuser" not in page.content.decode()
    browser.submit(page, path, username="alice", is_superuser="on", is_staff="on")
    alice = User.objects.get(pk=cast.alice.user.pk)
    assert (alice.is_staff, alice.is_superuser) == (True, False)


def test_nobody_takes_his_own_rights_or_locks_himself_out(cast: Cast) -> None:
    browser = signed_in(make_superuser(cast.erin))
    path = path_of(User, cast.erin.user.pk, "change")
    page = browser.get(path)
    browser.submit(page, path, username="erin", email=cast.erin.email)
    erin = User.objects.get(pk=cast.erin.user.pk)
    assert (erin.is_staff, erin.is_superuser) == (True, True)
    for slug in ("disable", "remove-factors", "end-sessions"):
        deed = path_of(User, erin.pk, "deed", slug)
        assert browser.submit(page, deed, reason="x").status_code == 404


def test_what_is_read_only_cannot_be_written(cast: Cast) -> None:
    rows = furnish(cast.alpha, cast.alice.user)
    browser = signed_in(cast.erin)
    page = browser.get("/admin/")
    for model in (Session, LoginEvent, SigningKey, Tenant, IdentityProvider):
        assert browser.get(path_of(model, "add")).status_code == 403
        path = path_of(model, rows[model].pk, "change")
        assert browser.submit(page, path, name="x", state="suspended").status_code == 403
        assert browser.get(path_of(model, rows[model].pk, "delete")).status_code == 403
    assert browser.get(path_of(User, cast.alice.user.pk, "delete")).status_code == 403
    cast.alpha.refresh_from_db()
    assert (cast.alpha.name, cast.alpha.state) == ("Alpha", "active")


def test_no_page_shows_a_secret_or_asks_for_a_password(cast: Cast) -> None:
    furnish(cast.alpha, cast.bob.user)
    SubjectIdentifier.objects.create(user=cast.bob.user, sector="rocketchat", value="abc")
    browser = signed_in(make_superuser(cast.erin))
    forbidden = [*secrets_of(cast), browser.cookies["dragoman"].value, "argon2", "v1."]
    visited = 0
    for model in MODELS:
        pages = [path_of(model)]
        pages += [
            path_of(model, pk, "change")
            for pk in model._default_manager.values_list("pk", flat=True)[:40]
        ]
        if model in (User, Group, ServiceCredential, Tenant, IdentityProvider):
            pages.append(path_of(model, "add"))
        for path in pages:
            page = browser.get(path)
            assert page.status_code == 200, path
            text = page.content.decode()
            assert [secret for secret in forbidden if secret in text] == [], path
            written = re.sub(r'<input type="password" name="new_secret"[^>]*>', "", text)
            assert 'type="password"' not in written, path
            assert not re.search(r'type="password"[^>]*value=', text), path
            fields = re.findall(r'name="([^"]*)"', re.sub("|".join(NAMED), "", text))
            assert not any(re.search("password|secret|hash|seal", name) for name in fields), path
            assert not re.search(r"<script(?![^>]*\bsrc=)|\bon(click|load)=|<style|style=", text), (
                path
            )
            visited += 1
    assert visited > 40


def test_a_page_of_a_user_tells_what_an_officer_needs(cast: Cast) -> None:
    SubjectIdentifier.objects.create(user=cast.bob.user, sector="rocketchat", value="aBcD17")
    page = signed_in(cast.erin).get(path_of(User, cast.bob.user.pk, "change")).content.decode()
    for text in (">authenticator app<", "10 of 10 left", "aBcD17", "Last sign-in"):
        assert text in page


def test_the_trace_of_a_refusal_can_be_read_in_its_order(cast: Cast) -> None:
    Browser().sign_in(cast.carol)
    event = LoginEvent.objects.get(reason="disabled")
    page = signed_in(cast.erin).get(path_of(LoginEvent, event.pk, "change")).content.decode()
    steps = re.findall(r"<li><span>([^<]*)</span> <code>([^<]*)</code>", page)
    names = ["tenant", "tenant by", "user", "throttle", "password", "outcome"]
    assert [name for name, _ in steps] == names
    assert steps[-1] == ("outcome", "disabled")


@pytest.mark.parametrize("model", MODELS)
def test_the_statements_of_a_list_do_not_grow_with_its_rows(cast: Cast, model: type[Model]) -> None:
    def fill(prefix: str, count: int) -> None:
        for number in range(count):
            user = provisioning.create_user(cast.alpha, f"{prefix}{number}")
            open_session(user)
            provisioning.issue_credential(user, client_id=f"{prefix}{number}-c")
            Group.objects.create(tenant=cast.alpha, name=f"{prefix}{number}").members.add(user)
            binding.bind_totp(user.pk, totp.new_secret())
            recovery_codes.revoke(user.pk)

    browser = signed_in(cast.erin)
    fill("few", 2)
    browser.get(path_of(model))
    with CaptureQueriesContext(connection) as few:
        browser.get(path_of(model))
    fill("many", 8)
    with CaptureQueriesContext(connection) as many:
        assert browser.get(path_of(model)).status_code == 200
    assert len(many) == len(few)
    # Who it is, how many there are, the rows; with the odd filter or a count before it.
    assert len(many) <= 5, [query["sql"] for query in many]


def test_the_overview_costs_seven_statements(cast: Cast) -> None:
    browser = signed_in(cast.erin)
    browser.get("/admin/")
    with CaptureQueriesContext(connection) as queries:
        assert browser.get("/admin/").status_code == 200
    # Who it is, logins, coverage, refusals and their counters, clients, the latest of the trail.
    assert len(queries) <= 7, [query["sql"] for query in queries]
