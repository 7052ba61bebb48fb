"""What the tests of this contract share: a client that sends mail, one pool, a strict tenant."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client, TestCase

from tenants import resolve
from tenants.models import TenantPolicy
from tests.contracts.oloid.calls import Pool, alpha
from tests.fixtures import Cast


class MailingClient(Client):
    """Sends what a call leaves to be mailed, as a commit would."""

    def post(self, *args: Any, **kwargs: Any) -> Any:
        with TestCase.captureOnCommitCallbacks(execute=True):
            return super().post(*args, **kwargs)


@pytest.fixture
def client() -> Client:
    return MailingClient()


@pytest.fixture
def pool(client: Client, cast: Cast) -> Pool:
    return alpha(client, cast)


@pytest.fixture
def demanded(cast: Cast) -> None:
    """Alpha demands a second factor of everybody."""
    TenantPolicy.objects.create(tenant=cast.alpha, second_factor="required")
    resolve.invalidate()
