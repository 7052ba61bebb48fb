"""Who asks: the context of one request, passed as a value from the edge to the audit row."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ClientContext:
    """Where and when a request came from."""

    contract: str
    now: datetime
    address: str | None = None
    agent: str = ""
    request_id: str = ""
    # The OAuth client, where the contract names one.
    client_id: str = ""
    # The client's nonce, where the contract binds its steps with one.
    nonce: str | None = field(default=None, repr=False)
