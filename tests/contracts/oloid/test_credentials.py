"""``/tenant-settings/credentials/cognito``: machine credentials, made and ended by officers."""

from __future__ import annotations

import json
from functools import partial
from typing import Any
from unittest.mock import ANY

import pytest
from django.test import Client

from accounts import provisioning
from accounts.login import sessions
from accounts.login.sessions import Found
from accounts.models import LoginEvent, ServiceCredential, Session, User
from tenants import resolve
from tests.contracts.oloid.calls import (
    SCOPE,
    Answer,
    Like,
    Pool,
    Statements,
    alpha,
    assert_refused,
    body_of,
    credentials,
    parts,
    post_login,
)
from tests.fixtures import Cast, make_cast
from tests.login.test_races import race

PATH = "/tenant-settings/credentials/cognito"
CLIENT_ID, SECRET = Like(r"svc-[0-9a-f]{16}"), Like(r"[A-Za-z0-9]{40}")
ASKED = {"Role": "admin", "TokenName": "Door events", "Scopes": ["read", "events:write"]}
UNAUTHORIZED = {"status": "401", "message": "Unauthorized: Access token is missing or invalid"}
NOT_FOUND = {"status": "404", "message": "Not Found"}
FORBIDDEN = {"status": "403", "message": "Forbidden"}
NOT_FRESH = {
    "status": "403",
    "message": "Sign in again, with your second factor if you have one, to change credentials.",
}


@pytest.fixture
def pool(client: Client, cast: Cast) -> Pool:
    return alpha(client, cast)


@pytest.fixture
def token(pool: Pool, cast: Cast) -> str:
    """The access token of an officer."""
    return str(pool.log_in(cast.erin)["AccessToken"])


def ask(
    client: Client, method: str, token: str, name: str = "", body: Any = None, *, prefix: str = ""
) -> Answer:
    content = body if isinstance(body, (str, bytes)) else json.dumps(body)
    return client.generic(
        method,
        f"{prefix}{PATH}{f'/{name}' if name else ''}",
        b"" if body is None else content,
        content_type="application/json",
        headers={"Authorization": token} if token else {},
    )


def told(answer: Answer, status: int = 200) -> Any:
    assert answer.status_code == status, answer.content
    assert (answer["Content-Type"], answer["Cache-Control"]) == ("application/json", "no-store")
    return body_of(answer)


