"""Tenants with their names and rules: staff see their own, superusers change all."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.admin import contract_settings
from accounts.admin.contract_settings import surfaces
from accounts.admin.scope import RowForm, ScopedAdmin, listing
from accounts.admin.tenant_parts import DomainInline, PolicyInline, tell_of_strangers
from accounts.audit import Event
from accounts.console import console
from accounts.models import LoginEvent, Session, SigningKey, User
from accounts.tokens import keys
from accounts.wire.registry import token_profiles
from tenants import resolve
from tenants.branding import LARGEST_LOGO, Branding
from tenants.models import IdentityProvider, Tenant
from tenants.policy import ContractSettings, read_settings

_LOOKS = ("colour", "logo_file", "logo_remove")
_KINDS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"<svg", "image/svg+xml"),
    (b"<?xml", "image/svg+xml"),
)


class SettingsForm(RowForm):
    """Contracts and looks have fields of their own; the tables behind them are never typed."""

    colour = forms.CharField(
        required=False,
        max_length=7,
        help_text="Of the sign-in pages, as #rrggbb. Empty: the product's own.",
    )
    logo_file = forms.FileField(
        label="New logo",
        required=False,
        help_text=f"PNG, JPEG, WebP or SVG of at most {LARGEST_LOGO // 1024} KiB.",
    )
    logo_remove = forms.BooleanField(label="Remove the logo", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["colour"] = Branding.of(self.instance.branding).colour
        for each in surfaces():
            told = self.instance.settings_of(each.slug)
            self.initial.update(contract_settings.initial_of(each, told))

    def clean(self) -> dict[str, Any] | None:
        """Put the fields into the tables, as far as they were changed."""
        data = super().clean() or self.cleaned_data
        names = [name for name in self.changed_data if name in data]
        self._set_contracts(data, names)
        if set(names) & set(_LOOKS):
            self._set_branding(data, names)
        return data

    def _set_contracts(self, data: dict[str, Any], names: list[str]) -> None:
        known = self.instance.contracts
        table = dict(known) if isinstance(known, dict) else {}
        for each in surfaces():
            mine = [name for name in names if name.startswith(f"{each.slug}__")]
            if not mine:
                continue
            stored = table.get(each.slug, {})
            if _objection(each.slug, stored):
                # Nothing of it holds: what the form shows takes its place as a whole.
                mine = [name for name in contract_settings.fields_of(each) if name in data]
            told = contract_settings.changed(each, stored, data, mine)
            if objection := _objection(each.slug, told):
                self.add_error(_blamed(each.slug, objection, mine), objection)
            table[each.slug] = told
        self.instance.contracts = {slug: told for slug, told in table.items() if told != {}}

    def _set_branding(self, data: dict[str, Any], names: list[str]) -> None:
        raw = self.instance.branding
        look = dict(raw) if isinstance(raw, dict) else {}
        if "colour" in names:
            look["colour"] = data["colour"]
        if data.get("logo_remove"):
            look["logo"] = ""
        elif isinstance(sent := data.get("logo_file"), UploadedFile):
            look["logo"] = _data_address(sent)
        look = {name: value for name, value in look.items() if value}
        try:
            Branding.parse(look)
        except ValueError as error:
            self.add_error("colour" if "colour" in str(error) else "logo_file", str(error))
        else:
            self.instance.branding = look


def _standing(told: ContractSettings) -> str:
    """Whether a contract is served, and until when, in words."""
    ends = f"; deprecated {told.deprecated}" if told.deprecated else ""
    ends += f"; sunset {told.sunset}" if told.sunset else ""
    return f"{'on' if told.enabled else 'off'}{ends}"


def _objection(slug: str, told: Any) -> str:
    try:
        read_settings(slug, told)
    except (TypeError, ValueError) as error:
        return str(error)
    return ""


def _blamed(slug: str, objection: str, names: list[str]) -> str:
    """The field that an objection is about: the one that it names, else the first that changed."""
    guesses = (f"{slug}__{member}" for member in ("policy", "sunset", "deprecated"))
    named = (name for name in guesses if name.rpartition("__")[2] in objection)
    return next((name for name in named if name in names), names[0])


def _data_address(sent: UploadedFile[Any]) -> str:
    """A picture as a page carries it. One that is too large is read no further than to be told."""
    body = sent.read(LARGEST_LOGO + 1)
    begin = body.lstrip()[:16].lower() if body.lstrip()[:1] == b"<" else body[:16]
    kind = next((kind for magic, kind in _KINDS if begin.startswith(magic)), "")
    if body[:4] == b"RIFF" and body[8:12] == b"WEBP":
        kind = "image/webp"
    return f"data:{kind or 'image/unknown'};base64,{b64encode(body).decode()}"


@cache
def _form() -> type[SettingsForm]:
    """The form with the fields of every contract that is installed."""
    fields: dict[str, Any] = {}
    for each in surfaces():
        fields |= contract_settings.fields_of(each)
    return type("TenantForm", (SettingsForm,), fields)


@admin.register(Tenant, site=console)
class TenantAdmin(ScopedAdmin):
    """One company."""

    tenant_path = "pk"
    added = Event.TENANT_CREATED
    changed = Event.TENANT_CHANGED
    inlines = (DomainInline, PolicyInline)
    list_display = ("name", "slug", "state", "is_default")
    list_filter = ("state",)
    search_fields = ("name", "slug")
    ordering = ("name",)
    _ids = ("number", "pool_id", "client_id", "hex_id")

    def owner(self, obj: Tenant) -> tuple[UUID | None, User | None]:
        """The tenant itself."""
        return obj.pk, None

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Superusers found tenants."""
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Superusers change them; staff read their own."""
        return bool(request.user.is_superuser)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The identifiers that contracts use come with the tenant."""
        if obj is None:
            return [(None, {"fields": ("name", "slug")})]
        first = [(None, {"fields": ("name", "slug", "state", "is_default")})]
        last = [("Identifiers in contracts", {"fields": self._ids})]
        if not request.user.is_superuser:
            seen = ("offered", "rules", "colour_shown", "logo_shown")
            return [*first, ("Contracts, policy and looks", {"fields": seen}), *last]
        served = [
            (
                f"{each.title}: {_standing(obj.settings_of(each.slug))}",
                {"fields": tuple(contract_settings.fields_of(each)), "classes": ("collapse",)},
            )
            for each in surfaces()
        ]
        looks = [("Looks", {"fields": ("colour", "logo_shown", "logo_file", "logo_remove")})]
        return [*first, *served, *looks, *last]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Addresses and identifiers are in clients' configurations: they stay."""
        shown = ("offered", "rules", "colour_shown", "logo_shown")
        return () if obj is None else ("slug", "is_default", *shown, *self._ids)

    def get_form(self, request: HttpRequest, obj: Any = None, *args: Any, **kwargs: Any) -> Any:
        """A new tenant serves every contract and has no looks of its own."""
        if obj is not None and request.user.is_superuser:
            kwargs["form"] = _form()
        kwargs["labels"] = {"is_default": "Default tenant"}
        return super().get_form(request, obj, *args, **kwargs)

    def construct_change_message(
        self,
        request: HttpRequest,
        form: Any,
        formsets: Any,
        add: bool = False,  # noqa: FBT001, FBT002  # Django's signature
    ) -> Any:
        """Contracts' fields by their names: "Served" alone would not say which."""
        message = super().construct_change_message(request, form, formsets, add)
        for each in message:
            if not add and "changed" in each and "name" not in each["changed"]:
                each["changed"]["fields"] = [
                    contract_settings.words(name) for name in form.changed_data
                ]
        return message

    def links(self, obj: Tenant) -> list[tuple[str, str]]:
        """What hangs on the tenant."""
        by_id = {"tenant__id__exact": obj.pk}
        return [
            listing(IdentityProvider, "Identity providers", **by_id),
            listing(SigningKey, "Signing keys", **by_id),
            listing(User, "Users", **by_id),
            listing(Session, "Sessions", tenant=obj.slug),
            listing(LoginEvent, "Audit trail", tenant=obj.slug),
        ]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """Staff see their own tenant's rows without choosing it."""
        answer = super().render_change_form(request, context, *args, **kwargs)
        if not request.user.is_superuser and context.get("tools"):
            context["tools"] = [(at.partition("?")[0], words) for at, words in context["tools"]]
        return answer

    @admin.display(description="contracts served")
    def offered(self, obj: Tenant) -> str | SafeString:
        """In words, for who may only read."""
        rows = [(f"{each.title}: {_standing(obj.settings_of(each.slug))}",) for each in surfaces()]
        return format_html_join("", "<div>{}</div>", rows)

    @admin.display(description="policy")
    def rules(self, obj: Tenant) -> str:
        """What holds, for who may only read: also where nobody has said anything."""
        known = resolve.directory().by_id.get(obj.pk)
        if known is None:
            return "–"
        rule = known.policy.second_factor.value.replace("_", " ")
        shortest = known.policy.password_min_length
        return f"second factor {rule}; passwords of at least {shortest} characters"

    @admin.display(description="colour")
    def colour_shown(self, obj: Tenant) -> str:
        """As it was chosen."""
        return Branding.of(obj.branding).colour or "the product's own"

    @admin.display(description="logo")
    def logo_shown(self, obj: Tenant) -> str | SafeString:
        """As people see it."""
        logo = Branding.of(obj.branding).logo
        if not logo:
            return "none"
        return format_html('<img class="logo" src="{}" alt="The logo of {}">', logo, obj.name)

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        """Parts come after the whole."""
        if obj is None:
            return ()
        parts = super().get_inlines(request, obj)
        return parts if request.user.is_superuser else [p for p in parts if p is not PolicyInline]

    # Django's signature.
    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:  # noqa: FBT001
        """Every process reads the tenants anew; this one at once, a new one gets its keys."""
        super().save_related(request, form, formsets, change)
        tenant = form.instance
        for each in formsets:
            tell_of_strangers(request, tenant, each)
        if not change:
            keys.create_first(tenant.pk, token_profiles(), timezone.now())
            transaction.on_commit(keys.invalidate)
        transaction.on_commit(resolve.invalidate)
