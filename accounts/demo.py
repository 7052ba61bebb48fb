"""The demo: two tenants and the people that documentation and tests speak of.

Passwords, codes and secrets are random and made once; ``demo.json`` keeps them for scripts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accounts import provisioning
from accounts.login import passwords
from accounts.models import ServiceCredential, User
from mfa import binding, recovery_codes, totp
from tenants.models import Tenant

Entry = dict[str, Any]
FILE = "demo.json"


@dataclass(frozen=True, slots=True)
class _Part:
    """One person of the demo."""

    persona: str
    tenant: str
    username: str
    fields: dict[str, Any]
    equip: Callable[[User], Entry] = lambda _user: {}
    email: str = ""

    @property
    def address(self) -> str:
        return self.email or f"{self.username}@{self.tenant}.test"


def _with_authenticator(user: User) -> Entry:
    """An authenticator app, recovery codes, and an app password for clients without codes."""
    secret = totp.new_secret()
    codes = recovery_codes.new_codes()
    binding.remove_all(user.pk)
    binding.bind_totp(user.pk, secret)
    recovery_codes.replace(user.pk, codes, by="demo")
    return {
        "totp_secret": totp.base32(secret),
        "recovery_codes": [recovery_codes.grouped(code) for code in codes],
        **_credential(user, contract="datarhei", label="app password"),
    }


def _machine(user: User) -> Entry:
    # The form of a Bytebase service key; every other contract takes it as it is.
    key = f"bbs_{provisioning.new_password()}"
    return {**_credential(user, label="service key", secret=key), "password": key}


def _credential(user: User, **options: Any) -> Entry:
    ServiceCredential.objects.filter(user=user).delete()
    client_id = provisioning.new_client_id()
    issued = provisioning.issue_credential(user, client_id=client_id, **options)
    return {"client_id": issued.credential.client_id, "client_secret": issued.secret}


_TENANTS = (("acme", "Acme"), ("globex", "Globex"))
_CAST = (
    _Part("alice", "acme", "alice", {"display_name": "Alice", "given_name": "Alice"}),
    _Part("bob", "acme", "bob", {"display_name": "Bob", "given_name": "Bob"}, _with_authenticator),
    _Part("carol", "acme", "carol", {"display_name": "Carol", "state": User.State.DISABLED}),
    # The same user name as Alice's, in the other tenant: another account.
    _Part("dave", "globex", "alice", {"display_name": "Dave", "given_name": "Dave"}),
    _Part("erin", "acme", "erin", {"display_name": "Erin", "is_staff": True}),
    _Part(
        "svc",
        "acme",
        "svc",
        {"display_name": "Service", "kind": User.Kind.SERVICE},
        _machine,
        email="svc@service.bytebase.com",
    ),
)


def ensure(var_dir: Path, base_url: str) -> Entry:
    """Make what is missing, keep what is there; the description that :func:`publish` writes."""
    known = {(u["persona"], u["tenant"]): u for u in _read(var_dir / FILE).get("users", [])}
    tenants = [_tenant(slug, name) for slug, name in _TENANTS]
    by_slug = {tenant.slug: tenant for tenant in tenants}
    return {
        "base_url": base_url,
        "tenants": [
            {"slug": t.slug, "name": t.name, "pool_id": t.pool_id, "client_id": t.client_id}
            for t in tenants
        ],
        "users": [_user(part, by_slug[part.tenant], known) for part in _CAST],
    }


def publish(var_dir: Path, described: Entry) -> None:
    """Write ``demo.json`` (mode 0600), once the server answers: scripts wait for the file.

    A start that is cut off before leaves accounts whose passwords nobody knows; the next one
    gives them new ones.
    """
    file = var_dir / FILE
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        json.dump(described, stream, indent=2)
        stream.write("\n")
    draft.replace(file)


def _tenant(slug: str, name: str) -> Tenant:
    existing = Tenant.objects.filter(slug=slug).first()
    return existing or provisioning.create_tenant(
        slug,
        name,
        is_default=not Tenant.objects.filter(is_default=True).exists(),
        email_domains=[f"{slug}.test"],
    )


def _user(part: _Part, tenant: Tenant, known: dict[tuple[str, str], Entry]) -> Entry:
    user = User.objects.named(tenant.pk, part.username).first()
    entry = known.get((part.persona, part.tenant))
    if user is not None and entry is not None:
        return entry
    password = provisioning.new_password()
    if user is None:
        user = provisioning.create_user(
            tenant,
            part.username,
            email=part.address,
            email_verified=True,
            password=None if part.fields.get("kind") else password,
            **part.fields,
        )
    elif user.is_person:
        # The database outlived demo.json: only a new password is known to anybody.
        user.password = passwords.encode(password)
        user.save(update_fields=["password"])
    return {
        "persona": part.persona,
        "tenant": part.tenant,
        "username": part.username,
        "email": part.address,
        "password": password,
        **part.equip(user),
    }


def _read(file: Path) -> Entry:
    try:
        content: Entry = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return content
