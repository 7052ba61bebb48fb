"""Who sees whom: one user, several by name, all by filter and page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.utils import timezone

from accounts import provisioning
from accounts.contracts.bytebase.protojson import timestamp
from accounts.models import Group, User
from mfa import binding
from tests.contracts.bytebase.conversation import Api, refused, statements
from tests.fixtures import Cast

USERS, BATCH = "/v1/users", "/v1/users:batchGet"
ALICE, BOB, CAROL = "alice@alpha.example", "bob@alpha.example", "carol@alpha.example"
SVC = "svc@service.bytebase.com"


@pytest.fixture
def officer(api: Api, cast: Cast) -> str:
    return api.token(cast.erin)


def denied(method: str, permission: str) -> tuple[int, int, str]:
    text = (
        f'permission denied for method "/bytebase.v1.UserService/{method}", '
        f'user does not have permission "{permission}", extra []'
    )
    return 403, 7, text


def emails(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [user["email"] for user in answer.json().get("users", [])]


def listed(api: Api, token: str, **query: str | int) -> Any:
    return api.get(f"{USERS}?{urlencode(query)}", token=token)


def test_an_officer_sees_another_whole_but_not_his_pending_secret(
    api: Api, cast: Cast, officer: str
) -> None:
    begun = api.token_after_code(cast.bob)
    assert "tempOtpSecret" in api.patch(BOB, "regenerateTempMfaSecret=true", token=begun).json()
    ops = Group.objects.create(tenant=cast.alpha, name="ops", email="Ops@alpha.example")
    ops.members.add(cast.bob.user)
    Group.objects.create(tenant=cast.alpha, name="bare").members.add(cast.bob.user)
    row = User.objects.get(pk=cast.bob.user.pk)
    assert api.get(f"{USERS}/{quote(BOB, safe='')}", token=officer).json() == {
        "name": f"users/{BOB}",
        "state": "ACTIVE",
        "email": BOB,
        "title": "Bob",
        "userType": "USER",
        "mfaEnabled": True,
        "profile": {
            "lastLoginTime": timestamp(row.last_login),
            "lastChangePasswordTime": timestamp(row.password_changed_at),
        },
        "groups": ["groups/bare", "groups/ops@alpha.example"],
    }
    assert api.get(f"{USERS}/{CAROL}", token=officer).json()["state"] == "DELETED"
    assert api.get(f"{USERS}/{SVC}", token=officer).json()["userType"] == "SERVICE_ACCOUNT"


def test_nobody_of_another_tenant_is_seen(api: Api, cast: Cast, officer: str) -> None:
    for email in ("nobody@alpha.example", "dave@beta.example", "alice@beta.example", "bob"):
        refused(api.get(f"{USERS}/{email}", officer), 404, 5, f'user "{email}" not found')
    refused(
        api.get(f"{BATCH}?names=users/{ALICE}&names=users/dave@beta.example", officer),
        404,
        5,
        'user "dave@beta.example" not found',
    )
    everybody = emails(listed(api, officer, pageSize=1000, showDeleted="true"))
    assert sorted(everybody) == sorted([ALICE, BOB, CAROL, "erin@alpha.example", SVC])
    assert emails(listed(api, officer, filter='email == "dave@beta.example"')) == []
    refused(Api("/t/beta").get(USERS, officer), 401, 16, "failed to parse claim")


def test_who_is_no_officer_sees_himself_only(api: Api, cast: Cast) -> None:
    for token in (api.token(cast.alice), api.token(cast.svc)):
        for email in (BOB, "nobody@alpha.example"):
            answer = api.get(f"{USERS}/{email}", token)
            refused(answer, *denied("GetUser", "bb.users.get"))
        refused(api.get(USERS, token), *denied("ListUsers", "bb.users.list"))
        answer = api.get(f"{BATCH}?names=users/{ALICE}", token)
        refused(answer, *denied("BatchGetUsers", "bb.users.get"))
    for path in (USERS, BATCH, f"{USERS}/{ALICE}"):
        refused(api.get(path), 401, 16, "access token not found")
        refused(api.get(path, "dead"), 401, 16, "failed to parse claim")
        temp = api.temp_token(cast.bob)
        assert api.get(path, temp).json()["message"].startswith("invalid access token, audience")


def test_a_batch_is_answered_in_the_order_of_its_names(api: Api, cast: Cast, officer: str) -> None:
    names = [BOB, CAROL, "ALICE@alpha.example", BOB]
    query = "&".join(f"names=users/{name}" for name in names)
    assert emails(api.get(f"{BATCH}?{query}", officer)) == [BOB, CAROL, ALICE, BOB]
    assert api.get(BATCH, officer).json() == {}
    for name, text in {
        "alice": 'invalid request "alice"',
        "users/": 'invalid request "users/"',
        "users/a/b": 'invalid request "users/a/b"',
        "groups/a": 'invalid prefix "users/" in request "groups/a"',
    }.items():
        refused(api.get(f"{BATCH}?names={name}", officer), 400, 3, text)
    many = "&".join(f"names=users/{n}@x.org" for n in range(1001))
    for query in (many, "names=%00", "names=users/%00"):
        answer = api.get(f"{BATCH}?{query}", officer)
        assert (answer.status_code, answer.json()["code"]) == (400, 3)


def test_a_list_comes_in_pages_the_oldest_first(api: Api, cast: Cast, officer: str) -> None:
    for number in range(22):
        provisioning.create_user(cast.alpha, f"n{number}", email=f"n{number}@alpha.example")
    provisioning.create_user(cast.alpha, "no-address")
    everybody = emails(listed(api, officer, pageSize=5000))
    assert len(everybody) == 26
    assert everybody[-1] == "n21@alpha.example"
    seen: list[str] = []
    token = ""
    for size in (10, 10, 6):
        page = listed(api, officer, pageToken=token)
        assert len(emails(page)) == size
        seen += emails(page)
        token = page.json().get("nextPageToken", "")
    assert (seen, token) == (everybody, "")
    page = listed(api, officer, page_size=13)
    rest = listed(api, officer, page_size=13, page_token=page.json()["nextPageToken"])
    assert emails(page) + emails(rest) == everybody
    assert "nextPageToken" not in rest.json()


def test_a_page_token_goes_on_with_its_own_list_only(api: Api, cast: Cast, officer: str) -> None:
    token = listed(api, officer, pageSize=1).json()["nextPageToken"]
    wrong: list[dict[str, str | int]] = [
        {"pageToken": "1"},
        {"pageToken": token[:-2]},
        {"pageToken": token.replace("v1", "v2")},
        {"pageToken": "ü"},
        {"pageToken": "v1." + "a" * 5000},
        {"pageToken": token, "showDeleted": "true"},
        {"pageToken": token, "filter": 'state == "ACTIVE"'},
    ]
    for query in wrong:
        refused(listed(api, officer, **query), 400, 3, "invalid page token")
    of_beta = provisioning.create_user(
        cast.beta, "boss", email="boss@beta.example", password="correct horse", is_staff=True
    )
    body = {"email": of_beta.email, "password": "correct horse"}
    there = api.post("/v1/auth/login", body).json()["token"]
    refused(listed(api, there, pageToken=token), 400, 3, "invalid page token")


def test_a_list_can_be_narrowed(api: Api, cast: Cast, officer: str) -> None:
    table = {
        "": [ALICE, BOB, SVC, "erin@alpha.example"],
        f'email == "{BOB}"': [BOB],
        'name == "Bob"': [BOB],
        f'name == "users/{BOB}"': [BOB],
        'email.matches("LPHA.example") && user_type == "USER"': [
            ALICE,
            BOB,
            "erin@alpha.example",
        ],
        'email.matches("a_pha")': [],
        '(name.matches("bo") || email.matches("bo")) && user_type in ["USER"]': [BOB],
        'user_type in ["SERVICE_ACCOUNT"]': [SVC],
        '!(user_type in ["USER"])': [SVC],
        'user_type == "SYSTEM_BOT"': [],
        'state == "DELETED"': [],
    }
    for text, expected in table.items():
        assert sorted(emails(listed(api, officer, filter=text))) == sorted(expected), text
    assert listed(api, officer, filter='email == "x"').json() == {}
    deleted = listed(api, officer, filter='state == "DELETED"', showDeleted="true")
    assert emails(deleted) == [CAROL]
    refused(listed(api, officer, filter="x"), 400, 3, listed_error("x"))


def listed_error(text: str) -> str:
    return f'failed to parse filter "{text}", error: "==" is expected at 1'


def test_a_query_is_read_strictly(api: Api, cast: Cast, officer: str) -> None:
    for query in (
        "pageSize=x",
        "pageSize=1.5",
        "pageSize=",
        "pageSize=1&page_size=2",
        "showDeleted=yes",
        "filter=%00",
        "pageSize=2147483648",
        "pageSize=-2147483649",
        "pageSize=99999999999999999999",
    ):
        answer = api.get(f"{USERS}?{query}", officer)
        assert (answer.status_code, answer.json()["code"]) == (400, 3), query
    refused(listed(api, officer, pageSize=-1), 400, 3, "page size must be non-negative")
    assert emails(listed(api, officer, pageSize=0, unknown=1))
    # The largest number of the field's type asks for as many as there may be.
    assert emails(listed(api, officer, pageSize=2**31 - 1))


def test_the_number_of_statements_does_not_grow_with_the_number_of_users(
    api: Api, cast: Cast, officer: str
) -> None:
    def counts() -> list[int]:
        query = "&".join(f"names=users/{name}" for name in emails(listed(api, officer)))
        return [
            statements(lambda: listed(api, officer, pageSize=100)),
            statements(lambda: api.get(f"{BATCH}?{query}", officer)),
            statements(lambda: api.get(f"{USERS}/{BOB}", officer)),
        ]

    few = counts()
    ops = Group.objects.create(tenant=cast.alpha, name="ops")
    for number in range(5):
        user = provisioning.create_user(
            cast.alpha, f"n{number}", email=f"n{number}@alpha.example", last_login=timezone.now()
        )
        ops.members.add(user)
        binding.begin(user.pk, timezone.now() - timedelta(seconds=1))
    assert counts() == few == [2, 2, 2]
