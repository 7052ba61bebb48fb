"""``CreateUser``: by officers, and by strangers where the tenant lets them."""

from __future__ import annotations

from typing import Any
from unittest.mock import ANY

import pytest
from django.core import mail
from django.utils import timezone

from accounts.client import ClientContext
from accounts.contracts.bytebase import creation
from accounts.contracts.bytebase.tokens import EXCHANGE
from accounts.login import sessions
from accounts.login.profile import Limit
from accounts.login.subject import Subject
from accounts.models import LoginEvent, ServiceCredential, Session, User
from tenants import resolve
from tenants.resolve import directory
from tests.contracts.bytebase.conversation import LOGIN, ME, Api, Clock, Text, refused
from tests.fixtures import PASSWORD, Cast

USERS = "/v1/users"
NEW = "Grace-Hopper-1906-compiler"
ADA = {"email": "ada@alpha.example", "title": "Ada", "userType": "USER", "password": NEW}
CI = "ci@workload.bytebase.com"
TRUST = {
    "providerType": "GITHUB",
    "issuerUrl": "https://token.actions.githubusercontent.com",
    "allowedAudiences": ["bytebase"],
    "subjectPattern": "repo:acme/*",
}


@pytest.fixture
def officer(api: Api, cast: Cast) -> str:
    return api.token(cast.erin)


def allow(cast: Cast, **options: Any) -> None:
    cast.alpha.contracts = {"bytebase": {"options": options}}
    cast.alpha.save()
    resolve.invalidate()


def test_an_officer_makes_a_person_who_has_to_choose_another_password(
    api: Api, cast: Cast, officer: str
) -> None:
    answer = api.post(USERS, {**ADA, "phone": "+4930123456", "mfaEnabled": True}, token=officer)
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "name": "users/ada@alpha.example",
            "state": "ACTIVE",
            "email": "ada@alpha.example",
            "title": "Ada",
            "userType": "USER",
            "phone": "+4930123456",
            "profile": {"lastChangePasswordTime": ANY},
        },
    )
    made = User.objects.get(email="ada@alpha.example")
    assert (made.tenant_id, made.is_staff, made.email_verified) == (cast.alpha.pk, False, False)
    row = LoginEvent.objects.get(event="admin:user:created", user=made)
    assert (row.contract, row.trace) == ("bytebase", [["by", "erin"]])
    body = {"email": "ada@alpha.example", "password": NEW}
    assert api.post(LOGIN, body).json()["requireResetPassword"] is True
    without = {"email": "eve@alpha.example", "title": "Eve", "userType": 1}
    assert api.post(USERS, without, token=officer).json()["profile"] == {}
    refused(
        api.post(LOGIN, {"email": "eve@alpha.example", "password": ""}),
        401,
        16,
        "invalid email or password",
    )


def test_a_service_accounts_key_is_shown_once(api: Api, cast: Cast, officer: str) -> None:
    body = {"email": "ci@service.bytebase.com", "title": "CI", "user_type": "SERVICE_ACCOUNT"}
    made = api.post(USERS, {**body, "password": "ignored"}, token=officer)
    key = made.json()["serviceKey"]
    assert made.json() == {
        "name": "users/ci@service.bytebase.com",
        "state": "ACTIVE",
        "email": "ci@service.bytebase.com",
        "title": "CI",
        "userType": "SERVICE_ACCOUNT",
        "serviceKey": Text("bbs_[0-9a-zA-Z]{20}"),
        "profile": {},
    }
    seen = api.get(f"{USERS}/ci@service.bytebase.com", officer)
    assert "serviceKey" not in seen.json()
    row = ServiceCredential.objects.get(user__email="ci@service.bytebase.com")
    assert (row.contract, key in str(vars(row))) == ("bytebase", False)
    login = {"email": "ci@service.bytebase.com", "password": key}
    token = api.post(LOGIN, login).json()["token"]
    assert api.get(ME, token).json()["userType"] == "SERVICE_ACCOUNT"
    refused(api.post(LOGIN, {**login, "web": True}), 403, 7, "only users can use web login")
    assert not mail.outbox


def session_of(workload: User) -> Session:
    """A session as the exchange of a token opens it."""
    now = timezone.now()
    tenant = directory().by_id[workload.tenant_id]
    subject = Subject(workload, tenant, frozenset(), ())
    proof = sessions.amr(sessions.FEDERATED, now)
    live = sessions.build(subject, EXCHANGE, ClientContext("bytebase", now), [proof])
    live.save()
    return live


