"""Setting up an authenticator app in the middle of a sign-in, where the tenant demands one."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _

from accounts.login import association, enrolment
from accounts.login.outcome import Authenticated
from accounts.login.sessions import Found
from accounts.web import browser, qr
from accounts.web.pages import render
from accounts.web.profile import BROWSER
from accounts.web.steps import challenged
from mfa import recovery_codes, totp
from tenants.hashing import Overloaded


@dataclass(frozen=True, slots=True)
class Shown:
    """What an app is fed with: a picture for its camera, or text for its owner to type."""

    secret: str = field(repr=False)
    address: str = field(repr=False)
    picture: qr.Picture = field(repr=False)


def begin(request: HttpRequest, token: str) -> str:
    """Make the secret; the token with which the page goes on. Raises LoginRefused."""
    attempt = challenged({"challenge": token}, browser.call(request))
    return association.associate(attempt, BROWSER).token


def shown(request: HttpRequest, token: str) -> Shown:
    """The secret that waits for its first code. Raises LoginRefused."""
    attempt = challenged({"challenge": token}, browser.call(request))
    waiting = association.waiting(attempt, BROWSER)
    return pictured(waiting.secret, waiting.subject.tenant.name, waiting.subject.user.username)


def pictured(secret: bytes, issuer: str, account: str) -> Shown:
    """A secret as it is shown to its owner."""
    text = totp.base32(secret)
    grouped = " ".join(text[i : i + 4] for i in range(0, len(text), 4))
    address = totp.provisioning_uri(secret, issuer=issuer, account=account)
    return Shown(grouped, address, qr.picture(address))


def done(request: HttpRequest, outcome: Authenticated, onward: str) -> HttpResponse:
    """The page after the set-up: a first set of recovery codes, shown this once."""
    codes = recovery_codes.new_codes()
    found = Found(outcome.session, outcome.subject)
    try:
        enrolment.replace_codes(found, codes, browser.call(request).client())
    except Overloaded:
        # The sign-in is done; codes can be made at any time.
        return HttpResponseRedirect(onward)
    context = {
        "title": _("Save your recovery codes"),
        "codes": [recovery_codes.grouped(code) for code in codes],
        "onward": onward,
    }
    return render(request, "web/recovery_codes.html", context)
