"""Somebody is made staff: what he has signed in for before does not rise with him."""

from __future__ import annotations

import re
from typing import Any

import pytest

from accounts.audit import Event
from accounts.models import LoginEvent, Session, User
from tests.console.furniture import path_of
from tests.contracts.bytebase.conversation import LOGIN, Api
from tests.fixtures import Cast, Persona
from tests.web.browsing import Browser, signed_in


def fields_of(page: Any) -> dict[str, str]:
    """What the form of the page would send as it stands, apart from boxes."""
    found: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", page.content.decode()):
        name, value = (re.search(rf' {each}="([^"]*)"', tag) for each in ("name", "value"))
        boxed = 'type="checkbox"' in tag or 'type="submit"' in tag
        if name and not boxed:
            found[name[1]] = value[1] if value else ""
    return found


def save(officer: Browser, who: Persona, **changes: str) -> None:
    path = path_of(User, who.user.pk, "change")
    answer = officer.post(path, {**fields_of(officer.get(path)), **changes})
    assert answer.status_code == 302, answer.content.decode()


@pytest.fixture
def officer(cast: Cast) -> Browser:
    return signed_in(cast.erin)


def test_whoever_becomes_staff_signs_in_anew(cast: Cast, officer: Browser) -> None:
    api, body = Api(), {"email": cast.alice.email, "password": cast.alice.password}
    token = api.post(LOGIN, body).json()["token"]
    save(officer, cast.alice, display_name="Alice A.")
    assert api.get("/v1/users/me", token).status_code == 200
    save(officer, cast.alice, is_staff="on")
    # Without this the password alone would open what the tenant wants a second factor for.
    assert api.get("/v1/users/me", token).status_code == 401
    assert not Session.objects.filter(user=cast.alice.user, ended_at=None).exists()
    ended = LoginEvent.objects.get(user=cast.alice.user, event=Event.SESSION_ENDED)
    assert ["reason", "rights were given"] in [list(each) for each in ended.trace]
    # Staff whose record is saved again, or who lose the right, are not thrown out.
    token = api.post(LOGIN, body).json()["token"]
    save(officer, cast.alice, is_staff="on", display_name="Alice")
    save(officer, cast.alice)
    assert api.get("/v1/users/me", token).status_code == 200
