"""What people hold, in officers' hands: one passkey, one link, one token taken away, and told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import Model
from django.utils import timezone

from accounts.models import ExternalAccount, Group, PersonalAccessToken, Session, User
from mfa import recovery_codes
from mfa.models import Passkey, TotpAuthenticator
from tenants.models import IdentityProvider
from tests.console.deeds import do, last_event
from tests.console.furniture import furnish, open_session, path_of
from tests.fixtures import Cast
from tests.web.browsing import Browser


@pytest.fixture
def held(cast: Cast) -> Any:
    return furnish(cast.alpha, cast.bob.user)


def act_on(row: Model, slug: str) -> str:
    return path_of(type(row), row.pk, "deed", slug)


def test_one_passkey_is_removed_by_its_name(
    cast: Cast, officer: Browser, held: Any, mailed: Any
) -> None:
    other = Passkey.objects.create(user=cast.bob.user, credential_id=b"2", name="kept")
    path = act_on(held[Passkey], "remove")
    assert do(officer, path, reason="").status_code == 400
    with mailed() as outbox:
        answer = do(officer, path, reason="stolen laptop")
    assert (answer.status_code, answer["Location"]) == (
        302,
        path_of(User, cast.bob.user.pk, "change"),
    )
    assert "Alpha-held: removed" in officer.get(answer["Location"]).content.decode()
    assert list(Passkey.objects.filter(user=cast.bob.user)) == [other]
    assert [(message.subject, message.to) for message in outbox] == [
        ("The passkey “alpha-held” was removed", ["bob@alpha.example"])
    ]
    event = last_event("factor:authenticator:removed")
    assert (event.factor, event.user_id, event.trace) == (
        "passkey",
        cast.bob.user.pk,
        [["by", "erin"], ["reason", "stolen laptop"]],
    )
    assert recovery_codes.remaining(cast.bob.user.pk) == 10


def test_with_the_last_authenticator_the_codes_go_too(
    cast: Cast, officer: Browser, held: Any
) -> None:
    TotpAuthenticator.objects.filter(user=cast.bob.user).delete()
    do(officer, act_on(held[Passkey], "remove"), reason="x")
    assert recovery_codes.remaining(cast.bob.user.pk) == 0


def test_a_passkey_is_removed_with_a_fresh_sign_in_and_never_ones_own(
    cast: Cast, officer: Browser, held: Any
) -> None:
    own = Passkey.objects.create(user=cast.erin.user, credential_id=b"2", name="own")
    # A sign-in without the passkey is not good enough for the console any more.
    assert officer.get("/admin/").status_code == 302
    Session.objects.filter(user=cast.erin.user).update(
        amr=[{"method": "hwk", "at": int(timezone.now().timestamp())}], acr="aal2"
    )
    assert officer.get(act_on(own, "remove")).status_code == 404
    assert officer.get(act_on(held[Passkey], "remove")).status_code == 200
    long_ago = int((timezone.now() - timedelta(minutes=16)).timestamp())
    Session.objects.filter(user=cast.erin.user).update(amr=[{"method": "hwk", "at": long_ago}])
    assert officer.get(act_on(held[Passkey], "remove")).status_code == 302


def test_unlinking_ends_what_the_link_has_opened_and_takes_its_groups(
    cast: Cast, officer: Browser, held: Any, mailed: Any
) -> None:
    provider = IdentityProvider.objects.get(name="alpha-idp")
    theirs = Group.objects.create(tenant=cast.alpha, name="their-ops", provider=provider)
    ours = Group.objects.create(tenant=cast.alpha, name="our-ops")
    cast.bob.user.member_of.add(theirs, ours)
    by_link, by_password = open_session(cast.bob.user), open_session(cast.bob.user)
    Session.objects.filter(pk=by_link.pk).update(
        amr=[{"method": "fed", "at": 1, "provider": "alpha-idp"}]
    )
    path = act_on(held[ExternalAccount], "unlink")
    assert do(officer, path, reason="").status_code == 400
    with mailed() as outbox:
        answer = do(officer, path, reason="left the partner")
    assert answer["Location"] == path_of(User, cast.bob.user.pk, "change")
    assert not ExternalAccount.objects.filter(user=cast.bob.user).exists()
    by_link.refresh_from_db()
    by_password.refresh_from_db()
    assert (by_link.end_reason, by_password.ended_at) == ("account unlinked", None)
    assert set(cast.bob.user.member_of.values_list("name", flat=True)) == {"alpha-crew", "our-ops"}
    assert [(message.subject, message.to) for message in outbox] == [
        ("A linked account was removed", ["bob@alpha.example"])
    ]
    event = last_event("external:account:unlinked")
    assert event.trace == [
        ["by", "erin"],
        ["provider", "alpha-idp"],
        ["name there", "alpha-held"],
        ["reason", "left the partner"],
    ]
    assert event.session_id == Session.objects.get(user=cast.erin.user, ended_at=None).pk


def test_a_token_is_removed_with_its_session(
    cast: Cast, officer: Browser, held: Any, mailed: Any
) -> None:
    token = held[PersonalAccessToken]
    with mailed() as outbox:
        do(officer, act_on(token, "remove"), reason="the script is gone")
    assert not PersonalAccessToken.objects.exists()
    assert Session.objects.get(pk=token.session_id).end_reason == "token removed"
    assert [message.subject for message in outbox] == ["A personal access token was removed"]
    assert last_event("token:personal:removed").trace == [
        ["by", "erin"],
        ["token", "alpha-held"],
        ["reason", "the script is gone"],
    ]


def test_what_people_hold_is_listed_found_and_never_made_or_changed_here(
    cast: Cast, officer: Browser, held: Any
) -> None:
    page = officer.get("/admin/")
    for model, column in (
        (Passkey, "alpha-held"),
        (ExternalAccount, "alpha-idp"),
        (PersonalAccessToken, "Rocket.Chat"),
    ):
        assert column in officer.get(f"{path_of(model)}?q=bob").content.decode()
        assert "0 results" in officer.get(f"{path_of(model)}?q=nobody").content.decode()
        assert officer.get(path_of(model, "add")).status_code == 403
        change = path_of(model, held[model].pk, "change")
        assert officer.submit(page, change, name="x", subject="y").status_code == 403
        assert officer.submit(page, path_of(model), action="delete_selected").status_code in {
            200,
            302,
        }
    assert Passkey.objects.filter(user=cast.bob.user).count() == 1
