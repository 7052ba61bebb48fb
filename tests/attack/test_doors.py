"""No door is forgotten: whatever address can make a credential has its rules in the machine."""

from __future__ import annotations

import contextlib
import dataclasses
import types
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from django.contrib.admin import AdminSite
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.contracts.oloid.operations import OPERATIONS
from accounts.contracts.oloid.transport import Operations
from accounts.login import custody, grants, pipeline
from accounts.models import Grant, Session, User
from accounts.tokens import jwt, opaque
from accounts.web.steps import Step
from accounts.wire.registry import contracts
from tests.attack.doors import minting
from tests.attack.people import Town
from tests.attack.wire import Sent, send

# Whoever calls one of these makes something that opens something.
MINTS: set[Any] = {
    pipeline.authenticate,
    jwt.sign,
    opaque.mint,
    grants.rotate,
    custody.open_session,
}
_OURS = ("accounts.", "config.", "mfa.", "tenants.")
_TENANT = "t/<slug:tenant_slug>/"
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def urls(patterns: Any = None, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for each in get_resolver().url_patterns if patterns is None else patterns:
        address = prefix + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from urls(each.url_patterns, address)
        elif isinstance(each, URLPattern):
            yield address, each.callback


def _named(code: types.CodeType) -> set[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _named(constant)
    return names


def _followed(thing: Any) -> Iterator[Any]:  # noqa: C901, PLR0912  # one case for each kind of thing
    """What a function, class, method or table of ours leads to."""
    if isinstance(thing, types.MethodType):
        yield thing.__func__
        # Django calls a page's other methods by itself; a site's methods are pages of their own.
        if not isinstance(thing.__self__, AdminSite):
            yield type(thing.__self__)
    elif isinstance(thing, types.FunctionType):
        yield getattr(thing, "__wrapped__", None)
        yield getattr(thing, "cls", None) or getattr(thing, "view_class", None)
        yield from _enclosed(thing)
        if thing.__module__.startswith(_OURS):
            names = _named(thing.__code__)
            for known in (thing.__globals__.get(name) for name in names):
                yield known
                if isinstance(known, types.ModuleType) and known.__name__.startswith(_OURS):
                    yield from (vars(known).get(name) for name in names)
    elif isinstance(thing, type):
        for each in thing.__mro__:
            # Classes that a library builds at run time may come from no module.
            if (each.__module__ or "").startswith(_OURS):
                yield from vars(each).values()
    elif isinstance(thing, property):
        yield thing.fget
    elif isinstance(thing, Step):
        yield thing.take
    elif isinstance(thing, Mapping):
        yield from thing.values()
    elif dataclasses.is_dataclass(thing) and type(thing).__module__.startswith("accounts.web."):
        # A row of the table of the sign-in's steps.
        yield from (getattr(thing, each.name, None) for each in dataclasses.fields(thing))


def _enclosed(function: types.FunctionType) -> Iterator[Any]:
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    for name, cell in cells:
        # What super() needs is not what the function calls.
        if name != "__class__":
            with contextlib.suppress(ValueError):
                yield cell.cell_contents


def mints(start: Any) -> bool:
    """Whether the code behind ``start`` can reach what makes a credential."""
    waiting, seen = [start], set()
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or thing is None:
            continue
        seen.add(id(thing))
        if isinstance(thing, types.FunctionType) and thing in MINTS:
            return True
        waiting.extend(_followed(thing))
    return False


def found_doors() -> dict[str, Any]:
    """Every address with the code behind it; Cognito's one address is as many as it has names."""
    doors = {
        address: view
        for address, view in urls()
        if not address.startswith(_TENANT) and address != ""
    }
    doors |= {f" {name}": operation for name, operation in OPERATIONS.items()}
    roots = [contract.root for contract in contracts().values() if contract.root]
    assert [getattr(root, "cls", None) for root in roots] == [Operations], "another root"
    return doors


def test_every_address_that_can_make_a_credential_is_attacked() -> None:
    found = {address for address, view in found_doors().items() if mints(view)}
    assert found == set(minting())


def test_a_tenants_addresses_are_the_same_doors() -> None:
    bare = {address: view for address, view in urls() if not address.startswith(_TENANT)}
    for address, view in urls():
        if address.startswith(_TENANT) and address != f"{_TENANT}admin/":
            assert bare[address.removeprefix(_TENANT)] is view


@pytest.mark.parametrize("made", ["authenticate", "sign", "mint", "rotate"])
def test_a_new_door_would_be_found(made: str) -> None:
    """The search follows decorators, tables and modules; a forgotten door makes a test fail."""
    primitive = next(each for each in MINTS if each.__name__ == made)

    def decorated(inner: Any) -> Any:
        def wrapper() -> Any:
            return inner()

        return wrapper

    assert mints(decorated(primitive))
    assert mints({"name": primitive})
    assert not mints(decorated(str))


def test_no_other_address_gives_anything_for_everything(town: Town) -> None:
    """All names, passwords and codes at once, at every address that is no door."""
    alice, bob = town["alice"], town["bob"]
    everything = {
        **dict.fromkeys(("email", "emailOrUsername"), alice.email),
        **dict.fromkeys(("user", "username", "UserName"), alice.username),
        **dict.fromkeys(("password", "Password", "currentPassword"), alice.password),
        **{name: bob.code() for name in ("code", "otp", "otpCode", "twoFactorCode")},
        "TenantName": "Alpha",
        "ClientId": town.alpha.client_id,
    }
    attacked = set(minting())
    tried = 0
    for address, _ in urls():
        if address.startswith(("admin/", _TENANT)) or address in attacked or address == "":
            continue
        path = "/" + address.strip("^$").replace("<str:email>", alice.email)
        if any(sign in path for sign in "(\\["):
            path = "/v1/unknown"
        for method in _METHODS:
            body = None if method == "GET" else everything
            heard = send(Sent(path, body, method=method))
            # Public keys are as random as tokens, and for everybody.
            kept = {name for name in heard.loot if not name.startswith(".keys.")}
            assert not kept, (method, path, heard)
            assert not heard.challenge, (method, path, heard)
            assert alice.marker not in heard.text
            tried += 1
    assert tried > 50
    assert not Session.objects.exists()
    assert not Grant.objects.exists()
    assert not User.objects.exclude(last_login=None).exists()
