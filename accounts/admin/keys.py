"""Signing keys: which there are and what they are good for. Their private halves are never read."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from accounts.admin.scope import ScopedAdmin, moment
from accounts.console import console
from accounts.models import SigningKey


@admin.register(SigningKey, site=console)
class SigningKeyAdmin(ScopedAdmin):
    """Rotated by the command ``rotate_keys``."""

    list_display = ("purpose", "tenant", "algorithm", "kid", "state", "signs_from", "signs_until")
    list_select_related = ("tenant",)
    list_filter = ("algorithm",)
    search_fields = ("purpose", "=kid")
    ordering = ("purpose", "-active_from")
    fields = (
        "purpose",
        "tenant",
        "algorithm",
        "kid",
        "state",
        "signs_from",
        "signs_until",
        "verifies_until",
        "public_half",
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        """Without the sealed half: what is not read cannot be shown."""
        return super().get_queryset(request).defer("sealed")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """All."""
        return self.fields

    @admin.display(description="state")
    def state(self, obj: SigningKey) -> str:
        """Next, active, retired or gone."""
        return obj.state(timezone.now()).value

    @admin.display(description="signs from", ordering="active_from")
    def signs_from(self, obj: SigningKey) -> str:
        """When it begins."""
        return moment(obj.active_from)

    @admin.display(description="signs until", ordering="retired_at")
    def signs_until(self, obj: SigningKey) -> str:
        """When the next one takes over."""
        return moment(obj.retired_at)

    @admin.display(description="verifies until")
    def verifies_until(self, obj: SigningKey) -> str:
        """When the last token that it signed has run out."""
        return moment(obj.verify_until)

    @admin.display(description="public half")
    def public_half(self, obj: SigningKey) -> str:
        """As published; a symmetric key has none."""
        return json.dumps(obj.public_jwk) if obj.public_jwk else "–"
