"""What a contract serves, found out from its declaration alone: paths, methods, members."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, resolve
from django.urls.resolvers import RoutePattern
from django.utils.regex_helper import normalize
from rest_framework import serializers

from accounts.wire.contract import Contract
from accounts.wire.registry import contracts
from accounts.wire.views import ContractView

BODIED = ("POST", "PUT", "PATCH")
# How a page may write what varies in a path.
_ANY_NAME = r"(?:<[^<>]+>|\{[^{}]+\}|[^\s`|<{]+)"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")


@dataclass(frozen=True)
class Place:
    """One served path with the view behind it."""

    slug: str
    path: str
    view: type[ContractView]

    @property
    def spoken(self) -> Contract:
        """The contract as this view speaks it: one product may have two faces."""
        return self.view().contract

    @property
    def methods(self) -> list[str]:
        served = self.view().served_methods()
        return [*served, "HEAD"] if "GET" in served and "HEAD" not in served else served

    def __str__(self) -> str:
        return f"{self.slug} {self.path}"


def view_of(callback: Any) -> type[ContractView]:
    view = getattr(callback, "view_class", None)
    assert isinstance(view, type), f"{callback} is no class-based view"
    assert issubclass(view, ContractView), f"{view} is no ContractView"
    return view


def sample(pattern: URLPattern) -> str:
    """A path, without the leading slash, that this pattern serves."""
    regex = re.sub(r"\(\?P<\w+>", "(?:", pattern.pattern.regex.pattern)
    return str(normalize(regex)[0][0])


def documented(pattern: URLPattern) -> re.Pattern[str]:
    """How the path stands on the contract's page, with any name for what varies in it."""
    text, names = normalize(pattern.pattern.regex.pattern)[0]
    literal = re.escape(text % dict.fromkeys(names, "\0")).replace("\0", _ANY_NAME)
    # A route is the whole path; a regular expression may stand for all that lies below.
    end = r"(?![\w/.:-])" if isinstance(pattern.pattern, RoutePattern) else ""
    return re.compile(rf"/{literal}{end}")


def places(spoken: Contract) -> Iterator[Place]:
    """All that a contract serves."""
    for pattern in spoken.urlpatterns:
        yield Place(spoken.slug, f"/{sample(pattern)}", view_of(pattern.callback))
    if spoken.root is not None:
        yield Place(spoken.slug, "/", view_of(spoken.root))


PLACES = [place for spoken in contracts().values() for place in places(spoken)]
ACTIONS = [(place, method) for place in PLACES for method in place.methods]
BODIED_ACTIONS = [(place, method) for place, method in ACTIONS if method in BODIED]


def unknown_paths(spoken: Contract) -> Iterator[str]:
    """Paths in the contract's territory that nothing serves, and served ones with a slash."""
    for prefix in spoken.territory:
        yield f"/{prefix.rstrip('/')}/no/such/path"
        yield f"/{prefix.rstrip('/')}/%00/%FF/..;/%2e%2e"
        yield f"/{prefix.rstrip('/')}/{'x' * 5000}"
    for place in places(spoken):
        slashed = f"{place.path.rstrip('/')}/"
        if slashed.lstrip("/") not in {*spoken.slashed, ""}:
            yield slashed


def members(spoken: Contract) -> list[str]:
    """Every member name that some body of this contract may have."""
    home = f"accounts.contracts.{spoken.slug}"
    names: set[str] = set()
    for module in [m for n, m in sys.modules.items() if n == home or n.startswith(f"{home}.")]:
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, serializers.Serializer):
                names |= set(value().fields)
    return sorted(names)


def is_served(place: Place) -> bool:
    """Whether the root of all URLs really leads there."""
    return place.path == "/" or view_of(resolve(place.path).func) is place.view