def test_a_workload_identity_keeps_whom_it_trusts(api: Api, cast: Cast, officer: str) -> None:
    body = {"email": CI, "title": "CI", "userType": 4, "workloadIdentityConfig": TRUST}
    made = api.post(USERS, body, token=officer).json()
    assert made["workloadIdentityConfig"] == TRUST
    assert "serviceKey" not in made
    assert api.get(f"{USERS}/{CI}", officer).json() == made
    assert User.objects.get(email=CI).workload_trust == {
        "provider": "GITHUB",
        "issuer": "https://token.actions.githubusercontent.com",
        "audiences": ["bytebase"],
        "subject": "repo:acme/*",
    }
    refused(api.post(LOGIN, {"email": CI, "password": "x"}), 401, 16, "invalid email or password")

    mask = "updateMask=workload_identity_config"
    gitlab = {"issuerUrl": "https://gitlab.com", "providerType": 2}
    # What is only sent back changes nothing.
    same = api.patch(CI, "", {"title": "CI", "workloadIdentityConfig": gitlab}, token=officer)
    assert same.json() == made
    live = session_of(User.objects.get(email=CI))
    assert api.patch(CI, mask, body, token=officer).json() == made
    assert not Session.objects.filter(pk=live.pk).exclude(ended_at=None).exists()
    new = api.patch(CI, mask, {"workloadIdentityConfig": gitlab}, token=officer).json()
    config = {"providerType": "GITLAB", "issuerUrl": "https://gitlab.com"}
    assert new == made | {"workloadIdentityConfig": config}
    # Who was trusted until now has no token left.
    assert Session.objects.filter(pk=live.pk).exclude(ended_at=None).exists()
    refused(api.patch(CI, mask, {}, token=officer), 400, 3, NOT_HTTPS)
    only = "workload identity config is changed by officers, of workload identities only"
    for email in ("alice@alpha.example", "erin@alpha.example"):
        refused(api.patch(email, mask, {}, token=officer), 400, 3, only)


NOT_HTTPS = (
    "invalid workload identity config: the issuer must be an https address without query or user"
)
NOT_PUBLIC = (
    "invalid workload identity config: "
    "the issuer must be of the public net, or a host in DRAGOMAN_OUTBOUND_HOSTS"
)
MESSAGES: list[tuple[dict[str, Any], tuple[int, int, str]]] = [
    ({}, (400, 3, "email must be set")),
    ({"title": "Ada"}, (400, 3, "email must be set")),
    ({"email": "ada@alpha.example"}, (400, 3, "user title must be set")),
    ({**ADA, "userType": 0}, (400, 3, "invalid user type USER_TYPE_UNSPECIFIED")),
    ({**ADA, "userType": "SYSTEM_BOT"}, (400, 3, "invalid user type SYSTEM_BOT")),
    ({**ADA, "userType": 9}, (400, 3, "invalid user type 9")),
    ({**ADA, "userType": -1}, (400, 3, "invalid user type -1")),
    ({**ADA, "email": "Ada@x.org"}, (400, 3, "invalid email: email should be lowercase")),
    ({**ADA, "email": "ada"}, (400, 3, 'invalid email: "ada" is no address')),
    (
        {**ADA, "email": "аda@x.org"},  # the first letter is Cyrillic
        (400, 3, 'invalid email: "аda@x.org" is no address'),
    ),
    (
        {**ADA, "email": "a@" + "x" * 60 + "." + "y" * 60 + "." + "z" * 60 + ".org"},
        (400, 3, "invalid email: it must have at most 150 characters"),
    ),
    ({**ADA, "phone": "030"}, (400, 3, 'invalid phone number "030"')),
    ({**ADA, "title": "x" * 201}, (400, 3, "user title must be at most 200 printable characters")),
    (
        {**ADA, "email": "alice@alpha.example"},
        (409, 6, "email alice@alpha.example is already existed"),
    ),
    (
        {**ADA, "email": "carol@alpha.example"},
        (409, 6, "email carol@alpha.example is already existed"),
    ),
    ({**ADA, "password": "short"}, (400, 3, "password length should no less than 15 characters")),
    ({**ADA, "password": "ada@alpha.example"}, (400, 3, "This password is too easy to guess.")),
    ({**ADA, "password": "1234567890123456"}, (400, 3, "This password is too easy to guess.")),
    (
        {**ADA, "userType": "WORKLOAD_IDENTITY", "workloadIdentityConfig": TRUST},
        (400, 3, "email must end with @workload.bytebase.com"),
    ),
    ({"email": CI, "title": "CI", "userType": "WORKLOAD_IDENTITY"}, (400, 3, NOT_HTTPS)),
    *(
        (
            {
                "email": CI,
                "title": "CI",
                "userType": "WORKLOAD_IDENTITY",
                "workloadIdentityConfig": {"issuerUrl": issuer},
            },
            (400, 3, said),
        )
        for issuer, said in (
            ("http://x.org", NOT_HTTPS),
            ("https://", NOT_HTTPS),
            ("https://localhost/x", NOT_PUBLIC),
            ("https://127.0.0.1", NOT_PUBLIC),
            ("https://127.1", NOT_PUBLIC),
            ("https://0x7f.1", NOT_PUBLIC),
            ("https://localhost.", NOT_PUBLIC),
            ("https://kms.internal.", NOT_PUBLIC),
            ("https://10.0.0.1:443/x", NOT_PUBLIC),
            ("https://[::1]/", NOT_PUBLIC),
            ("https://kubernetes.default.svc.cluster.local", NOT_PUBLIC),
            ("https://a@x.org", NOT_HTTPS),
            ("https://x.org?a", NOT_HTTPS),
            ("https://x.org\\@y.org", NOT_HTTPS),
            ("https://x.org:99999", NOT_HTTPS),
            ("file:///etc/passwd", NOT_HTTPS),
        )
    ),
]


