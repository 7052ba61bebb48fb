"""What a tenant tells each contract, as fields of a form; the names are the contracts' own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django import forms

from accounts.web.profile import CONSOLE, SLUG
from accounts.wire.contract import Option
from accounts.wire.registry import contracts
from tenants.policy import ContractSettings

_MEMBERS = frozenset(ContractSettings.__dataclass_fields__)
_DIGEST = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class Surface:
    """Something that a tenant can switch off: a contract, the browser's sign-in, the console."""

    slug: str
    title: str
    lifetimes: Mapping[str, str] = field(default_factory=dict)
    options: Sequence[Option] = ()

    @property
    def has_clients(self) -> bool:
        """Whether there are clients that can be told of its end."""
        return self.slug not in {SLUG, CONSOLE}


_PAGES = (
    Surface(
        SLUG,
        "Browser sign-in",
        {
            "session": "life of a session: 43200",
            "idle": "without use: 3600",
            "kept": "life of a session that is kept: 2592000",
            "kept_idle": "without use, of a session that is kept: 1209600",
        },
        (Option("keep", "People may stay signed in", default=True),),
    ),
    Surface(
        CONSOLE,
        "Console",
        {"session": "how long staff work without a new sign-in, at most 43200: 43200"},
    ),
)


@cache
def surfaces() -> tuple[Surface, ...]:
    """Every contract, and what people use."""
    served = (
        Surface(
            each.slug,
            each.title,
            each.lifetimes or {"session": "life of a session: the product's"},
            each.options,
        )
        for each in contracts().values()
    )
    return (*served, *_PAGES)


class Name:
    """The names of a surface's form fields."""

    def __init__(self, slug: str) -> None:
        self._slug = slug

    def of(self, what: str) -> str:
        """The field of a member."""
        return f"{self._slug}__{what}"

    def life(self, kind: str) -> str:
        """The field of a lifetime."""
        return f"{self._slug}__life__{kind}"

    def option(self, name: str) -> str:
        """The field of an option."""
        return f"{self._slug}__option__{name}"

    def removed(self, name: str) -> str:
        """The box that takes a hidden option away."""
        return f"{self._slug}__remove__{name}"


def words(name: str) -> str:
    """A field's name as the audit trail has it."""
    return name.replace("__life__", " lifetime ").replace("__", " ")


def fields_of(surface: Surface) -> dict[str, forms.Field]:
    """The form fields of one contract."""
    name = Name(surface.slug)
    found: dict[str, forms.Field] = {
        name.of("enabled"): forms.BooleanField(
            label="Served", required=False, help_text=_off(surface)
        )
    }
    if surface.has_clients:
        found |= {
            name.of("deprecated"): _day(
                "Deprecated from", "From this day on (UTC) clients are asked to leave."
            ),
            name.of("sunset"): _day(
                "Sunset", "From this day on (UTC) the contract may be gone. Nothing ends by itself."
            ),
            name.of("policy"): forms.CharField(
                label="Policy link",
                required=False,
                max_length=1010,
                help_text="Where it is written why, and where to go. Clients are told.",
            ),
        }
    for kind, said in surface.lifetimes.items():
        told, _, default = said.partition(": ")
        found[name.life(kind)] = forms.IntegerField(
            label=f"Lifetime “{kind}”",
            required=False,
            min_value=1,
            max_value=10 * 365 * 86400,
            help_text=f"Seconds: {told}. Empty: {default}.",
        )
    for option in surface.options:
        found |= _option(option, name)
    return found


def _off(surface: Surface) -> str:
    if surface.slug == CONSOLE:
        return "Off: the tenant's staff have no console, nor have superusers of this tenant."
    return "Off: it answers as if it did not exist." if surface.has_clients else ""


def _day(label: str, said: str) -> forms.Field:
    return forms.DateField(
        label=label,
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        input_formats=["%Y-%m-%d"],
        help_text=said,
    )


