"""What may be changed of a record: names and a telephone number, checked before the write."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from accounts.audit import Event
from accounts.login.custody import Act
from accounts.login.sessions import Found
from accounts.models import User
from accounts.models.statement import Insert, Update, execute
from accounts.wire.call import Call
from accounts.wire.contract import Fault, Faulted

_COLUMNS = {"firstName": "given_name", "secondName": "family_name", "phone": "phone"}
_LONGEST_NAME = 100
_PHONE = re.compile(r"[+(]?[0-9][0-9 ()./-]{1,30}")


def is_officer(user: User) -> bool:
    """Whether the user looks after the accounts of his tenant."""
    return user.is_staff or user.is_superuser


def may_change(who: User, whom: User) -> bool:
    """Oneself, or as an officer somebody of the tenant; superusers are superusers' business."""
    if who.pk == whom.pk:
        return True
    return is_officer(who) and (who.is_superuser or not whom.is_superuser)


def change(call: Call, found: Found, user: User, told: Mapping[str, Any]) -> None:
    """Write what differs, with its audit row, in one statement. Raises Faulted(INVALID)."""
    wanted = {name: told[name] or "" for name in _COLUMNS if name in told}
    # A first name that was never set is shown as the display name, and comes back as such. What
    # was read may come back whatever it is: other doors have other rules.
    shown = {
        "firstName": user.given_name or user.display_name,
        "secondName": user.family_name,
        "phone": user.phone,
    }
    changed = {name: text for name, text in wanted.items() if text != shown[name]}
    _judge(changed)
    if not changed:
        return
    values = {_COLUMNS[name]: value for name, value in changed.items()}
    act = Act(call.client(), found.subject.user.username, found.session.pk)
    row = act.row(
        Event.USER_CHANGED,
        tenant_id=user.tenant_id,
        user_id=user.pk,
        reason="profile changed",
        facts=[("fields", ", ".join(changed))],
    )
    mine = User.objects.filter(pk=user.pk, tenant_id=user.tenant_id)
    execute(Update(mine, **values, updated_at=call.now), Insert(row))
    for column, value in values.items():
        setattr(user, column, value)


def _judge(wanted: Mapping[str, str]) -> None:
    if "firstName" in wanted and not wanted["firstName"].strip():
        raise Faulted(Fault.INVALID, "firstName must not be empty")
    for name in ("firstName", "secondName"):
        text = wanted.get(name, "")
        if len(text) > _LONGEST_NAME:
            raise Faulted(Fault.INVALID, f"{name} is too long")
        # Neither control characters nor marks that turn the direction of text.
        if not text.isprintable():
            raise Faulted(Fault.INVALID, f"{name} holds characters that cannot be shown")
    phone = wanted.get("phone", "")
    if phone and not _PHONE.fullmatch(phone):
        raise Faulted(Fault.INVALID, "phone must be a telephone number")
