"""Contracts are found because they lie in ``accounts/contracts/``; there is no list of them."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from django.http import HttpResponseBase
from django.urls import URLPattern

from accounts.tokens.profile import TokenProfile
from accounts.wire.contract import Contract
from accounts.wire.description import Description
from tenants.policy import Vocabulary

# By name: the layer above declares, this one only finds.
_PACKAGE = "accounts.contracts"


def slugs() -> list[str]:
    """The slug of every contract, in alphabetical order. None of them is loaded for it."""
    package = importlib.import_module(_PACKAGE)
    return sorted(module.name for module in pkgutil.iter_modules(package.__path__))


@cache
def contracts() -> Mapping[str, Contract]:
    """Every contract by its slug, in alphabetical order."""
    names = slugs()
    modules = (importlib.import_module(f"{_PACKAGE}.{name}") for name in names)
    return {name: module.CONTRACT for name, module in zip(names, modules, strict=True)}


def contract(slug: str) -> Contract:
    """The contract of this slug. Raises KeyError."""
    return contracts()[slug]


@cache
def description(slug: str) -> Description | None:
    """What a contract says of its calls: ``DESCRIPTION`` of its module, or of ``description`` in
    its package. Loaded for the OpenAPI document and the system checks alone.
    """
    module = importlib.import_module(f"{_PACKAGE}.{slug}")
    apart = f"{module.__name__}.description"
    if hasattr(module, "__path__") and importlib.util.find_spec(apart) is not None:
        module = importlib.import_module(apart)
    described: Description | None = getattr(module, "DESCRIPTION", None)
    return described


@cache
def vocabulary(slug: str) -> Vocabulary:
    """What a tenant can say about a contract alone."""
    spoken = contract(slug)
    options = {option.name: option.check for option in spoken.options}
    return Vocabulary({*spoken.lifetimes, "session"}, options)


def view_of(callback: Any) -> type[Any]:
    """The class behind a view function of a contract."""
    view: type[Any] = callback.view_class
    return view


def root_view() -> Callable[..., HttpResponseBase] | None:
    """What answers programs at the bare address, if a contract is spoken there."""
    return next((each.root for each in contracts().values() if each.root), None)


def urlpatterns() -> list[URLPattern]:
    """The paths of all contracts."""
    return [pattern for each in contracts().values() for pattern in each.urlpatterns]


def token_profiles() -> Iterator[TokenProfile]:
    """The token kinds of all contracts."""
    for each in contracts().values():
        yield from each.tokens


def owner_of(path: str) -> Contract | None:
    """The contract whose territory an unserved path lies in; the longest prefix decides."""
    bare = path.lstrip("/")
    claims = [
        (len(prefix), each)
        for each in contracts().values()
        for prefix in each.territory
        if bare == prefix.rstrip("/") or bare.startswith(prefix)
    ]
    return max(claims, key=lambda claim: claim[0])[1] if claims else None
