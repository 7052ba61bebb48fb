"""People with an authenticator app that nobody has used yet.

A code is good once in its time step, for everybody: tests that shared one person would have to
wait for each other, or fail. One process beside the demo makes them:
``manage.py shell -c "from tests.ops import newcomers; newcomers.make(['name'])"``.
"""

from __future__ import annotations

import json

from accounts import provisioning
from mfa import binding, recovery_codes, totp
from tenants.models import Tenant


def make(names: list[str]) -> None:
    """Tell all of them on one line, as `demo.json` would."""
    print(json.dumps([_made(name) for name in names]))  # noqa: T201  # what the program is for


def _made(name: str) -> dict[str, object]:
    email, password = f"{name}@acme.test", provisioning.new_password()
    secret, codes = totp.new_secret(), recovery_codes.new_codes(2)
    acme = Tenant.objects.get(slug="acme")
    user = provisioning.create_user(acme, name, password=password, email=email, email_verified=True)
    binding.bind_totp(user.pk, secret)
    recovery_codes.replace(user.pk, codes, by="tests")
    return {
        "persona": name,
        "tenant": acme.slug,
        "username": name,
        "email": email,
        "password": password,
        "totp_secret": totp.base32(secret),
        "recovery_codes": [recovery_codes.grouped(code) for code in codes],
    }
