"""Second factors besides passkeys: the authenticator app, recovery codes, codes by mail."""

from __future__ import annotations

import re
from dataclasses import replace

from django.contrib import messages
from django.db.models import Count, Min, Q
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts import notices
from accounts.login import enrolment, sessions
from accounts.login.enrolment import LastFactor
from accounts.login.outcome import Factor, LoginRefused, Reason
from accounts.login.sessions import Found
from accounts.web import browser
from accounts.web.account.forms import FirstCodeForm
from accounts.web.account.frame import (
    acted,
    back_to,
    demanded,
    is_fresh,
    open_page,
    show,
    waiting,
)
from accounts.web.forms import blamed
from accounts.web.pages import refused, signed_in_page
from accounts.web.set_up import Shown, pictured
from accounts.web.wording import Words, words
from mfa import recovery_codes
from mfa.models import RecoveryCode
from tenants.hashing import Overloaded

# As codes are shown: four groups of four.
_CODE = re.compile(r"[0-9a-z]{4}(?:-[0-9a-z]{4}){3}")
_DEVICES = {Factor.OTP, Factor.PASSKEY}


@open_page
def authenticator(request: HttpRequest, found: Found) -> HttpResponse:
    """The authenticator app: set up, replace, remove."""
    if request.method == "POST":
        return acted(request, found, {"begin": _begin, "confirm": _confirm, "remove": _remove})
    return _app_page(request, found, FirstCodeForm())


def _app_page(
    request: HttpRequest,
    found: Found,
    form: FirstCodeForm,
    said: Words | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    if said and not said.starts_over:
        form = FirstCodeForm()
        said = replace(said, beside=blamed(form))
    context = {
        "form": form,
        "said": said,
        "shown": _waiting(request, found),
        "has_app": Factor.OTP in found.subject.factors,
        "may_remove": enrolment.may_remove(found, Factor.OTP),
    }
    return show(request, found, "authenticator", context, status=said.status if said else status)


def _waiting(request: HttpRequest, found: Found) -> Shown | None:
    """The secret that waits for its first code, as it is shown to whoever has just signed in."""
    if not found.subject.enrolling or not is_fresh(request, found):
        return None
    waiting = enrolment.pending(found, browser.call(request).now)
    subject = found.subject
    return pictured(waiting.secret, subject.tenant.name, subject.user.username) if waiting else None


def _begin(request: HttpRequest, found: Found) -> HttpResponse:
    enrolment.begin(found, browser.call(request).client())
    return back_to(request, "authenticator")


def _confirm(request: HttpRequest, found: Found) -> HttpResponse:
    form, client = FirstCodeForm(request.POST), browser.call(request).client()
    if not form.is_valid():
        return _app_page(request, found, form, status=400)
    try:
        step = enrolment.prove(found, form.cleaned_data["code"].replace(" ", ""), client)
    except LoginRefused as refusal:
        return waiting(_app_page(request, found, form, words(refusal)), refusal)
    if step is None and enrolment.pending(found, client.now) is not None:
        return _app_page(request, found, form, words(LoginRefused(Reason.WRONG_CODE)))
    if step is None or enrolment.confirm(found, client, last_step=step) is None:
        messages.error(request, _("It took too long. Please begin again."))
        return back_to(request, "authenticator")
    # The device is in the user's hands: the session that has bound it need not ask again.
    proved = sessions.amr(sessions.OTP, client.now)
    sessions.prove_again(found.session, [*found.session.amr, proved])
    return browser.step_up(found, _bound(request, found))


def _bound(request: HttpRequest, found: Found) -> HttpResponse:
    """The page after an app was set up: with it comes a first set of recovery codes."""
    if not recovery_codes.remaining(found.subject.user.pk):
        try:
            return _new_codes(request, found)
        except Overloaded:
            # The app is in use; codes can be made at any time.
            pass
    messages.success(request, _("Your authenticator app is in use from now on."))
    return back_to(request, "authenticator")


def _remove(request: HttpRequest, found: Found) -> HttpResponse:
    try:
        removed = enrolment.remove_totp(found, browser.call(request).client())
    except LastFactor:
        return demanded(request)
    if removed:
        messages.success(request, _("The authenticator app was removed."))
    return back_to(request, "authenticator")


@open_page
def codes(request: HttpRequest, found: Found) -> HttpResponse:
    """Recovery codes: how many are left, and a new set."""
    if request.method == "POST":
        return acted(request, found, {"make": _make})
    context = {
        "may_have": bool(found.subject.factors & _DEVICES),
        "has": RecoveryCode.objects.filter(user=found.subject.user).aggregate(
            left=Count("pk", filter=Q(used_at=None)), all=Count("pk"), made=Min("created_at")
        ),
    }
    return show(request, found, "recovery-codes", context)


def _make(request: HttpRequest, found: Found) -> HttpResponse:
    if not found.subject.factors & _DEVICES:
        text = _("Recovery codes stand in for an authenticator app or a passkey: set one up first.")
        return refused(request, 403, _("Nothing was changed"), text)
    return _new_codes(request, found)


def _new_codes(request: HttpRequest, found: Found) -> HttpResponse:
    """A new set, in the answer itself: no address, cookie or table ever holds it in clear."""
    made = recovery_codes.new_codes()
    enrolment.replace_codes(found, made, browser.call(request).client())
    shown = [recovery_codes.grouped(code) for code in made]
    return show(request, found, "recovery-codes", {"codes": shown}, template="new_codes")


@signed_in_page
@require_POST
def codes_file(request: HttpRequest, found: Found) -> HttpResponse:
    """The codes of the page as a file: the form brings them back, for nobody else knows them."""
    listed = request.POST.get("codes", "").split()
    shaped = len(listed) <= recovery_codes.SET_SIZE and all(map(_CODE.fullmatch, listed))
    if not listed or not shaped:
        return back_to(request, "recovery-codes")
    who = f"{found.subject.tenant.name}: {found.subject.user.username}"
    lines = [_("Recovery codes"), who, "", *listed, "", _("Each works once.")]
    answer = HttpResponse("\r\n".join([*lines, ""]), content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="recovery-codes.txt"'
    return answer


@open_page
def mailed_codes(request: HttpRequest, found: Found) -> HttpResponse:
    """Codes by mail as a second factor: on or off."""
    if request.method == "POST":
        return acted(request, found, {"on": _mail_on, "off": _mail_off})
    context = {
        "is_on": Factor.EMAIL in found.subject.factors,
        "able": _mail_arrives(found),
        "may_remove": enrolment.may_remove(found, Factor.EMAIL),
    }
    return show(request, found, "mailed-codes", context)


def _mail_arrives(found: Found) -> bool:
    user = found.subject.user
    return notices.are_sent() and bool(user.email) and user.email_verified


def _mail_on(request: HttpRequest, found: Found) -> HttpResponse:
    if not _mail_arrives(found):
        text = _("Codes by mail need an e-mail address that you have confirmed.")
        return refused(request, 403, _("Nothing was changed"), text)
    enrolment.set_email_factor(found, browser.call(request).client(), on=True)
    messages.success(request, _("Sign-ins ask for a code by mail from now on."))
    return browser.step_up(found, back_to(request, "mailed-codes"))


def _mail_off(request: HttpRequest, found: Found) -> HttpResponse:
    try:
        enrolment.set_email_factor(found, browser.call(request).client(), on=False)
    except LastFactor:
        return demanded(request)
    messages.success(request, _("No sign-in asks for a code by mail any more."))
    return back_to(request, "mailed-codes")
