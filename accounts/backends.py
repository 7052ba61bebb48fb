"""Django's view of a login that the gate has already judged."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.http import HttpRequest

from accounts.models import User


class GateBackend(BaseBackend):
    """Loads the user of a browser session; it never checks a password itself.

    Logins are judged by ``accounts.login.pipeline``. This backend only answers Django's question
    who a session belongs to, and stops answering once the account is disabled.
    """

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> None:
        """No second gate: a password given to Django alone opens nothing."""
        return

    def get_user(self, user_id: Any) -> User | None:
        """The active account of a session, or None."""
        return User.objects.filter(pk=user_id, state=User.State.ACTIVE).first()
