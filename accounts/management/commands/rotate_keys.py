"""Replaces signing keys; tokens signed before stay valid until they run out."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts import audit, provisioning
from accounts.audit import Event
from accounts.tokens import keys
from accounts.wire.registry import token_profiles
from tenants.models import Tenant


class Command(BaseCommand):
    help = (
        "Publish new signing keys. They sign after --after hours, or as soon as every process "
        "knows them. Old keys verify until the last token they signed has run out."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", help="slug; without it all tenants")
        parser.add_argument("--purpose", help="say bytebase.access; without it all purposes")
        parser.add_argument(
            "--after",
            type=float,
            default=0,
            metavar="HOURS",
            help="publish now, sign later: 24 suits verifiers that cache the key set",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        tenants = Tenant.objects.order_by("slug")
        if options["tenant"]:
            tenants = tenants.filter(slug=options["tenant"])
        profiles = [p for p in token_profiles() if options["purpose"] in (None, p.purpose)]
        if not tenants or not profiles:
            raise CommandError("No tenant or purpose fits.")
        for tenant in tenants:
            for profile in profiles:
                lead = timedelta(hours=options["after"])
                key = keys.rotate(tenant.id, profile, timezone.now(), lead=lead)
                audit.row(
                    Event.KEY_ROTATED,
                    provisioning.operator(),
                    tenant_id=tenant.id,
                    reason=key.purpose,
                ).save()
                self.stdout.write(
                    f"{tenant.slug} {key.purpose}: {key.kid} signs from "
                    f"{key.active_from:%Y-%m-%d %H:%M:%S} UTC"
                )
