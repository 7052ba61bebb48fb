"""The demo's people: made once, with random secrets that work."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from django.utils import timezone

from accounts import demo
from accounts.login.outcome import Authenticated, ChallengeRequired
from accounts.models import User
from mfa.totp import code_at, step_at
from tenants import resolve
from tests.login.gate import TOKEN, logged_in, login, second

BASE = "http://127.0.0.1:8000"


def test_everybody_can_log_in_with_what_the_file_says(db: None, tmp_path: Path) -> None:
    described = demo.ensure(tmp_path, BASE)
    assert not list(tmp_path.iterdir())
    demo.publish(tmp_path, described)
    file = tmp_path / demo.FILE
    assert json.loads(file.read_text()) == described
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]
    resolve.invalidate()
    people = {user["persona"]: user for user in described["users"]}
    assert set(people) == {"alice", "bob", "carol", "dave", "erin", "svc"}
    alice, dave, bob = people["alice"], people["dave"], people["bob"]
    assert logged_in(alice["email"], alice["password"]).subject.user.username == "alice"
    assert logged_in(dave["email"], dave["password"]).subject.tenant.slug == dave["tenant"]
    now = timezone.now()
    secret = base64.b32decode(bob["totp_secret"])
    due = login(bob["email"], bob["password"], profile=TOKEN)
    assert isinstance(due, ChallengeRequired)
    assert isinstance(second(due.token, code_at(secret, step_at(now)), now=now), Authenticated)
    machine = people["svc"]
    logged_in(machine["client_id"], machine["client_secret"])
    secrets = [user["password"] for user in described["users"]]
    assert len(set(secrets)) == len(secrets)

    # A second start changes nothing.
    assert demo.ensure(tmp_path, BASE) == described
    # Without the file, passwords are made anew, and nobody is doubled.
    file.unlink()
    again = {user["persona"]: user for user in demo.ensure(tmp_path, BASE)["users"]}
    assert User.objects.count() == len(again)
    assert again["alice"]["password"] != alice["password"]
    logged_in(alice["email"], again["alice"]["password"])
