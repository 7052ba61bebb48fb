"""The base of every page on rows: own tenant only, closed filters, an audit row for each change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn
from uuid import UUID

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.db.models import Field, ForeignKey, Model
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime

from accounts.admin.deeds import Deed, Refused, deed_view
from accounts.admin.lists import CappedPaginator, Rows
from accounts.audit import Event
from accounts.console import act, within
from accounts.models import User
from tenants.models import Tenant

if TYPE_CHECKING:
    Admin = admin.ModelAdmin[Any]
    Inline = admin.TabularInline[Any, Any]
    RowForm = forms.ModelForm[Any]
else:
    Admin = admin.ModelAdmin
    Inline = admin.TabularInline
    RowForm = forms.ModelForm


class ScopedAdmin(Admin):
    """Staff see and touch rows of their own tenant, superusers all; nothing by default."""

    # The way from a row to its tenant.
    tenant_path: ClassVar[str] = "tenant"
    deeds: ClassVar[Sequence[Deed]] = ()
    added: ClassVar[Event | None] = None
    changed: ClassVar[Event | None] = None
    deleted: ClassVar[Event | None] = None

    actions: Any = None
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    empty_value_display = "–"
    list_max_show_all = 0
    show_full_result_count = False
    paginator = CappedPaginator

    def get_queryset(self, request: HttpRequest) -> Any:
        """Rows of the officer's tenant, in the query itself."""
        return within(request.user, super().get_queryset(request), self.tenant_path)

    def owner(self, obj: Any) -> tuple[UUID | None, User | None]:
        """The tenant and the account that a row belongs to, for the audit row."""
        return obj.tenant_id, None

    def touchable(self, request: HttpRequest, obj: Any) -> bool:
        """Whether the officer may change this row: a superuser's is only superusers' business."""
        holder = self.owner(obj)[1]
        return bool(request.user.is_superuser or holder is None or not holder.is_superuser)

    # Permissions. The console let in staff and superusers only.

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whatever the query returns may be seen."""
        return self.admin_site.has_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only where a page knows how."""
        return self.added is not None

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only where a page knows how."""
        return self.changed is not None and (obj is None or self.touchable(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only where a page knows how."""
        return self.deleted is not None and (obj is None or self.touchable(request, obj))

    # Lookups and choices.

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """The list as it is told above."""
        return Rows

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Only declared filters: Django would also compare hashes, a letter at a time."""
        return any(
            lookup == name or lookup.startswith(f"{name}__") for name in self._filters(request)
        )

    def _filters(self, request: HttpRequest | None) -> list[str]:
        names = []
        for each in self.get_list_filter(request):
            if isinstance(each, str):
                names.append(each)
            elif isinstance(each, tuple):
                names.append(str(each[0]))
            else:
                names.append(str(each.parameter_name))
        return names

    def get_list_filter(self, request: HttpRequest | None) -> Any:
        """Who sees several tenants may choose one."""
        chosen = tuple(self.list_filter)
        if request is None or not request.user.is_superuser or self.model is Tenant:
            return chosen
        return ((self.tenant_path, admin.RelatedOnlyFieldListFilter), *chosen)

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        """Choices are the rows that the officer may see on their own page."""
        related: type[Model] = db_field.remote_field.model
        kwargs["queryset"] = self.admin_site.get_model_admin(related).get_queryset(request)
        if related is Tenant:
            kwargs["initial"] = request.user.tenant_id  # type: ignore[union-attr]  # signed in
            kwargs["empty_label"] = None
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_dbfield(
        self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        """A choice is a choice: no way to other rows stands beside it."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        return field

    # Pages.

    def get_urls(self) -> list[URLPattern]:
        """Django's pages and the deeds, each with a page that asks first."""
        view = self.admin_site.admin_view(self.deed_page)
        name = f"{self.opts.app_label}_{self.opts.model_name}_deed"
        return [path("<path:object_id>/deed/<slug:slug>/", view, name=name), *super().get_urls()]

    def deed_page(self, request: HttpRequest, object_id: str, slug: str) -> HttpResponse:
        """Ask, then do."""
        return deed_view(self, request, object_id, slug)

    def open_deeds(self, request: HttpRequest, obj: Any) -> list[Deed]:
        """What this officer can do to this row now."""
        if not self.touchable(request, obj):
            return []
        holder = self.owner(obj)[1]
        mine = holder is not None and holder.pk == request.user.pk
        return [d for d in self.deeds if d.applies(obj) and not (mine and d.not_to_oneself)]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add the deeds as buttons."""
        obj = kwargs.get("obj")
        deeds = self.open_deeds(request, obj) if obj is not None else []
        context["deeds"] = [(self.deed_url(obj, deed), deed) for deed in deeds if not deed.aside]
        context["tools"] = self.links(obj) if obj is not None else []
        context["show_save_and_add_another"] = obj is None
        return super().render_change_form(request, context, *args, **kwargs)

    def deed_url(self, obj: Any, deed: Deed) -> str:
        """The page of a deed."""
        name = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_deed"
        return reverse(name, args=(obj.pk, deed.slug))

    def home(self, obj: Any) -> tuple[str, str]:
        """Where an officer is once a deed is done, and the words for it: the row's own page."""
        return address_of(obj), str(obj)

    def links(self, obj: Any) -> list[tuple[str, str]]:
        """Pages that belong to a row, as (address, words)."""
        return []

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The audit trail tells the history, not a page of its own."""
        raise Http404

    def _get_obj_does_not_exist_redirect(self, *args: Any) -> NoReturn:
        # Django would send the browser to the overview with a message; a missing row is a 404.
        raise Http404

    # Audit.

    def record(self, request: HttpRequest, event: Event | None, obj: Any, what: str) -> None:
        """Write who changed what; never a value, which could be a secret."""
        if event is None:  # pragma: no cover  # a page without an event permits no change
            raise Refused
        tenant_id, user = self.owner(obj)
        facts = [(str(self.opts.verbose_name), str(obj)), *([("changed", what)] if what else [])]
        act(request).row(
            event, tenant_id=tenant_id, user_id=user.pk if user else None, facts=facts
        ).save(force_insert=True)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Django's own log is not kept: the audit trail is."""
        self.record(request, self.added, obj, "")

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """As log_addition."""
        if changes := _named(message):
            self.record(request, self.changed, obj, changes)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """As log_addition."""
        for obj in queryset:
            self.record(request, self.deleted, obj, "")


