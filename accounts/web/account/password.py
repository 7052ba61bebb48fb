"""Another password, for whoever knows the present one."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from accounts.login import password_change, passwords
from accounts.login.attempt import Password
from accounts.login.outcome import LoginRefused, Reason
from accounts.login.sessions import Found
from accounts.web import browser
from accounts.web.account.forms import PasswordForm
from accounts.web.account.frame import back_to, form_page, show, waiting
from accounts.web.profile import BROWSER
from accounts.web.wording import Words, words
from tenants.hashing import Overloaded


@form_page
def own_password(request: HttpRequest, found: Found) -> HttpResponse:
    """Change the password; every other session ends."""
    if not passwords.is_hashed(found.subject.user.password):
        return show(request, found, "own-password", template="no_password")
    if request.method != "POST":
        return _page(request, found, PasswordForm())
    form = PasswordForm(request.POST)
    refusal = _judged(request, found, form)
    if refusal is not None:
        return waiting(_page(request, found, form, words(refusal)), refusal)
    if form.errors:
        return _page(request, found, form)
    messages.success(request, _("Your password is changed. You are signed out everywhere else."))
    return back_to(request, "account")


def _judged(request: HttpRequest, found: Found, form: PasswordForm) -> LoginRefused | None:
    """Change the password; else the form has its errors, or the refusal comes back."""
    try:
        if form.is_valid():
            _change(request, found, form)
    except LoginRefused as refusal:
        if refusal.reason is not Reason.PASSWORD_REJECTED:
            return refusal
        form.add_error("new_password", str(refusal.detail["objection"]))
    except Overloaded:
        return LoginRefused(Reason.OVERLOADED)
    return None


def _change(request: HttpRequest, found: Found, form: PasswordForm) -> None:
    """The present password is asked first: no rule about the new one is an oracle for it."""
    data, client = form.cleaned_data, browser.call(request).client()
    if not password_change.prove(found, Password(data["current"]), BROWSER, client):
        form.add_error("current", _("This is not your present password."))
        return
    encoded = password_change.prepare(found.subject, data["new_password"])
    if not password_change.change(found, encoded, client):
        form.add_error(None, _("Your account was changed a moment ago. Please try again."))


def _page(
    request: HttpRequest,
    found: Found,
    form: PasswordForm,
    said: Words | None = None,
) -> HttpResponse:
    shortest = found.subject.tenant.policy.password_min_length
    context = {"form": form, "said": said, "shortest": shortest}
    status = 400 if form.errors else 200
    status = said.status if said else status
    return show(request, found, "own-password", context, status=status)
