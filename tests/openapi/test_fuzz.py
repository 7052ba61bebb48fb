"""Calls made up from the document get documented answers, whoever makes them."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from accounts.openapi.document import document
from accounts.wire.contract import Contract
from accounts.wire.registry import contracts
from tests.contracts.every import curl
from tests.fixtures import Cast, Persona
from tests.openapi import fuzz

every_contract = pytest.mark.parametrize("spoken", contracts().values(), ids=list(contracts()))


@pytest.fixture(scope="module")
def schema() -> Any:
    return fuzz.loaded()


@every_contract
def test_made_up_calls_of_strangers_get_documented_answers(
    spoken: Contract, schema: Any, cast: Cast
) -> None:
    curl.answered(spoken, cast.alice)  # the tenant's keys are made now and stay
    found = [
        fault
        for operation in fuzz.operations(schema, spoken.title)
        for fault in fuzz.faults(operation, {}, _known(cast, cast.alice))
    ]
    assert not found, "\n\n".join(found)


@every_contract
def test_made_up_calls_of_an_officer_get_documented_answers(
    spoken: Contract, schema: Any, cast: Cast
) -> None:
    answer = curl.answered(spoken, cast.erin)
    known = _known(cast, cast.erin) | _told(answer)
    headers = {
        name: text
        for name, text in curl.follow_up(spoken, answer).headers.items()
        if name in {"Authorization", "X-Auth-Token", "X-User-Id"}
    }
    if "AccessToken" in known:
        headers = {"Authorization": f"Bearer {known['AccessToken']}"}
    found = [
        fault
        for operation in fuzz.operations(schema, spoken.title)
        for fault in fuzz.faults(operation, headers, known)
    ]
    assert not found, "\n\n".join(found)


def test_an_undocumented_status_and_an_undocumented_member_are_found(cast: Cast) -> None:
    described = copy.deepcopy(document("http://testserver"))
    del described["paths"]["/api/login/refresh"]["get"]["responses"]["401"]
    about = described["paths"]["/api"]["get"]["responses"]["200"]["content"]
    about["application/json"]["schema"] = {"type": "object", "required": ["more"]}
    found = [
        fuzz.faults(operation, {}, {})
        for operation in fuzz.operations(fuzz.loaded(described), "datarhei Core")
        if operation.path in {"/api/login/refresh", "/ping", "/api"}
    ]
    assert [len(each) for each in found] == [1, 1, 0]


def _known(cast: Cast, who: Persona) -> dict[str, Any]:
    """What somebody would really send, by the names that the products have for it."""
    return {
        **dict.fromkeys(("email", "names"), who.email),
        **dict.fromkeys(("username", "user", "UserName", "emailOrUsername"), who.username),
        **dict.fromkeys(("password", "Password"), who.password),
        "TenantName": cast.alpha.name,
        "ClientId": cast.alpha.client_id,
        "pool_id": cast.alpha.pool_id,
        "number": str(cast.alpha.number),
    }


def _told(answer: Any) -> dict[str, Any]:
    """Every text of a login's answer by its name."""
    if not isinstance(answer, dict):
        return {}
    found = {name: text for name, text in answer.items() if isinstance(text, str)}
    for inner in answer.values():
        found |= _told(inner)
    return {name: text for name, text in found.items() if name in {"AccessToken", "RefreshToken"}}
