"""Deletes what nobody can use any more."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import F, Func, Q
from django.utils import timezone

from accounts.models import Session, SigningKey, SpentState, ThrottleBucket
from mfa.models import Challenge, EmailCode, Enrolment


class Command(BaseCommand):
    help = (
        "Delete ended sessions, challenges, codes and enrolments that ran out, empty counters and "
        "keys that verify nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--days", type=int, default=30, help="keep what ended since (default 30)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        now = timezone.now()
        before = now - timedelta(days=options["days"])
        ended = Q(expires_at__lt=before) | Q(ended_at__lt=before)
        counts = {
            "sessions": Session.objects.filter(ended).delete()[0],
            "challenges": Challenge.objects.filter(expires_at__lt=now).delete()[0],
            "states": SpentState.objects.filter(expires_at__lt=now).delete()[0],
            "mailed codes": EmailCode.objects.filter(expires_at__lt=before).delete()[0],
            "enrolments": Enrolment.objects.filter(expires_at__lt=before).delete()[0],
            "counters": _stale_counters(now).delete()[0],
            "keys": SigningKey.objects.filter(verify_until__lt=before).delete()[0],
        }
        self.stdout.write(", ".join(f"{count} {name}" for name, count in counts.items()))


def _stale_counters(now: Any) -> Any:
    """Counters whose newest change lies outside of their own window."""
    window = Func(
        F("window_seconds"),
        function="make_interval",
        template="make_interval(secs => %(expressions)s)",
    )
    empty = Q(failures=[])
    return ThrottleBucket.objects.filter(empty | Q(changed_at__lt=now - window))
