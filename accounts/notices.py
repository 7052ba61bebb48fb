"""Mail to the owner of an account: codes, and word of every change that an intruder would make.

Mail leaves in a thread of its own: a slow mail server must not slow down logins. A mail that
cannot be sent is logged; it never undoes what it speaks of. It speaks the owner's language, which
is the one of his last sign-in in a browser; where none is known, the language of the page, if any.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial, wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.utils.translation import get_language, gettext_noop, override
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    # The system checks ask this module before models can be loaded.
    from accounts.models import User

# What a second factor is called towards its owner.
APP = gettext_noop("An authenticator app")
MAILED_CODES = gettext_noop("Sign-in by mailed code")
PASSKEY = gettext_noop("The passkey “%(name)s”")
NO_MAIL = "django.core.mail.backends.dummy.EmailBackend"
_log = logging.getLogger("dragoman.mail")
_More = ParamSpec("_More")


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


def _spoken(
    tell: Callable[Concatenate[User, _More], None],
) -> Callable[Concatenate[User, _More], None]:
    """Tell it in the owner's language."""

    @wraps(tell)
    def told(user: User, /, *args: _More.args, **kwargs: _More.kwargs) -> None:
        with override(user.language or get_language() or settings.LANGUAGE_CODE):
            tell(user, *args, **kwargs)

    return told


def _account(user: User) -> dict[str, str]:
    return {"account": user.username}


@_spoken
def email_code(user: User, code: str) -> None:
    """The code of the e-mail factor, as clients describe it to their users: 123-456."""
    said = _("Your code is %(code)s.") % {"code": f"{code[:3]}-{code[3:]}"}
    lines = [said, "", _("It works once, within one hour.")]
    _send(user, "email_code", _("Your sign-in code"), lines)


@_spoken
def password_link(user: User, address: str, *, invited: bool, by_officer: bool = False) -> None:
    """The link by which somebody chooses his password: the first one, or one that he forgot."""
    if invited:
        subject, said = _("Your account"), _("There is an account for you: %(account)s.")
        use = _("The link works once, within seven days. Choose your password there:")
    elif by_officer:
        subject = _("Choose a new password")
        said = _("An administrator lets you choose a new password for %(account)s.")
        use = _("The link works once, within one hour:")
    else:
        subject = _("Choose a new password")
        said = _("Somebody asked for a new password for %(account)s.")
        use = _("If it was you, choose one here. The link works once, within one hour:")
    lines = [said % _account(user), "", use, "", address, "", _unexpected()]
    _send(user, "password_link", subject, lines)


def _unexpected() -> str:
    return _("If you do not expect this mail, ignore it: nothing has changed.")


@_spoken
def recovery_code_used(user: User) -> None:
    """A recovery code was spent (NIST SP 800-63B 4.2)."""
    said = _("Somebody signed in to %(account)s with one of your recovery codes.")
    then = _("If it was you, make a new set when few are left. If not, tell your administrator.")
    lines = [said % _account(user), "", then]
    _send(user, "recovery_code_used", _("A recovery code was used"), lines)


@_spoken
def factor_bound(user: User, what: str, name: str = "") -> None:
    """A second factor was added or replaced: one of the words above, and the name it has."""
    _changed(user, "factor_bound", _("%(what)s was added") % {"what": _(what) % {"name": name}})


@_spoken
def factor_removed(user: User, what: str, name: str = "") -> None:
    """A second factor was taken away."""
    _changed(user, "factor_removed", _("%(what)s was removed") % {"what": _(what) % {"name": name}})


@_spoken
def factors_removed(user: User) -> None:
    """No second factor is left."""
    _changed(user, "factor_removed", _("All second factors were removed"))


@_spoken
def passkey_suspected(user: User, name: str) -> None:
    """The signature counter of a passkey went back: a copy of it may be in use."""
    said = _("Somebody tried to sign in to %(account)s with the passkey “%(name)s”.")
    lines = [
        said % {**_account(user), "name": name},
        _("Its counter does not fit, so a copy of it may exist. Nobody was signed in."),
        "",
        _("Remove this passkey and make a new one. If it was not you, tell your administrator."),
    ]
    _send(user, "passkey_suspected", _("A passkey was refused"), lines)


@_spoken
def recovery_codes_made(user: User) -> None:
    """There is a new set of recovery codes."""
    _changed(user, "recovery_codes_made", _("New recovery codes were made"))


@_spoken
def recovery_codes_revoked(user: User) -> None:
    """The recovery codes work no more."""
    _changed(user, "recovery_codes_revoked", _("The recovery codes were removed"))


@_spoken
def address_link(user: User, to: str, address: str) -> None:
    """The link by which the owner of the account shows that the new address is his."""
    said = _("The account %(account)s is to have this address.")
    use = _("If you asked for it, confirm it here, signed in. It works once, within one hour:")
    lines = [said % _account(user), "", use, "", address, "", _unexpected()]
    _send(user, "address_link", _("Confirm your e-mail address"), lines, to=to)


@_spoken
def address_changed(user: User, old: str) -> None:
    """Mail for the account goes elsewhere from now on: the old address is told."""
    said = _("The account %(account)s has another e-mail address now.")
    then = _("If you did not ask for it, tell your administrator at once.")
    lines = [said % _account(user), "", then]
    _send(user, "address_changed", _("The e-mail address was changed"), lines, to=old)


@_spoken
def password_changed(user: User) -> None:
    """The password is another one now."""
    _changed(user, "password_changed", _("The password was changed"))


def _its_name(name: str) -> str:
    """A name that somebody has made up, on one line: it must not pass for our own words."""
    return _("Its name: %(name)s") % {"name": _quoted(name)}


def _its_service(name: str) -> str:
    return _("Its service: %(name)s") % {"name": _quoted(name)}


def _quoted(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)


@_spoken
def personal_token_made(user: User, name: str, *, bypasses: bool) -> None:
    """There is a new token that acts for the owner until it is removed."""
    more = [_("It is not asked for a second factor.")] if bypasses else []
    what = _("A personal access token was made")
    _changed(user, "personal_token_made", what, _its_name(name), *more)


@_spoken
def personal_token_removed(user: User, name: str) -> None:
    """A personal access token opens nothing any more."""
    what = _("A personal access token was removed")
    _changed(user, "personal_token_removed", what, _its_name(name))


@_spoken
def app_password_made(user: User, label: str) -> None:
    """There is a new password for programs, which no second factor goes with."""
    _changed(user, "app_password_made", _("An app password was made"), _its_name(label))


@_spoken
def app_password_revoked(user: User, label: str) -> None:
    """An app password opens nothing any more."""
    _changed(user, "app_password_revoked", _("An app password was revoked"), _its_name(label))


@_spoken
def external_linked(user: User, provider: str) -> None:
    """An account at an identity provider signs in here from now on."""
    _changed(user, "external_linked", _("A linked account was added"), _its_service(provider))


@_spoken
def external_unlinked(user: User, provider: str) -> None:
    """An account at an identity provider signs nobody in here any more."""
    _changed(user, "external_unlinked", _("A linked account was removed"), _its_service(provider))


@_spoken
def session_opened(user: User) -> None:
    """An officer has made a token in the owner's name."""
    _changed(user, "session_opened", _("A sign-in token was made by an administrator"))


def _changed(user: User, kind: str, what: str, *more: str) -> None:
    said = _("%(what)s for the account %(account)s.") % {"what": what, **_account(user)}
    then = _("If it was not you, tell your administrator at once.")
    spaced = [line for each in (said, *more) for line in (each, "")]
    _send(user, kind, what, [*spaced, then])
