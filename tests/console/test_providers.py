"""Identity providers in the console: fields, secrets that are written only, their end."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

from django.utils import timezone

from accounts.login import sessions
from accounts.models import ExternalAccount, LoginEvent, Session
from tenants.federation import providers
from tenants.federation.provider import of_row
from tenants.models import IdentityProvider
from tests.console.furniture import open_session, path_of
from tests.console.provider_forms import ADD, OIDC, SECRET, add, change, events, provider
from tests.fixtures import Cast
from tests.web.browsing import Browser, signed_in


def test_a_provider_of_each_kind_is_made_by_named_fields(
    cast: Cast, boss: Browser, django_capture_on_commit_callbacks: Any
) -> None:
    capture = django_capture_on_commit_callbacks
    chooser = boss.get(ADD).content.decode()
    for kind in ("LDAP", "OAUTH2", "OIDC", "AUTH0"):
        assert f'href="?kind={kind}"' in chooser
    mine = {"tenant": str(cast.alpha.pk), "domains": "Alpha.example x.org"}
    answers = [
        add(boss, "OIDC", capture, **OIDC, **mine),
        add(
            boss,
            "LDAP",
            capture,
            **mine,
            name="ad",
            setting__host="ad1.example.com ad2.example.com",
            setting__bindDn="cn=reader",
            setting__baseDn="dc=example",
            setting__securityProtocol="LDAPS",
            setting__fieldMapping__displayName="cn",
            new_secret=SECRET,
        ),
        add(
            boss,
            "OAUTH2",
            capture,
            **mine,
            name="hub",
            setting__authUrl="https://hub.example.com/authorize",
            setting__tokenUrl="https://hub.example.com/token",
            setting__userInfoUrl="https://hub.example.com/user",
            setting__clientId="c",
        ),
        add(
            boss,
            "AUTH0",
            capture,
            **mine,
            name="core",
            setting__domain="t.eu.auth0.com",
            setting__audience="https://core",
            setting__clientid="c",
            setting__users="auth0|1 auth0|2",
        ),
    ]
    assert [answer.status_code for answer in answers] == [302] * 4, answers[-1].content.decode()
    assert {row.name: row.settings for row in IdentityProvider.objects.all()} == {
        "corp": {
            "issuer": "https://id.example.com/",
            "clientId": "dragoman",
            "scopes": ["openid", "email"],
            "authStyle": "IN_HEADER",
        },
        "ad": {
            "host": ["ad1.example.com", "ad2.example.com"],
            "securityProtocol": "LDAPS",
            "bindDn": "cn=reader",
            "baseDn": "dc=example",
            "userFilter": "(uid=%s)",
            "uniqueAttribute": "entryUUID",
            "fieldMapping": {"displayName": "cn"},
        },
        "hub": {
            "authUrl": "https://hub.example.com/authorize",
            "tokenUrl": "https://hub.example.com/token",
            "userInfoUrl": "https://hub.example.com/user",
            "clientId": "c",
            "authStyle": "IN_PARAMS",
        },
        "core": {
            "domain": "t.eu.auth0.com",
            "audience": "https://core",
            "clientid": "c",
            "users": ["auth0|1", "auth0|2"],
        },
    }
    found = providers.of_tenant(cast.alpha.pk)
    assert {each.name for each in found} == {"corp", "ad", "hub", "core"}
    corp = IdentityProvider.objects.get(name="corp")
    assert of_row(corp).secret == SECRET
    assert corp.trusted_domains == ["alpha.example", "x.org"]
    assert SECRET not in corp.sealed_secret
    assert (cast.alpha.pk, [["by", "erin"], ["identity provider", "Corporate login"]]) in events(
        "created"
    )


def test_a_secret_is_written_and_never_shown(
    cast: Cast, boss: Browser, django_capture_on_commit_callbacks: Any
) -> None:
    capture = django_capture_on_commit_callbacks
    row = provider(cast.alpha)
    page = boss.get(path_of(IdentityProvider, row.pk, "change")).content.decode()
    assert SECRET not in page
    assert row.sealed_secret not in page
    assert "remove_secret" in page
    sealed = row.sealed_secret
    # Left empty, it stays.
    assert change(boss, row, capture, title="New title").status_code == 302
    row.refresh_from_db()
    assert (row.title, row.sealed_secret) == ("New title", sealed)
    assert change(boss, row, capture, new_secret="another one").status_code == 302
    row.refresh_from_db()
    assert of_row(row).secret == "another one"
    assert change(boss, row, capture, remove_secret="on").status_code == 302
    row.refresh_from_db()
    assert row.sealed_secret == ""
    shown = boss.get(path_of(IdentityProvider, row.pk, "change")).content.decode()
    assert ("new_secret" in shown, "remove_secret" in shown) == (True, False)
    told = [dict(trace) for _, trace in events("changed")]
    assert [each["changed"] for each in told] == [
        "changed Title",
        "changed Client secret",
        "changed Remove: client secret",
    ]
    assert "another one" not in str(told)


def test_settings_that_could_not_be_used_are_refused_at_their_field(
    cast: Cast, boss: Browser, django_capture_on_commit_callbacks: Any
) -> None:
    wrong = []
    for changes in (
        {"setting__issuer": "http://id.example.com/"},
        {"setting__issuer": "https://127.0.0.1/"},
        {"setting__issuer": "https://[::1]/"},
        {"setting__issuer": "https://169.254.169.254/latest"},
        {"setting__issuer": "https://user:x@id.example.com/"},
        {"setting__issuer": "nonsense"},
        {"setting__clientId": ""},
        {"setting__scopes": "email"},
        {"setting__authStyle": "SOMEHOW"},
        {"name": "two words"},
        {"tenant": "x"},
    ):
        fields = {**OIDC, "tenant": str(cast.alpha.pk), **changes}
        answer = add(boss, "OIDC", django_capture_on_commit_callbacks, **fields)
        if answer.status_code != 200 or "errorlist" not in answer.content.decode():
            wrong.append(changes)
    assert wrong == []
    assert not IdentityProvider.objects.exists()
    provider(cast.alpha)
    fields = {**OIDC, "tenant": str(cast.alpha.pk)}
    twice = add(boss, "OIDC", django_capture_on_commit_callbacks, **fields)
    assert "already exists" in twice.content.decode()


def test_links_are_not_handed_to_another_issuers_people(
    cast: Cast, boss: Browser, django_capture_on_commit_callbacks: Any
) -> None:
    capture = django_capture_on_commit_callbacks
    row = provider(cast.alpha)
    elsewhere = {"setting__issuer": "https://other.example.com/"}
    ExternalAccount.objects.create(user=cast.alice.user, provider=row, subject="1")
    answer = change(boss, row, capture, **elsewhere)
    assert "add a new provider instead" in answer.content.decode()
    ExternalAccount.objects.all().delete()
    assert change(boss, row, capture, **elsewhere).status_code == 302


def federated(cast: Cast, name: str) -> Session:
    session = open_session(cast.alice.user)
    proof = sessions.amr(sessions.FEDERATED, timezone.now(), provider=name)
    Session.objects.filter(pk=session.pk).update(amr=[proof])
    return session


def ended(session: Session) -> str:
    return Session.objects.get(pk=session.pk).end_reason


def test_what_a_provider_opened_ends_with_it(
    cast: Cast, boss: Browser, django_capture_on_commit_callbacks: Any
) -> None:
    capture = django_capture_on_commit_callbacks
    row, other = provider(cast.alpha), provider(cast.alpha, name="hub")
    mine, by_hub, by_password = (
        federated(cast, "corp"),
        federated(cast, "hub"),
        open_session(cast.alice.user),
    )
    assert change(boss, row, capture, title="Still on").status_code == 302
    assert ended(mine) == ""
    assert change(boss, row, capture, "enabled").status_code == 302
    assert ended(mine) == "identity provider disabled"
    assert (ended(by_hub), ended(by_password)) == ("", "")
    assert providers.named(cast.alpha.pk, "corp") is None
    event = LoginEvent.objects.get(event="session:subject:ended")
    assert event.trace == [["by", "erin"], ["provider", "corp"]]
    path = path_of(IdentityProvider, other.pk, "delete")
    page = boss.get(path)
    assert "Links to accounts: 0" in page.content.decode()
    with capture(execute=True):
        assert boss.submit(page, path, post="yes").status_code == 302
    assert ended(by_hub) == "identity provider deleted"
    assert list(IdentityProvider.objects.all()) == [row]
    assert events("deleted") == [(cast.alpha.pk, [["by", "erin"], ["identity provider", "hub"]])]


def test_auth0_tenants_are_pasted_as_core_has_them(
    cast: Cast, boss: Browser, django_capture_on_commit_callbacks: Any
) -> None:
    path = path_of(IdentityProvider, "auth0")
    encoded = {"domain": "b.eu.auth0.com", "audience": "aud", "clientid": "c2", "users": ["x|1"]}
    text = (
        "auth0://c1@a.eu.auth0.com?aud=https%3A%2F%2Fcore&user=auth0%7C1&user=auth0%7C2, "
        + b64encode(json.dumps(encoded).encode()).decode()
    )
    page = boss.get(path)
    for bad in ("nonsense", text + ",auth0://@x", text.replace("7C2", "7C2%00"), ",", ""):
        answer = boss.submit(page, path, tenant=str(cast.beta.pk), text=bad)
        assert "errorlist" in answer.content.decode(), bad
    assert not IdentityProvider.objects.exists()
    with django_capture_on_commit_callbacks(execute=True):
        answer = boss.submit(page, path, tenant=str(cast.beta.pk), text=text)
    assert answer.status_code == 302
    rows = IdentityProvider.objects.order_by("name")
    assert [(row.name, row.tenant_id, row.kind) for row in rows] == [
        ("a-eu-auth0-com", cast.beta.pk, "AUTH0"),
        ("b-eu-auth0-com", cast.beta.pk, "AUTH0"),
    ]
    assert rows[0].settings == {
        "domain": "a.eu.auth0.com",
        "audience": "https://core",
        "clientid": "c1",
        "users": ["auth0|1", "auth0|2"],
    }
    assert len(events("created")) == 2
    again = boss.submit(page, path, tenant=str(cast.beta.pk), text=text)
    assert "is called a-eu-auth0-com already" in again.content.decode()


def test_a_provider_of_a_kind_that_is_gone_can_be_read_and_deleted(
    cast: Cast, boss: Browser, django_capture_on_commit_callbacks: Any
) -> None:
    row = provider(cast.alpha)
    IdentityProvider.objects.filter(pk=row.pk).update(kind="PIGEON")
    path = path_of(IdentityProvider, row.pk, "change")
    page = boss.get(path)
    assert "PIGEON" in page.content.decode()
    assert boss.submit(page, path, title="x").status_code == 403
    delete = path_of(IdentityProvider, row.pk, "delete")
    with django_capture_on_commit_callbacks(execute=True):
        assert boss.submit(boss.get(delete), delete, post="yes").status_code == 302
    assert not IdentityProvider.objects.exists()


def test_staff_read_their_own_providers_and_do_nothing(cast: Cast) -> None:
    row, foreign = provider(cast.alpha), provider(cast.beta)
    erin = signed_in(cast.erin)
    page = erin.get(path_of(IdentityProvider, row.pk, "change"))
    body = page.content.decode()
    assert "issuer: https://id.example.com/" in body
    assert "setting__" not in body
    assert SECRET not in body
    for path, status in (
        (ADD + "?kind=OIDC", 403),
        (path_of(IdentityProvider, "auth0"), 403),
        (path_of(IdentityProvider, row.pk, "test"), 404),
        (path_of(IdentityProvider, foreign.pk, "test"), 404),
        (path_of(IdentityProvider, row.pk, "delete"), 403),
        (path_of(IdentityProvider, foreign.pk, "change"), 404),
    ):
        assert erin.get(path).status_code == status, path
        refused = erin.submit(page, path, name="x", post="yes").status_code
        assert refused in {403, 404}, path
    assert IdentityProvider.objects.count() == 2