def _named(message: Any) -> str:
    """The fields and parts that Django says were changed."""
    parts = []
    for each in message if isinstance(message, list) else []:
        for verb, told in each.items():
            fields = ", ".join(str(field) for field in told.get("fields", ()))
            parts.append(" ".join(filter(None, (verb, str(told.get("name", "")), fields))))
    return "; ".join(parts)[:500]


def link(obj: Any, words: str | None = None) -> str | SafeString:
    """A link to the page of a row."""
    if obj is None:
        return "–"
    return format_html('<a href="{}">{}</a>', address_of(obj), words or str(obj))


def address_of(obj: Any) -> str:
    """The page of a row."""
    opts = obj._meta  # noqa: SLF001  # Django's documented model API
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=(obj.pk,))


def listing(model: type[Model], words: str, **filters: Any) -> tuple[str, str]:
    """The address of a filtered list, and words for it."""
    opts = model._meta  # noqa: SLF001  # public in all but name
    address = reverse(
        f"admin:{opts.app_label}_{opts.model_name}_changelist",
        query={name: str(value) for name, value in filters.items()},
    )
    return address, words


def moment(at: datetime | None) -> str:
    """A time as the lists show it."""
    return f"{localtime(at):%Y-%m-%d %H:%M} UTC" if at else "–"


def choice_filter(
    title: str, parameter: str, choices: Callable[[], Sequence[tuple[str, str]]], field: str
) -> type[admin.SimpleListFilter]:
    """A filter over a closed set of values: no query looks for the values in use."""

    class Chosen(admin.SimpleListFilter):
        def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
            return choices()

        def queryset(self, request: HttpRequest, queryset: Any) -> Any:
            return queryset.filter(**{field: self.value()}) if self.value() else queryset

    Chosen.title = title
    Chosen.parameter_name = parameter
    return Chosen
