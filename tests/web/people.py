"""Accounts for the drives alone, so that they leave the demo's own people as they are.

One process makes all of them: ``manage.py shell -c "from tests.web import people; people.make()"``.
"""

from __future__ import annotations

import json
from io import StringIO

from django.core.management import call_command

from accounts.models import User
from mfa import binding, recovery_codes, totp

# Whose password need not be changed, and who has an authenticator app besides.
_KEEPING = (
    "plain",
    "chatter",
    "basil",
    "forgetful",
    "mover",
    "scanner",
    "apple",
    "coder",
    "plainer",
)
_WITH_APP = ("apple", "coder", "plainer")


def make() -> None:
    """Tell all of them on one line: name, password, the app's key and the recovery codes."""
    told = {"novice": _person("novice")}
    for name in _KEEPING:
        told[name] = _person(name, "--keep-password")
    for name in _WITH_APP:
        told[name] |= _app(name)
    officer = ("officer", "--email", "officer@acme.test", "--tenant", "acme")
    told["officer"] = _told("officer", _output("create_admin", *officer, "--generate-password"))
    print(json.dumps(told))  # noqa: T201  # what the program is for


def _person(name: str, *options: str) -> dict[str, object]:
    mail = ("--email", f"{name}@acme.test", "--tenant", "acme")
    return _told(name, _output("create_user", name, *mail, *options))


def _told(name: str, output: str) -> dict[str, object]:
    *_, password = output.split()
    return {"username": name, "email": f"{name}@acme.test", "password": password}


def _output(command: str, *arguments: str) -> str:
    written = StringIO()
    call_command(command, *arguments, stdout=written)
    return written.getvalue()


def _app(name: str) -> dict[str, object]:
    user, secret, codes = (
        User.objects.get(username=name),
        totp.new_secret(),
        recovery_codes.new_codes(),
    )
    binding.bind_totp(user.pk, secret)
    recovery_codes.replace(user.pk, codes, by="test")
    return {
        "totp_secret": totp.base32(secret),
        "recovery_codes": [recovery_codes.grouped(code) for code in codes],
    }