def _option(option: Option, name: Name) -> dict[str, forms.Field]:
    at, label, default = name.option(option.name), option.label, option.default
    if option.hidden:
        return {
            at: forms.RegexField(
                _DIGEST,
                label=label,
                required=False,
                strip=True,
                widget=forms.TextInput(attrs={"autocomplete": "off"}),
                help_text="Never shown. Empty: as it is.",
            ),
            name.removed(option.name): forms.BooleanField(label=f"Remove: {label}", required=False),
        }
    made: forms.Field
    if option.choices:
        pairs = [(each, each) for each in option.choices]
        made = forms.ChoiceField(label=label, required=False, choices=pairs)
    elif isinstance(default, bool):
        made = forms.BooleanField(label=label, required=False)
    elif isinstance(default, int):
        made = forms.IntegerField(
            label=label, required=False, min_value=0, help_text=f"Empty: {default}."
        )
    elif isinstance(default, tuple):
        made = forms.CharField(
            label=label, required=False, max_length=4000, help_text="Separated by blanks."
        )
    else:
        made = forms.CharField(label=label, required=False, max_length=1000)
    return {at: made}


def initial_of(surface: Surface, told: ContractSettings) -> dict[str, Any]:
    """What the fields show of a tenant's settings."""
    name = Name(surface.slug)
    values: dict[str, Any] = {
        name.of("enabled"): told.enabled,
        name.of("deprecated"): told.deprecated,
        name.of("sunset"): told.sunset,
        name.of("policy"): told.policy,
    }
    for kind in surface.lifetimes:
        values[name.life(kind)] = told.lifetimes.get(kind)
    for option in surface.options:
        value = told.options.get(option.name, option.default)
        if option.hidden:
            continue
        if isinstance(option.default, tuple):
            listed = [value] if isinstance(value, str) else value
            value = " ".join(map(str, listed)) if isinstance(listed, Iterable) else ""
        values[name.option(option.name)] = value
    return values


def changed(
    surface: Surface, stored: Any, data: Mapping[str, Any], names: Iterable[str]
) -> dict[str, Any]:
    """The settings with the fields of these names as the form has them; all else as it was."""
    table = _table(stored, _MEMBERS)
    name, wanted = Name(surface.slug), set(names)
    if name.of("enabled") in wanted:
        # On is what holds anyway, and a table that says so is longer than need be.
        _set(table, "enabled", None if data[name.of("enabled")] else False)
    for member in ("deprecated", "sunset"):
        if name.of(member) in wanted:
            day = data[name.of(member)]
            _set(table, member, day.isoformat() if day else None)
    if name.of("policy") in wanted:
        _set(table, "policy", data[name.of("policy")] or None)
    lifetimes = _table(table.get("lifetimes"), surface.lifetimes)
    for kind in surface.lifetimes:
        if name.life(kind) in wanted:
            _set(lifetimes, kind, data[name.life(kind)])
    _set(table, "lifetimes", lifetimes or None)
    options = _table(table.get("options"), [option.name for option in surface.options])
    for option in surface.options:
        _set_option(options, option, name, data, wanted)
    _set(table, "options", options or None)
    return table


def _set_option(
    options: dict[str, Any],
    option: Option,
    name: Name,
    data: Mapping[str, Any],
    wanted: set[str],
) -> None:
    at = name.option(option.name)
    if option.hidden and name.removed(option.name) in wanted:
        _set(options, option.name, None)
    elif at in wanted and not (option.hidden and not data[at]):
        value = data[at]
        if isinstance(option.default, tuple):
            value = value.split()
        _set(options, option.name, None if value in ("", [], option.default) else value)


def _table(stored: Any, known: Iterable[str]) -> dict[str, Any]:
    """What cannot be read counts as unsaid: otherwise nobody could mend it here."""
    names = set(known)
    told = stored if isinstance(stored, Mapping) else {}
    return {name: value for name, value in told.items() if name in names}


def _set(table: dict[str, Any], name: str, value: Any) -> None:
    if value is None:
        table.pop(name, None)
    else:
        table[name] = value
