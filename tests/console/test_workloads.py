"""The trusted issuer of a workload in the console: set, tried, and only by its own officers."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts import provisioning
from accounts.admin.workloads import PRESETS, is_open
from accounts.contracts.bytebase.wording import PROVIDERS
from accounts.login.workload_trust import WorkloadTrust
from accounts.models import LoginEvent, Session, User
from tenants.models import Tenant
from tests.console.furniture import make_superuser, open_session, path_of
from tests.console.issuer import Issuer
from tests.fixtures import Cast
from tests.web.browsing import Browser, signed_in

GITHUB = "https://token.actions.githubusercontent.com"
STORED = {
    "issuer": GITHUB,
    "audiences": ["bytebase", "https://other.example"],
    "subject": "repo:acme/app:*",
    "provider": "GITHUB",
}
FIELDS = {
    "provider": "GITHUB",
    "issuer": GITHUB,
    "audiences": " bytebase \r\n\r\nhttps://other.example\r\n",
    "subject": "repo:acme/app:*",
    "reason": "a new pipeline",
}


CLUSTER = "https://kubernetes.default.svc.cluster.local"


def workload(tenant: Tenant, **trust: Any) -> User:
    return provisioning.create_user(
        tenant,
        f"{tenant.slug}-ci",
        email=f"{tenant.slug}-ci@workload.bytebase.com",
        kind=User.Kind.WORKLOAD,
        workload_trust=trust,
    )


def form_of(user: User) -> str:
    return path_of(User, user.pk, "trusted-issuer")


def trial_of(user: User) -> str:
    return path_of(User, user.pk, "trusted-issuer", "test")


def changes() -> list[Any]:
    return list(LoginEvent.objects.filter(event="admin:user:changed").values_list("trace"))


def test_an_officer_sets_whom_a_workload_trusts_and_old_sessions_end(cast: Cast) -> None:
    user = workload(cast.alpha)
    browser = signed_in(cast.erin)
    shown = browser.get(path_of(User, user.pk, "change")).content.decode()
    assert f'href="{form_of(user)}">Set<' in shown
    assert trial_of(user) not in shown
    session = open_session(user, "bytebase")
    epoch = user.security_epoch
    answer = browser.submit(browser.get(form_of(user)), form_of(user), **FIELDS)
    assert (answer.status_code, answer["Location"]) == (302, path_of(User, user.pk, "change"))
    user.refresh_from_db()
    session.refresh_from_db()
    assert user.workload_trust == STORED
    assert session.end_reason == "trusted issuer changed"
    # A login that was checked by the old trust and is written after this opens nothing.
    assert user.security_epoch == epoch + 1
    told = [["by", "erin"], ["changed", "workload_trust"], ["reason", "a new pipeline"]]
    assert changes() == [(told,)]
    shown = browser.get(answer["Location"]).content.decode()
    for text in (GITHUB, "bytebase, https://other.example", "repo:acme/app:*", trial_of(user)):
        assert text in shown
    # The form has it as it is; sent back it changes nothing and ends nothing.
    later = open_session(user, "bytebase")
    page = browser.get(form_of(user))
    assert 'value="repo:acme/app:*"' in page.content.decode()
    assert "bytebase\nhttps://other.example</textarea>" in page.content.decode()
    assert browser.submit(page, form_of(user), **FIELDS).status_code == 302
    later.refresh_from_db()
    assert (later.ended_at, len(changes())) == (None, 1)


def test_the_issuer_of_a_cluster_can_be_set_where_the_operator_allows_its_host(
    cast: Cast, settings: Settings
) -> None:
    hosts = frozenset({"kubernetes.default.svc.cluster.local"})
    settings.DRAGOMAN = replace(settings.DRAGOMAN, outbound_hosts=hosts)
    user = workload(cast.alpha)
    browser = signed_in(cast.erin)
    subject = "system:serviceaccount:shop:builder"
    fields = {**FIELDS, "provider": "", "issuer": CLUSTER, "subject": subject}
    answer = browser.submit(browser.get(form_of(user)), form_of(user), **fields)
    assert answer.status_code == 302, answer.content.decode()
    user.refresh_from_db()
    assert user.workload_trust["issuer"] == CLUSTER
    # Allowed is asking it at a private address, not asking it without TLS.
    plain = {**fields, "issuer": CLUSTER.replace("https", "http")}
    assert browser.submit(browser.get(form_of(user)), form_of(user), **plain).status_code == 400


def test_a_preset_fills_the_form_by_a_plain_link(cast: Cast) -> None:
    assert {preset.provider for preset in PRESETS} - {""} == set(PROVIDERS[1:])
    user = workload(cast.alpha, **{**STORED, "issuer": "https://gitlab.com"})
    browser = signed_in(cast.erin)
    page = browser.get(form_of(user)).content.decode()
    for preset in PRESETS:
        assert f'href="?preset={preset.slug}"' in page
        filled = browser.get(f"{form_of(user)}?preset={preset.slug}").content.decode()
        assert f'name="subject" value="{preset.subject}"' in filled
        named = re.search(r'name="issuer"(?: value="([^"]*)")?', filled)
        assert named is not None
        assert (named[1] or "") == preset.issuer
        assert f'<option value="{preset.provider}" selected>' in filled
    unknown = browser.get(f"{form_of(user)}?preset=%00").content.decode()
    assert 'value="https://gitlab.com"' in unknown
    user.refresh_from_db()
    assert user.workload_trust["issuer"] == "https://gitlab.com"


def test_a_trust_that_no_token_could_be_checked_by_is_refused_at_its_field(cast: Cast) -> None:
    user = workload(cast.alpha)
    browser = signed_in(cast.erin)
    page = browser.get(form_of(user))
    wrong = []
    for name, value, said in (
        ("issuer", "", "This field is required"),
        ("issuer", "http://id.example.com", "The issuer must be an https address"),
        ("issuer", "https://127.0.0.1/", "The issuer must be of the public net"),
        ("issuer", CLUSTER, "The issuer must be of the public net"),
        ("issuer", "https://id.example.com/?x", "The issuer must be an https address"),
        ("issuer", "https://id.example.com/\x00", "Null characters"),
        ("audiences", "\n".join(map(str, range(21))), "There may be at most 20 audiences"),
        ("audiences", "x" * 513, "A text may have at most 512"),
        ("subject", "x\u202ey", "A text may have at most 512"),
        ("subject", "x" * 513, "at most 512 characters"),
        ("subject", "repo:OWNER/app:*", "Put your own names in place of OWNER."),
        ("subject", "", "Anybody can get such a token"),
        ("subject", "repo:acme*", "Anybody can get such a token"),
        ("provider", "SVN", "Select a valid choice"),
        ("reason", "", "This field is required"),
    ):
        answer = browser.submit(page, form_of(user), **{**FIELDS, name: value})
        # The objections stand after their field and before its help.
        at = rf'id="id_{name}".*?class="errorlist".*?{re.escape(said)}.*?id="id_{name}_helptext"'
        text = answer.content.decode()
        if answer.status_code != 400 or not re.search(at, text, re.DOTALL):
            wrong.append((name, value, answer.status_code))
    assert wrong == []
    user.refresh_from_db()
    assert (user.workload_trust, changes()) == ({}, [])


@pytest.mark.parametrize(
    ("issuer_url", "subject", "anybody"),
    [
        (GITHUB, "*", True),
        (GITHUB, "re*", True),
        (GITHUB, "repo:*", True),
        (GITHUB, "repo:acme*", True),
        (GITHUB, "repo:acme/*", False),
        (GITHUB, "repo:acme", False),
        (f"{GITHUB}/", "", True),
        ("https://gitlab.com", "project_path:acme*", True),
        ("https://gitlab.com", "project_path:acme/app:*", False),
        ("https://id.example.com", "", False),
    ],
)
def test_strangers_of_an_issuer_for_everybody_are_kept_out(
    issuer_url: str, subject: str, anybody: bool
) -> None:
    assert is_open(WorkloadTrust(issuer_url, (), subject)) is anybody


def test_only_officers_of_the_tenant_touch_a_workload_and_never_a_superusers(cast: Cast) -> None:
    own, foreign = workload(cast.alpha, **STORED), workload(cast.beta, **STORED)
    browser = signed_in(cast.erin)
    page = browser.get(form_of(own))
    User.objects.filter(pk=own.pk).update(is_superuser=True)
    for user in (own, foreign, cast.alice.user):
        for address in (form_of(user), trial_of(user)):
            assert browser.get(address).status_code == 404
            answer = browser.submit(page, address, **{**FIELDS, "subject": "repo:evil/x:*"})
            assert answer.status_code == 404
    shown = browser.get(path_of(User, own.pk, "change")).content.decode()
    assert GITHUB in shown
    assert "trusted-issuer" not in shown
    stored = User.objects.exclude(workload_trust={}).values_list("workload_trust", flat=True)
    assert list(stored) == [STORED, STORED]
    bare = Browser().get(form_of(own))
    assert bare["Location"].startswith("/sign-in/?next=/admin/")
    assert signed_in(make_superuser(cast.erin)).get(form_of(foreign)).status_code == 200


def test_the_form_and_the_test_want_a_sign_in_of_a_short_time_ago(cast: Cast) -> None:
    user = workload(cast.alpha, **STORED)
    browser = signed_in(cast.erin)
    page = browser.get(form_of(user))
    long_ago = timezone.now() - timedelta(minutes=30)
    for session in Session.objects.filter(user=cast.erin.user):
        proofs = [{**record, "at": int(long_ago.timestamp())} for record in session.amr]
        Session.objects.filter(pk=session.pk).update(auth_time=long_ago, amr=proofs)
    for address in (form_of(user), trial_of(user)):
        assert browser.get(address)["Location"].startswith("/sign-in/")
        answer = browser.submit(page, address, **{**FIELDS, "subject": "repo:evil/x:*"})
        assert answer["Location"].startswith("/sign-in/")
    user.refresh_from_db()
    assert user.workload_trust == STORED
    assert not LoginEvent.objects.filter(event="admin:provider:tested").exists()


def test_a_test_asks_the_issuer_and_says_what_is_wrong(
    cast: Cast,
    issuer: type[Issuer],  # the fixture
) -> None:
    user = workload(cast.alpha, **{**STORED, "issuer": issuer.base})
    browser = signed_in(cast.erin)

    def tried() -> str:
        page = browser.get(trial_of(user))
        assert page.status_code == 200
        return str(browser.submit(page, trial_of(user)).content.decode())

    page = tried()
    assert "Discovery: good." in page
    assert "Key set: good.</strong> It holds 1 usable keys." in page
    assert ": wrong." not in page
    issuer.keys = {"keys": []}
    assert "It holds no usable key." in tried()
    issuer.document["jwks_uri"] = "https://10.0.0.1/keys"
    assert "does not lead to this network" in tried()
    issuer.document["issuer"] = "https://other.example.com"
    page = tried()
    assert "names another issuer" in page
    assert "Key set" not in page
    rows = LoginEvent.objects.filter(event="admin:provider:tested").order_by("at")
    assert [(row.reason, row.user_id) for row in rows] == [
        ("good", user.pk),
        *[("failed", user.pk)] * 3,
    ]
    wrong = ["wrong", "Key set"]
    assert rows[1].trace == [["by", "erin"], ["issuer", issuer.base], wrong]
    bare = workload(cast.beta)
    assert signed_in(make_superuser(cast.erin)).get(trial_of(bare)).status_code == 404
