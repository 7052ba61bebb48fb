"""A tenant's options of this contract: what the product calls workspace settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accounts.contracts.bytebase.wording import NO_PASSWORDS
from accounts.models import User


@dataclass(frozen=True, slots=True)
class Workspace:
    """Who may sign up and sign in."""

    disallow_signup: bool = True
    disallow_password_signin: bool = False
    # Empty: addresses of every domain.
    email_domains: tuple[str, ...] = ()

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Workspace:
        """Read a tenant's options; settings with an option that cannot be read get no further."""
        return cls(
            options.get("disallow_signup", True),
            options.get("disallow_password_signin", False),
            tuple(d.lower().removeprefix("@") for d in options.get("email_domains", ())),
        )

    def outsider(self, email: str) -> str:
        """Why a person of this address does not belong here; empty if he does."""
        domains = self.email_domains
        if not domains or email.endswith(tuple(f"@{domain}" for domain in domains)):
            return ""
        shown = json.dumps(email, ensure_ascii=False)
        return f"email {shown} does not belong to domains [{' '.join(domains)}]"

    def bar(self, user: User, email: str) -> str:
        """Why this account may not sign in with its password; empty if it may.

        Officers always may: a setting must not lock out who could change it.
        """
        if _is_free(user):
            return ""
        return NO_PASSWORDS if self.disallow_password_signin else self.outsider(email)

    def external_bar(self, user: User, email: str) -> str:
        """Why this account may not sign in through an identity provider; empty if it may."""
        return "" if _is_free(user) else self.outsider(email)


def _is_free(user: User) -> bool:
    officer = user.is_staff or user.is_superuser
    return officer or not user.is_person or not user.is_active
