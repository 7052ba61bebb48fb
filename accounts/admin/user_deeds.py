"""What an officer can do to an account. The core's part is in accounts.login.custody."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef

from accounts import notices
from accounts.admin import codes
from accounts.admin.deeds import Deed
from accounts.login import custody, password_links, passwords
from mfa.models import EmailFactor, Passkey, RecoveryCode, TotpAuthenticator
from tenants.resolve import directory

FACTS = {
    "has_totp": Exists(TotpAuthenticator.objects.filter(user=OuterRef("pk"), confirmed=True)),
    "has_passkey": Exists(Passkey.objects.filter(user=OuterRef("pk"))),
    "has_mail": Exists(EmailFactor.objects.filter(user=OuterRef("pk"))),
    "has_codes": Exists(RecoveryCode.objects.filter(user=OuterRef("pk"))),
}
"""What the list, the filters and the deeds ask of an account; read with its row."""


def has_factor(user: Any) -> bool:
    """Whether there is a second factor: codes alone are none."""
    return bool(user.has_totp or user.has_passkey or user.has_mail)


def _may_get_link(user: Any) -> bool:
    tenant = directory().by_id.get(user.tenant_id)
    open_to = tenant is not None and password_links.may_send(user, tenant)
    return open_to and notices.are_sent()


def _takes_codes(user: Any) -> bool:
    return bool(user.is_person and (user.has_totp or user.has_passkey))


DEEDS = (
    Deed(
        "invite",
        "Send invitation",
        "A mail with a link goes to the address of this account. Whoever follows it within seven "
        "days chooses the first password; you never see it. Earlier links stop working.",
        "an invitation was sent",
        password_links.invite,
        applies=lambda user: _may_get_link(user) and not passwords.is_hashed(user.password),
    ),
    Deed(
        "send-reset",
        "Send password reset",
        "A mail with a link goes to the address of this account. Whoever follows it within one "
        "hour chooses a new password, and all sessions end then; you never see it. Second factors "
        "stay as they are.",
        "a reset was sent",
        password_links.send_reset,
        applies=lambda user: _may_get_link(user) and passwords.is_hashed(user.password),
    ),
    Deed(
        "require-password",
        "Require new password",
        "The next sign-in has to choose a new password, where the contract can ask for one, "
        "and is refused elsewhere. You never see it.",
        "a new password is required",
        custody.require_new_password,
        applies=lambda user: user.is_person and not user.must_change_password,
    ),
    Deed(
        "unlock",
        "Unlock",
        "The failed sign-ins and codes that were counted for this account are forgotten, so its "
        "owner need not wait. Whoever was guessing may go on, too.",
        "unlocked",
        custody.unlock,
        wants_reason=True,
    ),
    Deed(
        "end-sessions",
        "End all sessions",
        "Every session of this account ends now, over every contract, personal access tokens "
        "included. The account stays usable.",
        "all sessions ended",
        custody.end_sessions,
        not_to_oneself=True,
    ),
    Deed(
        "enable",
        "Enable",
        "The account can sign in again. Sessions that ended stay ended.",
        "enabled",
        custody.enable,
        applies=lambda user: not user.is_active,
        wants_reason=True,
    ),
    Deed(
        "recovery-codes",
        "New recovery codes",
        "The old recovery codes stop working. The new ones are shown once, on the next page; "
        "hand them over in person. The owner gets a mail.",
        "new recovery codes",
        custody.replace_codes,
        applies=_takes_codes,
        wants_fresh=True,
        aside=True,
        shown=codes.shown_once,
    ),
    Deed(
        "revoke-codes",
        "Revoke recovery codes",
        "The recovery codes stop working, and there are no others until somebody makes new ones. "
        "The owner gets a mail.",
        "recovery codes revoked",
        custody.revoke_codes,
        applies=lambda user: user.has_codes,
        wants_fresh=True,
        not_to_oneself=True,
        danger=True,
        aside=True,
    ),
    Deed(
        "reset-app",
        "Reset authenticator app",
        "The authenticator app stops working, because its device is lost; the recovery codes go "
        "with the last authenticator. Passkeys and mailed codes stay. If no factor is left and the "
        "tenant demands one, the next sign-in sets it up; otherwise the password alone opens the "
        "account. Sessions go on: end them, too, if the device was stolen. The owner gets a mail.",
        "authenticator app reset",
        custody.remove_totp,
        applies=lambda user: user.has_totp,
        wants_reason=True,
        wants_fresh=True,
        not_to_oneself=True,
        danger=True,
    ),
    Deed(
        "remove-factors",
        "Remove second factors",
        "Authenticator app, passkeys, mailed codes and recovery codes are removed. Until a "
        "new factor is set up, the password alone opens the account. The owner gets a mail.",
        "second factors removed",
        custody.remove_factors,
        applies=has_factor,
        wants_reason=True,
        wants_fresh=True,
        not_to_oneself=True,
        danger=True,
    ),
    Deed(
        "disable",
        "Disable",
        "Nobody can sign in with this account any more, over any contract. "
        "All its sessions end now.",
        "disabled; all sessions ended",
        custody.disable,
        applies=lambda user: user.is_active,
        wants_reason=True,
        not_to_oneself=True,
        danger=True,
    ),
)
