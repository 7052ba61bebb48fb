"""A locked account is unlocked at the command line."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import LoginEvent, ThrottleBucket
from tests.fixtures import Cast


def login(client: Client, email: str, password: str) -> int:
    return client.post(
        "/account/login", {"email": email, "password": password}, content_type="application/json"
    ).status_code


def test_unlock_forgets_the_failures_under_every_name_of_the_account(
    client: Client, cast: Cast, capsys: pytest.CaptureFixture[str]
) -> None:
    alice = cast.alice
    answers = [login(client, alice.email, "wrong") for _ in range(11)]
    assert answers == [401] * 10 + [429]
    assert login(client, alice.email, alice.password) == 429
    call_command("unlock", alice.username)
    assert capsys.readouterr().out == "alice is unlocked (2 counters).\n"
    assert login(client, alice.email, alice.password) == 200
    assert ThrottleBucket.objects.filter(kind="address").exists()
    assert LoginEvent.objects.filter(event="admin:user:unlocked", user=alice.user).count() == 1


def test_unlock_says_so_when_there_is_no_such_account(cast: Cast) -> None:
    with pytest.raises(CommandError, match="There is no such account"):
        call_command("unlock", "dave")