def data(cast: Cast, **changes: Any) -> dict[str, Any]:
    metadata = {
        "httpStatusCode": 200,
        "requestId": Like(r"[0-9a-f]{32}"),
        "attempts": 1,
        "totalRetryDelay": 0,
    }
    user = {
        "Username": CLIENT_ID,
        "OloID": Like(r"[0-9a-f]{32}"),
        "DisplayName": "Door events",
        "Role": "admin",
        "Scopes": ["read", "events:write"],
        "Status": "Active",
        "UserStatus": "CONFIRMED",
        "TenantID": cast.alpha.hex_id,
        "TenantName": "Alpha",
        "Enabled": True,
        "CreatedAt": Like(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"),
        **changes,
    }
    return {"$metadata": metadata, "User": user, "Password": "*" * 10}


def made(client: Client, token: str, body: Any = ASKED) -> tuple[str, str]:
    """ClientID and secret of a new credential."""
    kept = told(ask(client, "POST", token, body=body))["data"]
    return kept["Key"], kept["Secrets"]["Data"]["Password"]


def machine_login(client: Client, cast: Cast, client_id: str, secret: str) -> Answer:
    asked = credentials(cast.alice, cast.alpha, UserName=client_id, Password=secret)
    return post_login(client, asked)


def test_an_officer_makes_a_credential_and_its_machine_logs_in(
    client: Client, pool: Pool, cast: Cast, token: str
) -> None:
    answer = told(ask(client, "POST", token, body=ASKED))
    assert answer == {
        "message": "Cognito credential created successfully",
        "data": {
            "Key": CLIENT_ID,
            "Tags": [{"Key": "Role", "Value": "admin"}],
            "Description": "Door events",
            "Secrets": {"Data": {**data(cast), "Password": SECRET}},
        },
    }
    client_id, kept = answer["data"]["Key"], answer["data"]["Secrets"]["Data"]
    assert kept["User"]["Username"] == client_id
    login = told(machine_login(client, cast, client_id, kept["Password"]))
    assert login["user"]["OloID"] == kept["User"]["OloID"]
    tokens = login["cognitoToken"]["AuthenticationResult"]
    _, access = parts(tokens["AccessToken"])
    assert (access["scope"], access["custom:role"]) == (f"{SCOPE} read events:write", "admin")
    _, of_id = parts(tokens["IdToken"])
    assert (of_id["custom:scopes"], of_id["custom:role"]) == ("read events:write", "admin")
    assert access["username"] == of_id["cognito:username"] == client_id
    attributes = body_of(pool.get_user(tokens["AccessToken"]))["UserAttributes"]
    assert {"Name": "custom:role", "Value": "admin"} in attributes
    # What was shown is stored as a hash, and nowhere in the audit trail.
    row = ServiceCredential.objects.get(client_id=client_id)
    assert kept["Password"] not in str(vars(row)) + str(list(LoginEvent.objects.values()))
    by = {"trace__0": ["by", "erin"], "trace__1": ["client id", client_id]}
    for event in ("admin:user:created", "admin:credential:created"):
        assert LoginEvent.objects.get(event=event, **by).contract == "oloid"


def test_credentials_are_listed_and_shown_without_their_secrets(
    client: Client, cast: Cast, token: str
) -> None:
    client_id, secret = made(client, token)
    older = data(cast, Username="svc-client", DisplayName="", Role="", Scopes=[])
    answer = ask(client, "GET", token)
    assert told(answer) == {
        "message": "Cognito credentials retrieved successfully",
        "data": {"Users": [older, data(cast)]},
    }
    assert secret not in answer.content.decode()
    assert told(ask(client, "GET", token, client_id)) == {
        "message": "Cognito credential retrieved successfully",
        "data": data(cast, Username=client_id),
    }
    with Statements() as statements:
        ask(client, "GET", token)
    assert statements.count == 2


def test_a_change_shows_in_the_list_and_at_the_next_refresh(
    client: Client, pool: Pool, cast: Cast, token: str
) -> None:
    client_id, secret = made(client, token)
    tokens = body_of(pool.by_password(client_id, secret))["AuthenticationResult"]
    changed = {"Role": "viewer", "TokenName": "Doors", "Scopes": ["read", "read", None]}
    assert told(ask(client, "PUT", token, client_id, changed)) == {
        "status": "200",
        "message": "Cognito credential updated successfully",
        "data": client_id,
    }
    shown = told(ask(client, "GET", token, client_id))["data"]["User"]
    assert (shown["Role"], shown["DisplayName"], shown["Scopes"]) == ("viewer", "Doors", ["read"])
    assert LoginEvent.objects.get(event="admin:credential:changed").trace[:2] == [
        ["by", "erin"],
        ["client id", client_id],
    ]
    with Statements() as statements:
        renewed = body_of(pool.refresh(tokens["RefreshToken"]))["AuthenticationResult"]
    assert statements.count == 1
    _, access = parts(renewed["AccessToken"])
    assert (access["scope"], access["custom:role"]) == (f"{SCOPE} read", "viewer")
    assert parts(renewed["IdToken"])[1]["name"] == "Doors"
    # What is not sent stays; what is null is emptied.
    ask(client, "PUT", token, client_id, {"Role": None, "Scopes": None})
    shown = told(ask(client, "GET", token, client_id))["data"]["User"]
    assert (shown["Role"], shown["DisplayName"], shown["Scopes"]) == ("", "Doors", [])
    _, access = parts(
        body_of(pool.refresh(tokens["RefreshToken"]))["AuthenticationResult"]["AccessToken"]
    )
    assert access["scope"] == SCOPE
    assert "custom:role" not in access
    assert pool.by_password(client_id, secret).status_code == 200


def test_deleting_ends_the_machine_at_once(
    client: Client, pool: Pool, cast: Cast, token: str
) -> None:
    client_id, secret = made(client, token)
    tokens = body_of(pool.by_password(client_id, secret))["AuthenticationResult"]
    assert told(ask(client, "DELETE", token, client_id)) == {
        "status": "200",
        "message": "Cognito credential deleted successfully",
        "data": client_id,
    }
    revoked = ("NotAuthorizedException", "Access Token has been revoked")
    assert_refused(
        pool.get_user(tokens["AccessToken"]), "NotAuthorizedException", "User is disabled."
    )
    denied = ("NotAuthorizedException", "Incorrect username or password.")
    assert_refused(pool.by_password(client_id, secret), *denied)
    assert told(machine_login(client, cast, client_id, secret), 401)["message"] == denied[1]
    for method in ("GET", "PUT", "DELETE"):
        assert told(ask(client, method, token, client_id, {}), 404) == NOT_FOUND
    # An account that was there before is not touched: only what the credential has opened ends.
    other = body_of(pool.by_password(cast.svc.client_id, cast.svc.client_secret))
    ask(client, "DELETE", token, cast.svc.client_id)
    assert_refused(pool.get_user(other["AuthenticationResult"]["AccessToken"]), *revoked)
    assert User.objects.get(pk=cast.svc.user.pk).state == "active"
    assert LoginEvent.objects.filter(event="admin:credential:revoked").count() == 2
    assert Session.objects.filter(end_reason="credential revoked").count() == 2


def test_every_token_of_an_officer_is_taken_bare_or_as_bearer(
    client: Client, pool: Pool, cast: Cast
) -> None:
    tokens = pool.log_in(cast.erin)
    machine = body_of(pool.by_password(cast.svc.client_id, cast.svc.client_secret))
    alices = pool.log_in(cast.alice)["AccessToken"]
    for name in ("AccessToken", "IdToken"):
        for header in (tokens[name], f"Bearer {tokens[name]}", f"bearer  {tokens[name]}"):
            assert told(ask(client, "GET", header))["data"]["Users"] == [ANY]
    beta = Pool(client, cast.beta).log_in(cast.dave)["AccessToken"]
    for bad in ("", "Bearer", "x", "a.b.c", tokens["RefreshToken"], f"Basic {tokens['IdToken']}"):
        for method, name in (("GET", ""), ("POST", ""), ("PUT", "x"), ("DELETE", "x")):
            assert told(ask(client, method, bad, name, {}), 401) == UNAUTHORIZED
    for officer_of_nothing in (alices, machine["AuthenticationResult"]["AccessToken"], beta):
        for method, name in (("GET", ""), ("POST", ""), ("PUT", "svc-client"), ("DELETE", "x")):
            answer = ask(client, method, officer_of_nothing, name, {})
            assert told(answer, 403) == FORBIDDEN
    elsewhere = ask(client, "GET", tokens["AccessToken"], prefix="/t/beta")
    assert told(elsewhere, 401) == UNAUTHORIZED
    pool.call("GlobalSignOut", {"AccessToken": tokens["AccessToken"]})
    for name in ("AccessToken", "IdToken"):
        assert told(ask(client, "GET", tokens[name]), 401) == UNAUTHORIZED


def test_an_officer_reaches_no_other_tenants_credentials_nor_a_superusers(
    client: Client, cast: Cast, token: str
) -> None:
    theirs = provisioning.create_user(cast.beta, "their-svc", kind=User.Kind.SERVICE)
    provisioning.issue_credential(theirs, client_id="their-client")
    chief = provisioning.create_user(
        cast.alpha, "chief-svc", kind=User.Kind.SERVICE, is_superuser=True
    )
    provisioning.issue_credential(chief, client_id="chief-client")
    provisioning.issue_credential(cast.alice.user, client_id="app-password", contract="oloid")
    provisioning.issue_credential(cast.svc.user, client_id="elsewhere", contract="datarhei")
    listed = told(ask(client, "GET", token))["data"]["Users"]
    assert [each["User"]["Username"] for each in listed] == ["svc-client"]
    hidden = ("their-client", "chief-client", "app-password", "elsewhere", "nobody", "%00", "%ff")
    for name in hidden:
        for method in ("GET", "PUT", "DELETE"):
            assert told(ask(client, method, token, name, {"Role": "x"}), 404) == NOT_FOUND
    assert not ServiceCredential.objects.exclude(role="", revoked_at=None).exists()


def test_giving_rights_takes_a_fresh_login_and_taking_them_does_not(
    client: Client, pool: Pool, cast: Cast, token: str
) -> None:
    client_id, _ = made(client, token)
    for session in Session.objects.all():
        session.amr = [{**record, "at": record["at"] - 15 * 60 - 1} for record in session.amr]
        session.save(update_fields=["amr"])
    assert told(ask(client, "POST", token, body=ASKED), 403) == NOT_FRESH
    assert told(ask(client, "PUT", token, client_id, {"Role": "root"}), 403) == NOT_FRESH
    assert told(ask(client, "GET", token, client_id))["data"]["User"]["Role"] == "admin"
    assert told(ask(client, "DELETE", token, client_id))["data"] == client_id
    # A machine has proved no person's presence, whatever rights its account has.
    User.objects.filter(pk=cast.svc.user.pk).update(is_staff=True)
    tokens = body_of(pool.by_password(cast.svc.client_id, cast.svc.client_secret))
    access = tokens["AuthenticationResult"]["AccessToken"]
    assert told(ask(client, "POST", access, body=ASKED), 403) == NOT_FRESH


def test_an_officer_who_is_thrown_out_meanwhile_changes_nothing(
    client: Client, cast: Cast, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = list(ServiceCredential.objects.values())
    judge = sessions.judge

    def thrown_out(found: Found, *rest: Any) -> Any:
        verdict = judge(found, *rest)
        sessions.end(found.session, "ended by an administrator", provisioning.operator())
        return verdict

    monkeypatch.setattr(sessions, "judge", thrown_out)
    for method, name in (("POST", ""), ("PUT", "svc-client"), ("DELETE", "svc-client")):
        Session.objects.update(ended_at=None)
        assert told(ask(client, method, token, name, ASKED), 401) == UNAUTHORIZED
    assert list(ServiceCredential.objects.values()) == before
    assert not User.objects.filter(username__startswith="svc-").exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_who_delete_a_credential_one_finds_it() -> None:
    cast = make_cast()
    client = Client()
    token = str(alpha(client, cast).log_in(cast.erin)["AccessToken"])
    client_id, _ = made(client, token)
    answers = race(*(partial(ask, Client(), "DELETE", token, client_id) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 404]
    assert LoginEvent.objects.filter(event="admin:credential:revoked").count() == 1


def bad(**details: str) -> dict[str, Any]:
    return {"status": "400", "message": "Bad Request", "details": details}


TEXT = "must be a string"
LIST = "must be a list of strings"
FORM = "must hold scopes of 1 to 100 visible ASCII characters without quotes"
BAD_BODIES: list[tuple[Any, dict[str, Any]]] = [
    ("", bad(body="the body is not valid JSON")),
    ("[" * 10_000, bad(body="the body is nested too deeply")),
    (b'{"Role":"\xff"}', bad(body="the body is not UTF-8")),
    ('{"Role":"\\u0000"}', bad(body="a text contains NUL or half a surrogate pair")),
    ('{"Role":"a","Role":"b"}', bad(body="the body holds a key twice")),
    ("[]", bad(body="the body must be a JSON object")),
    ({"Role": 1}, bad(Role=TEXT)),
    ({"Role": "x" * 101}, bad(Role="is too long")),
    ({"TokenName": ["x"]}, bad(TokenName=TEXT)),
    ({"TokenName": "a\nb"}, bad(TokenName="must be printable")),
    ({"Scopes": "read"}, bad(Scopes=LIST)),
    ({"Scopes": {"read": True}}, bad(Scopes=LIST)),
    ({"Scopes": ["read", 1]}, bad(Scopes=LIST)),
    ({"Scopes": ["read all"]}, bad(Scopes=FORM)),
    ({"Scopes": [""]}, bad(Scopes=FORM)),
    ({"Scopes": ["ä"]}, bad(Scopes=FORM)),
    ({"Scopes": [f"s{i}" for i in range(51)]}, bad(Scopes="must hold 50 scopes at most")),
]


def test_a_bad_body_makes_and_changes_nothing(client: Client, cast: Cast, token: str) -> None:
    wrong = []
    for body, expected in BAD_BODIES:
        for method, name in (("POST", ""), ("PUT", "svc-client")):
            answer = ask(client, method, token, name, body)
            if (answer.status_code, body_of(answer)) != (400, expected):
                wrong.append((method, body, answer.content))
    assert wrong == []
    large = ask(client, "POST", token, body={"Role": "x" * 65_536})
    assert told(large, 413) == {"status": "413", "message": "Content Too Large"}
    assert ServiceCredential.objects.count() == 1
    # Nothing is required, and other keys are ignored.
    client_id, _ = made(client, token, {"Tenant": "beta", "Username": "root"})
    shown = told(ask(client, "GET", token, client_id))["data"]["User"]
    assert (shown["Role"], shown["DisplayName"], shown["Scopes"]) == ("", "", [])


def test_other_methods_and_paths_have_the_error_object(
    client: Client, cast: Cast, token: str
) -> None:
    for method, name, allow in (
        ("PUT", "", "GET, HEAD, POST"),
        ("POST", "x", "DELETE, GET, HEAD, PUT"),
    ):
        answer = ask(client, method, token, name, {})
        assert told(answer, 405) == {"status": "405", "message": "Method Not Allowed"}
        assert answer["Allow"] == allow
    for path in (f"{PATH}/", f"{PATH}/a/b", "/tenant-settings/x"):
        answer = client.get(path, headers={"Authorization": token})
        assert (answer.status_code, body_of(answer)) == (404, NOT_FOUND)
    cast.alpha.contracts = {"oloid": {"enabled": False}}
    cast.alpha.save()
    resolve.invalidate()
    assert told(ask(client, "GET", token, prefix="/t/alpha"), 404) == NOT_FOUND
