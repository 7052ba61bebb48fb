"""Sessions over every contract: seen, and ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import F, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts.admin.deeds import Deed
from accounts.admin.exports import ExportedAdmin, Row, moment_filter, text_of
from accounts.admin.scope import choice_filter, link, moment
from accounts.console import act, console
from accounts.login import custody
from accounts.login import sessions as live
from accounts.models import Session, User
from accounts.web import browser
from accounts.web.account import agents
from accounts.web.profile import SLUG
from accounts.wire.registry import contracts
from tenants.resolve import directory

_METHODS = {
    "pwd": "password",
    "otp": "authenticator app",
    "recovery": "recovery code",
    "email": "mailed code",
    "secret": "service secret",
    "hwk": "passkey",
    "swk": "synced passkey",
    "user": "its device knew its holder",
    "token": "personal access token",
    "officer": "opened by an administrator",
}

# At once.
_MOST_ENDED = 1000


def contract_choices() -> list[tuple[str, str]]:
    """Every contract and the browser."""
    return [*((c.slug, c.title) for c in contracts().values()), (SLUG, "Browser")]


def title_of(contract: str) -> str:
    """What people call a contract; one that is installed no more goes by its slug."""
    return dict(contract_choices()).get(contract, contract)


class LiveFilter(admin.SimpleListFilter):
    """Which sessions still open anything."""

    title = "state"
    parameter_name = "live"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Live or over."""
        return [("yes", "Live"), ("no", "Over")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """By the same condition that opens the doors."""
        alive = live.alive(timezone.now())
        if self.value() == "yes":
            return queryset.filter(alive)
        over = Q(ended_at__isnull=False) | Q(expires_at__lte=timezone.now())
        over |= ~Q(user__state=User.State.ACTIVE) | ~Q(user__security_epoch=F("security_epoch"))
        return queryset.filter(over) if self.value() == "no" else queryset


def is_over(session: Session) -> bool:
    """Whether the session opens nothing any more."""
    idle = session.idle_seconds
    now = timezone.now()
    return (
        session.ended_at is not None
        or session.expires_at <= now
        or not session.user.is_active
        or session.security_epoch != session.user.security_epoch
        or (idle is not None and session.last_seen_at + timedelta(seconds=idle) <= now)
    )


@admin.register(Session, site=console)
class SessionAdmin(ExportedAdmin):
    """One login and what became of it."""

    moment = "auth_time"
    rows_name = "sessions"

    deeds = (
        Deed(
            "end",
            "End session",
            "The session ends now, with every token that it issued.",
            "ended",
            custody.end_session,
            applies=lambda session: not is_over(session),
            danger=True,
        ),
    )
    actions = ("end_selected",)
    # A column's own link and the row's do not go into each other.
    list_display_links = ("since",)
    list_display = ("account", "over", "state", "since", "seen", "address", "client", "level")
    list_filter = (
        LiveFilter,
        choice_filter("contract", "contract", contract_choices, "contract"),
        moment_filter("auth_time", "sign-in time"),
    )
    list_select_related = ("user", "tenant")
    search_fields = ("^user__username_key", "^user__email_key", "=address")
    search_help_text = "User name, e-mail or address"
    ordering = ("-auth_time",)
    fields = (
        "account",
        "tenant",
        "over",
        "state",
        "since",
        "seen",
        "end",
        "level",
        "proofs",
        "address",
        "agent",
        "id",
    )

    def _filters(self, request: HttpRequest | None) -> list[str]:
        return [*super()._filters(request), "user__id"]

    def owner(self, obj: Session) -> tuple[UUID | None, User | None]:
        """Whose it is."""
        return obj.tenant_id, obj.user

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """All."""
        return self.fields

    def has_end_permission(self, request: HttpRequest) -> bool:
        """Who sees sessions ends them; a superuser's are left out below."""
        return self.has_view_permission(request)

    @admin.action(description="End the selected sessions", permissions=["end"])
    def end_selected(self, request: HttpRequest, queryset: Any) -> HttpResponse | None:
        """Asked first, as every act; each with an audit row of its own.

        The officer's own session is left out: one slip must not end the console, too.
        """
        found = browser.signed_in(request)
        mine = found.session.pk if found is not None else None
        others = queryset.exclude(pk=mine).select_related("user")
        chosen = [
            session
            for session in others[:_MOST_ENDED]
            if self.touchable(request, session) and not is_over(session)
        ]
        if chosen and "sure" not in request.POST:
            return self._asked(request, chosen, more=others.count() > _MOST_ENDED)
        for session in chosen:
            custody.end_session(session, act(request))
        messages.success(request, f"Sessions ended: {len(chosen)}")
        return None

    def _asked(self, request: HttpRequest, chosen: list[Session], *, more: bool) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "End the selected sessions",
            "opts": self.opts,
            "chosen": chosen,
            "more": more,
            "accounts": len({session.user_id for session in chosen}),
            # All that the filters leave, or the rows that were ticked.
            "across": request.POST.get("select_across") == "1",
            "back": request.get_full_path(),
        }
        return render(request, "console/end_selected.html", context)

    def exported(self, obj: Session) -> Row:
        """All that the page shows."""
        known = obj.user_id is not None
        tenant = directory().by_id.get(obj.tenant_id) if known else None
        return {
            "since": text_of(obj.auth_time),
            "id": str(obj.pk),
            "tenant": tenant.slug if tenant else None,
            "user_id": str(obj.user_id),
            "user": obj.user.username if known else None,
            "contract": obj.contract,
            "state": self.state(obj) if known else None,
            "last_seen": text_of(obj.last_seen_at),
            "expires_at": text_of(obj.expires_at),
            "ended_at": text_of(obj.ended_at),
            "end_reason": obj.end_reason,
            "level": obj.acr,
            "proofs": [[record["method"], record["at"]] for record in obj.amr],
            "address": obj.address,
            "agent": obj.agent,
        }

    @admin.display(description="account", ordering="user__username_key")
    def account(self, obj: Session) -> str:
        """Whose it is."""
        return link(obj.user)

    @admin.display(description="contract", ordering="contract")
    def over(self, obj: Session) -> str:
        """By its title."""
        return title_of(obj.contract)

    @admin.display(description="state")
    def state(self, obj: Session) -> str:
        """Live, or since when and why not."""
        if not is_over(obj):
            return "live"
        if obj.ended_at is not None:
            return f"{obj.end_reason or 'ended'} {moment(obj.ended_at)}"
        return "expired" if obj.expires_at <= timezone.now() else "over"

    @admin.display(description="since", ordering="auth_time")
    def since(self, obj: Session) -> str:
        """When it was opened."""
        return moment(obj.auth_time)

    @admin.display(description="last seen", ordering="last_seen_at")
    def seen(self, obj: Session) -> str:
        """When it was used."""
        return moment(obj.last_seen_at)

    @admin.display(description="ends")
    def end(self, obj: Session) -> str:
        """When it is over, however much it is used."""
        return moment(obj.expires_at)

    @admin.display(description="client")
    def client(self, obj: Session) -> str:
        """What people call the program; its own words are on the session's page."""
        return agents.short(obj.agent)

    @admin.display(description="level", ordering="acr")
    def level(self, obj: Session) -> str:
        """One factor or two."""
        return {"aal1": "one factor", "aal2": "two factors"}.get(obj.acr, obj.acr)

    @admin.display(description="proofs")
    def proofs(self, obj: Session) -> str:
        """What was proved, and when."""
        return ", ".join(
            f"{_METHODS.get(r['method'], r['method'])} "
            f"({moment(datetime.fromtimestamp(r['at'], UTC))})"
            for r in obj.amr
        )
