"""What the product asks of officers by itself: a second factor, everywhere but in a demo."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.client import ClientContext
from accounts.login.attempt import Attempt, Identifier, NameForm, Password
from accounts.login.outcome import Authenticated, LoginRefused, Reason
from accounts.login.pipeline import authenticate
from accounts.models import Session, User
from config import env
from mfa import totp
from tenants import resolve
from tenants.conf import conf
from tenants.hint import TenantHint
from tenants.models import Tenant, TenantPolicy
from tests.console.deeds import REPEATING
from tests.fixtures import PASSWORD, Cast
from tests.web.browsing import Browser, signed_in


@pytest.fixture
def as_shipped(settings: Any) -> Iterator[None]:
    """The default of every server but a demo's; tests/settings.py says otherwise for the rest."""
    settings.DRAGOMAN = replace(conf(), staff_second_factor=True)
    resolve.invalidate()
    yield
    resolve.invalidate()


def log_in(name: str) -> Any:
    client = ClientContext("rocketchat", timezone.now())
    identifier = Identifier(NameForm.USERNAME, name)
    return authenticate(Attempt((Password(PASSWORD),), TenantHint(), client, identifier), REPEATING)


def test_only_a_demo_leaves_it_to_its_staff() -> None:
    for mode, demanded in (("production", True), ("test", True), ("demo", False)):
        assert env.read({"DRAGOMAN_MODE": mode}).conf.staff_second_factor is demanded, mode
    assert env.read({}).conf.staff_second_factor
    assert env.read({"DRAGOMAN_MODE": "Demo "}).conf.staff_second_factor


def test_the_first_administrator_sets_up_an_app_on_the_way_in(db: None, as_shipped: None) -> None:
    call_command("create_tenant", "gamma", "--name", "Gamma", stdout=StringIO())
    told = StringIO()
    call_command(
        "create_admin", "root", "--email", "root@gamma.example", "--superuser",
        "--generate-password", stdout=told,
    )  # fmt: skip
    password = told.getvalue().rsplit(": ", 1)[1].strip()
    browser = Browser()
    page = browser.submit(
        browser.get("/sign-in/?next=/admin/"), identifier="root", password=password
    )
    assert (page.status_code, "dragoman" in browser.cookies) == (200, False)
    text = page.content.decode()
    # Without a secret on the page this fails, as it should.
    secret = base64.b32decode(re.search(r'class="secret">([^<]*)<', text)[1].replace(" ", ""))  # type: ignore[index]
    done = browser.submit(page, code=totp.code_at(secret, totp.step_at(timezone.now())))
    onward = re.search(r'class="button" href="([^"]*)"', done.content.decode())
    assert onward is not None
    assert (onward[1], browser.get(onward[1]).status_code) == ("/admin/", 200)
    assert Session.objects.get().acr == "aal2"


def test_the_default_is_for_staff_and_superusers_alone(cast: Cast, as_shipped: None) -> None:
    assert isinstance(log_in("alice"), Authenticated)
    for rights in ({"is_staff": True}, {"is_staff": False, "is_superuser": True}):
        User.objects.filter(pk=cast.erin.user.pk).update(**rights)
        with pytest.raises(LoginRefused) as refused:
            log_in("erin")
        assert refused.value.reason is Reason.MUST_BIND_FACTOR, rights


def test_a_tenants_own_rule_goes_before_the_default(cast: Cast, as_shipped: None) -> None:
    assert TenantPolicy(tenant=cast.alpha).second_factor == "required_for_staff"
    assert resolve.directory().by_slug["alpha"].policy.second_factor == "required_for_staff"
    TenantPolicy(tenant=cast.alpha, second_factor="optional").save()
    resolve.invalidate()
    assert signed_in(cast.erin).get("/admin/").status_code == 200


def test_a_demo_that_becomes_a_real_server_asks_its_staff_at_once(
    cast: Cast, settings: Any
) -> None:
    browser = signed_in(cast.erin)
    assert browser.get("/admin/").status_code == 200
    settings.DRAGOMAN = replace(conf(), staff_second_factor=True)
    resolve.invalidate()
    assert Tenant.objects.filter(policy=None).count() == 2
    answer = browser.get("/admin/")
    assert (answer.status_code, answer["Location"]) == (302, "/sign-in/?again=1&next=/admin/")


def test_another_providers_word_is_no_second_factor(cast: Cast, as_shipped: None) -> None:
    browser = signed_in(cast.alice)
    word = {"method": "fed", "provider": "corp", "at": int(timezone.now().timestamp())}
    Session.objects.update(amr=[word])
    User.objects.filter(pk=cast.alice.user.pk).update(is_staff=True)
    answer = browser.get("/admin/")
    assert (answer.status_code, answer["Location"]) == (302, "/sign-in/?again=1&next=/admin/")
