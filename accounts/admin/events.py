"""The audit trail: every verdict, with the steps that led to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from accounts.admin import traces
from accounts.admin.exports import ExportedAdmin, Row, moment_filter, text_of
from accounts.admin.scope import choice_filter, link
from accounts.admin.sessions import contract_choices, title_of
from accounts.audit import Event
from accounts.console import console, within
from accounts.login.outcome import Reason
from accounts.models import LoginEvent, Session, User
from tenants.resolve import directory


def _event_choices() -> list[tuple[str, str]]:
    return [(event.value, event.value) for event in Event]


def _reason_choices() -> list[tuple[str, str]]:
    return [(reason.value, reason.value.replace("_", " ")) for reason in Reason]


def latest(officer: Any, most: int) -> list[tuple[LoginEvent, Sequence[str]]]:
    """What happened last of what he may see: each event with the account, contract and reason."""
    rows = within(officer, LoginEvent.objects.order_by("-at"), "tenant").select_related("user")
    return [(row, [word for word in _words(row) if word]) for row in rows[:most]]


def _words(row: LoginEvent) -> Sequence[str]:
    account = row.user.username if row.user else ""
    return account, title_of(row.contract), row.reason.replace("_", " ")


@admin.register(LoginEvent, site=console)
class LoginEventAdmin(ExportedAdmin):
    """Read only, as the table itself is. The page of an event says why."""

    change_form_template = "console/why.html"
    moment = "at"
    rows_name = "audit trail"

    list_display = ("when", "event", "account", "over", "why", "address")
    list_filter = (
        moment_filter("at", "time"),
        choice_filter("event", "event", _event_choices, "event"),
        choice_filter("contract", "contract", contract_choices, "contract"),
        choice_filter("reason", "reason", _reason_choices, "reason"),
    )
    list_select_related = ("user",)
    search_fields = ("^user__username_key", "=request_id", "=address")
    search_help_text = "User name, request id or address"
    ordering = ("-at",)
    fields = (
        "when",
        "event",
        "account",
        "tenant",
        "over",
        "why",
        "factor",
        "address",
        "agent",
        "request_id",
        "session",
    )

    def _filters(self, request: HttpRequest | None) -> list[str]:
        return [*super()._filters(request), "user__id"]

    def owner(self, obj: LoginEvent) -> tuple[UUID | None, User | None]:
        """The account that it is about."""
        return obj.tenant_id, obj.user

    def get_queryset(self, request: HttpRequest) -> Any:
        """Accounts may be gone; the trail stays."""
        return super().get_queryset(request).select_related("user", "tenant")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """All."""
        return self.fields

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """With the decision in its order, and what came out for the client."""
        event = kwargs.get("obj")
        if event is not None:
            context["steps"], context["told"] = traces.steps(event), traces.told(event)
        return super().render_change_form(request, context, *args, **kwargs)

    def exported(self, obj: LoginEvent) -> Row:
        """All that the page shows."""
        tenant = directory().by_id.get(obj.tenant_id) if obj.tenant_id else None
        return {
            "at": text_of(obj.at),
            "id": str(obj.pk),
            "event": obj.event,
            "contract": obj.contract,
            "tenant": tenant.slug if tenant else None,
            "user_id": str(obj.user_id) if obj.user_id else None,
            "user": obj.user.username if obj.user_id and obj.user else None,
            "reason": obj.reason,
            "factor": obj.factor,
            "steps": obj.trace,
            "address": obj.address,
            "agent": obj.agent,
            "request_id": obj.request_id,
            "session_id": str(obj.session_id) if obj.session_id else None,
        }

    @admin.display(description="when", ordering="at")
    def when(self, obj: LoginEvent) -> str:
        """To the second."""
        return f"{obj.at:%Y-%m-%d %H:%M:%S} UTC"

    @admin.display(description="account")
    def account(self, obj: LoginEvent) -> str:
        """Whom it is about."""
        return link(obj.user) if obj.user_id else "–"

    @admin.display(description="contract", ordering="contract")
    def over(self, obj: LoginEvent) -> str:
        """By its title."""
        return title_of(obj.contract) or "–"

    @admin.display(description="reason", ordering="reason")
    def why(self, obj: LoginEvent) -> str:
        """In words."""
        return obj.reason.replace("_", " ") or "–"

    @admin.display(description="session")
    def session(self, obj: LoginEvent) -> str:
        """Its page, where it is still there and of the same tenant."""
        if obj.session_id is None:
            return "–"
        known = Session.objects.filter(pk=obj.session_id, tenant=obj.tenant_id).first()
        return link(known, str(obj.session_id)) if known else str(obj.session_id)
