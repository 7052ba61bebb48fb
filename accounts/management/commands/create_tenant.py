"""Makes a tenant with its first signing keys."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from accounts import provisioning
from tenants.models import Tenant


class Command(BaseCommand):
    help = "Make a tenant. The first one becomes the default tenant."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="short name in addresses: /t/<slug>/…")
        parser.add_argument("--name", help="the company's name; clients may send it")
        parser.add_argument("--host", action="append", default=[], help="host name it is served at")
        parser.add_argument(
            "--email-domain", action="append", default=[], help="e-mail domain that it owns"
        )
        parser.add_argument("--default", action="store_true", help="make it the default tenant")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        first = not Tenant.objects.exists()
        try:
            tenant = provisioning.create_tenant(
                options["slug"],
                options["name"] or options["slug"],
                is_default=options["default"] or first,
                hosts=options["host"],
                email_domains=options["email_domain"],
            )
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        self.stdout.write(f"Tenant {tenant.slug}: pool {tenant.pool_id}, client {tenant.client_id}")
