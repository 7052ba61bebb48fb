from functools import partial
from typing import Any

from django.apps import AppConfig
from django.core.checks import register
from django.db import connections
from django.db.models.signals import pre_migrate

from accounts import checks  # noqa: F401 - registers the system checks
from accounts.wire.checks import check_contracts
from accounts.wire.registry import slugs, vocabulary
from tenants.policy import KNOWN_CONTRACTS


class AccountsConfig(AppConfig):
    name = "accounts"
    label = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        register(check_contracts, "contracts")
        KNOWN_CONTRACTS.update({slug: partial(vocabulary, slug) for slug in slugs()})
        pre_migrate.connect(allow_long_statements, sender=self)


def allow_long_statements(using: str, **kwargs: Any) -> None:
    """An index on a large table takes longer than a request may; a lock must still come soon."""
    del kwargs
    with connections[using].cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("SET lock_timeout = '1s'")