def test_what_may_not_be_is_refused_in_the_documented_words(
    api: Api, cast: Cast, officer: str
) -> None:
    before = User.objects.count()
    for body, expected in MESSAGES:
        refused(api.post(USERS, body, token=officer), *expected)
    for raw in (b"[]", b'{"user":{}}', b'{"email":1}', b'{"userType":"X"}', b"{"):
        answer = api.post(USERS, raw, token=officer)
        assert (answer.status_code, answer.json()["code"]) == (400, 3)
    assert User.objects.count() == before


def test_who_is_no_officer_makes_nobody(api: Api, cast: Cast) -> None:
    closed = (403, 7, "sign up is disallowed")
    no_right = (403, 7, 'user does not have permission "bb.users.create"')
    for body in (ADA, {}, {**ADA, "email": "alice@alpha.example"}):
        refused(api.post(USERS, body), *closed)
        refused(api.post(USERS, body, token="dead"), *closed)
        refused(Api("/t/beta").post(USERS, body, token=api.token(cast.erin)), *closed)
        refused(api.post(USERS, body, token=api.token(cast.alice)), *no_right)
        refused(api.post(USERS, body, token=api.token(cast.svc)), *no_right)
    header = "authorization header format must be Bearer {token}"
    refused(api.post(USERS, ADA, Authorization="x"), 401, 16, header)
    assert not User.objects.filter(email="ada@alpha.example").exists()


def test_an_officers_old_login_makes_people_but_no_keys(
    api: Api, cast: Cast, officer: str, clock: Clock
) -> None:
    clock.forward(minutes=16)
    assert api.post(USERS, ADA, token=officer).status_code == 200
    too_old = (403, 7, "the login is too old for this change, please log in again")
    service = {"email": "x@service.bytebase.com", "title": "X", "userType": "SERVICE_ACCOUNT"}
    refused(api.post(USERS, service, token=officer), *too_old)
    workload = {"email": CI, "title": "CI", "userType": 4, "workloadIdentityConfig": TRUST}
    refused(api.post(USERS, workload, token=officer), *too_old)


def test_a_machine_that_is_an_officer_makes_people_but_no_keys(api: Api, cast: Cast) -> None:
    User.objects.filter(pk=cast.svc.user.pk).update(is_staff=True)
    token = api.token(cast.svc)
    assert api.post(USERS, ADA, token=token).status_code == 200
    service = {"email": "x@service.bytebase.com", "title": "X", "userType": "SERVICE_ACCOUNT"}
    text = "a login with a service key may not make this change"
    refused(api.post(USERS, service, token=token), 403, 7, text)


