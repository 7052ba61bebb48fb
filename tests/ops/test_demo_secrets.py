import os
import stat
from pathlib import Path

import pytest

from config import commandline, demo_secrets, env
from tests.ops.demo import clean_environment, manage

NAMES = (
    "DRAGOMAN_MODE",
    "DRAGOMAN_SECRET_KEY",
    "DRAGOMAN_SEALING_KEYS",
    "DATABASE_URL",
    "DRAGOMAN_ALLOWED_HOSTS",
)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def loaded(directory: Path) -> dict[str, str]:
    demo_secrets.load_or_create(directory)
    return {name: os.environ[name] for name in NAMES if name in os.environ}


def test_the_first_start_makes_secrets_that_only_their_owner_can_read(tmp_path: Path) -> None:
    made = loaded(tmp_path / "new")

    assert made["DRAGOMAN_MODE"] == "demo"
    assert made["DRAGOMAN_ALLOWED_HOSTS"] == "localhost,127.0.0.1,[::1]"
    assert len(env.read(made).conf.sealing_keys[0]) == 32
    assert stat.S_IMODE((tmp_path / "new" / "demo.env").stat().st_mode) == 0o600
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["demo.env"]


def test_the_second_start_has_the_same_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = loaded(tmp_path)
    for name in first:
        monkeypatch.delenv(name)

    assert loaded(tmp_path) == first


def test_what_the_environment_says_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAGOMAN_SECRET_KEY", "mine")

    assert loaded(tmp_path)["DRAGOMAN_SECRET_KEY"] == "mine"


@pytest.mark.parametrize(
    ("command", "environment", "applies"),
    [
        ("run_demo", {}, True),
        ("rotate_keys", {}, True),
        ("rotate_keys", {"DRAGOMAN_MODE": "demo"}, True),
        ("serve", {"DRAGOMAN_MODE": "demo"}, True),
        ("serve", {}, False),
        ("rotate_keys", {"DRAGOMAN_MODE": "production"}, False),
        ("rotate_keys", {"DRAGOMAN_SECRET_KEY": "mine"}, False),
    ],
)
def test_a_command_beside_a_demo_takes_its_secrets_and_a_production_server_never_does(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    environment: dict[str, str],
    applies: bool,
) -> None:
    (tmp_path / "demo.env").touch()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert demo_secrets.apply_to(command, tmp_path) is applies


def test_without_a_demo_no_command_but_the_demo_makes_secrets(tmp_path: Path) -> None:
    assert not demo_secrets.apply_to("rotate_keys", tmp_path)


@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        (["migrate"], True),
        (["serve"], True),
        (["rotate_keys", "--help"], False),
        (["help"], False),
        (["--version"], False),
        (["check"], False),
        (["check", "--database", "default"], True),
    ],
)
def test_a_database_is_started_only_for_commands_that_need_one(
    arguments: list[str], needed: bool
) -> None:
    assert commandline.needs_database(arguments[0], arguments[1:]) is needed


def test_a_database_that_is_named_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://db/dragoman")

    assert not commandline.needs_database("migrate", [])


def test_a_database_that_cannot_start_is_told_without_a_traceback(var_dir: Path) -> None:
    (var_dir / "postgres").mkdir()
    (var_dir / "postgres" / "PG_VERSION").write_text("15\n")

    refused = manage("migrate", environment=clean_environment(var_dir))

    assert refused.returncode == 1
    assert "was made by PostgreSQL 15" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_help_leaves_nothing_behind(tmp_path: Path) -> None:
    shown = manage("help", environment=clean_environment(tmp_path / "var"))

    assert shown.returncode == 0, shown.stderr
    assert "serve" in shown.stdout
    assert not (tmp_path / "var").exists()
