"""The account that a change belongs to, held before all else that the change writes.

Everybody in this one order: of two changes at once one waits for the other, never each for both.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import QuerySet


def held(user_id: Any) -> QuerySet[Any]:
    """The account's key; the statement that reads it holds the account for its transaction.

    Rows that only refer to the account, such as sessions, are still written meanwhile.
    """
    rows = get_user_model().objects.select_for_update(no_key=True).filter(pk=user_id)
    return rows.values("pk")


def hold(user_id: Any) -> None:
    """Make other changes of the account wait until the transaction is over."""
    list(held(user_id))
