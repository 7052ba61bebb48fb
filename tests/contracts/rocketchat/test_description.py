"""What the OpenAPI document says of the refusals that depend on whose login it is."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from accounts.contracts.rocketchat import wording
from accounts.login.directory_login import DIRECTORY
from accounts.login.outcome import LoginRefused, Reason
from accounts.openapi.document import document
from accounts.wire.registry import contract


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return document("http://testserver")


def told(made: dict[str, Any], path: str, status: str) -> dict[str, Any]:
    """The JSON that an answer has, as it is described."""
    response = made["paths"][path]["post"]["responses"][status]
    named = response["$ref"].rpartition("/")[2]
    media: dict[str, Any] = made["components"]["responses"][named]["content"]["application/json"]
    return {**media, "schema": {**media["schema"], "components": made["components"]}}


def test_the_number_of_a_refusal_of_a_directorys_user_fits(made: dict[str, Any]) -> None:
    answer = contract("rocketchat").refuse(LoginRefused(Reason.KIND_NOT_ALLOWED, bar=DIRECTORY))
    described = told(made, "/api/v1/login", "401")
    assert answer.body["error"] == 403
    jsonschema.validate(answer.body, described["schema"], jsonschema.Draft202012Validator)
    assert answer.body in [example["value"] for example in described["examples"].values()]


@pytest.mark.parametrize(
    ("path", "status"), [("/api/v1/login", "401"), ("/api/v1/users.2fa.disableEmail", "400")]
)
def test_what_is_said_of_mailed_codes_is_described(
    made: dict[str, Any], path: str, status: str
) -> None:
    described = told(made, path, status)
    errors = [str(each["value"]["error"]) for each in described["examples"].values()]
    assert any("totp-max-attempts" in error for error in errors)
    shown = [each["value"].get("details", {}) for each in described["examples"].values()]
    assert any({"emailOrUsername", "codeExpires"} <= {*details} for details in shown)


@pytest.mark.parametrize("call", ["users.disableTotp", "users.resetTOTP", "users.2fa.disableEmail"])
def test_that_the_last_factor_stays_is_described(made: dict[str, Any], call: str) -> None:
    examples = told(made, f"/api/v1/{call}", "400")["examples"].values()
    assert wording.LAST_FACTOR.body in [example["value"] for example in examples]
