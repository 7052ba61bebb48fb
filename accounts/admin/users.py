"""Accounts: found, made, disabled, made safe. No page shows a password or takes one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import FilteredSelectMultiple
from django.db.models import Count, Exists, OuterRef, Q
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from accounts.admin.deeds import Deed
from accounts.admin.scope import RowForm, ScopedAdmin, link, listing, moment
from accounts.audit import Event
from accounts.console import console
from accounts.login import custody
from accounts.models import Group, LoginEvent, ServiceCredential, Session, User
from mfa.models import EmailFactor, Passkey, RecoveryCode, TotpAuthenticator
from tenants.names import deceptive, fold

_FACTS = {
    "has_totp": Exists(TotpAuthenticator.objects.filter(user=OuterRef("pk"), confirmed=True)),
    "has_passkey": Exists(Passkey.objects.filter(user=OuterRef("pk"))),
    "has_mail": Exists(EmailFactor.objects.filter(user=OuterRef("pk"))),
}


class UserForm(RowForm):
    """Names and rights; the names are checked as they are looked up: folded, within the tenant."""

    groups = forms.ModelMultipleChoiceField(
        Group.objects.none(),
        required=False,
        widget=FilteredSelectMultiple("groups", is_stacked=False),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        groups = self.fields.get("groups")
        if isinstance(groups, forms.ModelMultipleChoiceField) and not self.instance._state.adding:  # noqa: SLF001
            groups.queryset = Group.objects.filter(tenant=self.instance.tenant_id)
            groups.initial = list(self.instance.member_of.values_list("pk", flat=True))

    def clean(self) -> dict[str, Any] | None:
        """No name twice, none that looks like another."""
        data = super().clean() or self.cleaned_data
        tenant = data.get("tenant") or getattr(self.instance, "tenant", None)
        if tenant is None:
            return data
        others = User.objects.exclude(pk=self.instance.pk)
        username, email = data.get("username", ""), data.get("email", "")
        if username and others.named(tenant.pk, username).exists():
            self.add_error("username", "Another account has this user name.")
        if fold(email) and others.with_email(tenant.pk, email).exists():
            self.add_error("email", "Another account has this e-mail address.")
        if email and deceptive(email):
            self.add_error("email", f"This address {deceptive(email)}.")
        return data


class FactorFilter(admin.SimpleListFilter):
    """Who has a second factor."""

    title = "second factor"
    parameter_name = "factor"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Yes or no."""
        return [("yes", "Yes"), ("no", "No")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Any factor counts."""
        bound = Q(has_totp=True) | Q(has_passkey=True) | Q(has_mail=True)
        chosen = {"yes": bound, "no": ~bound}.get(self.value() or "")
        return queryset if chosen is None else queryset.filter(chosen)


def _has_factor(user: Any) -> bool:
    return any(getattr(user, fact) for fact in _FACTS)


_DEEDS = (
    Deed(
        "disable",
        "Disable",
        "Nobody can sign in with this account any more, over any contract. "
        "All its sessions end now.",
        "disabled; all sessions ended",
        custody.disable,
        applies=lambda user: user.is_active,
        wants_reason=True,
        not_to_oneself=True,
        danger=True,
    ),
    Deed(
        "enable",
        "Enable",
        "The account can sign in again. Sessions that ended stay ended.",
        "enabled",
        custody.enable,
        applies=lambda user: not user.is_active,
        wants_reason=True,
    ),
    Deed(
        "end-sessions",
        "End all sessions",
        "Every session of this account ends now, over every contract. The account stays usable.",
        "all sessions ended",
        custody.end_sessions,
        not_to_oneself=True,
    ),
    Deed(
        "require-password",
        "Require new password",
        "The next sign-in has to choose a new password, where the contract can ask for one, "
        "and is refused elsewhere. You never see it.",
        "a new password is required",
        custody.require_new_password,
        applies=lambda user: user.is_person and not user.must_change_password,
    ),
    Deed(
        "recovery-codes",
        "New recovery codes",
        "The old recovery codes stop working. The new ones are shown once, on the next page; "
        "hand them over in person. The owner gets a mail.",
        "new recovery codes",
        custody.replace_codes,
        applies=lambda user: user.is_person and user.has_totp,
        wants_fresh=True,
    ),
    Deed(
        "remove-factors",
        "Remove second factors",
        "Authenticator app, passkeys, mailed codes and recovery codes are removed. Until a "
        "new factor is set up, the password alone opens the account. The owner gets a mail.",
        "second factors removed",
        custody.remove_factors,
        applies=_has_factor,
        wants_reason=True,
        wants_fresh=True,
        not_to_oneself=True,
        danger=True,
    ),
)


@admin.register(User, site=console)
class UserAdmin(ScopedAdmin):
    """One account: who it is, what it holds, what it may."""

    form = UserForm
    deeds = _DEEDS
    added = Event.USER_CREATED
    changed = Event.USER_CHANGED
    list_display = (
        "username",
        "email",
        "display_name",
        "state",
        "second_factor",
        "is_staff",
        "last_seen",
    )
    list_filter = ("state", "kind", FactorFilter, "is_staff")
    list_select_related = ("tenant",)
    search_fields = ("username_key", "email_key", "display_name")
    search_help_text = "User name, e-mail or name"
    ordering = ("username_key",)
    _names = ("display_name", "given_name", "family_name", "phone")
    _shown = (
        "state",
        "second_factors",
        "recovery_codes_left",
        "password_state",
        "last_seen",
        "identifiers",
        "credentials",
        "created",
    )

    def owner(self, obj: User) -> tuple[UUID | None, User | None]:
        """The account itself."""
        return obj.tenant_id, obj

    def get_queryset(self, request: HttpRequest) -> Any:
        """With the facts that the list shows."""
        return super().get_queryset(request).annotate(**_FACTS)

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
                (None, {"fields": who, "description": "The account has no password at first."}),
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
        """Groups belong to a tenant, so a new account has none yet."""
        if obj is None:
            kwargs["exclude"] = ("groups",)
        return super().get_form(request, obj, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:  # noqa: FBT001
        """Write what the form changed and nothing else: another officer may be at work too."""
        if not change:
            obj.set_unusable_password()
            obj.save(force_insert=True)
            return
        fields = [name for name in form.changed_data if name != "groups"]
        if "email" in fields:
            obj.email_verified = False
            fields.append("email_verified")
        if fields:
            obj.save(update_fields=fields)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:  # noqa: FBT001
        """The groups, which are the other side's field."""
        super().save_related(request, form, formsets, change)
        if "groups" in form.changed_data:
            form.instance.member_of.set(form.cleaned_data["groups"])

    def links(self, obj: User) -> list[tuple[str, str]]:
        """What hangs on the account."""
        return [
            listing(Session, "Sessions", user__id__exact=obj.pk),
            listing(LoginEvent, "Audit trail", user__id__exact=obj.pk),
        ]

    @admin.display(description="2nd factor", boolean=True)
    def second_factor(self, obj: User) -> bool:
        """Whether there is any."""
        return _has_factor(obj)

    @admin.display(description="last sign-in", ordering="last_login")
    def last_seen(self, obj: User) -> str:
        """When."""
        return moment(obj.last_login)

    @admin.display(description="created")
    def created(self, obj: User) -> str:
        """When."""
        return moment(obj.created_at)

    @admin.display(description="verified", boolean=True)
    def mail_state(self, obj: User) -> bool:
        """Whether the address was proved."""
        return obj.email_verified

    @admin.display(description="second factors")
    def second_factors(self, obj: Any) -> str:
        """All kinds, each with yes or no where it matters."""
        held = [f"authenticator app: {'yes' if obj.has_totp else 'no'}"]
        held += ["passkey"] if obj.has_passkey else []
        held += ["codes by mail"] if obj.has_mail else []
        return ", ".join(held)

    @admin.display(description="recovery codes left")
    def recovery_codes_left(self, obj: User) -> str:
        """Left, of how many."""
        counted = RecoveryCode.objects.filter(user=obj).aggregate(
            all=Count("pk"), left=Count("pk", filter=Q(used_at=None))
        )
        return f"{counted['left']} of {counted['all']}" if counted["all"] else "none"

    @admin.display(description="password")
    def password_state(self, obj: User) -> str:
        """Whether there is one; never more."""
        if not obj.has_usable_password():
            return "none"
        due = "; a new one is required" if obj.must_change_password else ""
        return f"set {moment(obj.password_changed_at)}{due}"

    @admin.display(description="identifiers")
    def identifiers(self, obj: User) -> str | SafeString:
        """The account's name in each contract."""
        known = obj.subject_identifiers.order_by("sector").values_list("sector", "value")
        return _lines((f"{sector}: {value}",) for sector, value in known)

    @admin.display(description="service credentials")
    def credentials(self, obj: User) -> str | SafeString:
        """Live ones, by name."""
        live = ServiceCredential.objects.filter(user=obj, revoked_at=None).order_by("created_at")
        return _lines((link(each, f"{each} ({each.client_id})"),) for each in live[:20])


def _lines(rows: Any) -> str | SafeString:
    return format_html_join("", "<div>{}</div>", rows) or "none"
