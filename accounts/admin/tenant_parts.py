"""What belongs to a tenant and is kept on its page: its domains and its policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.db.models import Count
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest

from accounts.admin.scope import Inline
from accounts.models import User
from tenants.models import Tenant, TenantDomain, TenantPolicy

if TYPE_CHECKING:
    _FormSet = BaseInlineFormSet[Any, Any, Any]
else:
    _FormSet = BaseInlineFormSet

# Tenants that a warning names.
_MOST_TOLD = 5


class _LabelledFormSet(_FormSet):
    """A table's heads label nothing for who hears the page; so each field says its own name."""

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        for name, field in form.fields.items():
            if not field.widget.is_hidden:
                label = str(field.label or name).capitalize()
                field.widget.attrs["aria-label"] = f"{label}, row {(index or 0) + 1}"


class _TenantInline(Inline):
    """Parts of a tenant go by the tenant's own permission."""

    formset = _LabelledFormSet
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
    verbose_name = "domain"
    verbose_name_plural = "Domains"


class PolicyInline(_TenantInline):
    """Who needs a second factor, how long a password is."""

    model = TenantPolicy
    verbose_name = verbose_name_plural = "Policy"
    can_delete = False

    def get_extra(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> int:
        """An empty row to fill in, written only once something in it was changed."""
        return 1 if request.user.is_superuser else 0


def tell_of_strangers(request: HttpRequest, tenant: Tenant, formset: Any) -> None:
    """Warn of people elsewhere whose e-mail leads to this tenant now that it has their domain.

    Nothing is forbidden: they may be guests there, and their own address still lets them in.
    """
    if formset.model is not TenantDomain:
        return
    saved = [*formset.new_objects, *(domain for domain, _ in formset.changed_objects)]
    for claimed in saved:
        if claimed.kind != TenantDomain.Kind.EMAIL:
            continue
        people = User.objects.filter(
            kind=User.Kind.PERSON, email_key__endswith=f"@{claimed.domain}"
        ).exclude(tenant=tenant)
        counted = people.values_list("tenant__name").annotate(count=Count("pk")).order_by("-count")
        told = [f"{name}: {count}" for name, count in counted[:_MOST_TOLD]]
        if told:
            messages.warning(
                request,
                f"People of other tenants have addresses in {claimed.domain} ({', '.join(told)}). "
                f"At the bare address their e-mail leads to {tenant.name} from now on; they get "
                "in at their own tenant's host or path.",
            )
