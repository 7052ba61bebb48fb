"""The document is whole, valid, and says what the contracts say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from accounts.login.outcome import LoginRefused, Reason
from accounts.openapi.document import document
from accounts.openapi.likeness import fitting
from accounts.wire.contract import Fault, Faulted
from accounts.wire.registry import contracts
from tests.contracts.every.places import ACTIONS, PLACES

ROOT = Path(__file__).resolve().parents[2]
METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return document("http://testserver")


def operations(made: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in made["paths"].items():
        assert set(item) <= METHODS
        for method, operation in item.items():
            yield method.upper(), path, operation


def test_it_is_valid_openapi_3_1(made: dict[str, Any]) -> None:
    assert made["openapi"].startswith("3.1.")
    assert [error.message for error in OpenAPIV31SpecValidator(made).iter_errors()] == []


def test_it_has_the_version_of_the_product(made: dict[str, Any]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert made["info"]["version"] == project["version"]


def test_it_has_every_action_of_every_contract_and_no_other(made: dict[str, Any]) -> None:
    described = [
        (method, re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))))
        for method, path, _ in operations(made)
    ]
    found = {
        (place.path, method): [
            path.pattern
            for known, path in described
            if known == method and path.fullmatch(place.path)
        ]
        for place, method in ACTIONS
        if method != "HEAD"
    }
    assert [action for action, paths in found.items() if not paths] == []
    # Two places of one shape, such as /users/me and /users/{number}, are two paths.
    assert len(described) == len(found)
    assert {place.slug for place in PLACES} == set(contracts())


def test_every_action_says_what_it_is_for_and_what_it_gives(made: dict[str, Any]) -> None:
    titles = {tag["name"] for tag in made["tags"]}
    ids = [operation["operationId"] for _, _, operation in operations(made)]
    assert len(ids) == len(set(ids))
    for method, path, operation in operations(made):
        assert operation["summary"], (method, path)
        assert set(operation["tags"]) <= titles
        assert {"200", "404", "500", "503"} <= set(operation["responses"]), (method, path)
        assert operation["security"], (method, path)


def test_every_refusal_of_every_table_is_there(made: dict[str, Any]) -> None:
    """A login of each contract lists the status of every reason that it can be refused for."""
    for spoken in contracts().values():
        logins = [
            operation
            for method, path, operation in operations(made)
            if f"{{base}}{path} " in spoken.example and method == "POST"
        ]
        assert len(logins) == 1
        listed = {int(status) for status in logins[0]["responses"]}
        for reason in set(Reason) - {Reason.KIND_NOT_ALLOWED}:
            assert spoken.refuse(LoginRefused(reason)).status in listed, reason
        for fault in (Fault.MALFORMED, Fault.INVALID, Fault.TOO_LARGE, Fault.BAD_HOST):
            assert spoken.fault(Faulted(fault)).status in listed, fault


def test_every_example_fits_its_schema(made: dict[str, Any]) -> None:
    checked, wrong = 0, []
    served_examples = {where: set(media.get("examples", {})) for where, media in _media(made)}
    for where, media in _media(made):
        # A request that is refused may be an example of just that.
        answers = f"{where.removesuffix(' request')} 200"
        served = served_examples.get(answers, set())
        for name, example in media.get("examples", {}).items():
            if where.endswith("request") and name not in served:
                continue
            schema = {**media["schema"], "components": made["components"]}
            errors = jsonschema.Draft202012Validator(schema).iter_errors(example["value"])
            wrong += [f"{where} {name}: {error.message}" for error in errors]
            checked += 1
    assert wrong == []
    assert checked > 500


def _media(made: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for method, path, operation in operations(made):
        for media in operation.get("requestBody", {}).get("content", {}).values():
            yield f"{method} {path} request", media
        for status, told in operation["responses"].items():
            shared = told.get("$ref", "").rpartition("/")[2]
            response = made["components"]["responses"][shared] if shared else told
            for media in response.get("content", {}).values():
                yield f"{method} {path} {status}", media


def test_a_schema_fits_what_it_was_made_from_and_nothing_else() -> None:
    schema = fitting([{"a": 1, "b": "x"}, {"a": True, "c": [{"d": None}]}])
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid({"a": 7, "c": [{"d": None, "more": 1}]})
    others: list[Any] = [{}, {"a": "x"}, {"a": 1, "e": 1}, {"a": 1, "b": 1}, [], None]
    assert [other for other in others if validator.is_valid(other)] == []


def test_a_sixth_contract_is_described_where_it_lies() -> None:
    script = (
        "import django; django.setup()\n"
        "from accounts.openapi.document import document\n"
        "made = document('')\n"
        "print(sorted(made['paths']['/lantern/light']['post']['responses']))\n"
        "print(made['paths']['/lantern/who']['get']['security'])\n"
    )
    folder = str(ROOT / "tests" / "contracts" / "sixth")
    ran = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={
            **os.environ,
            "DRAGOMAN_CONTRACTS": folder,
            "DJANGO_SETTINGS_MODULE": "config.settings",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == [
        "['200', '400', '401', '404', '429', '500', '503']",
        "[{'lantern.flame': []}]",
    ]
