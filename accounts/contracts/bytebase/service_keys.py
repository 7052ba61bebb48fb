"""Keys of service accounts: ``bbs_`` and 20 letters or digits, shown once."""

from __future__ import annotations

import secrets
import string

from django.db.models import Q

from accounts import provisioning
from accounts.contracts.bytebase.tokens import SLUG
from accounts.login import custody
from accounts.login.custody import Act
from accounts.models import ServiceCredential, User

_PREFIX, _LENGTH = "bbs_", 20
_ALPHABET = string.digits + string.ascii_letters
_LABEL = "Bytebase service key"


def _new() -> str:
    # 119 random bits: no guessing, so a fast hash will do (NIST SP 800-63B 3.1.2: at least 112).
    return _PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))


def issue(user: User, by: Act) -> str:
    """A new key of a service account."""
    trace = [("by", by.by)]
    issued = provisioning.issue_credential(
        user,
        client_id=provisioning.new_client_id(),
        contract=SLUG,
        label=_LABEL,
        secret=_new(),
        by=by.client,
        trace=trace,
    )
    return issued.secret


def renew(user: User, by: Act) -> str:
    """A new key in place of every one that opens this contract; an open transaction is around it.

    Whoever renews a key that has leaked relies on it: no older one opens anything here, also none
    that was made in the console for all contracts.
    """
    # Of two who renew at once the later one waits here, and then revokes the earlier one's key.
    User.objects.select_for_update().get(pk=user.pk)
    older = ServiceCredential.objects.filter(Q(contract=SLUG) | Q(contract=""), user=user)
    for credential in older.filter(revoked_at=None):
        custody.revoke_credential(credential, by)
    return issue(user, by)
