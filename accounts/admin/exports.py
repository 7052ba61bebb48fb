"""Filtered rows as a file: CSV or JSON lines, sent while they are read, and written down."""

from __future__ import annotations

import csv
import io
import json
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import SuspiciousOperation
from django.db.models import Q, QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponseBase,
    HttpResponseNotAllowed,
    StreamingHttpResponse,
)
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from accounts.admin.scope import ScopedAdmin
from accounts.audit import Event
from accounts.console import act
from tenants.resolve import directory

# Rows of one statement: each is short, and none is open while a slow client reads.
BATCH = 1000
# Characters that are sent at a time.
_PIECE = 32 * 1024
# What makes a spreadsheet take a cell for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
Row = dict[str, Any]


def batches(rows: QuerySet[Any], moment: str) -> Iterator[Any]:
    """All rows, the newest first, a batch at a time; each goes on where the last one ended."""
    ordered = rows.order_by(f"-{moment}", "-pk")
    last: Any = None
    while True:
        page = ordered
        if last is not None:
            at = getattr(last, moment)
            older = Q(**{f"{moment}__lt": at}) | Q(pk__lt=last.pk)
            page = ordered.filter(older, **{f"{moment}__lte": at})
        found = list(page[:BATCH])
        yield from found
        if len(found) < BATCH:
            return
        last = found[-1]


