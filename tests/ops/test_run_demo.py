"""What a first-day user does: start the demo, paste the printed lines, look into demo.json."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import time
from typing import Any

import pytest

from accounts.wire.registry import contracts
from tests.ops.demo import Demo, running_demo

TITLES = {contract.title: slug for slug, contract in contracts().items()}


def printed_lines(demo: Demo) -> dict[str, str]:
    """The curl line that the demo printed for each contract."""
    log, deadline = demo.var_dir / "demo.log", time.monotonic() + 10
    # The table follows demo.json by a moment.
    while "Stop: Ctrl-C" not in (text := log.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    pairs = re.findall(r"^  (\S.*)\n    (curl .*)$", text, re.MULTILINE)
    return {TITLES[title]: line for title, line in pairs}


def run(line: str) -> tuple[int, str]:
    """Status and body of a pasted line."""
    command = f"{line} -w '\\n%{{http_code}}'"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, timeout=30, check=True
    )
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body


def with_credentials(line: str, alice: dict[str, Any], **other: str) -> str:
    """The same line for another name or password."""
    name = other.get("username", alice["username"])
    email = other.get("email", alice["email"])
    changed = line.replace(f'"{alice["email"]}"', f'"{email}"')
    changed = changed.replace(f'"{alice["username"]}"', f'"{name}"')
    return changed.replace(alice["password"], other.get("password", alice["password"]))


ALL = sorted(contracts())


def test_a_line_is_printed_for_every_contract(demo: Demo) -> None:
    assert sorted(printed_lines(demo)) == ALL


@pytest.mark.parametrize("slug", ALL)
def test_the_printed_line_logs_alice_in(slug: str, demo: Demo) -> None:
    status, body = run(printed_lines(demo)[slug])
    assert status == 200
    assert demo.persona("alice")["password"] not in body
    assert re.search(r"[A-Za-z0-9_-]{40,}", body), body


REFUSALS = {
    "bytebase": (401, '{"code":16,"message":"invalid email or password"}'),
    "coldstream": (401, '{"type":"about:blank","title":"Unauthorized","status":401}'),
    "datarhei": (
        401,
        (
            '{"code":401,"message":"Unauthorized","details":'
            '["Invalid authorization credentials: invalid username or password"]}'
        ),
    ),
    "oloid": (401, None),
    "rocketchat": (
        401,
        '{"success":false,"error":"Unauthorized","status":"error","message":"Unauthorized"}',
    ),
}


@pytest.mark.parametrize("slug", ALL)
def test_wrong_password_unknown_user_and_disabled_account_are_refused_as_documented(
    slug: str, demo: Demo
) -> None:
    line, alice, carol = printed_lines(demo)[slug], demo.persona("alice"), demo.persona("carol")
    wrong = run(with_credentials(line, alice, password="wrong"))
    unknown = run(with_credentials(line, alice, username="nobody", email="nobody@acme.test"))
    disabled = run(
        with_credentials(line, alice, **{k: carol[k] for k in ("username", "email", "password")})
    )
    status, body = REFUSALS[slug]
    assert wrong[0] == status
    assert body is None or wrong[1] == body
    assert unknown == wrong
    if slug in {"bytebase", "rocketchat"}:
        # These two products tell a deactivated account so, after its right password.
        assert disabled[0] == 401
        assert re.search("deactivated|not activated", disabled[1])
    else:
        assert disabled == wrong


@pytest.mark.parametrize("slug", ALL)
def test_the_account_of_the_same_name_in_the_other_tenant_logs_in_there(
    slug: str, demo: Demo
) -> None:
    line, alice, dave = printed_lines(demo)[slug], demo.persona("alice"), demo.persona("dave")
    assert (dave["username"], dave["tenant"]) == ("alice", "globex")
    elsewhere = with_credentials(line, alice, email=dave["email"], password=dave["password"])
    elsewhere = elsewhere.replace('"Acme"', '"Globex"')
    there = elsewhere.replace(demo.base_url, f"{demo.base_url}/t/globex")
    assert run(there)[0] == 200
    here = elsewhere.replace(demo.base_url, f"{demo.base_url}/t/acme")
    assert run(here)[0] == 401


def test_the_description_for_scripts_is_private_and_complete(demo: Demo) -> None:
    file = demo.var_dir / "demo.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    described = json.loads(file.read_text())
    assert list(described) == ["base_url", "tenants", "users"]
    assert all(
        list(tenant) == ["slug", "name", "pool_id", "client_id"] for tenant in described["tenants"]
    )
    personas = {user["persona"] for user in described["users"]}
    assert personas == {"alice", "bob", "carol", "dave", "erin", "svc"}
    known = {"persona", "tenant", "username", "email", "password"}
    extra = {"totp_secret", "recovery_codes", "client_id", "client_secret"}
    for user in described["users"]:
        assert known <= user.keys() <= known | extra


def test_a_second_start_keeps_the_data(var_dir: Any) -> None:
    with running_demo(var_dir) as first:
        before = (first.tenants, first.users)
    with running_demo(var_dir) as second:
        assert (second.tenants, second.users) == before
        status, _ = run(printed_lines(second)["datarhei"])
        assert status == 200
