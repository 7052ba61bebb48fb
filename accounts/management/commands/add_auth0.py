"""Takes a datarhei Core's Auth0 tenants over."""

import json
import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils.text import slugify

from accounts import audit
from accounts.audit import Event
from accounts.login.registration import operator
from tenants.federation import auth0
from tenants.federation.settings import Auth0Settings, Kind
from tenants.models import IdentityProvider, Tenant

VARIABLE = "CORE_API_AUTH_AUTH0_TENANTS"
SWITCH = "CORE_API_AUTH_AUTH0_ENABLE"
# How Go, and so Core, writes a switch that is off.
_OFF = frozenset({"0", "f", "F", "false", "False", "FALSE"})


class Command(BaseCommand):
    help = (
        f"Let a tenant's people log in by Auth0, as configured for datarhei Core: by {VARIABLE} "
        "in the environment, or by api.auth.auth0 of its configuration file on standard input."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("tenant", help="short name of the tenant")
        parser.add_argument(
            "--json", action="store_true", help="read api.auth.auth0 from standard input"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        tenant = Tenant.objects.filter(slug=options["tenant"]).first()
        if tenant is None:
            raise CommandError(f"There is no tenant {options['tenant']}.")
        try:
            found = _from_json(sys.stdin.read()) if options["json"] else _from_environment()
            with transaction.atomic():
                for settings in found:
                    self.stdout.write(_stored(tenant, settings))
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        except ValueError as error:
            raise CommandError(str(error)) from error


def _from_environment() -> list[dict[str, Any]]:
    if os.environ.get(SWITCH) in _OFF:
        raise ValueError(f"{SWITCH} is off: in that Core nobody logs in by Auth0.")
    found = auth0.configured(os.environ.get(VARIABLE, ""))
    if not found:
        raise ValueError(f"{VARIABLE} names no Auth0 tenant.")
    return found


def _from_json(text: str) -> list[dict[str, Any]]:
    """``{"enable": true, "tenants": [...]}``. Raises ValueError."""
    try:
        read = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError("Standard input is no JSON.") from error
    tenants = read.get("tenants") if isinstance(read, dict) else None
    if not isinstance(tenants, list) or not tenants:
        raise ValueError("api.auth.auth0 has a list of tenants.")
    if read.get("enable", True) is not True:
        raise ValueError("api.auth.auth0 is not enabled: in that Core nobody logs in by Auth0.")
    return tenants


def _stored(tenant: Tenant, settings: Any) -> str:
    """Make or change the provider of this domain and audience; what was done. Raises ValueError."""
    # Before it is looked for: what is no setting need not be a text that the database takes.
    read = Auth0Settings.parse(settings)
    known = IdentityProvider.objects.filter(
        tenant=tenant,
        kind=Kind.AUTH0,
        settings__domain=read.domain,
        settings__audience=read.audience,
    ).first()
    provider = known or IdentityProvider(
        tenant=tenant,
        kind=Kind.AUTH0,
        name=_free_name(tenant, read.domain),
        title=read.domain[:100],
    )
    provider.settings = settings
    provider.full_clean()
    provider.save()
    verb = "changed" if known else "added"
    audit.row(
        Event.PROVIDER_CHANGED if known else Event.PROVIDER_CREATED,
        operator(),
        tenant_id=tenant.id,
        reason=verb,
        trace=[("provider", provider.name)],
    ).save()
    return f"{verb}: {provider.name} ({len(read.users)} users)"


def _free_name(tenant: Tenant, domain: str) -> str:
    base = slugify(f"auth0-{domain}".replace(".", "-"))[:55]
    taken = set(IdentityProvider.objects.filter(tenant=tenant).values_list("name", flat=True))
    names = [base, *(f"{base}-{number}" for number in range(2, 1000))]
    return next(name for name in names if name not in taken)
