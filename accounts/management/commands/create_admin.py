"""Makes an account that may use the console."""

import getpass
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from accounts import provisioning
from accounts.login.password_rules import objection
from accounts.models import User
from tenants.models import Tenant


class Command(BaseCommand):
    help = "Make an administrator of one tenant, or of all with --superuser."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--email", required=True)
        parser.add_argument("--tenant", help="slug; without it the default tenant")
        parser.add_argument("--superuser", action="store_true", help="administrator of all tenants")
        parser.add_argument(
            "--generate-password", action="store_true", help="make a random one and print it once"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        tenant = _tenant(options["tenant"])
        password = self._password(options)
        user = User(tenant=tenant, username=options["username"], email=options["email"])
        if reason := objection(password, user, tenant.record().policy):
            raise CommandError(reason)
        try:
            provisioning.create_user(
                tenant,
                options["username"],
                email=options["email"],
                password=password,
                is_staff=True,
                is_superuser=options["superuser"],
            )
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        self.stdout.write(f"Administrator {options['username']} of {tenant.slug} can log in.")
        if options["generate_password"]:
            self.stdout.write(f"Password, shown this once: {password}")

    def _password(self, options: dict[str, Any]) -> str:
        if options["generate_password"]:
            return provisioning.new_password()
        if not sys.stdin.isatty():
            # A pipe carries the password without a line in the process list or the history.
            return sys.stdin.readline().rstrip("\n")
        password = getpass.getpass("Password: ")
        if getpass.getpass("Again: ") != password:
            raise CommandError("The passwords differ.")
        return password


def _tenant(slug: str | None) -> Tenant:
    wanted = Tenant.objects.filter(slug=slug) if slug else Tenant.objects.filter(is_default=True)
    tenant = wanted.first()
    if tenant is None:
        raise CommandError("There is no such tenant; make one with create_tenant.")
    return tenant
