"""What people hold: passkeys, accounts elsewhere, tokens of their own. Seen and removed here."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.http import HttpRequest

from accounts.admin.deeds import Deed
from accounts.admin.scope import ScopedAdmin, address_of, link, moment
from accounts.admin.sessions import contract_choices, is_over
from accounts.console import console
from accounts.login import custody
from accounts.models import ExternalAccount, PersonalAccessToken, User
from mfa.models import Passkey


class HeldAdmin(ScopedAdmin):
    """Something of a person's: its owner makes it, an officer can take it away."""

    tenant_path = "user__tenant"
    list_select_related = ("user",)
    ordering = ("-created_at",)

    def owner(self, obj: Any) -> tuple[UUID | None, User | None]:
        """Whose it is."""
        return obj.user.tenant_id, obj.user

    def home(self, obj: Any) -> tuple[str, str]:
        """The page of its owner: the row may be gone."""
        return address_of(obj.user), str(obj.user)

    def get_queryset(self, request: HttpRequest) -> Any:
        """With its owner."""
        return super().get_queryset(request).select_related("user")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """All."""
        return self.fields

    @admin.display(description="account", ordering="user__username_key")
    def account(self, obj: Any) -> str:
        """Whose it is."""
        return link(obj.user)

    @admin.display(description="since", ordering="created_at")
    def since(self, obj: Any) -> str:
        """When it was made."""
        return moment(obj.created_at)

    @admin.display(description="last used", ordering="last_used_at")
    def last_used(self, obj: Any) -> str:
        """When."""
        return moment(obj.last_used_at)


@admin.register(Passkey, site=console)
class PasskeyAdmin(HeldAdmin):
    """By the name that its owner gave it; keys and identifiers are not read."""

    deeds = (
        Deed(
            "remove",
            "Remove passkey",
            "This passkey opens the account no more. With the last authenticator the recovery "
            "codes go, too. The owner gets a mail.",
            "removed",
            custody.remove_passkey,
            wants_reason=True,
            wants_fresh=True,
            not_to_oneself=True,
            danger=True,
        ),
    )
    list_display = ("name", "account", "rp_id", "synced", "since", "last_used")
    search_fields = ("^user__username_key", "name")
    search_help_text = "User name, or name of the passkey"
    fields = ("name", "account", "rp_id", "synced", "since", "last_used")

    def get_queryset(self, request: HttpRequest) -> Any:
        """Without the keys: what is not read cannot be shown."""
        return super().get_queryset(request).defer("public_key", "credential_id")


@admin.register(ExternalAccount, site=console)
class ExternalAccountAdmin(HeldAdmin):
    """A link: the word of another system opens an account here."""

    deeds = (
        Deed(
            "unlink",
            "Unlink",
            "The other system's word opens this account no more: the sessions that it opened end, "
            "and the groups that it told are left. If the provider may make accounts, its next "
            "sign-in makes another one. The owner gets a mail.",
            "unlinked",
            custody.unlink,
            wants_reason=True,
            danger=True,
        ),
    )
    list_display = ("identifier", "account", "provider", "since", "last_used")
    search_fields = ("^user__username_key", "identifier", "=subject")
    search_help_text = "User name, or name or subject there"
    fields = ("account", "provider_name", "identifier", "subject", "since", "last_used")

    def get_queryset(self, request: HttpRequest) -> Any:
        """With the provider's name, without its secret."""
        rows = super().get_queryset(request).select_related("provider")
        return rows.defer("provider__sealed_secret", "provider__settings")

    @admin.display(description="provider")
    def provider_name(self, obj: ExternalAccount) -> str:
        """In words."""
        return str(obj.provider)


@admin.register(PersonalAccessToken, site=console)
class PersonalAccessTokenAdmin(HeldAdmin):
    """A session with a name and no end; the token itself is stored nowhere."""

    deeds = (
        Deed(
            "remove",
            "Remove token",
            "Programs that use this token are out at once. The owner gets a mail.",
            "removed",
            custody.remove_token,
            wants_reason=True,
            danger=True,
        ),
    )
    list_display = ("name", "account", "contract", "state", "asked", "since", "last_seen")
    search_fields = ("^user__username_key", "name")
    search_help_text = "User name, or name of the token"
    fields = ("name", "account", "contract", "state", "asked", "since", "last_seen")

    def get_queryset(self, request: HttpRequest) -> Any:
        """With the session that it is."""
        return super().get_queryset(request).select_related("session__user")

    @admin.display(description="contract", ordering="session__contract")
    def contract(self, obj: PersonalAccessToken) -> str:
        """Over which it is used."""
        return dict(contract_choices()).get(obj.session.contract, obj.session.contract)

    @admin.display(description="state")
    def state(self, obj: PersonalAccessToken) -> str:
        """Live, or ended with its session."""
        return "over" if is_over(obj.session) else "live"

    @admin.display(description="second factor")
    def asked(self, obj: PersonalAccessToken) -> str:
        """Whether guarded calls ask it for one."""
        return "not asked for" if obj.bypass_second_factor else "asked for"

    @admin.display(description="last used", ordering="session__last_seen_at")
    def last_seen(self, obj: PersonalAccessToken) -> str:
        """When."""
        return moment(obj.session.last_seen_at)
