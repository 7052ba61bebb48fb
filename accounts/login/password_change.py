"""A signed-in user chooses a new password."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext, gettext_noop
from django.views.decorators.debug import sensitive_variables

from accounts import audit, notices
from accounts.audit import Event
from accounts.client import ClientContext
from accounts.login import guess, passwords, sessions, throttle
from accounts.login.attempt import FirstFactor, Password
from accounts.login.outcome import LoginRefused, Reason
from accounts.login.password_rules import objection
from accounts.login.profile import LoginProfile
from accounts.login.sessions import Found
from accounts.login.subject import Subject
from accounts.models import Session, User

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
def prove(
    found: Found, presented: FirstFactor, profile: LoginProfile, client: ClientContext
) -> bool:
    """Whether this is the user's present password. Wrong ones count as at a login.

    Raises LoginRefused where too many were wrong, and tenants.hashing.Overloaded.
    """
    user = found.subject.user
    buckets = throttle.password_buckets(
        profile, found.subject.tenant.id, user.username, user.pk, client.address
    )
    with guess.counted(found, client, buckets, Reason.WRONG_PASSWORD) as guessed:
        guessed.right = passwords.verify(presented, user.password)
    return guessed.right


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
