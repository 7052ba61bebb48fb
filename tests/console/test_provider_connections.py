"""An identity provider is tried before anybody signs in with it."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from accounts.models import LoginEvent, Session
from tenants.models import IdentityProvider
from tests.console.furniture import path_of
from tests.console.issuer import Issuer
from tests.console.provider_forms import SECRET, events, provider
from tests.fixtures import Cast
from tests.web.browsing import Browser


def tried(boss: Browser, row: IdentityProvider) -> str:
    path = path_of(IdentityProvider, row.pk, "test")
    page = boss.get(path)
    assert page.status_code == 200
    return str(boss.submit(page, path).content.decode())


def test_a_test_of_a_connection_says_what_is_wrong(
    cast: Cast, boss: Browser, issuer: type[Issuer]
) -> None:
    base = issuer.base
    row = provider(cast.alpha, settings={"issuer": base, "clientId": "c"})
    page = tried(boss, row)
    assert "Discovery: good." in page
    assert "Key set: good.</strong> It holds 1 usable keys." in page
    assert ": wrong." not in page
    issuer.keys = {"keys": [{"kty": "oct"}]}
    issuer.document["token_endpoint"] = f"{base}/away"
    page = tried(boss, row)
    assert "Key set: wrong.</strong> It holds no usable key." in page
    assert "Token address: wrong.</strong> It answered 503." in page
    issuer.document["jwks_uri"] = "https://10.0.0.1/keys"
    assert "does not lead to this network" in tried(boss, row)
    issuer.document["issuer"] = "https://other.example.com"
    assert "names another issuer: https://other.example.com." in tried(boss, row)
    assert SECRET not in page
    hub = provider(
        cast.alpha,
        name="hub",
        kind="OAUTH2",
        settings={
            "authUrl": f"{base}/a",
            "tokenUrl": f"{base}/t",
            "userInfoUrl": f"{base}/away",
            "clientId": "c",
        },
    )
    page = tried(boss, hub)
    # To POST: any other method is unknown there, as the standard has it.
    assert "Token address: good.</strong> It answered 400." in page
    assert "User info address: wrong.</strong> It answered 503." in page
    IdentityProvider.objects.filter(pk=hub.pk).update(
        settings={**hub.settings, "tokenUrl": f"{base}/moved"}
    )
    page = tried(boss, hub)
    assert "Token address: wrong.</strong> It answered 302. Redirects are not followed." in page
    rows = LoginEvent.objects.filter(event="admin:provider:tested").order_by("at")
    assert [row.reason for row in rows] == ["good", *["failed"] * 5]
    assert rows[1].trace == [
        ["by", "erin"],
        ["provider", "corp"],
        ["wrong", "Token address, Key set"],
    ]


def test_a_test_wants_a_sign_in_of_a_short_time_ago(cast: Cast, boss: Browser) -> None:
    row = provider(cast.alpha)
    path = path_of(IdentityProvider, row.pk, "test")
    page = boss.get(path)
    long_ago = timezone.now() - timedelta(minutes=30)
    for session in Session.objects.filter(user=cast.erin.user):
        proofs = [{**record, "at": int(long_ago.timestamp())} for record in session.amr]
        Session.objects.filter(pk=session.pk).update(auth_time=long_ago, amr=proofs)
    assert boss.submit(page, path).status_code == 302
    assert boss.get(path)["Location"].startswith("/sign-in/")
    assert events("tested") == []
