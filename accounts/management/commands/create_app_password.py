"""Makes an app password: for a person whose client has no field for a code."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts import notices, provisioning
from accounts.models import User
from accounts.wire.registry import contracts
from tenants.models import Tenant

# What a column holds, and the page takes.
_MAX_LABEL = 100


class Command(BaseCommand):
    help = "Make a random password that logs a person in over one contract only, printed once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--tenant", help="slug; without it the default tenant")
        taking = sorted(slug for slug, each in contracts().items() if each.app_passwords)
        parser.add_argument("--contract", default="datarhei", choices=taking)
        parser.add_argument("--label", default="app password")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        slug = options["tenant"]
        tenant = Tenant.objects.filter(**({"slug": slug} if slug else {"is_default": True})).first()
        user = User.objects.named(tenant.pk, options["username"]).first() if tenant else None
        if user is None or not user.is_person:
            raise CommandError("There is no such person.")
        client_id, label = provisioning.new_client_id(), options["label"]
        if not 0 < len(label) <= _MAX_LABEL or not label.isprintable():
            raise CommandError(f"A label has 1 to {_MAX_LABEL} printable characters.")
        with transaction.atomic():
            issued = provisioning.issue_credential(
                user,
                client_id=client_id,
                contract=options["contract"],
                label=label,
                trace=[("client id", client_id), ("label", label)],
            )
            # It passes his second factor: he hears of it, whoever makes it.
            notices.app_password_made(user, label)
        self.stdout.write(
            f"{user.username} logs in over {options['contract']} with this app password, "
            f"shown once: {issued.secret}"
        )