def test_a_stranger_signs_up_where_the_tenant_allows_it(api: Api, cast: Cast) -> None:
    allow(cast, disallow_signup=False)
    assert "disallowSignup" not in api.get("/v1/actuator/info").json()
    made = api.post(USERS, ADA)
    assert made.json()["title"] == "Ada"
    user = User.objects.get(email="ada@alpha.example")
    assert (user.is_staff, user.must_change_password, user.email_verified) == (False, False, False)
    assert LoginEvent.objects.get(event="admin:user:created", user=user).trace == [
        ["by", "sign-up"]
    ]
    answer = api.post(LOGIN, {"email": "ada@alpha.example", "password": NEW})
    assert list(answer.json()) == ["token", "user"]
    taken = (409, 6, "email ada@alpha.example is already existed")
    refused(api.post(USERS, ADA), *taken)
    short = (400, 3, "password length should no less than 15 characters")
    refused(api.post(USERS, {**ADA, "email": "b@alpha.example", "password": ""}), *short)
    for kind in ("SERVICE_ACCOUNT", "WORKLOAD_IDENTITY"):
        body = {**ADA, "userType": kind, "email": CI, "workloadIdentityConfig": TRUST}
        refused(api.post(USERS, body), 403, 7, 'user does not have permission "bb.users.create"')
    # The address's domain is beta's, which has not opened itself.
    other = {**ADA, "email": "eve@beta.example"}
    refused(api.post(USERS, other), 403, 7, "sign up is disallowed")


def test_strangers_sign_up_only_so_often_from_one_address(
    api: Api, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(cast, disallow_signup=False)
    window = creation._SIGN_UPS.window
    monkeypatch.setattr(creation, "_SIGN_UPS", Limit(2, window))
    for email in ("a@alpha.example", "alice@alpha.example"):
        assert api.post(USERS, {**ADA, "email": email}).status_code in {200, 409}
    third = api.post(USERS, {**ADA, "email": "c@alpha.example"})
    too_many = (429, 8, "too many sign-ups, please try again later")
    refused(third, *too_many)
    # A member who makes accounts for others is counted like a stranger.
    refused(api.post(USERS, ADA, token=api.token(cast.alice)), *too_many)
    assert api.post(USERS, ADA, token=api.token(cast.erin)).status_code == 200


def test_addresses_of_other_domains_are_kept_out(api: Api, cast: Cast, officer: str) -> None:
    allow(cast, disallow_signup=False, email_domains=["X.org", "y.org"])
    text = 'email "ada@alpha.example" does not belong to domains [x.org y.org]'
    refused(api.post(USERS, ADA), 400, 3, text)
    refused(api.post(USERS, ADA, token=officer), 400, 3, text)
    for email in ("ada@notx.org", "ada@sub.x.org", "x.org@evil.test"):
        assert api.post(USERS, {**ADA, "email": email}).status_code == 400
    assert api.post(USERS, {**ADA, "email": "ada@y.org"}).status_code == 200
    # A machine's address is no person's.
    body = {"email": "ci@service.bytebase.com", "title": "CI", "userType": "SERVICE_ACCOUNT"}
    assert api.post(USERS, body, token=officer).status_code == 200
    # At the login it is told after the right password only, and officers always get in.
    alice = 'email "alice@alpha.example" does not belong to domains [x.org y.org]'
    refused(api.log_in(cast.alice), 400, 3, alice)
    wrong = api.post(LOGIN, {"email": "alice@alpha.example", "password": "wrong"})
    refused(wrong, 401, 16, "invalid email or password")
    assert api.log_in(cast.erin).status_code == 200


def test_password_sign_in_can_be_disallowed(api: Api, cast: Cast) -> None:
    temp = api.temp_token(cast.bob)
    allow(cast, disallow_password_signin=True)
    assert api.get("/v1/actuator/info").json()["disallowPasswordSignin"] is True
    for _ in range(12):
        refused(api.log_in(cast.alice), 403, 7, "password signin is disallowed")
    row = LoginEvent.objects.filter(event="login:subject:refused").latest("at")
    assert (row.reason, row.user_id) == ("kind_not_allowed", cast.alice.user.pk)
    refused(api.log_in(cast.bob, web=True), 403, 7, "password signin is disallowed")
    refused(api.log_in(cast.carol), 401, 16, "user has been deactivated by administrators")
    wrong = api.post(LOGIN, {"email": "alice@alpha.example", "password": PASSWORD + "x"})
    refused(wrong, 401, 16, "invalid email or password")
    # Machines, officers, and who was in the middle of a login go on.
    assert api.log_in(cast.svc).status_code == 200
    assert api.log_in(cast.erin).status_code == 200
    done = api.post(LOGIN, {"mfaTempToken": temp, "otpCode": cast.bob.code()})
    assert done.status_code == 200
