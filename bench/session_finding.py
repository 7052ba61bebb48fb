"""What :mod:`bench.guarded_call` measures, within the program."""

import json
import time
from collections.abc import Callable

from django.utils import timezone

from accounts import provisioning
from accounts.contracts.bytebase.tokens import BEARER
from accounts.login import sessions
from accounts.models import Session
from accounts.models.prepared import Prepared

CALLS, ROUNDS = 200, 5


def _cpu(run: Callable[[], object]) -> float:
    """Milliseconds of a call's CPU in this process, the best of some rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        begun = time.process_time()
        for _ in range(CALLS):
            run()
        best = min(best, time.process_time() - begun)
    return best / CALLS * 1000


def tell() -> None:
    """The figures on one line: what ``manage.py shell`` runs beside an empty database."""
    tenant = provisioning.create_tenant("home", "home", is_default=True)
    user = provisioning.create_user(tenant, "alice", email="alice@home.example")
    now = timezone.now()
    session = Session.objects.create(
        tenant=tenant,
        user=user,
        contract=BEARER.contract,
        auth_time=now,
        expires_at=now,
        security_epoch=0,
    )
    lookups = {"handle": session.handle, "tenant_id": tenant.pk}
    shape = (tuple(lookups), BEARER.contract, BEARER.sector)

    def anew() -> object:
        rows = Prepared(sessions._sessions)(*shape, **lookups)  # noqa: SLF001  # what is measured
        return sessions.of(rows[0], rows[0], BEARER)

    assert sessions.find(BEARER, **lookups) == anew()
    kept = _cpu(lambda: sessions.find(BEARER, **lookups))
    print(json.dumps({"kept_ms": kept, "anew_ms": _cpu(anew)}))
