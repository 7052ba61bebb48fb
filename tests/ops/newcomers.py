"""People with an authenticator app that nobody has used yet.

A code is good once in its time step, for everybody: tests that shared one person would have to
wait for each other, or fail. One process beside the demo makes them:
``manage.py shell -c "from tests.ops import newcomers; newcomers.make(['name'])"``.
"""

from __future__ import annotations

import json

from accounts import provisioning
from accounts.models import User
from mfa import binding, recovery_codes, totp
from tenants.models import Tenant


def make(names: list[str]) -> None:
    """Tell all of them on one line, as `demo.json` would.

    They share a password: hashing takes longest.
    """
    acme, password = Tenant.objects.get(slug="acme"), provisioning.new_password()
    first, *others = names
    made = [_made(acme, first, password)]
    hashed = User.objects.get(username=first).password
    made += [_made(acme, name, password, hashed) for name in others]
    print(json.dumps(made))  # noqa: T201  # what the program is for


def _made(acme: Tenant, name: str, password: str, hashed: str = "") -> dict[str, object]:
    email, secret, codes = f"{name}@acme.test", totp.new_secret(), recovery_codes.new_codes(1)
    user = provisioning.create_user(
        acme, name, password=None if hashed else password, email=email, email_verified=True
    )
    if hashed:
        User.objects.filter(pk=user.pk).update(password=hashed)
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
