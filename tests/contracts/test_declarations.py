"""A contract that is declared wrongly does not start: one test for each check."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.urls import path, re_path

from accounts import contracts as package
from accounts.contracts.coldstream import CONTRACT
from accounts.login.outcome import Reason
from accounts.wire import checks
from accounts.wire.contract import Contract, Fault, Option
from accounts.wire.registry import description


def found(monkeypatch: pytest.MonkeyPatch, **declared: Contract) -> list[tuple[str, str]]:
    """The ids and messages of the checks over these contracts."""
    monkeypatch.setattr(checks, "contracts", lambda: declared)
    return [(str(each.id), each.msg) for each in checks.check_contracts()]


def serving(*patterns: Any, **more: Any) -> Contract:
    return replace(CONTRACT, urlpatterns=list(patterns), **more)


VIEW = CONTRACT.urlpatterns[0].callback


def test_a_right_declaration_is_content(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(monkeypatch, coldstream=CONTRACT) == []


def test_a_module_not_named_after_its_contract_is_e101(monkeypatch: pytest.MonkeyPatch) -> None:
    (first, *_) = found(monkeypatch, warmstream=CONTRACT)
    assert first == (
        "accounts.E101",
        "The contract in warmstream.py calls itself 'coldstream'.",
    )


def test_a_refusal_or_a_fault_without_an_answer_is_e102(monkeypatch: pytest.MonkeyPatch) -> None:
    refusals, faults = dict(CONTRACT.refusals), dict(CONTRACT.faults)
    del refusals[Reason.DISABLED], faults[Fault.BAD_HOST]
    gaps = replace(CONTRACT, refusals=refusals, faults=faults)
    assert found(monkeypatch, coldstream=gaps) == [
        ("accounts.E102", "The contract 'coldstream' has no answer for Reason.DISABLED."),
        ("accounts.E102", "The contract 'coldstream' has no answer for Fault.BAD_HOST."),
    ]


@pytest.mark.parametrize("taken", ["admin/x", "sign-in/x", "t/x", "static/x", "api/docs/"])
def test_a_path_of_the_browser_is_e103(monkeypatch: pytest.MonkeyPatch, taken: str) -> None:
    assert found(monkeypatch, coldstream=serving(path(taken, VIEW)))[:1] == [
        ("accounts.E103", f"The contract 'coldstream' claims the path {taken}.")
    ]


def test_a_path_that_two_contracts_claim_is_e104(monkeypatch: pytest.MonkeyPatch) -> None:
    one = serving(path("login-x", VIEW))
    other = replace(one, slug="datarhei")
    twice = found(monkeypatch, coldstream=one, datarhei=other)
    assert [each for each in twice if each[0] == "accounts.E104"] == [
        ("accounts.E104", "The path 'login-x' is claimed 2 times.")
    ]


def test_a_missing_page_is_e105(monkeypatch: pytest.MonkeyPatch) -> None:
    nameless = replace(CONTRACT, slug="nameless")
    assert found(monkeypatch, nameless=nameless) == [
        ("accounts.E105", "The contract 'nameless' has no page docs/contracts/nameless.md.")
    ]


def test_a_page_beside_a_module_outside_the_tree_is_enough(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    (tmp_path / "elsewhere.py").write_text("")
    assert checks.page("elsewhere") is None
    (tmp_path / "elsewhere.md").write_text("# Elsewhere")
    assert checks.page("elsewhere") == tmp_path / "elsewhere.md"
    ids = [each for each, _ in found(monkeypatch, elsewhere=replace(CONTRACT, slug="elsewhere"))]
    assert "accounts.E105" not in ids


def test_a_path_that_ends_in_a_slash_is_e106_unless_it_is_declared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slashed = serving(path("account/", VIEW), re_path(r"^all/below/", VIEW))
    assert found(monkeypatch, coldstream=slashed) == [
        ("accounts.E106", "The contract 'coldstream' serves 'account/', which ends in a slash.")
    ]
    assert found(monkeypatch, coldstream=replace(slashed, slashed=("account/",))) == []


def test_an_action_that_nothing_describes_is_e107(monkeypatch: pytest.MonkeyPatch) -> None:
    said = description("coldstream")
    assert said is not None
    actions = {view: told for view, told in said.actions.items() if view.__name__ != "OneUser"}
    monkeypatch.setattr(checks, "description", lambda _: replace(said, actions=actions))
    assert found(monkeypatch, coldstream=CONTRACT) == [
        ("accounts.E107", "The contract 'coldstream' does not describe GET /users/<str:number>."),
        ("accounts.E107", "The contract 'coldstream' does not describe PUT /users/<str:number>."),
    ]
    monkeypatch.setattr(checks, "description", lambda _: None)
    assert len(found(monkeypatch, coldstream=CONTRACT)) == 6


def test_an_option_takes_its_default_and_what_is_of_its_form() -> None:
    digest = "0" * 64
    table: list[tuple[Option, list[Any], list[Any]]] = [
        (Option("greeting", "", "hello"), ["", "x"], [7, None, ["x"]]),
        (Option("most", "", 0), [0, 7], [-1, True, 1.0, "7"]),
        (Option("on", "", default=True), [True, False], [1, "true"]),
        (Option("names", "", ()), [(), [], ["x"]], ["x", ["x", ""], [7], {"x": 1}]),
        (Option("kind", "", "a", ("a", "b")), ["a", "b"], ["c", ["a"], None]),
        (Option("secret", "", "", hidden=True), ["", digest], ["0" * 63, digest + "\n", 7]),
    ]
    for option, taken, refused in table:
        for value in taken:
            option.check(value)
        for value in refused:
            with pytest.raises(ValueError, match=f"^{option.name} must be "):
                option.check(value)
