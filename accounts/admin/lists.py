"""Lists of rows: what they are called, and how far they are counted."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.http import HttpRequest
from django.utils.text import capfirst

if TYPE_CHECKING:
    _Pages = Paginator[Any]
else:
    _Pages = Paginator

# Counting a long table costs more than showing a page of it.
_MOST_COUNTED = 10_000


class CappedPaginator(_Pages):
    """Counts no further than anybody turns pages."""

    @cached_property
    def count(self) -> int:
        """The number of rows, or the cap."""
        rows: Any = self.object_list
        return int(rows.order_by()[:_MOST_COUNTED].count())


class Rows(ChangeList):
    """The list under its own name; how many are left out is told only where something is."""

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        if any("\0" in value for _, values in request.GET.lists() for value in values):
            # No text of the database holds it: asked for, it would be an error there.
            raise IncorrectLookupParameters("a NUL character in the address")
        super().__init__(request, *args, **kwargs)
        self.title = str(capfirst(str(self.opts.verbose_name_plural)))

    def get_results(self, request: HttpRequest) -> None:
        """As Django's."""
        super().get_results(request)
        if not self.query and not self.has_active_filters:
            self.full_result_count = self.result_count
