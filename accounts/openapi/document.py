"""The whole document: every action of every contract that lies in ``accounts/contracts/``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator

from accounts.openapi.exchanges import exchanges
from accounts.openapi.operation import ContractSchema, Place, template
from accounts.wire.contract import Contract
from accounts.wire.description import Description
from accounts.wire.registry import contracts, description, view_of
from accounts.wire.views import ContractView

VERSION = "3.1.1"
_ABOUT = """\
Every call of every contract, as the products document them; each contract's page in
`docs/contracts` has the details and every deviation.

What is served at a path is also served below a tenant's prefix, `/t/{tenant}`. A path that answers
`GET` answers `HEAD` alike, without the body. A method that is not listed, an unknown path and
whatever cannot be read get the error of the contract that the path belongs to. `Deprecation`,
`Sunset` and `Link` (RFC 9745, RFC 8594) come with every answer of a contract whose end a tenant has
announced.

Examples are real exchanges with a demo; `…` stands for what is another in each. The other examples
of refusals are what the contract's tables give.
"""


def places() -> Iterator[Place]:
    """Every served path. One that only tells what is not served has no actions."""
    for spoken in contracts().values():
        described = description(spoken.slug)
        if described is not None:
            yield from _of(spoken, described)


def _of(spoken: Contract, described: Description) -> Iterator[Place]:
    examples = exchanges(spoken.slug)
    for pattern in spoken.urlpatterns:
        view = view_of(pattern.callback)
        if view().served_methods():
            yield Place(spoken, described, view, template(pattern), examples)
    if spoken.root is not None:
        yield Place(spoken, described, view_of(spoken.root), "/", examples)


def actions(view: type[ContractView]) -> list[str]:
    """The methods that are described: HEAD follows from GET."""
    return [method for method in view().served_methods() if method != "HEAD"]


class ContractGenerator(SchemaGenerator):
    """Goes by the contracts' declarations, not by the URLs: those are there twice."""

    # Django's signature.
    def parse(self, input_request: Any, public: bool) -> dict[str, Any]:  # noqa: FBT001
        """The paths of the document."""
        found: dict[str, Any] = {}
        for place in places():
            for method in actions(place.view):
                action = place.description.action(place.view, method)
                if action is None:
                    raise LookupError(f"{place.contract.slug} describes no {method} {place.path}")
                view = place.view()
                # drf-spectacular looks at a request; nothing here does.
                view.request = None  # type: ignore[assignment]
                schema = ContractSchema(place, action)
                schema.view = view
                found.setdefault(place.path, {})[method.lower()] = schema.get_operation(
                    place.path, re.escape(place.path), "^/", method, self.registry
                )
        return found


@lru_cache(maxsize=8)
def document(base: str) -> dict[str, Any]:
    """The document of a server at this base address. It is made once."""
    made = ContractGenerator().get_schema(public=True)
    spoken = [(each, description(each.slug)) for each in contracts().values()]
    return {
        "openapi": VERSION,
        "info": {
            "title": "Dragoman",
            "version": "0.1.0",
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [
            {"url": base or "/", "description": "The default tenant, or the host's"},
            {
                "url": f"{base}/t/{{tenant}}",
                "description": "A tenant by its name",
                "variables": {"tenant": {"default": "acme", "description": "The tenant's name"}},
            },
        ],
        "tags": [
            {"name": each.title, "description": described.about}
            for each, described in spoken
            if described is not None
        ],
        "paths": made["paths"],
        "components": made["components"],
    }
