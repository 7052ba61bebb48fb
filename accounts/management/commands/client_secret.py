"""Shows, makes or removes the secret of a tenant's app client (Oloid/Cognito)."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts import audit, provisioning
from accounts.audit import Event
from tenants import client_secret
from tenants.models import Tenant


class Command(BaseCommand):
    help = (
        "Print the secret of a tenant's app client. A client that has one must prove it with "
        "SECRET_HASH or ClientSecret at the Cognito operations."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", help="slug; without it the default tenant")
        change = parser.add_mutually_exclusive_group()
        change.add_argument("--new", action="store_true", help="make one; the old one is void")
        change.add_argument("--remove", action="store_true", help="the client has no secret then")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        slug = options["tenant"]
        tenant = Tenant.objects.filter(**({"slug": slug} if slug else {"is_default": True})).first()
        if tenant is None:
            raise CommandError("There is no such tenant.")
        if options["new"] or options["remove"]:
            _change(tenant, remove=options["remove"])
        secret = client_secret.of(tenant)
        self.stdout.write(secret or f"The client of {tenant.slug} has no secret.")


def _change(tenant: Tenant, *, remove: bool) -> None:
    reason = "client secret removed" if remove else "client secret made"
    with transaction.atomic():
        if remove:
            client_secret.remove(tenant)
        else:
            client_secret.make(tenant)
        event, by = Event.TENANT_CHANGED, provisioning.operator()
        audit.row(event, by, tenant_id=tenant.id, reason=reason).save()
