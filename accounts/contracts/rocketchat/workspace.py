"""What clients ask before anybody has logged in: the server's version and its public settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from accounts.contracts.rocketchat.tokens import SLUG
from accounts.wire.call import Call, site_url
from tenants.federation import providers
from tenants.federation.settings import Kind

# Strangers are told no patch number.
VERSION = "8.8"
# What this line of the product asks of its own clients.
MINIMUM_CLIENT_VERSIONS = {"desktop": "3.9.6", "mobile": "4.39.0"}
_PAGE = 50
_MAX_PAGE = 100


def _all(call: Call) -> dict[str, Any]:
    """The settings that shape a client's login screen, as they hold here."""
    options = call.tenant.contract(SLUG).options if call.tenant else {}
    return {
        "Accounts_AllowPasswordChange": False,
        "Accounts_EmailOrUsernamePlaceholder": "",
        "Accounts_EmailVerification": options.get("verified_email_only") is True,
        "Accounts_ManuallyApproveNewUsers": False,
        "Accounts_PasswordPlaceholder": "",
        "Accounts_PasswordReset": False,
        "Accounts_RegistrationForm": "Disabled",
        "Accounts_RegistrationForm_LinkReplacementText": "",
        "Accounts_ShowFormLogin": True,
        "Accounts_TwoFactorAuthentication_Enabled": True,
        "Accounts_iframe_enabled": False,
        "CAS_enabled": False,
        # Where it is off, the mobile app sends a plain login.
        "LDAP_Enable": bool(call.tenant and providers.of_tenant(call.tenant.id, Kind.LDAP)),
        "Site_Name": call.tenant.name if call.tenant else "",
        "Site_Url": site_url(call),
    }


def public(call: Call) -> dict[str, Any]:
    """One page of the settings that ``_id`` names, or of all."""
    names = _names(call.query("_id"))
    settings = [
        {"_id": name, "value": value}
        for name, value in sorted(_all(call).items())
        if names is None or name in names
    ]
    offset = _number(call.query("offset"), 0)
    # The product's 0 is "all of them"; there are fewer than a page here.
    count = _number(call.query("count"), 0) or _PAGE
    page = settings[offset : offset + min(count, _MAX_PAGE)]
    return {"settings": page, "count": len(page), "offset": offset, "total": len(settings)}


def _names(text: str | None) -> Sequence[str] | None:
    return None if text is None else [name.strip() for name in text.split(",")]


def _number(text: str | None, default: int) -> int:
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else default
