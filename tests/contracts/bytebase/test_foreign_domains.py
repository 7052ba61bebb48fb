"""Addresses whose domain leads logins to another tenant: people here do not get them."""

from __future__ import annotations

from accounts import provisioning
from accounts.models import User
from tests.contracts.bytebase.conversation import LOGIN, Api, refused
from tests.contracts.bytebase.test_creation import ADA, NEW, USERS, allow
from tests.fixtures import PASSWORD, Cast

OURS, THEIRS = "ada@alpha.example", "ada@beta.example"
TEXT = f'invalid email: the domain of "{THEIRS}" is another workspace\'s'


def test_nobody_is_given_an_address_that_leads_to_another_tenant(api: Api, cast: Cast) -> None:
    officer = api.token(cast.erin)
    path = f"{USERS}/alice@alpha.example:updateEmail"
    refused(api.post(path, {"email": THEIRS}, officer), 400, 3, TEXT)
    refused(api.post(USERS, {**ADA, "email": THEIRS}, officer), 400, 3, TEXT)
    assert api.log_in(cast.alice).status_code == 200
    assert not User.objects.filter(email=THEIRS).exists()
    # What no tenant calls its own is free, and so are the names of machines.
    assert api.post(path, {"email": "ada@elsewhere.example"}, officer).status_code == 200
    machine = {"email": THEIRS, "title": "CI", "userType": "SERVICE_ACCOUNT"}
    assert api.post(USERS, machine, officer).status_code == 200


def test_who_signs_up_is_of_the_tenant_whose_domain_it_is(api: Api, cast: Cast) -> None:
    allow(cast, disallow_signup=False)
    refused(Api("/t/alpha").post(USERS, {**ADA, "email": THEIRS}), 400, 3, TEXT)
    assert api.post(USERS, {**ADA, "email": OURS}).status_code == 200
    assert api.post(LOGIN, {"email": OURS, "password": NEW}).status_code == 200


def test_who_has_such_an_address_keeps_it(api: Api, cast: Cast) -> None:
    provisioning.create_user(cast.alpha, "guest", email=THEIRS, password=PASSWORD)
    officer, here = api.token(cast.erin), Api("/t/alpha")
    assert api.patch(THEIRS, "", {"title": "Ada"}, token=officer).json()["title"] == "Ada"
    body = {"email": THEIRS, "password": PASSWORD}
    assert here.post(LOGIN, body).json()["user"]["email"] == THEIRS
    # At the bare address the domain speaks.
    refused(api.post(LOGIN, body), 401, 16, "invalid email or password")
