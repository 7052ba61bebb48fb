"""Forgets the failures that lock an account out."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import audit, provisioning
from accounts.audit import Event
from accounts.login import throttle
from accounts.models import User
from tenants.models import Tenant


class Command(BaseCommand):
    help = "Forget the failed logins and codes of an account, so that its owner gets in again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--tenant", help="slug; without it the default tenant")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        slug = options["tenant"]
        chosen = Tenant.objects.filter(**({"slug": slug} if slug else {"is_default": True})).first()
        user = User.objects.named(chosen.pk, options["username"]).first() if chosen else None
        if user is None:
            raise CommandError("There is no such account.")
        count = throttle.unlock(user)
        audit.row(
            Event.USER_UNLOCKED,
            provisioning.operator(),
            tenant_id=user.tenant_id,
            user_id=user.pk,
        ).save()
        self.stdout.write(f"{user.username} is unlocked ({count} counters).")
