"""What belongs to a tenant and is kept on its page: its domains and its policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest

from accounts.admin.scope import Inline
from tenants.models import TenantDomain, TenantPolicy

if TYPE_CHECKING:
    _FormSet = BaseInlineFormSet[Any, Any, Any]
else:
    _FormSet = BaseInlineFormSet


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
