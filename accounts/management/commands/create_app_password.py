"""Makes an app password: for a person whose client has no field for a code."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import provisioning
from accounts.models import User
from accounts.wire.registry import contracts
from tenants.models import Tenant


class Command(BaseCommand):
    help = "Make a random password that logs a person in over one contract only, printed once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--tenant", help="slug; without it the default tenant")
        parser.add_argument("--contract", default="datarhei", choices=sorted(contracts()))
        parser.add_argument("--label", default="app password")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        slug = options["tenant"]
        tenant = Tenant.objects.filter(**({"slug": slug} if slug else {"is_default": True})).first()
        user = User.objects.named(tenant.pk, options["username"]).first() if tenant else None
        if user is None or not user.is_person:
            raise CommandError("There is no such person.")
        issued = provisioning.issue_credential(
            user,
            client_id=provisioning.new_client_id(),
            contract=options["contract"],
            label=options["label"],
        )
        self.stdout.write(
            f"{user.username} logs in over {options['contract']} with this app password, "
            f"shown once: {issued.secret}"
        )
