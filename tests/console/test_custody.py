"""What officers do: every change takes effect at once, and the audit trail says who and why."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from accounts.admin.user_form import UserForm
from accounts.client import ClientContext
from accounts.login.attempt import (
    Attempt,
    Identifier,
    NameForm,
    Password,
    RecoveryCodeInput,
)
from accounts.login.outcome import (
    Authenticated,
    ChallengeRequired,
    Factor,
    LoginRefused,
    Reason,
    TokenSet,
)
from accounts.login.pipeline import authenticate
from accounts.login.profile import ChallengeForm, Issued, LoginProfile
from accounts.models import Group, LoginEvent, ServiceCredential, Session, User
from mfa import recovery_codes
from mfa.models import RecoveryCode, TotpAuthenticator
from tenants import resolve
from tenants.hint import TenantHint
from tenants.models import Tenant
from tests.console.test_scope import make_superuser, open_session, path_of
from tests.fixtures import PASSWORD, Cast
from tests.web.browsing import Browser, signed_in

# A contract whose clients repeat the login with a code, as the gate sees it.
REPEATING = LoginProfile(
    contract="rocketchat",
    issue=lambda _session, _subject: Issued(TokenSet()),
    lifetime=lambda _subject: timedelta(hours=1),
    challenge=ChallengeForm.REPEAT,
    factors=frozenset({Factor.OTP, Factor.RECOVERY_CODE}),
)


def log_in(name: str, *codes: Any) -> Authenticated | ChallengeRequired:
    client = ClientContext("rocketchat", timezone.now())
    identifier = Identifier(NameForm.USERNAME, name)
    return authenticate(
        Attempt((Password(PASSWORD), *codes), TenantHint(), client, identifier), REPEATING
    )


def last_event(event: str) -> LoginEvent:
    return LoginEvent.objects.filter(event=event).latest("at")


def do(browser: Browser, path: str, **fields: str) -> Any:
    """Ask for a deed's page, then confirm it."""
    page = browser.get(path)
    assert page.status_code == 200, page.content.decode()
    return browser.submit(page, path, **fields)


@pytest.fixture
def officer(cast: Cast) -> Browser:
    return signed_in(cast.erin)


def erins_session(cast: Cast) -> Session:
    return Session.objects.get(contract="browser", user=cast.erin.user, ended_at=None)


def test_a_disabled_account_is_out_everywhere_at_once(cast: Cast, officer: Browser) -> None:
    session = open_session(cast.alice.user)
    path = path_of(User, cast.alice.user.pk, "deed", "disable")
    assert "required" in do(officer, path).content.decode()
    assert User.objects.get(pk=cast.alice.user.pk).is_active
    assert do(officer, path, reason="left the company").status_code == 302
    alice = User.objects.get(pk=cast.alice.user.pk)
    session.refresh_from_db()
    assert (alice.state, alice.security_epoch, session.end_reason) == ("disabled", 1, "disabled")
    event = last_event("admin:user:changed")
    assert (event.reason, event.user_id, event.tenant_id) == (
        "disabled",
        alice.pk,
        cast.alpha.pk,
    )
    assert event.trace == [["by", "erin"], ["reason", "left the company"]]
    assert event.session_id == erins_session(cast).pk
    with pytest.raises(LoginRefused):
        log_in("alice")


def test_an_enabled_account_logs_in_again_but_its_old_sessions_stay_dead(
    cast: Cast, officer: Browser
) -> None:
    session = open_session(cast.alice.user)
    for slug in ("disable", "enable"):
        do(officer, path_of(User, cast.alice.user.pk, "deed", slug), reason="a mistake")
    assert isinstance(log_in("alice"), Authenticated)
    session.refresh_from_db()
    assert session.ended_at is not None
    assert last_event("admin:user:changed").reason == "enabled"


def test_ending_all_sessions_leaves_the_account_usable(cast: Cast, officer: Browser) -> None:
    session = open_session(cast.alice.user)
    do(officer, path_of(User, cast.alice.user.pk, "deed", "end-sessions"))
    session.refresh_from_db()
    assert session.end_reason == "ended by an administrator"
    assert User.objects.get(pk=cast.alice.user.pk).security_epoch == 1
    assert isinstance(log_in("alice"), Authenticated)
    assert last_event("session:subject:ended").trace == [["by", "erin"]]


def test_a_new_password_is_required_of_the_owner_and_chosen_by_him(
    cast: Cast, officer: Browser
) -> None:
    path = path_of(User, cast.alice.user.pk, "deed", "require-password")
    do(officer, path)
    assert User.objects.get(pk=cast.alice.user.pk).must_change_password
    with pytest.raises(LoginRefused) as refused:
        log_in("alice")
    assert refused.value.reason is Reason.MUST_CHANGE_PASSWORD
    assert officer.get(path).status_code == 404


