"""Mail to the owner of an account: codes, and word of every change that an intruder would make.

Mail leaves in a thread of its own: a slow mail server must not slow down logins. A mail that
cannot be sent is logged; it never undoes what it speaks of.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction

if TYPE_CHECKING:
    # The system checks ask this module before models can be loaded.
    from accounts.models import User

# What an authenticator app is called towards its owner.
APP = "An authenticator app"
NO_MAIL = "django.core.mail.backends.dummy.EmailBackend"
_log = logging.getLogger("dragoman.mail")


@cache
def _postman() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="mail")


def are_sent() -> bool:
    """Whether mail leaves at all: a factor that needs it is no use otherwise."""
    return settings.EMAIL_BACKEND != NO_MAIL


def _deliver(message: EmailMessage, kind: str) -> None:
    try:
        message.send()
    except Exception:  # noqa: BLE001  # whatever a mail server does, the caller is long gone
        _log.exception("a mail could not be sent", extra={"kind": kind})


def _send(user: User, kind: str, subject: str, lines: list[str], to: str = "") -> None:
    address = to or user.email
    if not address:
        return
    message = EmailMessage(subject, "\n".join(lines), to=[address])
    transaction.on_commit(partial(_post, message, kind))


def _post(message: EmailMessage, kind: str) -> None:
    if getattr(settings, "MAIL_INLINE", False):
        _deliver(message, kind)
    else:
        _postman().submit(_deliver, message, kind)


def email_code(user: User, code: str) -> None:
    """The code of the e-mail factor, as clients describe it to their users: 123-456."""
    _send(
        user,
        "email_code",
        "Your sign-in code",
        [f"Your code is {code[:3]}-{code[3:]}.", "", "It works once, within one hour."],
    )


def password_link(user: User, address: str, *, invited: bool, by_officer: bool = False) -> None:
    """The link by which somebody chooses his password: the first one, or one that he forgot."""
    if invited:
        subject, said = "Your account", f"There is an account for you: {user.username}."
        use = "The link works once, within seven days. Choose your password there:"
    elif by_officer:
        subject = "Choose a new password"
        said = f"An administrator lets you choose a new password for {user.username}."
        use = "The link works once, within one hour:"
    else:
        subject = "Choose a new password"
        said = f"Somebody asked for a new password for {user.username}."
        use = "If it was you, choose one here. The link works once, within one hour:"
    other = "If you do not expect this mail, ignore it: nothing has changed."
    _send(user, "password_link", subject, [said, "", use, "", address, "", other])


def recovery_code_used(user: User) -> None:
    """A recovery code was spent (NIST SP 800-63B 4.2)."""
    _send(
        user,
        "recovery_code_used",
        "A recovery code was used",
        [
            f"Somebody signed in to {user.username} with one of your recovery codes.",
            "",
            "If it was you, make a new set when few are left. If not, tell your administrator.",
        ],
    )


def factor_bound(user: User, what: str) -> None:
    """A second factor was added or replaced."""
    _changed(user, "factor_bound", f"{what} was added")


def factor_removed(user: User, what: str) -> None:
    """A second factor was taken away."""
    _changed(user, "factor_removed", f"{what} was removed")


def passkey_suspected(user: User, name: str) -> None:
    """The signature counter of a passkey went back: a copy of it may be in use."""
    _send(
        user,
        "passkey_suspected",
        "A passkey was refused",
        [
            f"Somebody tried to sign in to {user.username} with the passkey “{name}”, and its",
            "counter does not fit: a copy of it may exist. Nobody was signed in.",
            "",
            "Remove this passkey and make a new one. If it was not you, tell your administrator.",
        ],
    )


def recovery_codes_made(user: User) -> None:
    """There is a new set of recovery codes."""
    _changed(user, "recovery_codes_made", "New recovery codes were made")


def recovery_codes_revoked(user: User) -> None:
    """The recovery codes work no more."""
    _changed(user, "recovery_codes_revoked", "The recovery codes were removed")


def address_link(user: User, to: str, address: str) -> None:
    """The link by which the owner of the account shows that the new address is his."""
    _send(
        user,
        "address_link",
        "Confirm your e-mail address",
        [
            f"The account {user.username} is to have this address.",
            "",
            "If you asked for it, confirm it here, signed in. It works once, within one hour:",
            "",
            address,
            "",
            "If you do not expect this mail, ignore it: nothing has changed.",
        ],
        to=to,
    )


def address_changed(user: User, old: str) -> None:
    """Mail for the account goes elsewhere from now on: the old address is told."""
    _send(
        user,
        "address_changed",
        "The e-mail address was changed",
        [
            f"The account {user.username} has another e-mail address now.",
            "",
            "If you did not ask for it, tell your administrator at once.",
        ],
        to=old,
    )


def password_changed(user: User) -> None:
    """The password is another one now."""
    _changed(user, "password_changed", "The password was changed")


def _quoted(name: str) -> str:
    """A name that somebody has made up, on one line: it must not pass for our own words."""
    return json.dumps(name, ensure_ascii=False)


def personal_token_made(user: User, name: str, *, bypasses: bool) -> None:
    """There is a new token that acts for the owner until it is removed."""
    more = ["It is not asked for a second factor.", ""] if bypasses else []
    _changed(
        user,
        "personal_token_made",
        "A personal access token was made",
        [f"Its name: {_quoted(name)}", "", *more],
    )


def personal_token_removed(user: User, name: str) -> None:
    """A personal access token opens nothing any more."""
    _changed(
        user,
        "personal_token_removed",
        "A personal access token was removed",
        [f"Its name: {_quoted(name)}", ""],
    )


def app_password_made(user: User, label: str) -> None:
    """There is a new password for programs, which no second factor goes with."""
    more = [f"Its name: {_quoted(label)}", ""]
    _changed(user, "app_password_made", "An app password was made", more)


def app_password_revoked(user: User, label: str) -> None:
    """An app password opens nothing any more."""
    more = [f"Its name: {_quoted(label)}", ""]
    _changed(user, "app_password_revoked", "An app password was revoked", more)


def external_linked(user: User, provider: str) -> None:
    """An account at an identity provider signs in here from now on."""
    more = [f"Its service: {_quoted(provider)}", ""]
    _changed(user, "external_linked", "A linked account was added", more)


def external_unlinked(user: User, provider: str) -> None:
    """An account at an identity provider signs nobody in here any more."""
    more = [f"Its service: {_quoted(provider)}", ""]
    _changed(user, "external_unlinked", "A linked account was removed", more)


def session_opened(user: User) -> None:
    """An officer has made a token in the owner's name."""
    _changed(user, "session_opened", "A sign-in token was made by an administrator")


def _changed(user: User, kind: str, what: str, more: Sequence[str] = ()) -> None:
    _send(
        user,
        kind,
        what,
        [
            f"{what} for the account {user.username}.",
            "",
            *more,
            "If it was not you, tell your administrator at once.",
        ],
    )
