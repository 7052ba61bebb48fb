"""The filters of the list of accounts: closed sets, each one condition of the one statement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest
from django.utils import timezone

from accounts.admin.sessions import contract_choices
from accounts.login import sessions
from accounts.models import Session

_BOUND = Q(has_totp=True) | Q(has_passkey=True) | Q(has_mail=True)
_FACTORS: dict[str, tuple[str, Q]] = {
    "yes": ("Has one", _BOUND),
    "no": ("Has none", ~_BOUND),
    "app": ("Authenticator app", Q(has_totp=True)),
    "passkey": ("Passkey", Q(has_passkey=True)),
    "mail": ("Codes by mail", Q(has_mail=True)),
}


class FactorFilter(admin.SimpleListFilter):
    """Who has a second factor, and which."""

    title = "second factor"
    parameter_name = "factor"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        """Any, none, or one kind."""
        return [(name, words) for name, (words, _) in _FACTORS.items()]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """By the facts that are read with each row."""
        chosen = _FACTORS.get(self.value() or "")
        return queryset if chosen is None else queryset.filter(chosen[1])


class LastSignInFilter(admin.SimpleListFilter):
    """When somebody signed in last."""

    title = "last sign-in"
    parameter_name = "seen"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        """Within some days, long ago, or never."""
        return [
            ("7", "Within 7 days"),
            ("30", "Within 30 days"),
            ("90", "Within 90 days"),
            ("before", "More than 90 days ago"),
            ("never", "Never"),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Over any contract; what is not on the list chooses nothing."""
        asked = self.value() or ""
        if asked in {"7", "30", "90"}:
            since = timezone.now() - timedelta(days=int(asked))
            return queryset.filter(last_login__gte=since)
        if asked == "before":
            return queryset.filter(last_login__lt=timezone.now() - timedelta(days=90))
        return queryset.filter(last_login=None) if asked == "never" else queryset


class ContractFilter(admin.SimpleListFilter):
    """Who has used a contract: whom to tell before it is switched off."""

    title = "contract used"
    parameter_name = "contract"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        """Every contract, and the browser."""
        return contract_choices()

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """By the sessions that are kept: live ones, and those that ended a month ago at most."""
        if not self.value():
            return queryset
        over = Session.objects.filter(user=OuterRef("pk"), contract=self.value())
        return queryset.filter(Exists(over))


def last_session(field: str) -> Any:
    """The newest session that the account's owner has opened himself, as one of its fields."""
    # Tokens for programs and what an officer opens are no sign-ins.
    others = [sessions.PERSONAL_TOKEN, sessions.OFFICER]
    own = Session.objects.filter(user=OuterRef("pk")).exclude(amr__0__method__in=others)
    return own.order_by("-auth_time").values(field)[:1]


class StaffFilter(admin.BooleanFieldListFilter):
    """Who may use the console."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = "staff"
