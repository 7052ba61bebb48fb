"""A signed-in user chooses a new password."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext, gettext_noop
from django.views.decorators.debug import sensitive_variables

from accounts import audit, notices
from accounts.audit import Event
from accounts.client import ClientContext
from accounts.login import passwords, sessions, throttle
from accounts.login.attempt import Password
from accounts.login.outcome import LoginRefused, Reason
from accounts.login.password_rules import objection
from accounts.login.profile import LoginProfile
from accounts.login.sessions import Found
from accounts.login.subject import Subject
from accounts.models import Session, User
from tenants.hashing import Overloaded

_SAME = gettext_noop("The new password must be another one.")


@sensitive_variables("chosen")
def prepare(subject: Subject, chosen: str) -> str:
    """The stored form of a password that the user may choose.

    It hashes twice, so it is called before any transaction; it changes nothing. The rules speak
    before the old password is compared: so a guess at it either fails or becomes the new one.

    Raises LoginRefused(PASSWORD_REJECTED), with ``same`` in its detail where it is the old one,
    and tenants.hashing.Overloaded.
    """
    if message := objection(chosen, subject.user, subject.tenant.policy):
        raise LoginRefused(Reason.PASSWORD_REJECTED, subject=subject, objection=message)
    if passwords.verify(Password(chosen), subject.user.password):
        raise LoginRefused(
            Reason.PASSWORD_REJECTED, subject=subject, objection=gettext(_SAME), same=True
        )
    return passwords.encode(chosen)


@sensitive_variables("presented")
def prove(found: Found, presented: str, profile: LoginProfile, client: ClientContext) -> bool:
    """Whether this is the user's present password. Wrong ones count as at a login.

    Raises LoginRefused where too many were wrong, and tenants.hashing.Overloaded.
    """
    subject, user = found.subject, found.subject.user
    buckets = throttle.password_buckets(
        profile, subject.tenant.id, user.username, user.pk, client.address
    )
    reserved = throttle.reserve(buckets, client.now)
    if reserved.refusal is not None:
        raise LoginRefused(reserved.refusal, subject=subject, retry_after=reserved.retry_after)
    try:
        right = passwords.verify(Password(presented), user.password)
    except Overloaded:
        # Nothing was judged, so nothing was guessed.
        throttle.refund_now(reserved)
        raise
    if right:
        throttle.refund_now(reserved)
        return True
    audit.row(
        Event.LOGIN_REFUSED,
        client,
        tenant_id=subject.tenant.id,
        user_id=user.pk,
        session_id=found.session.pk,
        reason=Reason.WRONG_PASSWORD,
    ).save(force_insert=True)
    return False


def change(found: Found, encoded: str, client: ClientContext) -> bool:
    """Put a new password into use; all other sessions and unfinished logins of the user end.

    False where the account was changed a moment ago: of two changes at once, one counts.
    """
    user = found.subject.user
    epoch = user.security_epoch + 1
    # The old values in the condition: PostgreSQL looks again after waiting for the row.
    unchanged = User.objects.filter(
        pk=user.pk,
        password=user.password,
        security_epoch=user.security_epoch,
        state=User.State.ACTIVE,
    )
    with transaction.atomic():
        if not unchanged.update(
            password=encoded,
            password_changed_at=client.now,
            must_change_password=False,
            security_epoch=epoch,
        ):
            return False
        Session.objects.filter(pk=found.session.pk).update(security_epoch=epoch)
        sessions.end_all(user, "password changed", client, keep=found.session.pk)
        audit.row(
            Event.PASSWORD_CHANGED,
            client,
            tenant_id=user.tenant_id,
            user_id=user.pk,
            session_id=found.session.pk,
        ).save()
        notices.password_changed(user)
    return True
