"""Starts the demo: migrates, seeds, serves, and prints how to log in."""

from argparse import ArgumentParser
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from accounts import demo
from accounts.wire.registry import contracts
from config import server
from tenants.conf import conf

HOST = "127.0.0.1"


class Command(BaseCommand):
    help = "Serve a demo with two tenants on the loopback address, until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        if conf().mode != "demo":
            raise CommandError("This is no demo: DRAGOMAN_MODE says otherwise.")
        port = server.claim(HOST, options["port"])
        base_url = f"http://{HOST}:{port}"
        # Issuers and links name the port that was really taken.
        settings.DRAGOMAN = replace(conf(), base_url=base_url)
        call_command("migrate", interactive=False, verbosity=0)
        described = demo.ensure(conf().var_dir, base_url)
        environment = settings.ENVIRONMENT
        server.serve(
            HOST,
            port,
            environment.workers,
            environment.threads,
            on_open=lambda _port: self._opened(described),
        )

    def _opened(self, described: dict[str, Any]) -> None:
        demo.publish(conf().var_dir, described)
        self._explain(described)

    def _explain(self, described: dict[str, Any]) -> None:
        alice = next(user for user in described["users"] if user["persona"] == "alice")
        words = {**alice, "base": described["base_url"], **_tenant_words(described, alice)}
        lines = [
            "",
            f"Dragoman speaks {len(contracts())} login contracts at {described['base_url']}",
            "",
        ]
        for contract in contracts().values():
            lines += [f"  {contract.title}", f"    {contract.example.format(**words)}", ""]
        erin = next(user for user in described["users"] if user["persona"] == "erin")
        login = f"user {erin['username']}, password {erin['password']}"
        lines += [
            f"Console: {described['base_url']}/admin/  ({login})",
            f"All accounts: {conf().var_dir / demo.FILE}     Stop: Ctrl-C",
            "",
        ]
        self.stdout.write("\n".join(lines))
        self.stdout.flush()


def _tenant_words(described: dict[str, Any], user: dict[str, Any]) -> dict[str, str]:
    tenant = next(t for t in described["tenants"] if t["slug"] == user["tenant"])
    return {
        "tenant": tenant["name"],
        "pool_id": tenant["pool_id"],
        "client_id": tenant["client_id"],
    }
