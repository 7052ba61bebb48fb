"""Start-up checks of the contracts: a gap in an error table is found before the first request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error

from accounts.login.outcome import Reason
from accounts.wire.contract import Contract, Fault
from accounts.wire.registry import contracts

# Too near Oloid's /Login behind a proxy that folds case; the browser signs in at /sign-in/.
_RESERVED = ("admin/", "sign-in/", "account/settings/", "static/", "t/")


def check_contracts(**_kwargs: Any) -> list[CheckMessage]:
    """All checks over all contracts."""
    found: list[CheckMessage] = []
    for slug, contract in contracts().items():
        found += [*_name(slug, contract), *_tables(contract), *_paths(contract), *_page(contract)]
    return [*found, *_taken_twice(contracts().values())]


def _name(slug: str, contract: Contract) -> list[CheckMessage]:
    if contract.slug == slug:
        return []
    return [
        Error(
            f"The contract in {slug}.py calls itself {contract.slug!r}.",
            hint="Name the module after the slug.",
            id="accounts.E101",
        )
    ]


def _tables(contract: Contract) -> list[CheckMessage]:
    missing = [
        *(f"Reason.{reason.name}" for reason in Reason if reason not in contract.refusals),
        *(f"Fault.{fault.name}" for fault in Fault if fault not in contract.faults),
    ]
    return [
        Error(
            f"The contract {contract.slug!r} has no answer for {name}.",
            hint="Add it to the contract's error table with the product's own status and body.",
            id="accounts.E102",
        )
        for name in missing
    ]


def _paths(contract: Contract) -> list[CheckMessage]:
    return [
        Error(
            f"The contract {contract.slug!r} claims the path {pattern.pattern}.",
            hint="Paths of the browser and the console are not a contract's.",
            id="accounts.E103",
        )
        for pattern in contract.urlpatterns
        if str(pattern.pattern).startswith(_RESERVED)
    ]


def _taken_twice(all_contracts: Iterable[Contract]) -> Sequence[CheckMessage]:
    paths = Counter(
        str(pattern.pattern) for contract in all_contracts for pattern in contract.urlpatterns
    )
    return [
        Error(
            f"The path {path!r} is claimed {count} times.",
            hint="A path belongs to one contract.",
            id="accounts.E104",
        )
        for path, count in paths.items()
        if count > 1
    ]


def _page(contract: Contract) -> list[CheckMessage]:
    docs = Path(settings.BASE_DIR) / "docs"
    # An installed package has no docs folder; a checkout must have every page.
    if not docs.is_dir() or (docs / "contracts" / f"{contract.slug}.md").is_file():
        return []
    return [
        Error(
            f"The contract {contract.slug!r} has no page docs/contracts/{contract.slug}.md.",
            hint="Write what is served and what is not, for an operator who wants to switch.",
            id="accounts.E105",
        )
    ]
