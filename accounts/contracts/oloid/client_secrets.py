"""An app client that has a secret must prove it: by ``SECRET_HASH`` or by ``ClientSecret``.

``SECRET_HASH`` is the Base64 of an HMAC-SHA256 under the secret over user name and client id. Of a
client without a secret neither is read.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Iterable, Mapping

from django.views.decorators.debug import sensitive_variables

from accounts.login.subject import Subject
from accounts.wire.contract import Fault, Faulted
from tenants import client_secret
from tenants.policy import TenantRecord


def demand_hash(pool: TenantRecord, given: Mapping[str, str]) -> None:
    """Raises Faulted where the client has a secret and the call has no ``SECRET_HASH``."""
    if pool.client_secret_sealed and not given.get("SECRET_HASH"):
        _deny(f"Client {pool.client_id} is configured with secret but SECRET_HASH was not received")


@sensitive_variables("secret", "fitting")
def check_hash(pool: TenantRecord, given: Mapping[str, str], names: Iterable[str]) -> None:
    """Raises Faulted unless ``SECRET_HASH`` is made over one of the names that are meant."""
    demand_hash(pool, given)
    if not pool.client_secret_sealed:
        return
    secret, told = client_secret.of(pool).encode(), given["SECRET_HASH"].encode()
    fitting = [
        b64encode(hmac.digest(secret, f"{name}{pool.client_id}".encode(), hashlib.sha256))
        for name in names
    ]
    if not any(hmac.compare_digest(each, told) for each in fitting):
        _deny(f"Unable to verify secret hash for client {pool.client_id}")


@sensitive_variables("told")
def check_secret(pool: TenantRecord, told: str) -> None:
    """The same for the operations that take the secret itself. Raises Faulted."""
    if not pool.client_secret_sealed:
        return
    if not told:
        _deny(f"Client {pool.client_id} is configured with secret but secret was not received")
    if not hmac.compare_digest(client_secret.of(pool).encode(), told.encode()):
        _deny(f"Unable to verify secret for client {pool.client_id}")


def names_of(subject: Subject) -> set[str]:
    """The names that a client may know a user under: a refresh token does not say which."""
    user = subject.user
    return {user.username, str(user.pk), user.email, subject.mandate.client_id} - {""}


def _deny(told: str) -> None:
    raise Faulted(Fault.FORBIDDEN, told=told)
