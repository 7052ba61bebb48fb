"""Accounts: found, made, disabled, made safe. No page shows a password or takes one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import Subquery
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone

from accounts import notices
from accounts.admin import codes, dossier, workloads
from accounts.admin.scope import ScopedAdmin, listing, moment
from accounts.admin.sessions import contract_choices
from accounts.admin.user_deeds import DEEDS, FACTS
from accounts.admin.user_filters import (
    ContractFilter,
    FactorFilter,
    LastSignInFilter,
    StaffFilter,
    last_session,
)
from accounts.admin.user_form import NewUserForm, UserForm
from accounts.audit import Event
from accounts.console import act, console
from accounts.login import custody, password_links, throttle
from accounts.models import LoginEvent, Session, SubjectIdentifier, User
from mfa import email_codes

_RIGHTS = frozenset({"is_staff", "is_superuser"})


@admin.register(User, site=console)
class UserAdmin(ScopedAdmin):
    """One account: who it is, what it holds, what it may."""

    form = UserForm
    change_form_template = "console/user.html"
    deeds = DEEDS
    added = Event.USER_CREATED
    changed = Event.USER_CHANGED
    list_display = (
        "username",
        "email",
        "display_name",
        "kind",
        "state",
        "second_factor",
        "staff",
        "last_sign_in",
    )
    list_filter = (
        "state",
        "kind",
        FactorFilter,
        LastSignInFilter,
        ContractFilter,
        ("is_staff", StaffFilter),
    )
    list_select_related = ("tenant",)
    search_fields = ("username_key", "email_key", "display_name")
    search_help_text = "User name, e-mail, name, or the identifier of a contract"
    ordering = ("username_key",)
    _names = ("display_name", "given_name", "family_name", "phone")
    _shown = ("state", "locked", "password_state", "second_factors", "last_seen", "created")

    def owner(self, obj: User) -> tuple[UUID | None, User | None]:
        """The account itself."""
        return obj.tenant_id, obj

    def get_queryset(self, request: HttpRequest) -> Any:
        """With the facts that the list shows, in its one statement."""
        over = Subquery(last_session("contract"))
        return super().get_queryset(request).annotate(**FACTS, last_contract=over)

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        """By names, and by what a product calls the account, exactly."""
        found, repeats = super().get_search_results(request, queryset, search_term)
        term = search_term.strip().removeprefix("users/")
        if term and term.isprintable():
            known = SubjectIdentifier.objects.filter(value=term).values("user")
            found |= queryset.filter(pk__in=known) | queryset.filter(email_key=term.casefold())
        if key := _key_of(term):
            found |= queryset.filter(pk=key)
        return found, repeats

    def get_list_display(self, request: HttpRequest) -> Any:
        """Who sees several tenants sees which."""
        shown = tuple(super().get_list_display(request))
        return (*shown[:1], "tenant", *shown[1:]) if request.user.is_superuser else shown

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """A new account gets names; what it holds comes later."""
        rights = ("is_staff", "is_superuser") if request.user.is_superuser else ("is_staff",)
        who = ("tenant", "kind", "username", "email", *self._names)
        if obj is None:
            return [
                (None, {"fields": (*who, "invite")}),
                ("Rights", {"fields": rights}),
            ]
        return [
            (None, {"fields": ("tenant", "kind", "username", ("email", "mail_state"))}),
            ("Name", {"fields": self._names}),
            ("How it signs in", {"fields": self._shown}),
            ("Groups and rights", {"fields": ("groups", *rights)}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Tenant and kind are for ever; nobody takes his own rights away."""
        if obj is None:
            return ()
        fixed = ("tenant", "kind", "mail_state", *self._shown)
        return (*fixed, "is_staff", "is_superuser") if obj.pk == request.user.pk else fixed

    def get_form(self, request: HttpRequest, obj: Any = None, *args: Any, **kwargs: Any) -> Any:
        """A new account is invited; one that is there has groups."""
        if obj is None:
            kwargs["form"] = NewUserForm
        form: Any = super().get_form(request, obj, *args, **kwargs)
        # The class is made for this request.
        form.over_all_tenants = request.user.is_superuser
        return form

    # Django's signature.
    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:  # noqa: FBT001
        """Write what the form changed and nothing else: another officer may be at work too."""
        if not change:
            obj.set_unusable_password()
            obj.save(force_insert=True)
            if form.cleaned_data["invite"]:
                # In the transaction of the whole form: both are written, or neither.
                password_links.invite(obj, act(request))
                messages.success(request, f"An invitation was sent to {obj.email}.")
            return
        fields = [name for name in form.changed_data if name != "groups"]
        if "email" in fields:
            obj.email_verified = False
            fields.append("email_verified")
        if fields:
            obj.save(update_fields=fields)
        if any(form.cleaned_data[name] for name in _RIGHTS.intersection(fields)):
            # What proved too little for staff must not rise with its owner (ASVS 5.0, 7.2.4).
            custody.end_sessions(obj, act(request, "rights were given"))
        if "email" in fields and form.initial.get("email"):
            # A link to choose a password goes to the new address from now on.
            notices.address_changed(obj, form.initial["email"])
            email_codes.void(obj.pk, timezone.now())

    # Django's signature.
    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:  # noqa: FBT001
        """The groups, which are the other side's field."""
        super().save_related(request, form, formsets, change)
        if "groups" in form.changed_data:
            form.instance.member_of.set(form.cleaned_data["groups"])

    # Pages.

    def get_urls(self) -> list[URLPattern]:
        """The recovery codes have a page of their own, a workload's trusted issuer another."""

        def page(view: Callable[..., HttpResponse]) -> Any:
            def of_this(request: HttpRequest, object_id: UUID) -> HttpResponse:
                return view(self, request, str(object_id))

            return self.admin_site.admin_view(of_this)

        return [
            path(f"<uuid:object_id>/{address}/", page(view), name=f"accounts_user_{name}")
            for address, view, name in (*codes.PAGES, *workloads.PAGES)
        ] + super().get_urls()

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """With all that hangs on the account."""
        obj = kwargs.get("obj")
        context["sections"] = dossier.sections(self, request, obj) if obj is not None else []
        return super().render_change_form(request, context, *args, **kwargs)

    def links(self, obj: User) -> list[tuple[str, str]]:
        """What hangs on the account."""
        held = [(codes.address_of_codes(obj), "Recovery codes")] if obj.is_person else []
        return [
            listing(Session, "Sessions", user__id__exact=obj.pk),
            listing(LoginEvent, "Audit trail", user__id__exact=obj.pk),
            *held,
        ]

    # Columns and lines.

    @admin.display(description="2nd factor")
    def second_factor(self, obj: Any) -> str:
        """Which there are."""
        held = ["app"] if obj.has_totp else []
        held += ["passkey"] if obj.has_passkey else []
        held += ["mail"] if obj.has_mail else []
        return ", ".join(held) or "–"

    @admin.display(description="staff", ordering="is_staff")
    def staff(self, obj: User) -> str:
        """Whether the account may use the console, and how much of it."""
        return "superuser" if obj.is_superuser else "staff" if obj.is_staff else "–"

    @admin.display(description="last sign-in", ordering="last_login")
    def last_sign_in(self, obj: Any) -> str:
        """When, and over which contract, as long as that session is kept."""
        if obj.last_login is None:
            return "never"
        over = dict(contract_choices()).get(obj.last_contract, obj.last_contract)
        return f"{moment(obj.last_login)} · {over}" if over else moment(obj.last_login)

    @admin.display(description="last sign-in")
    def last_seen(self, obj: User) -> str:
        """As in the list."""
        return self.last_sign_in(obj)

    @admin.display(description="created")
    def created(self, obj: User) -> str:
        """When."""
        return moment(obj.created_at)

    @admin.display(description="verified", boolean=True)
    def mail_state(self, obj: User) -> bool:
        """Whether the address was proved."""
        return obj.email_verified

    @admin.display(description="locked")
    def locked(self, obj: User) -> str:
        """Whether failures keep the owner out, and how long."""
        until = throttle.locked_until(obj, timezone.now())
        return f"after too many failures, until {moment(until)}" if until else "no"

    @admin.display(description="second factors")
    def second_factors(self, obj: Any) -> str:
        """All kinds that the account has."""
        held = ["authenticator app"] if obj.has_totp else []
        held += ["passkeys"] if obj.has_passkey else []
        held += ["codes by mail"] if obj.has_mail else []
        return ", ".join(held) or "none"

    @admin.display(description="password")
    def password_state(self, obj: User) -> str:
        """Whether there is one; never more."""
        if not obj.has_usable_password():
            return "none"
        due = "; a new one is required" if obj.must_change_password else ""
        return f"set {moment(obj.password_changed_at)}{due}"


def _key_of(term: str) -> UUID | None:
    try:
        return UUID(term)
    except ValueError:
        return None
