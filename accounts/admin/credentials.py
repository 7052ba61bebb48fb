"""Secrets of machines: made here, shown once, revoked."""

from __future__ import annotations

import secrets
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from accounts import provisioning
from accounts.admin.deeds import Deed
from accounts.admin.scope import RowForm, ScopedAdmin, link, moment
from accounts.admin.sessions import title_of
from accounts.audit import Event
from accounts.console import console
from accounts.login import custody, passwords
from accounts.models import ServiceCredential, User
from accounts.wire.registry import contracts


class CredentialForm(RowForm):
    """What the secret is for."""

    contract = forms.ChoiceField(required=False, help_text="Empty: good for every contract.")
    # One field with one label, in place of a day and a time that have none.
    expires_at = forms.DateTimeField(
        required=False,
        label="Ends at",
        help_text="In UTC. Empty: never.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if isinstance(field := self.fields.get("contract"), forms.ChoiceField):
            field.choices = [("", "all"), *((c.slug, c.title) for c in contracts().values())]

    def clean_expires_at(self) -> Any:
        """No secret that is dead when it is born."""
        end = self.cleaned_data["expires_at"]
        if end is not None and end <= timezone.now():
            raise forms.ValidationError("This moment has passed.")
        return end


@admin.register(ServiceCredential, site=console)
class ServiceCredentialAdmin(ScopedAdmin):
    """The secret is stored as a hash; nobody sees it a second time."""

    form = CredentialForm
    tenant_path = "user__tenant"
    added = Event.CREDENTIAL_CREATED
    deeds = (
        Deed(
            "revoke",
            "Revoke",
            "The secret stops working at once and for ever.",
            "revoked",
            custody.revoke_credential,
            applies=lambda credential: credential.revoked_at is None,
            danger=True,
        ),
    )
    fields = ("user", "label", "contract", "expires_at")
    list_display = ("client_id", "label", "account", "over", "state", "last_used")
    list_select_related = ("user",)
    search_fields = ("=client_id", "label", "user__username_key")
    search_help_text = "Client id, label or user name"
    ordering = ("-created_at",)

    def owner(self, obj: ServiceCredential) -> tuple[UUID | None, User | None]:
        """Whose it is."""
        return obj.user.tenant_id, obj.user

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """All but the hash."""
        if obj is None:
            return self.fields
        return ("client_id", "account", "label", "over", "state", "end", "last_used")

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Machines only: a person's secret in another's hands would be that person's password."""
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.name == "user" and isinstance(field, forms.ModelChoiceField):
            # A foreign key always has a queryset.
            field.queryset = field.queryset.exclude(kind=User.Kind.PERSON)  # type: ignore[union-attr]
            if not request.user.is_superuser:
                field.queryset = field.queryset.exclude(is_superuser=True)
            field.help_text = "A service or workload. People make their app passwords themselves."
        return field

    # Django's signature.
    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001
        """Make the secret; the row gets its hash."""
        obj.client_id = f"svc-{secrets.token_hex(8)}"
        obj.shown_once = provisioning.new_secret()
        obj.secret_hash = passwords.secret_digest(obj.shown_once)
        obj.save(force_insert=True)

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the secret in the answer itself: no address, cookie or table ever holds it."""
        context = {
            **self.admin_site.each_context(request),
            "title": "New service credential",
            "subtitle": obj.client_id,
            "opts": self.opts,
            "pairs": [("Client id", obj.client_id), ("Secret", obj.shown_once)],
            "back": reverse("admin:accounts_servicecredential_changelist"),
        }
        return render(request, "console/secrets.html", context)

    @admin.display(description="account", ordering="user__username_key")
    def account(self, obj: ServiceCredential) -> str:
        """Whose it is."""
        return link(obj.user)

    @admin.display(description="contract", ordering="contract")
    def over(self, obj: ServiceCredential) -> str:
        """By its title, or all of them."""
        return title_of(obj.contract) or "all"

    @admin.display(description="ends")
    def end(self, obj: ServiceCredential) -> str:
        """When it stops working by itself."""
        return moment(obj.expires_at) if obj.expires_at else "never"

    @admin.display(description="state")
    def state(self, obj: ServiceCredential) -> str:
        """Live, revoked or expired."""
        if obj.revoked_at is not None:
            return f"revoked {moment(obj.revoked_at)}"
        if obj.expires_at is not None and obj.expires_at <= timezone.now():
            return "expired"
        return "live"

    @admin.display(description="last used", ordering="last_used_at")
    def last_used(self, obj: ServiceCredential) -> str:
        """When."""
        return moment(obj.last_used_at)
