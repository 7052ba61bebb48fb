"""What a tenant may say about each contract: off, deprecated, gone soon. None is asked first."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db.models import JSONField, Value
from django.test import Client

from accounts.models import Session
from accounts.wire.contract import Contract
from accounts.wire.registry import contracts, slugs
from tenants import resolve
from tenants.models import Tenant, validate_contracts
from tests.contracts.every import curl
from tests.contracts.every.places import METHODS, places
from tests.fixtures import Cast

every_contract = pytest.mark.parametrize("spoken", contracts().values(), ids=list(contracts()))

LEAVING = {"deprecated": "2026-01-31", "sunset": "2031-05-06"}
POLICY = "https://help.alpha.example/move?from=old"
HEADERS = {
    "Deprecation": "@1769817600",
    "Sunset": "Tue, 06 May 2031 00:00:00 GMT",
    "Link": f'<{POLICY}>; rel="deprecation", <{POLICY}>; rel="sunset"',
}
NAMES = (*HEADERS, "Access-Control-Expose-Headers")


def say(tenant: Tenant, table: Any) -> None:
    """Put a table of settings into the row, whatever it is."""
    Tenant.objects.filter(pk=tenant.pk).update(contracts=table)
    resolve.invalidate()


def announced(answer: Any) -> dict[str, str]:
    return {name: answer[name] for name in HEADERS if name in answer}


# Where it is off.

# Two paths that nobody serves say in which words a product does not know a path.
UNKNOWN = "no/such/path"


def _addresses(path: str) -> list[tuple[str, dict[str, str]]]:
    return [
        (f"/t/beta{path}", {}),
        (path, {"Host": "beta.example.com"}),
        # The prefix decides over the host.
        (f"/t/beta{path}", {"Host": "testserver"}),
    ]


def _essence(answer: Any) -> tuple[Any, ...]:
    """An answer without what each one has of its own: moments, ids, and the path it names."""
    volatile = {"x-amzn-RequestId", "x-amzn-requestid", "Content-Length"}
    headers = {name: value for name, value in answer.items() if name not in volatile}
    return answer.status_code, sorted(headers.items())


@every_contract
def test_where_it_is_off_every_path_is_one_that_the_product_does_not_know(
    spoken: Contract, cast: Cast
) -> None:
    """Any method, by prefix and by host; also for who holds a token from before."""
    opened = curl.follow_up(spoken, curl.answered(spoken, cast.alice_of_beta, base=_beta()))
    say(cast.beta, {spoken.slug: {"enabled": False, **LEAVING, "policy": POLICY}})
    client, wrong = Client(), []
    for place in places(spoken):
        if place.path == "/":
            continue
        headers = curl.routing_headers(spoken, place.path)
        for path, host in _addresses(place.path):
            for method in METHODS:
                sent = {**opened.headers, **headers, **host}
                answer = client.generic(method, path, b"{}", "application/json", headers=sent)
                if answer.status_code != 404 or announced(answer):
                    wrong.append((method, path, host, answer.status_code))
    assert wrong == []
    assert Session.objects.count() == 1


@every_contract
def test_off_and_unknown_are_told_alike_header_by_header(spoken: Contract, cast: Cast) -> None:
    say(cast.beta, {spoken.slug: {"enabled": False, **LEAVING}})
    client, wrong = Client(), []
    for place in places(spoken):
        # A product with two faces has two ways to say it.
        if place.path == "/" or place.spoken.faults is not spoken.faults:
            continue
        prefix = next((p for p in spoken.territory if place.path[1:].startswith(p)), "")
        if not prefix.endswith("/"):
            continue
        for method in METHODS:
            off = client.generic(method, f"/t/beta{place.path}")
            unknown = client.generic(method, f"/t/beta/{prefix}{UNKNOWN}")
            if _essence(off) != _essence(unknown):
                wrong.append((method, place.path, _essence(off), _essence(unknown)))
    assert wrong == []


def _beta() -> str:
    return f"{curl.HOME}/t/beta"


# Where its end is announced.


@every_contract
def test_every_answer_announces_the_end_also_an_error_and_to_pages_of_other_origins(
    spoken: Contract, cast: Cast
) -> None:
    say(cast.beta, {spoken.slug: {**LEAVING, "policy": POLICY}})
    client, silent = Client(), []
    answers = [curl.login(spoken, cast.alice_of_beta, base=_beta()).run()]
    for place in places(spoken):
        headers = curl.routing_headers(spoken, place.path)
        for method in METHODS:
            for path, host in _addresses(place.path):
                if place.path == "/" and (method in {"GET", "HEAD"}):
                    continue  # the page for people
                sent = {**headers, **host}
                answers.append(client.generic(method, path, b"{}", "text/plain", headers=sent))
    answers += [client.get(f"/t/beta/{prefix}{UNKNOWN}") for prefix in spoken.territory]
    for answer in answers:
        if announced(answer) != HEADERS:
            silent.append((answer.request["REQUEST_METHOD"], answer.request["PATH_INFO"]))
        if "Access-Control-Allow-Origin" in answer and "Access-Control-Max-Age" not in answer:
            exposed = answer["Access-Control-Expose-Headers"].split(",")
            assert {*HEADERS} <= {*exposed}
    assert silent == []


@every_contract
def test_nobody_else_announces_it(spoken: Contract, cast: Cast) -> None:
    before = curl.login(spoken, cast.alice).run()
    say(cast.beta, {spoken.slug: LEAVING})
    for each in contracts().values():
        base = _beta() if each is not spoken else curl.HOME
        who = cast.alice_of_beta if each is not spoken else cast.alice
        answer = curl.login(each, who, base=base).run()
        assert announced(answer) == {}, each.slug
        if each is spoken:
            assert {*answer.headers} == {*before.headers}


@pytest.mark.parametrize(
    ("settings", "headers"),
    [
        ({}, {}),
        ({"policy": POLICY}, {}),
        ({"sunset": "", "deprecated": None}, {}),
        ({"deprecated": "2026-01-31"}, {"Deprecation": "@1769817600"}),
        (
            {"deprecated": "2026-01-31", "policy": POLICY},
            {"Deprecation": "@1769817600", "Link": f'<{POLICY}>; rel="deprecation"'},
        ),
        # Nobody said since when: at the latest from the end on.
        (
            {"sunset": "2031-05-06"},
            {"Deprecation": "@1935792000", "Sunset": "Tue, 06 May 2031 00:00:00 GMT"},
        ),
        ({**LEAVING, "policy": POLICY}, HEADERS),
        # Both days over: it is served until somebody switches it off.
        (
            {"deprecated": "2020-02-29", "sunset": "2020-03-01"},
            {"Deprecation": "@1582934400", "Sunset": "Sun, 01 Mar 2020 00:00:00 GMT"},
        ),
    ],
)
def test_what_is_announced_follows_from_the_settings(
    cast: Cast, settings: dict[str, Any], headers: dict[str, str]
) -> None:
    say(cast.alpha, {"datarhei": settings})
    for path in ("/ping", "/t/alpha/ping", "/api/v3/x", "/api/nothing"):
        answer = Client().get(path)
        assert announced(answer) == headers
        exposed = ["Content-Length", *headers]
        assert answer["Access-Control-Expose-Headers"] == ",".join(exposed)


# What can be said at all.


def test_a_sunset_that_is_saved_is_dated(cast: Cast) -> None:
    cast.alpha.contracts = {"datarhei": {"sunset": "2031-05-06"}, "oloid": LEAVING, "console": {}}
    cast.alpha.clean()
    told = cast.alpha.contracts
    assert told["datarhei"]["deprecated"] < "2031-05-06"
    assert (told["oloid"], told["console"]) == (LEAVING, {})
    # An end that is over already.
    cast.alpha.contracts = {"datarhei": {"sunset": "2020-05-06"}}
    cast.alpha.full_clean(exclude=["name_key"])
    assert cast.alpha.contracts["datarhei"]["deprecated"] == "2020-05-06"


@pytest.mark.parametrize("slug", [*slugs(), "console"])
def test_every_contract_and_the_console_can_have_settings(slug: str) -> None:
    validate_contracts({slug: {"enabled": False}})


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ({"coldsteam": {"enabled": False}}, "there is no contract 'coldsteam'"),
        ({"Coldstream": {}}, "there is no contract 'Coldstream'"),
        ({"": {}}, "there is no contract ''"),
        ({"coldstream": {"enable": False}}, "coldstream: there is no setting 'enable'"),
        ({"coldstream": {"sunset": 20310506}}, "sunset must be a date"),
        ({"coldstream": {"deprecated": ["2031-05-06"]}}, "deprecated must be a date"),
        ({"coldstream": {"sunset": "2031-02-30"}}, "coldstream: "),
        (
            {"coldstream": {"sunset": "2031-05-06", "deprecated": "2031-05-07"}},
            "sunset must not be earlier than deprecated",
        ),
        ({"coldstream": {"policy": "help.example.com"}}, "policy must be"),
        ({"coldstream": {"policy": "javascript:alert(1)"}}, "policy must be"),
        ({"coldstream": {"policy": "https://a.example/>; rel=x"}}, "policy must be"),
        ({"coldstream": {"policy": "https://a.example/\r\nSet-Cookie: a=b"}}, "policy must be"),
        ({"coldstream": {"policy": ["https://a.example/"]}}, "policy must be"),
        ({"coldstream": {"options": ["x"]}}, "options must be a table"),
        ({"coldstream": {"lifetimes": "x"}}, "lifetimes must be a table"),
        ({"coldstream": {"sunset": "2031-W19-2"}}, "sunset must be a date"),
        ({"coldstream": {"deprecated": "20310506"}}, "deprecated must be a date"),
        # A mistyped name or value would pass for the default.
        ({"coldstream": {"lifetimes": {"acess": 900}}}, "there is no lifetime 'acess'"),
        ({"coldstream": {"options": {"algorithm": "ES256"}}}, "there is no option 'algorithm'"),
        ({"browser": {"options": {"keep": "no"}}}, "keep must be true or false"),
        ({"console": {"lifetimes": {"idle": 900}}}, "there is no lifetime 'idle'"),
        (
            {"datarhei": {"options": {"algorithm": "es256"}}},
            "algorithm must be one of HS256, ES256",
        ),
        ({"datarhei": {"options": {"algorithm": ["ES256"]}}}, "algorithm must be one of"),
        ({"oloid": {"options": {"refresh_token_rotation": 1}}}, "must be true or false"),
        ({"bytebase": {"options": {"disallow_password_signin": "true"}}}, "must be true or false"),
        ({"bytebase": {"options": {"email_domains": "x.org"}}}, "must be a list of texts"),
        ({"bytebase": {"options": {"email_domains": ["x.org", ""]}}}, "must be a list of texts"),
        ({"rocketchat": {"options": {"request_limit": True}}}, "must be a number, 0 or more"),
        ({"rocketchat": {"options": {"request_limit": -1}}}, "must be a number, 0 or more"),
        ({"rocketchat": {"options": {"create_token_secret_sha256": "x"}}}, "must be 64 hex digits"),
        ({"coldstream": None}, "the settings of a contract are a table"),
        (["coldstream"], "it must be a table"),
        (None, "it must be a table"),
    ],
)
def test_what_means_nothing_is_refused_and_said_why(table: Any, why: str) -> None:
    with pytest.raises(ValidationError, match="Not a table of contract settings") as refused:
        validate_contracts(table)
    assert why in str(refused.value)


def test_every_setting_that_a_contract_declares_can_be_made(cast: Cast) -> None:
    for slug, spoken in contracts().items():
        wanted = {
            "lifetimes": dict.fromkeys([*spoken.lifetimes, "session"], 900),
            # As JSON has it: a list where Python has a tuple, and null for nothing said.
            "options": {
                each.name: [*each.default] if isinstance(each.default, tuple) else each.default
                for each in spoken.options
            },
        }
        validate_contracts({slug: wanted})
        validate_contracts({slug: {"options": {each.name: None for each in spoken.options}}})
        say(cast.beta, {slug: wanted})
        assert curl.login(spoken, cast.alice_of_beta, base=_beta()).run().status_code == 200


@pytest.mark.parametrize(
    "settings",
    [
        {"enabled": "false"},
        {"options": {"algorithm": "es256"}},
        {"options": {"algoritm": "ES256"}},
        {"lifetimes": {"acess": 900}},
        {"enable": False},
        {"sunset": "soon"},
        {"lifetimes": {"access": -1}},
        {"lifetimes": [1]},
        {"policy": 7},
        [],
        None,
        "off",
        0,
    ],
)
def test_settings_that_cannot_be_read_close_that_contract_of_that_tenant_and_nothing_else(
    cast: Cast, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    say(cast.beta, {"datarhei": settings})
    client = Client()
    assert client.get("/t/beta/ping").status_code == 404
    assert client.get("/t/beta/users/me").status_code == 401
    assert client.get("/ping").status_code == 200
    (record,) = [r for r in caplog.records if r.name == "dragoman.tenants"]
    assert record.getMessage().startswith(
        "tenant beta: datarhei is closed, its settings cannot be read: "
    )


@pytest.mark.parametrize("table", [[], "off", 7, None, [{"datarhei": {}}]])
def test_a_table_that_cannot_be_read_closes_the_tenants_contracts_and_no_other_tenants(
    cast: Cast, table: Any, caplog: pytest.LogCaptureFixture
) -> None:
    # The column refuses NULL; it does not refuse JSON's null.
    say(cast.beta, Value(None, JSONField()) if table is None else table)
    client = Client()
    for path in ("/ping", "/users/me", "/api/info"):
        assert client.get(f"/t/beta{path}").status_code == 404, path
        assert client.get(path).status_code in {200, 401}, path
    messages = [r.getMessage() for r in caplog.records if r.name == "dragoman.tenants"]
    assert messages == ["tenant beta: every contract is closed, no settings can be read"]
