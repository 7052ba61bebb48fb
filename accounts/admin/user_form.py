"""The form of an account: names and rights. It has no field for a password."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms

from accounts import notices
from accounts.admin.scope import RowForm
from accounts.login import password_links
from accounts.models import Group, User
from tenants.models import Tenant
from tenants.names import deceptive, fold
from tenants.resolve import directory, leads_elsewhere


class UserForm(RowForm):
    """Names and rights; the names are checked as they are looked up: folded, within the tenant."""

    # Whether the officer may give an address that leads its owner's logins to another tenant.
    over_all_tenants = False
    groups = forms.ModelMultipleChoiceField(
        Group.objects.none(),
        required=False,
        # Works by keyboard and in a narrow window, which the console's two lists do not.
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        # The audit trail names fields by these.
        labels: ClassVar = {
            "username": "User name",
            "is_staff": "Staff",
            "is_superuser": "Superuser",
        }
        help_texts: ClassVar = {
            "is_staff": "May use the console, for this tenant alone.",
            "is_superuser": "May do everything, in every tenant.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        groups = self.fields.get("groups")
        # Public in all but name.
        if isinstance(groups, forms.ModelMultipleChoiceField) and not self.instance._state.adding:  # noqa: SLF001
            groups.queryset = Group.objects.filter(tenant=self.instance.tenant_id)
            if not groups.queryset.exists():
                groups.help_text = "This tenant has no groups yet."
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
        if "email" in self.changed_data and self._leads_elsewhere(data, tenant):
            self.add_error("email", "Addresses of this domain are another tenant's.")
        return data

    def _leads_elsewhere(self, data: dict[str, Any], tenant: Tenant) -> bool:
        """Machines go by names that their product prescribes; a person would not get in."""
        kind = data.get("kind") or self.instance.kind
        person = kind == User.Kind.PERSON and not self.over_all_tenants
        return person and leads_elsewhere(data.get("email", ""), tenant.pk)


class NewUserForm(UserForm):
    """A new account, with the mail by which its owner chooses a password."""

    # Groups belong to a tenant, and that is chosen here.
    groups = None  # type: ignore[assignment]
    invite = forms.BooleanField(
        label="Invite by mail",
        required=False,
        initial=True,
        help_text="A link goes to the e-mail address; its owner chooses a password there. "
        "Without it nobody can sign in with a password.",
    )

    def clean(self) -> dict[str, Any] | None:
        """As for every account; and the invitation has somewhere to go."""
        data = super().clean() or self.cleaned_data
        if data.get("invite") and data.get("tenant") and "email" not in self.errors:
            self._check_invitation(data, data["tenant"].pk)
        return data

    def _check_invitation(self, data: dict[str, Any], tenant_id: Any) -> None:
        known = directory().by_id.get(tenant_id)
        invited = User(tenant_id=tenant_id, email=data.get("email", ""), kind=data.get("kind", ""))
        if not invited.is_person:
            self.add_error("invite", "Only people are invited; machines get a credential.")
        elif not invited.email:
            self.add_error("invite", "An invitation needs an e-mail address.")
        elif known is None or not password_links.may_send(invited, known):
            self.add_error("invite", "The browser's sign-in is closed in this tenant.")
        elif not notices.are_sent():
            self.add_error("invite", "No mail leaves this server.")
