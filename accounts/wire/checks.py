"""Start-up checks of the contracts: a gap in an error table is found before the first request."""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.urls.resolvers import RoutePattern

from accounts.login.outcome import Reason
from accounts.wire.contract import Contract, Fault
from accounts.wire.registry import contracts, description, view_of

# Too near Oloid's /Login behind a proxy that folds case; the browser signs in at /sign-in/.
_RESERVED = (
    "admin/",
    "sign-in/",
    "account/settings/",
    "static/",
    "t/",
    "api/schema",
    "api/docs",
)


def check_contracts(**_kwargs: Any) -> list[CheckMessage]:
    """All checks over all contracts."""
    found: list[CheckMessage] = []
    for slug, contract in contracts().items():
        found += [*_name(slug, contract), *_tables(contract), *_paths(contract)]
        found += [*_slashes(contract), *_page(slug, contract), *_described(slug, contract)]
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


def _slashes(contract: Contract) -> list[CheckMessage]:
    # A route is a whole path; a regular expression may stand for all that lies below a slash.
    paths = (p.pattern for p in contract.urlpatterns if isinstance(p.pattern, RoutePattern))
    return [
        Error(
            f"The contract {contract.slug!r} serves {str(pattern)!r}, which ends in a slash.",
            hint="Serve the bare path, or list it under `slashed` if the document calls it so.",
            id="accounts.E106",
        )
        for pattern in paths
        if str(pattern).endswith("/") and str(pattern) not in contract.slashed
    ]


def _described(slug: str, contract: Contract) -> list[CheckMessage]:
    if importlib.util.find_spec(f"accounts.contracts.{slug}") is None:
        return []  # put together, and found nowhere
    said = description(slug)
    served = [(str(p.pattern), view_of(p.callback)) for p in contract.urlpatterns]
    if contract.root is not None:
        served.append(("", view_of(contract.root)))
    return [
        Error(
            f"The contract {contract.slug!r} does not describe {method} /{where}.",
            hint="Say what it is for in the module's DESCRIPTION; see docs/adding-a-contract.md.",
            id="accounts.E107",
        )
        for where, view in served
        for method in view().served_methods()
        # HEAD follows from GET.
        if method != "HEAD" and (said is None or said.action(view, method) is None)
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


def _page(slug: str, contract: Contract) -> list[CheckMessage]:
    # An installed package has no docs folder; a checkout must have every page.
    if not (Path(settings.BASE_DIR) / "docs").is_dir() or page(slug) is not None:
        return []
    return [
        Error(
            f"The contract {contract.slug!r} has no page docs/contracts/{contract.slug}.md.",
            hint="Write what is served and what is not, for an operator who wants to switch.",
            id="accounts.E105",
        )
    ]


def page(slug: str) -> Path | None:
    """The page of a contract: in docs/contracts, or beside a module that lies elsewhere."""
    module = importlib.util.find_spec(f"accounts.contracts.{slug}")
    folders = [Path(settings.BASE_DIR) / "docs" / "contracts"]
    if module is not None and module.origin is not None:
        folders.append(Path(module.origin).parent)
    pages = (folder / f"{slug}.md" for folder in folders)
    return next((each for each in pages if each.is_file()), None)
