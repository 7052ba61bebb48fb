"""Accounts made at the command line can log in with what was printed."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import ServiceCredential
from tests.fixtures import Cast


def datarhei(client: Client, name: str, password: str) -> int:
    return client.post(
        "/api/login", {"username": name, "password": password}, content_type="application/json"
    ).status_code


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    """The last word of the output: the secret."""
    return capsys.readouterr().out.split()[-1]


def test_a_person_logs_in_with_the_printed_password(
    client: Client, cast: Cast, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("create_user", "jo", email="jo@alpha.example", keep_password=True)
    assert datarhei(client, "jo", printed(capsys)) == 200


def test_a_password_that_must_be_changed_is_told_to_clients_that_can(
    client: Client, cast: Cast, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("create_user", "jo", email="jo@alpha.example")
    password = printed(capsys)
    answer = client.post(
        "/v1/auth/login",
        {"email": "jo@alpha.example", "password": password},
        content_type="application/json",
    )
    assert answer.json()["requireResetPassword"] is True
    assert datarhei(client, "jo", password) == 401


def test_a_machine_logs_in_with_the_printed_secret(
    client: Client, cast: Cast, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("create_user", "builder", service=True)
    assert datarhei(client, "builder", printed(capsys)) == 200


def test_an_app_password_is_the_remedy_where_no_code_can_be_sent(
    client: Client,
    cast: Cast,
    capsys: pytest.CaptureFixture[str],
    mailoutbox: list[EmailMessage],
    django_capture_on_commit_callbacks: Any,
) -> None:
    assert datarhei(client, "bob", cast.bob.password) == 401
    with django_capture_on_commit_callbacks(execute=True):
        call_command("create_app_password", "bob")
    secret = printed(capsys)
    assert datarhei(client, "bob", secret) == 200
    assert [(mail.to, mail.subject) for mail in mailoutbox] == [
        ([cast.bob.email], "An app password was made")
    ]
    # It is good for that contract only.
    elsewhere = client.post(
        "/account/login",
        {"email": cast.bob.email, "password": secret},
        content_type="application/json",
    )
    assert elsewhere.status_code == 401


def test_an_app_password_is_made_only_for_a_contract_that_takes_it(cast: Cast) -> None:
    for slug in ("bytebase", "coldstream", "oloid", "rocketchat"):
        with pytest.raises(CommandError, match="invalid choice"):
            call_command("create_app_password", "bob", "--contract", slug)
    assert not ServiceCredential.objects.filter(user=cast.bob.user).exists()


def test_what_cannot_be_made_is_told_in_a_sentence(cast: Cast) -> None:
    with pytest.raises(CommandError, match="no such tenant"):
        call_command("create_user", "jo", tenant="nowhere")
    with pytest.raises(CommandError):
        call_command("create_user", "alice")
    with pytest.raises(CommandError, match="no such person"):
        call_command("create_app_password", "svc")
    for label in ("", "x" * 101, "two\nlines"):
        with pytest.raises(CommandError, match="printable"):
            call_command("create_app_password", "bob", "--label", label)


def test_who_logs_in_elsewhere_by_his_address_is_told_where(
    cast: Cast, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("create_user", "guest", email="guest@beta.example")
    said = "can log in; by e-mail at /t/alpha/ or its host, for the domain leads elsewhere."
    assert capsys.readouterr().out.splitlines()[0] == f"guest of alpha {said}"
