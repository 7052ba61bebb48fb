"""People of a directory log in through every door, with and without a second factor of ours."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from unittest.mock import ANY

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import provisioning
from accounts.login import passwords, throttle
from accounts.models import ExternalAccount, Group, LoginEvent, Session, ThrottleBucket, User
from mfa import binding, totp
from tenants import resolve
from tenants.models import Tenant
from tests.contracts.rocketchat.exchange import CODE_INVALID, CODE_REQUIRED, UNAUTHORIZED
from tests.federation.directory import SECRET, SUFFIX, Slapd
from tests.federation.doors import door, silent
from tests.federation.providers import ldap_row
from tests.fixtures import PASSWORD, Cast, Persona
from tests.web.browsing import Browser

MAIL = "anna@alpha.example"
FORBIDDEN = b'{"success":false,"error":403,"status":"error","message":"Login forbidden"}'


def post(client: Client, path: str, **body: Any) -> Any:
    return client.post(path, json.dumps(body), content_type="application/json")


def rocketchat(client: Client, name: str, password: Any, **more: Any) -> Any:
    return post(client, "/api/v1/login", user=name, password=password, **more)


def rocketchat_ldap(client: Client, name: str, password: str, **more: Any) -> Any:
    told = {"ldap": True, "username": name, "ldapPass": password, "ldapOptions": {}}
    return post(client, "/api/v1/login", **told, **more)


def bytebase(client: Client, name: str, password: str, **more: Any) -> Any:
    return post(client, "/v1/auth/login", email=name, password=password, **more)


def bytebase_idp(client: Client, name: str, password: str, **more: Any) -> Any:
    return bytebase(client, name, password, idpName="idps/corp", **more)


def coldstream(client: Client, name: str, password: str) -> Any:
    return post(client, "/account/login", email=name, password=password)


def datarhei(client: Client, name: str, password: str) -> Any:
    return post(client, "/api/login", username=name, password=password)


def oloid(client: Client, name: str, password: str) -> Any:
    return post(client, "/Login", UserName=name, TenantName="Alpha", Password=password)


def browser(client: Client, name: str, password: str) -> Any:
    page = Browser()
    return page.submit(page.get("/sign-in/"), identifier=name, password=password)


DOORS = (rocketchat, rocketchat_ldap, bytebase, bytebase_idp, coldstream, datarhei, oloid, browser)


@pytest.fixture
def anna(cast: Cast, corp: Slapd) -> str:
    """An entry of the directory of Alpha; nobody here knows her yet."""
    ldap_row(cast.alpha, corp)
    return corp.person("anna", mail=MAIL, displayName="Anna Ångström")


def account() -> User:
    return User.objects.get(username="anna")


def with_app(user: User) -> Persona:
    secret = totp.new_secret()
    binding.bind_totp(user.pk, secret)
    return Persona(user, password=SECRET, totp_secret=secret)


def test_a_person_of_the_directory_logs_in_through_every_door(
    client: Client, cast: Cast, anna: str
) -> None:
    answers = {door.__name__: door(client, MAIL, SECRET).status_code for door in DOORS}
    assert answers.pop("browser") == 302
    assert answers == dict.fromkeys(answers, 200)
    user = account()
    assert (user.email, user.email_verified, user.display_name) == (MAIL, True, "Anna Ångström")
    assert not passwords.is_hashed(user.password)
    assert ExternalAccount.objects.get().user == user
    amr = {json.dumps(session.amr[0]["method"]) for session in Session.objects.all()}
    assert len(amr) == 1
    assert Session.objects.filter(user=user).count() == len(DOORS)


def test_wrong_and_empty_passwords_patterns_and_filters_log_nobody_in(
    client: Client, cast: Cast, anna: str
) -> None:
    tries = [(MAIL, "wrong"), (MAIL, ""), ("*", SECRET), (f"{MAIL})(uid=*", SECRET)]
    answers: dict[str, set[tuple[int, bytes]]] = {}
    for door_ in DOORS:
        if door_ is browser:
            assert {browser(client, *each).status_code for each in tries} <= {400, 401, 403}
            continue
        for each in tries:
            told = door_(client, *each)
            assert 400 <= told.status_code <= 500, (door_, each, told.content)
            if each[1]:
                answers.setdefault(door_.__name__, set()).add((told.status_code, told.content))
    # Wrong, unknown, a pattern: one answer each, and it is the one that local accounts get.
    assert {name: len(each) for name, each in answers.items()} == dict.fromkeys(answers, 1)
    local = {door_.__name__: door_(client, cast.alice.email, "wrong") for door_ in DOORS[:-1]}
    for name, told_by in answers.items():
        if name != "bytebase_idp":
            assert told_by == {(local[name].status_code, local[name].content)}
    assert not Session.objects.exists()
    assert not User.objects.filter(username="anna").exists()


def test_rocketchat_asks_people_of_the_directory_for_their_second_factor(
    client: Client, cast: Cast, anna: str
) -> None:
    assert rocketchat(client, "anna", SECRET).status_code == 200
    Session.objects.all().delete()
    bound = with_app(account())
    for door_ in (rocketchat, rocketchat_ldap):
        assert door_(client, "anna", SECRET).content == CODE_REQUIRED
        assert door_(client, "anna", SECRET, code="000000").content == CODE_INVALID
        assert door_(client, "anna", "wrong", code=bound.code()).content == UNAUTHORIZED
    assert not Session.objects.exists()
    assert rocketchat_ldap(client, "anna", SECRET, code=bound.code()).status_code == 200
    assert Session.objects.get().acr == "aal2"


def test_bytebase_asks_people_of_the_directory_for_their_second_factor(
    client: Client, cast: Cast, anna: str
) -> None:
    assert bytebase_idp(client, "anna", SECRET).json() == {"token": ANY, "user": ANY}
    bound = with_app(account())
    Session.objects.all().delete()
    for door_ in (bytebase, bytebase_idp):
        asked = door_(client, MAIL, SECRET).json()
        assert list(asked) == ["mfaTempToken"]
        temp = {"mfaTempToken": asked["mfaTempToken"]}
        assert post(client, "/v1/auth/login", **temp, otpCode="000000").status_code == 401
    assert not Session.objects.exists()
    told = post(client, "/v1/auth/login", **temp, otpCode=bound.code())
    assert told.json() == {"token": ANY, "user": ANY}
    assert Session.objects.get().acr == "aal2"


def test_the_browser_and_the_others_ask_them_as_well(client: Client, cast: Cast, anna: str) -> None:
    assert datarhei(client, "anna", SECRET).status_code == 200
    bound = with_app(account())
    Session.objects.all().delete()
    page = Browser()
    asked = page.submit(page.get("/sign-in/"), identifier="anna", password=SECRET)
    assert asked.status_code == 200
    assert b'name="code"' in asked.content
    assert list(coldstream(client, MAIL, SECRET).json()) == ["mfaToken"]
    assert datarhei(client, "anna", SECRET).status_code == 401
    assert "AuthenticationResult" not in oloid(client, "anna", SECRET).content.decode()
    assert not Session.objects.exists()
    assert page.submit(asked, code=bound.code()).status_code == 302
    assert Session.objects.get().acr == "aal2"


def test_an_app_password_of_a_person_of_the_directory_is_judged_here(
    client: Client, cast: Cast, corp: Slapd, anna: str
) -> None:
    assert datarhei(client, "anna", SECRET).status_code == 200
    with_app(account())
    issued = provisioning.issue_credential(account(), client_id="anna-obs", contract="datarhei")
    # The directory is away: an app password needs it not, and it never learns of one.
    away = resolve.directory().providers[cast.alpha.pk][0]
    with door(silent) as counted:
        row = account().external_accounts.get().provider
        row.settings = {**row.settings, "port": counted.port}
        row.save()
        resolve.invalidate()
        assert datarhei(client, "anna", issued.secret).status_code == 200
        assert counted.connections == 0
    assert away.ldap.port == corp.port


def test_local_accounts_do_not_ask_the_directory(client: Client, cast: Cast, corp: Slapd) -> None:
    with door(silent) as counted:
        ldap_row(cast.alpha, corp, settings={"port": counted.port})
        assert rocketchat_ldap(client, "alice", PASSWORD).status_code == 200
        assert datarhei(client, "alice", PASSWORD).status_code == 200
        assert rocketchat(client, "alice", "wrong").content == UNAUTHORIZED
        assert oloid(client, cast.svc.client_id, cast.svc.client_secret).status_code == 200
        # A digest is for us alone, and other tenants have no directory.
        assert rocketchat(client, "nobody", digest(SECRET)).content == UNAUTHORIZED
        assert post(client, "/t/beta/api/login", username="anna", password="x").status_code == 401
        assert counted.connections == 0


def digest(password: str) -> dict[str, str]:
    return {"digest": hashlib.sha256(password.encode()).hexdigest(), "algorithm": "sha-256"}


def test_a_password_here_does_not_log_in_whom_the_directory_judges(
    client: Client, cast: Cast, anna: str
) -> None:
    assert rocketchat(client, "anna", SECRET).status_code == 200
    Session.objects.all().delete()
    User.objects.filter(username="anna").update(password=passwords.encode(PASSWORD))
    assert rocketchat(client, "anna", PASSWORD).content == UNAUTHORIZED
    assert rocketchat_ldap(client, "anna", PASSWORD).content == UNAUTHORIZED
    assert rocketchat(client, "anna", digest("wrong")).content == UNAUTHORIZED
    right = rocketchat(client, "anna", digest(PASSWORD))
    assert (right.status_code, right.content) == (401, FORBIDDEN)
    assert not Session.objects.exists()
    assert rocketchat(client, "anna", SECRET).status_code == 200


def test_a_login_by_the_id_of_an_account_asks_for_its_name_in_the_directory(
    client: Client, cast: Cast, anna: str
) -> None:
    told = rocketchat(client, "anna", SECRET).json()
    by_id = {"id": told["data"]["userId"]}
    # Wrong on purpose.
    assert rocketchat(client, by_id, SECRET).status_code == 200  # type: ignore[arg-type]
    # Wrong on purpose.
    assert rocketchat(client, by_id, "wrong").status_code == 401  # type: ignore[arg-type]


def test_the_mobile_app_is_told_of_a_directory(client: Client, cast: Cast, corp: Slapd) -> None:
    path = "/api/v1/settings.public?_id=LDAP_Enable"
    assert client.get(path).json()["settings"] == [{"_id": "LDAP_Enable", "value": False}]
    ldap_row(cast.alpha, corp)
    assert client.get(path).json()["settings"] == [{"_id": "LDAP_Enable", "value": True}]
    assert client.get(f"/t/beta{path}").json()["settings"][0]["value"] is False


def test_a_renamed_entry_stays_its_account_and_a_new_one_of_the_old_name_is_nobody(
    client: Client, cast: Cast, corp: Slapd, anna: str
) -> None:
    assert datarhei(client, "anna", SECRET).status_code == 200
    corp.rename(anna, "uid=anna.smith")
    assert datarhei(client, "anna.smith", SECRET).status_code == 200
    assert ExternalAccount.objects.get().user == account()
    corp.person("anna", "the newcomer's password", mail="other@alpha.example")
    Session.objects.all().delete()
    assert datarhei(client, "anna", "the newcomer's password").status_code == 401
    assert not Session.objects.exists()
    # Without an event this fails, as it should.
    assert LoginEvent.objects.order_by("pk").last().reason == "external_conflict"  # type: ignore[union-attr]
    assert User.objects.filter(tenant=cast.alpha, username__startswith="anna").count() == 1


def test_an_entry_with_the_name_of_a_local_account_opens_it_not(
    client: Client, cast: Cast, corp: Slapd, anna: str
) -> None:
    corp.person("alice")
    corp.person("ghost", mail=cast.alice.email)
    assert rocketchat(client, "alice", SECRET).status_code == 401
    assert bytebase_idp(client, "alice", SECRET).status_code == 403
    assert bytebase_idp(client, "ghost", SECRET).status_code == 403
    assert not Session.objects.exists()
    assert not ExternalAccount.objects.exists()


def test_whoever_waits_for_his_first_login_comes_by_the_directory(
    client: Client, cast: Cast, anna: str
) -> None:
    waiting = provisioning.create_user(cast.alpha, "anna", email=MAIL)
    assert coldstream(client, MAIL, SECRET).status_code == 200
    assert ExternalAccount.objects.get().user == waiting


def test_a_disabled_account_stays_disabled_whatever_the_directory_says(
    client: Client, cast: Cast, anna: str
) -> None:
    assert datarhei(client, "anna", SECRET).status_code == 200
    User.objects.filter(username="anna").update(state=User.State.DISABLED)
    Session.objects.all().delete()
    for door_ in DOORS[:-1]:
        assert door_(client, MAIL, SECRET).status_code >= 400, door_
    assert not Session.objects.exists()


def test_groups_follow_the_directory_and_ours_stay(
    client: Client, cast: Cast, corp: Slapd, anna: str
) -> None:
    staff = corp.group(f"cn=staff,ou=groups,{SUFFIX}", anna)
    assert datarhei(client, "anna", SECRET).status_code == 200
    own = Group.objects.create(tenant=cast.alpha, name="ours")
    account().member_of.add(own)
    names = account().member_of.order_by("name").values_list("name", flat=True)
    assert list(names.all()) == ["ours", "staff"]
    corp.change(staff, member=["cn=nobody"])
    assert datarhei(client, "anna", SECRET).status_code == 200
    assert list(names.all()) == ["ours"]


def test_a_suspended_tenants_directory_hears_nothing(
    client: Client, cast: Cast, corp: Slapd
) -> None:
    with door(silent) as counted:
        ldap_row(cast.alpha, corp, settings={"port": counted.port})
        Tenant.objects.filter(pk=cast.alpha.pk).update(state=Tenant.State.SUSPENDED)
        resolve.invalidate()
        for door_ in (rocketchat, bytebase, coldstream, datarhei, oloid):
            assert door_(client, MAIL, SECRET).status_code >= 400
        assert counted.connections == 0


def test_guesses_count_for_the_entry_under_all_spellings_of_its_name(
    client: Client, cast: Cast, corp: Slapd, anna: str
) -> None:
    # The directory takes all of these for one name.
    spellings = ["anna", "ANNA", "  anna", MAIL, MAIL.upper()]
    corp.change(anna, mail=[MAIL, *(f"anna{n}@alpha.example" for n in range(12))])
    tried = [*spellings, *(f"anna{n}@alpha.example" for n in range(12))]
    for name in tried:
        assert datarhei(client, name, "wrong").status_code in (401, 429)
    assert datarhei(client, "anna", SECRET).status_code == 429
    assert datarhei(client, "anna11@alpha.example", SECRET).status_code == 429
    assert not User.objects.filter(username="anna").exists()


def test_guesses_under_a_named_provider_count_for_the_account(
    client: Client, cast: Cast, anna: str
) -> None:
    assert datarhei(client, "anna", SECRET).status_code == 200
    user = account()
    User.objects.filter(pk=user.pk).update(username="a.smith", username_key="a.smith", email="")
    for _ in range(10):
        assert bytebase_idp(client, "anna", "wrong").status_code == 500
    assert bytebase_idp(client, "anna", SECRET).status_code == 429
    user.refresh_from_db()
    totals = ThrottleBucket.objects.filter(kind=ThrottleBucket.Kind.ACCOUNT)
    assert max(len(row.failures) for row in totals) == 10
    assert totals.count() == 2


def test_a_lock_by_the_directorys_refusals_is_seen_and_lifted_like_any_other(
    client: Client, cast: Cast, anna: str
) -> None:
    assert datarhei(client, "anna", SECRET).status_code == 200
    for _ in range(10):
        assert datarhei(client, MAIL, "wrong").status_code == 401
    assert datarhei(client, MAIL, SECRET).status_code == 429
    assert datarhei(client, "anna", SECRET).status_code == 429
    assert throttle.locked_until(account(), timezone.now()) is not None
    throttle.unlock(account())
    assert datarhei(client, MAIL, SECRET).status_code == 200
    # Right passwords are no failures.
    for _ in range(11):
        assert datarhei(client, "anna", SECRET).status_code == 200


def count(client: Client, name: str, password: str) -> int:
    with CaptureQueriesContext(connection) as seen:
        assert datarhei(client, name, password).status_code == 200
    return len(seen)


def test_logins_cost_no_more_statements_where_there_is_no_directory(
    client: Client, cast: Cast, corp: Slapd
) -> None:
    count(client, "alice", PASSWORD)
    without = count(client, "alice", PASSWORD)
    row = ldap_row(cast.beta, corp)
    count(client, "alice", PASSWORD)
    assert count(client, "alice", PASSWORD) == without
    row.delete()
    ldap_row(cast.alpha, corp)
    corp.person("anna", mail=MAIL)
    count(client, "alice", PASSWORD)
    assert count(client, "alice", PASSWORD) == without + 2
    count(client, "anna", SECRET)
    assert count(client, "anna", SECRET) <= 10
