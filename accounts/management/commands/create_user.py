"""Makes an account for a person or a machine."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from accounts import provisioning
from accounts.models import User
from tenants.models import Tenant
from tenants.resolve import leads_elsewhere


class Command(BaseCommand):
    help = (
        "Make an account. A person gets a random password, printed once, to be changed where the "
        "product can tell; a machine gets a client id and a secret, printed once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--email", default="")
        parser.add_argument("--tenant", help="slug; without it the default tenant")
        parser.add_argument("--service", action="store_true", help="a machine")
        parser.add_argument(
            "--keep-password", action="store_true", help="the password need not be changed"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        slug = options["tenant"]
        tenant = Tenant.objects.filter(**({"slug": slug} if slug else {"is_default": True})).first()
        if tenant is None:
            raise CommandError("There is no such tenant; make one with create_tenant.")
        try:
            lines = _machine(tenant, options) if options["service"] else _person(tenant, options)
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        self.stdout.write("\n".join(lines))


def _person(tenant: Tenant, options: dict[str, Any]) -> list[str]:
    password = provisioning.new_password()
    user = provisioning.create_user(
        tenant,
        options["username"],
        email=options["email"],
        password=password,
        must_change_password=not options["keep_password"],
    )
    where = ""
    if leads_elsewhere(user.email, tenant.pk):
        where = f"; by e-mail at /t/{tenant.slug}/ or its host, for the domain leads elsewhere"
    return [
        f"{user.username} of {tenant.slug} can log in{where}.",
        f"Password, shown once: {password}",
    ]


def _machine(tenant: Tenant, options: dict[str, Any]) -> list[str]:
    user = provisioning.create_user(
        tenant, options["username"], email=options["email"], kind=User.Kind.SERVICE
    )
    issued = provisioning.issue_credential(user, client_id=provisioning.new_client_id())
    return [
        f"{user.username} of {tenant.slug} can log in.",
        f"Client id: {issued.credential.client_id}",
        f"Secret, shown once: {issued.secret}",
    ]
