import re
from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import database, env
from tenants.conf import Conf

# What no variable is read for: it is put together, or follows from the mode.
_MADE = ("conf", "problems", "unknown", "staff_second_factor")
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "operations.md"


def test_nothing_set_gives_the_documented_defaults() -> None:
    read = env.read({})

    assert read.conf.mode == "production"
    assert (read.host, read.port) == ("127.0.0.1", 8000)
    assert read.conf.hash_wait == 2.0
    assert read.conf.refresh_grace == timedelta(seconds=3)
    assert read.conf.key_poll == 5.0
    assert read.conf.body_limit == 65536
    assert read.conf.address_failures == 300
    assert read.conf.trusted_proxies == 0
    assert read.conf.var_dir == Path("var").absolute()
    assert read.problems == ()


def test_an_empty_value_counts_as_not_set() -> None:
    assert env.read({"DRAGOMAN_PORT": " ", "DATABASE_URL": ""}) == env.read({})


def test_a_base_url_loses_its_closing_slash() -> None:
    read = env.read({"DRAGOMAN_BASE_URL": "https://id.example.com/auth/"})

    assert read.conf.base_url == "https://id.example.com/auth"


def test_secrets_do_not_print() -> None:
    read = env.read(
        {
            "DRAGOMAN_SECRET_KEY": "this-must-not-print",
            "DRAGOMAN_SEALING_KEYS": "QUFBQUFBQUFBQUFBQUFBQQ==",
            "DATABASE_URL": "postgresql://user:hunter2@db/dragoman",
            "DRAGOMAN_EMAIL_URL": "smtp://user:hunter2@mail",
        }
    )

    assert read.problems == ()
    assert not re.search("must-not-print|hunter2|AAAA", repr(read))


@given(st.sampled_from(env.VARIABLES), st.text())
def test_no_value_of_any_variable_makes_reading_fail(
    variable: env.Variable[object], value: str
) -> None:
    read = env.read({variable.name: value})

    assert {problem.variable for problem in read.problems} <= {variable.name}


def test_the_page_for_operators_lists_exactly_the_variables_with_their_defaults() -> None:
    rows = {}
    for line in DOCUMENT.read_text().splitlines():
        if match := re.fullmatch(r"\| `([A-Z_]+)` \| (.*?) \| (.*) \|", line):
            rows[match[1]] = (match[2], match[3])

    assert rows == {
        variable.name: (documented_default(variable), f"{variable.help}.")
        for variable in env.VARIABLES
    }


def documented_default(variable: env.Variable[object]) -> str:
    if variable.required_in_production:
        return "**required**"
    if variable.default_text:
        return variable.default_text
    return f"`{variable.default}`" if variable.default not in ("", ()) else "empty"


def test_each_setting_is_read_from_one_variable() -> None:
    read = len(fields(env.Environment)) + len(fields(Conf)) - len(_MADE)

    assert len(env.VARIABLES) == read
    assert len({variable.name for variable in env.VARIABLES}) == read


def test_a_database_url_becomes_djangos_settings() -> None:
    settings = database.database(
        "postgresql://us%40er:p%2Fw@db.example.com:5433/na%20me?sslmode=verify-full", 8
    )

    assert (settings["USER"], settings["PASSWORD"]) == ("us@er", "p/w")
    assert (settings["HOST"], settings["PORT"]) == ("db.example.com", "5433")
    assert settings["NAME"] == "na me"
    assert settings["OPTIONS"]["sslmode"] == "verify-full"
    assert settings["OPTIONS"]["server_side_binding"] is True


def test_a_socket_directory_becomes_the_host() -> None:
    settings = database.database("postgresql://dragoman@/dragoman?host=%2Frun%2Fpg", 8)

    assert (settings["HOST"], settings["PORT"]) == ("/run/pg", "")


def test_without_a_pool_nothing_is_kept_in_a_database_session() -> None:
    options = database.database("postgresql://pooler/dragoman", 0)["OPTIONS"]

    assert not {"pool", "options", "prepare_threshold", "server_side_binding"} & set(options)


@pytest.mark.parametrize(
    ("url", "host", "port", "ssl", "tls"),
    [
        ("smtp://mail", "mail", 25, False, False),
        ("smtps://u:p@mail", "mail", 465, True, False),
        ("smtp+tls://u:p@mail:2525", "mail", 2525, False, True),
    ],
)
def test_a_mail_url_becomes_djangos_settings(
    url: str, host: str, port: int, ssl: bool, tls: bool
) -> None:
    settings = database.mail(url, "production")

    assert (settings["EMAIL_HOST"], settings["EMAIL_PORT"]) == (host, port)
    assert (settings["EMAIL_USE_SSL"], settings["EMAIL_USE_TLS"]) == (ssl, tls)


@pytest.mark.parametrize(
    ("mode", "backend"), [("production", "dummy"), ("demo", "console"), ("test", "console")]
)
def test_without_a_mail_server_only_a_demo_shows_mail(mode: str, backend: str) -> None:
    settings = database.mail("", mode)

    assert settings == {"EMAIL_BACKEND": f"django.core.mail.backends.{backend}.EmailBackend"}
