"""Several writes in one statement: one round trip, and all of them or none.

PostgreSQL runs every data-modifying ``WITH`` part of a statement to its end, in one snapshot. So a
login writes its session, its grants, its audit row and its throttle refund without a transaction
block around four statements.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from django.db import connection, models
from django.db.models import QuerySet, sql


@dataclass(frozen=True, slots=True)
class Insert:
    """A new row, from an unsaved instance whose primary key is set."""

    instance: models.Model

    def compiled(self) -> tuple[str, tuple[Any, ...]]:
        """The SQL text and its parameters."""
        model = type(self.instance)
        query = sql.InsertQuery(model)
        # _meta is Django's documented model API in spite of its name.
        fields = list(model._meta.local_concrete_fields)  # noqa: SLF001
        query.insert_values(fields, [self.instance])
        return _single(query.get_compiler(connection=connection).as_sql())


@dataclass(frozen=True, slots=True, init=False)
class Update:
    """New values for all rows of a queryset."""

    queryset: QuerySet[Any]
    values: dict[str, Any]

    def __init__(self, queryset: QuerySet[Any], **values: Any) -> None:
        object.__setattr__(self, "queryset", queryset)
        object.__setattr__(self, "values", values)

    def compiled(self) -> tuple[str, tuple[Any, ...]]:
        """The SQL text and its parameters."""
        query = cast("sql.UpdateQuery", self.queryset.query.chain(sql.UpdateQuery))
        query.add_update_values(self.values)
        return _single(query.get_compiler(connection=connection).as_sql())


def _single(compiled: Any) -> tuple[str, tuple[Any, ...]]:
    # An insert compiles to a list of statements, an update to one.
    text, params = compiled[0] if isinstance(compiled, list) else compiled
    return text, tuple(params)


def execute(*writes: Insert | Update) -> None:
    """Run the writes as one atomic statement. Raises django.db.IntegrityError as they would."""
    parts = [write.compiled() for write in writes]
    named = ", ".join(f"w{i} AS ({text})" for i, (text, _) in enumerate(parts))
    with connection.cursor() as cursor:
        cursor.execute(f"WITH {named} SELECT 1", [p for _, params in parts for p in params])
