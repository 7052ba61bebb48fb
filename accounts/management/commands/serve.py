"""Runs the production server."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from config import server


class Command(BaseCommand):
    help = "Check the configuration, then serve until SIGINT or SIGTERM."
    # The checks are run below, those of the database too.
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        environment = settings.ENVIRONMENT
        parser.add_argument("--host", default=environment.host)
        parser.add_argument("--port", type=int, default=environment.port)
        parser.add_argument("--workers", type=int, default=environment.workers)
        parser.add_argument("--threads", type=int, default=environment.threads)
        parser.add_argument("--migrate", action="store_true", help="bring the tables up to date")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        self.check()
        self.check(databases=["default"], display_num_errors=False)
        if options["migrate"]:
            call_command("migrate", interactive=False, verbosity=0)
        server.serve(
            options["host"],
            options["port"],
            options["workers"],
            options["threads"],
            on_open=lambda port: self._opened(options["host"], port),
        )

    def _opened(self, host: str, port: int) -> None:
        self.stderr.write(
            f"Dragoman listens on http://{f'[{host}]' if ':' in host else host}:{port}"
        )