def cell(value: Any) -> str:
    """A value as a cell that no spreadsheet takes for a formula."""
    if isinstance(value, list):
        value = "; ".join("=".join(map(str, each)) for each in value)
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _csv(columns: list[str], rows: Iterator[Row]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([cell(row[column]) for column in columns])
        if buffer.tell() > _PIECE:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _json_lines(columns: list[str], rows: Iterator[Row]) -> Iterator[str]:
    del columns
    piece = ""
    for row in rows:
        piece += json.dumps(row, ensure_ascii=False, default=str) + "\n"
        if len(piece) > _PIECE:
            yield piece
            piece = ""
    yield piece


@dataclass(frozen=True, slots=True)
class Form:
    """One form of a file."""

    title: str
    content_type: str
    write: Callable[[list[str], Iterator[Row]], Iterator[str]]


FORMS: Mapping[str, Form] = {
    "csv": Form("CSV", "text/csv; charset=utf-8; header=present", _csv),
    "jsonl": Form("JSON lines", "application/jsonl; charset=utf-8", _json_lines),
}


def text_of(at: datetime | None) -> str | None:
    """A time as files hold it (RFC 3339, UTC)."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else None


class TenantFilter(admin.SimpleListFilter):
    """For who sees several tenants; the tenants come from memory."""

    title = "tenant"
    parameter_name = "tenant"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Every tenant by its name."""
        known = sorted(directory().by_slug.values(), key=lambda each: each.name)
        return [(each.slug, each.name) for each in known]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Rows of the one tenant; an unknown one has none."""
        if self.value() is None:
            return queryset
        tenant = directory().by_slug.get(str(self.value()))
        return queryset.filter(tenant_id=tenant.id) if tenant else queryset.none()


def moment_filter(field: str, title: str) -> type[admin.ListFilter]:
    """A filter from one moment to another, both UTC, either of them open."""

    class Between(admin.ListFilter):
        template = "console/moment_filter.html"
        parameter_name = "since"

        def __init__(
            self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any
        ) -> None:
            super().__init__(request, params, model, model_admin)
            for name in ("since", "until"):
                given = params.pop(name, "")
                self.used_parameters[name] = given[-1] if isinstance(given, list) else given
            # What else is chosen stays chosen.
            self.others = [
                (name, value)
                for name, value in request.GET.items()
                if name not in {"since", "until", "p", "e"}
            ]

        def expected_parameters(self) -> list[str | None]:
            return ["since", "until"]

        def has_output(self) -> bool:
            return True

        def choices(self, changelist: Any) -> Iterator[Any]:
            yield {"others": self.others, **self.used_parameters}

        def queryset(self, request: HttpRequest, queryset: Any) -> Any:
            since, until = (_moment(str(self.used_parameters[name])) for name in ("since", "until"))
            if since:
                queryset = queryset.filter(**{f"{field}__gte": since})
            return queryset.filter(**{f"{field}__lt": until}) if until else queryset

    Between.title = title
    return Between


def _moment(text: str) -> datetime | None:
    """A time or a day, UTC where it says nothing else. Raises IncorrectLookupParameters."""
    if not text:
        return None
    try:
        day = parse_date(text)
        # It gets its zone in the next step.
        at = datetime(day.year, day.month, day.day) if day else parse_datetime(text)  # noqa: DTZ001
        if at is not None:
            return at if timezone.is_aware(at) else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        pass
    raise IncorrectLookupParameters("not a time")


class ExportedAdmin(ScopedAdmin):
    """A list whose rows, as they are filtered, can be had as a file."""

    change_list_template = "console/exported_list.html"
    # The field that orders the rows.
    moment: ClassVar[str]
    # The words for the rows, in the file's name and in the audit row.
    rows_name: ClassVar[str]

    @abstractmethod
    def exported(self, obj: Any) -> Row:
        """One row of the file. No secrets."""

    def get_list_filter(self, request: HttpRequest | None) -> Any:
        """The tenants are read from memory: no query looks for those in use."""
        chosen = tuple(self.list_filter)
        if request is None or not request.user.is_superuser:
            return chosen
        return (TenantFilter, *chosen)

    def get_list_display(self, request: HttpRequest) -> Any:
        """Who sees several tenants sees which."""
        shown = tuple(super().get_list_display(request))
        at = shown.index("account") + 1
        return (*shown[:at], "tenant", *shown[at:]) if request.user.is_superuser else shown

    def _filters(self, request: HttpRequest | None) -> list[str]:
        return [*super()._filters(request), "until"]

    def get_urls(self) -> list[URLPattern]:
        """The page's own and the files."""
        view = self.admin_site.admin_view(self.export_view)
        name = f"{self.opts.app_label}_{self.opts.model_name}_export"
        return [path("export/<slug:form>/", view, name=name), *super().get_urls()]

    def export_view(self, request: HttpRequest, form: str) -> HttpResponseBase:
        """The rows of the list with the same parameters, all pages of it."""
        wanted = FORMS.get(form)
        if wanted is None:
            raise Http404
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            rows = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters as error:
            raise SuspiciousOperation("unknown parameters") from error
        now = timezone.now()
        rows = rows.filter(**{f"{self.moment}__lte": now})
        self._record_export(request, form)
        found = (self.exported(row) for row in batches(rows, self.moment))
        columns = list(self.exported(self.model()))
        answer = StreamingHttpResponse(
            wanted.write(columns, found), content_type=wanted.content_type
        )
        name = f"{self.rows_name.replace(' ', '-')}-{now:%Y%m%d-%H%M%S}.{form}"
        answer["Content-Disposition"] = f'attachment; filename="{name}"'

        return answer

    def _record_export(self, request: HttpRequest, form: str) -> None:
        chosen = [
            # What was searched for may be anything; that something was is enough.
            "search" if name == "q" else f"{name}={value}"
            for name, value in request.GET.items()
            if value and name not in {"p", "o", "e"}
        ]
        facts = [("rows", self.rows_name), ("form", form)]
        if chosen:
            facts.append(("filter", ", ".join(sorted(chosen))[:500]))
        act(request).row(Event.ROWS_EXPORTED, tenant_id=_tenant_of(request), facts=facts).save(
            force_insert=True
        )

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """With a button for each form."""
        asked = request.GET.urlencode()
        name = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_export"
        files = [(name, slug, each.title) for slug, each in FORMS.items()]
        context = {"files": files, "asked": f"?{asked}" if asked else "", **(extra_context or {})}
        return super().changelist_view(request, context)


def _tenant_of(request: HttpRequest) -> UUID | None:
    """Whose rows were taken: one tenant's, or those of several."""
    user: Any = request.user
    if not user.is_superuser:
        tenant: UUID = user.tenant_id
        return tenant
    chosen = directory().by_slug.get(request.GET.get("tenant", ""))
    return chosen.id if chosen else None
