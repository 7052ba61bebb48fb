"""Queries that are compiled once: Django takes ten times as long to write the SQL of a login as
PostgreSQL takes to answer it.

A prepared query is an ordinary queryset with a :class:`Parameter` where each run brings a value.
Django's compiler is kept, with the text that it wrote, and run again with the values filled in.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from copy import copy
from typing import Any, Generic, TypeVar

from django.db import connections
from django.db.models import Expression, Model, QuerySet

Row = TypeVar("Row", bound=Model)


class Parameter(Expression):
    """The place of a value in a prepared query. It is sent as it is given, no field prepares it."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        """The driver's place holder; the value follows with :meth:`Prepared.__call__`."""
        return "%s", [self]


class _Statement(Generic[Row]):
    """One compiled queryset."""

    def __init__(self, queryset: QuerySet[Row]) -> None:
        self._queryset = queryset
        self._compiler: Any = queryset.query.get_compiler(using=queryset.db)
        self._text, self._params = self._compiler.as_sql()

    def rows(self, values: Mapping[str, Any]) -> list[Row]:
        params = tuple(values[p.name] if isinstance(p, Parameter) else p for p in self._params)
        compiler = copy(self._compiler)
        # Each thread has a connection of its own.
        compiler.connection = connections[self._queryset.db]
        compiler.as_sql = lambda *_args, **_more: (self._text, params)
        queryset: Any = self._queryset.all()
        queryset.query.get_compiler = lambda *_args, **_more: compiler
        return list(queryset)


class Prepared(Generic[Row]):
    """The rows of ``build(*shape)``, which is called once for each shape.

    ``build`` must put a :class:`Parameter` wherever runs of the same shape differ: what it writes
    into the queryset itself is there for good.
    """

    def __init__(self, build: Callable[..., QuerySet[Row]]) -> None:
        self._build = build
        self._statements: dict[tuple[Hashable, ...], _Statement[Row]] = {}

    def __call__(self, *shape: Hashable, **values: Any) -> list[Row]:
        """Run it. Raises KeyError for a parameter without a value."""
        statement = self._statements.get(shape)
        if statement is None:
            statement = self._statements[shape] = _Statement(self._build(*shape))
        return statement.rows(values)
