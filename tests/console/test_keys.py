"""Signing keys in the console: rotation keeps every token good, revocation none."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import LoginEvent, Session, SigningKey
from accounts.tokens import keys
from accounts.tokens.jwks import key_set
from accounts.wire.registry import token_profiles
from tenants.conf import conf
from tests.console.furniture import make_superuser, path_of
from tests.fixtures import Cast
from tests.web.browsing import Browser, signed_in


def coldstream_token(who: Any) -> str:
    answer = Browser().post(
        "/account/login",
        {"email": who.email, "password": who.password},
        content_type="application/json",
    )
    assert answer.status_code == 200, answer.content
    return str(answer.json()["accessToken"])


def opens(token: str) -> bool:
    answer = Browser().get("/users/me", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code in {200, 401}
    return bool(answer.status_code == 200)


def active(cast: Cast, purpose: str = "coldstream.access") -> SigningKey:
    key = keys.ring().signer(cast.alpha.pk, purpose, timezone.now())
    assert key is not None
    return key.row


def do(browser: Browser, key: SigningKey, deed: str, capture: Any, **fields: str) -> Any:
    path = path_of(SigningKey, key.pk, "deed", deed)
    page = browser.get(path)
    assert page.status_code == 200, page.content.decode()
    with capture(execute=True):
        return browser.submit(page, path, **fields)


def test_after_a_rotation_old_tokens_stay_good_and_after_a_revocation_none_is(
    cast: Cast, django_capture_on_commit_callbacks: Any
) -> None:
    token = coldstream_token(cast.alice)
    boss = signed_in(make_superuser(cast.erin))
    old = active(cast)
    answer = do(boss, old, "rotate", django_capture_on_commit_callbacks)
    assert answer.status_code == 302
    assert opens(token)
    fresh = SigningKey.objects.get(purpose=old.purpose, tenant=cast.alpha, retired_at=None)
    lead = fresh.active_from - timezone.now()
    assert timedelta() < lead <= timedelta(seconds=2 * conf().key_poll)
    row = LoginEvent.objects.get(event="admin:key:rotated")
    assert (row.tenant_id, row.reason) == (cast.alpha.pk, "coldstream.access")
    assert [name for name, _ in row.trace] == ["by", "key", "signs from"]

    refused = do(boss, old, "revoke", django_capture_on_commit_callbacks)
    assert "required" in refused.content.decode()
    assert opens(token)
    done = do(boss, old, "revoke", django_capture_on_commit_callbacks, reason="laptop stolen")
    assert done.status_code == 302
    assert not opens(token)
    row = LoginEvent.objects.get(event="admin:key:revoked")
    assert (row.tenant_id, row.reason) == (cast.alpha.pk, "coldstream.access")
    assert row.trace == [["by", "erin"], ["key", old.kid], ["reason", "laptop stolen"]]
    # Logins go on at once: the key that waited has taken over.
    assert opens(coldstream_token(cast.alice))
    assert active(cast).pk == fresh.pk
    published = [each["kid"] for each in key_set(cast.alpha.pk, timezone.now())["keys"]]
    assert old.kid not in published
    assert fresh.kid in published
    # Nothing is left to be done with it.
    path = path_of(SigningKey, old.pk, "deed", "revoke")
    assert boss.get(path).status_code == 404


def test_a_revoked_key_that_signs_is_replaced_and_refresh_tokens_go_on(
    cast: Cast, django_capture_on_commit_callbacks: Any
) -> None:
    page = Browser()
    login = page.post(
        "/v1/auth/login",
        {"email": cast.alice.email, "password": cast.alice.password, "web": True},
        content_type="application/json",
    )
    token = login.json()["token"]
    boss = signed_in(make_superuser(cast.erin))
    old = active(cast, "bytebase.access")
    do(boss, old, "revoke", django_capture_on_commit_callbacks, reason="leaked")

    def me(bearer: str) -> int:
        sent = {"Authorization": f"Bearer {bearer}"}
        return int(Browser().get("/v1/users/me", headers=sent).status_code)

    assert me(token) == 401
    page.cookies.pop("access-token", None)
    again = page.post("/v1/auth/refresh", {}, content_type="application/json")
    assert again.status_code == 200, again.content
    fresh = page.cookies["access-token"].value
    assert me(fresh) == 200
    assert active(cast, "bytebase.access").pk != old.pk
    # The other tenant's key of this kind signs on.
    other = SigningKey.objects.get(tenant=cast.beta, purpose="bytebase.access")
    assert other.state(timezone.now()) is SigningKey.State.ACTIVE


def test_a_key_that_waits_can_be_revoked_before_it_signs(
    cast: Cast, django_capture_on_commit_callbacks: Any
) -> None:
    profile = next(p for p in token_profiles() if p.purpose == "coldstream.access")
    boss = signed_in(make_superuser(cast.erin))
    old = active(cast)
    do(boss, old, "rotate-with-notice", django_capture_on_commit_callbacks)
    waiting = SigningKey.objects.get(tenant=cast.alpha, purpose=old.purpose, retired_at=None)
    assert waiting.active_from - timezone.now() > timedelta(hours=23)
    do(boss, waiting, "revoke", django_capture_on_commit_callbacks, reason="leaked")
    waiting.refresh_from_db()
    now = timezone.now()
    assert waiting.state(now) is waiting.state(now + timedelta(days=2)) is SigningKey.State.GONE
    assert active(cast).pk == old.pk
    # Where the line's end would leave nobody to sign, the next one is made on demand.
    later = old.retired_at or now + timedelta(hours=25)
    assert keys.signer(cast.alpha.pk, profile, later + timedelta(days=1)).row.pk != old.pk


def test_staff_see_keys_and_touch_none(cast: Cast) -> None:
    key = active(cast)
    erin = signed_in(cast.erin)
    page = erin.get(path_of(SigningKey, key.pk, "change"))
    assert "/deed/" not in page.content.decode()
    for deed in ("rotate", "rotate-with-notice", "revoke"):
        path = path_of(SigningKey, key.pk, "deed", deed)
        assert erin.get(path).status_code == 404
        assert erin.submit(page, path, reason="x").status_code == 404
    assert active(cast).pk == key.pk


@pytest.mark.parametrize("deed", ["rotate", "revoke"])
def test_an_old_sign_in_is_asked_again(cast: Cast, deed: str) -> None:
    boss = signed_in(make_superuser(cast.erin))
    page = boss.get("/admin/")
    long_ago = timezone.now() - timedelta(minutes=30)
    for session in Session.objects.filter(user=cast.erin.user):
        proofs = [{**record, "at": int(long_ago.timestamp())} for record in session.amr]
        Session.objects.filter(pk=session.pk).update(auth_time=long_ago, amr=proofs)
    key = active(cast)
    path = path_of(SigningKey, key.pk, "deed", deed)
    assert boss.get(path).status_code == 302
    assert boss.submit(page, path, reason="x").status_code == 302
    assert active(cast).pk == key.pk