def test_ending_a_session_from_another_console_kills_it(cast: Cast) -> None:
    boss = signed_in(make_superuser(cast.alice))
    officer = signed_in(cast.erin)
    assert officer.get("/admin/").status_code == 200
    path = path_of(Session, erins_session(cast).pk, "deed", "end")
    do(boss, path)
    assert officer.get("/admin/").status_code == 302
    assert boss.get("/admin/").status_code == 200
    event = last_event("session:subject:ended")
    assert event.user_id == cast.erin.user.pk
    assert event.trace[0] == ["by", "alice"]


def test_selected_sessions_end_each_with_its_row(cast: Cast, officer: Browser) -> None:
    chosen = [open_session(cast.alice.user), open_session(cast.bob.user)]
    kept = open_session(cast.alice.user)
    page = officer.get(path_of(Session))
    officer.post(
        path_of(Session),
        {
            "csrfmiddlewaretoken": re.search(
                r'csrfmiddlewaretoken" value="(\w+)', page.content.decode()
            )[1],  # type: ignore[index]  # fails without a match, as it should
            "action": "end_selected",
            "_selected_action": [str(session.pk) for session in chosen],
        },
    )
    ended = Session.objects.exclude(ended_at=None).values_list("pk", flat=True)
    assert set(ended) == {session.pk for session in chosen}
    assert kept.pk not in ended
    assert LoginEvent.objects.filter(event="session:subject:ended").count() == 2


def test_new_recovery_codes_are_shown_once_and_only_they_work(
    cast: Cast, officer: Browser, mailoutbox: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    path = path_of(User, cast.bob.user.pk, "deed", "recovery-codes")
    with (
        patch.object(settings, "MAIL_INLINE", True, create=True),
        django_capture_on_commit_callbacks(execute=True),
    ):
        page = do(officer, path)
    assert "no-store" in page["Cache-Control"]
    codes = re.findall(r"<li><code>([^<]+)</code>", page.content.decode())
    assert len(codes) == len(set(codes)) == 10
    assert [(mail.subject, mail.to) for mail in mailoutbox] == [
        ("New recovery codes were made", [cast.bob.email])
    ]
    assert not any(code in mailoutbox[0].body for code in codes)
    with pytest.raises(LoginRefused) as refused:
        log_in("bob", RecoveryCodeInput(cast.bob.recovery_codes[0]))
    assert refused.value.reason is Reason.WRONG_RECOVERY_CODE
    assert isinstance(log_in("bob", RecoveryCodeInput(codes[0])), Authenticated)
    event = last_event("factor:recovery_codes:made")
    assert (event.user_id, event.trace) == (cast.bob.user.pk, [["by", "erin"]])
    assert set(RecoveryCode.objects.values_list("created_by", flat=True)) == {"erin"}
    again = officer.get(path_of(User, cast.bob.user.pk, "change")).content.decode()
    assert not any(code in again for code in codes)


def test_removing_second_factors_needs_a_reason_that_is_kept(
    cast: Cast, officer: Browser, mailoutbox: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    path = path_of(User, cast.bob.user.pk, "deed", "remove-factors")
    do(officer, path, reason="  ")
    assert TotpAuthenticator.objects.filter(user=cast.bob.user).exists()
    with (
        patch.object(settings, "MAIL_INLINE", True, create=True),
        django_capture_on_commit_callbacks(execute=True),
    ):
        do(officer, path, reason="phone lost, seen in person")
    assert not TotpAuthenticator.objects.filter(user=cast.bob.user).exists()
    assert recovery_codes.remaining(cast.bob.user.pk) == 0
    assert [mail.subject for mail in mailoutbox] == ["All second factors were removed"]
    event = last_event("factor:authenticator:removed")
    assert event.trace == [["by", "erin"], ["reason", "phone lost, seen in person"]]
    assert isinstance(log_in("bob"), Authenticated)


@pytest.mark.parametrize("slug", ["recovery-codes", "remove-factors"])
def test_touching_second_factors_needs_a_fresh_sign_in(
    cast: Cast, officer: Browser, slug: str
) -> None:
    session = erins_session(cast)
    long_ago = int((timezone.now() - timedelta(minutes=16)).timestamp())
    Session.objects.filter(pk=session.pk).update(amr=[{"method": "pwd", "at": long_ago}])
    path = path_of(User, cast.bob.user.pk, "deed", slug)
    asked = officer.get(path)
    assert asked.status_code == 302
    page = officer.get("/admin/")
    assert officer.submit(page, path, reason="x").status_code == 302
    assert recovery_codes.remaining(cast.bob.user.pk) == 10
    back = officer.sign_in(cast.erin, path=asked["Location"])
    assert back["Location"] == path
    assert officer.get(path).status_code == 200


@pytest.mark.parametrize(
    "slug",
    ["disable", "enable", "end-sessions", "require-password", "recovery-codes", "remove-factors"],
)
def test_no_deed_is_done_by_a_link(cast: Cast, officer: Browser, slug: str) -> None:
    before = list(User.objects.order_by("pk").values())
    officer.get(path_of(User, cast.bob.user.pk, "deed", slug), {"reason": "x"})
    assert list(User.objects.order_by("pk").values()) == before
    assert recovery_codes.remaining(cast.bob.user.pk) == 10


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
    officer.submit(officer.get(delete), delete, post="yes")
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
