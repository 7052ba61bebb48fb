"""Tenants with their names and rules: staff see their own, superusers change all."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts.admin.scope import Inline, RowForm, ScopedAdmin
from accounts.audit import Event
from accounts.console import console
from accounts.models import User
from accounts.tokens import keys
from accounts.wire.registry import contracts, token_profiles
from tenants import resolve
from tenants.models import Tenant, TenantDomain, TenantPolicy


class TenantForm(RowForm):
    """Contracts are switched by boxes; what else they are told stays a table."""

    served = forms.MultipleChoiceField(
        label="Contracts served",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="A contract that is off answers as if it did not exist.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if isinstance(field := self.fields.get("served"), forms.MultipleChoiceField):
            field.choices = [(each.slug, each.title) for each in contracts().values()]
            field.initial = [slug for slug in contracts() if _on(self.instance, slug)]

    def clean(self) -> dict[str, Any] | None:
        """Put the boxes into the table."""
        data = super().clean() or self.cleaned_data
        table = data.get("contracts")
        if "served" in data and isinstance(table, dict):
            for slug in contracts():
                told = table.get(slug)
                settings = dict(told) if isinstance(told, dict) else {}
                settings.pop("enabled", None)
                if slug not in data["served"]:
                    settings["enabled"] = False
                if settings or slug in table:
                    table[slug] = settings
        return data


def _on(tenant: Tenant, slug: str) -> bool:
    return tenant.settings_of(slug).enabled


class _TenantInline(Inline):
    """Parts of a tenant go by the tenant's own permission."""

    extra = 0

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)


class DomainInline(_TenantInline):
    """Hosts and e-mail domains."""

    model = TenantDomain


class PolicyInline(_TenantInline):
    """Who needs a second factor, how long a password is."""

    model = TenantPolicy
    can_delete = False

    def get_extra(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> int:
        """An empty row to fill in, written only once something in it was changed."""
        return 1 if request.user.is_superuser else 0


@admin.register(Tenant, site=console)
class TenantAdmin(ScopedAdmin):
    """One company."""

    form = TenantForm
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
        contracts_shown = ("served", "contracts") if request.user.is_superuser else ("offered",)
        return [
            (None, {"fields": ("name", "slug", "state", "is_default")}),
            ("Contracts", {"fields": contracts_shown}),
            ("Identifiers in contracts", {"fields": self._ids}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Addresses and identifiers are in clients' configurations: they stay."""
        return () if obj is None else ("slug", "is_default", "offered", *self._ids)

    def get_form(self, request: HttpRequest, obj: Any = None, *args: Any, **kwargs: Any) -> Any:
        """A new tenant serves every contract."""
        if obj is None:
            kwargs["exclude"] = ("served",)
        return super().get_form(request, obj, *args, **kwargs)

    @admin.display(description="contracts served")
    def offered(self, obj: Tenant) -> str:
        """In words, for who may only read."""
        return (
            ", ".join(each.title for each in contracts().values() if _on(obj, each.slug)) or "none"
        )

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        """Parts come after the whole."""
        return super().get_inlines(request, obj) if obj is not None else ()

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:  # noqa: FBT001
        """Every process reads the tenants anew; this one at once, a new one gets its keys."""
        super().save_related(request, form, formsets, change)
        tenant = form.instance
        if not change:
            keys.create_first(tenant.pk, token_profiles(), timezone.now())
            transaction.on_commit(keys.invalidate)
        transaction.on_commit(resolve.invalidate)
