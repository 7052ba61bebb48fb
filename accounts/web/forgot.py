"""A forgotten password, and the first one of somebody invited: a link by mail leads here."""

from __future__ import annotations

from dataclasses import replace

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.login import password_links
from accounts.login.outcome import LoginRefused, Reason
from accounts.login.password_links import Kind, Link
from accounts.web import browser
from accounts.web.forms import ChosenPasswordForm, ForgottenForm, blamed
from accounts.web.pages import page, render
from accounts.web.wording import Words, words
from tenants.hashing import Overloaded


@page
@require_http_methods(["GET", "HEAD", "POST"])
def forgot(request: HttpRequest) -> HttpResponse:
    """Ask for a link. The answer is the same for every name."""
    if request.method != "POST":
        return _asked(request, ForgottenForm())
    form = ForgottenForm(request.POST)
    if not form.is_valid():
        return _asked(request, form, status=400)
    call = browser.call(request)
    try:
        password_links.ask(form.cleaned_data["identifier"], call.hint, call.client())
    except LoginRefused as refusal:
        return _waiting(_asked(request, form, words(refusal)), refusal)
    except Overloaded:
        return _asked(request, form, words(LoginRefused(Reason.OVERLOADED)))
    return render(request, "web/forgot_sent.html", {"title": _("Look into your mail")})


@page
@require_http_methods(["GET", "HEAD", "POST"])
def password(request: HttpRequest, token: str) -> HttpResponse:
    """Choose a password by a link. Looking does not use it up: mail scanners look at links."""
    answer = _by_link(request, token)
    # The address is a secret: what is opened from here learns the host at most. Under
    # "no-referrer" browsers would send the form itself with "Origin: null", which CSRF refuses.
    answer["Referrer-Policy"] = "strict-origin"
    return answer


def _by_link(request: HttpRequest, token: str) -> HttpResponse:
    call = browser.call(request)
    link = password_links.find(token, call.client(), call.addressed)
    if link is None:
        return _over(request)
    if request.method != "POST":
        return _chosen(request, link, ChosenPasswordForm())
    form = ChosenPasswordForm(request.POST)
    if not form.is_valid():
        return _chosen(request, link, form, status=400)
    try:
        password_links.redeem(link, form.cleaned_data["new_password"], call.client())
    except LoginRefused as refusal:
        rejected = refusal.reason is Reason.PASSWORD_REJECTED
        return _chosen(request, link, form, words(refusal)) if rejected else _over(request)
    except Overloaded:
        return _chosen(request, link, form, words(LoginRefused(Reason.OVERLOADED)))
    return render(request, "web/password_done.html", {"title": _("Your password is set")})


def _asked(
    request: HttpRequest, form: ForgottenForm, said: Words | None = None, *, status: int = 200
) -> HttpResponse:
    context = {"title": _("Forgot your password?"), "form": form, "said": said}
    return render(request, "web/forgot.html", context, status=said.status if said else status)


def _chosen(
    request: HttpRequest,
    link: Link,
    form: ChosenPasswordForm,
    said: Words | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    if said and not said.starts_over:
        said = replace(said, beside=blamed(form, "new_password"))
    invited = link.kind is Kind.INVITATION
    context = {
        "title": _("Choose your password") if invited else _("Choose a new password"),
        "form": form,
        "said": said,
        "who": link.subject.user.username,
        "shortest": link.subject.tenant.policy.password_min_length,
    }
    return render(request, "web/password.html", context, status=said.status if said else status)


def _over(request: HttpRequest) -> HttpResponse:
    text = _("It was used before, or it is too old. You can ask for another one.")
    context = {"title": _("This link does not work any more"), "text": text, "ask_again": True}
    return render(request, "web/refused.html", context, status=410)


def _waiting(answer: HttpResponse, refusal: LoginRefused) -> HttpResponse:
    if wait := refusal.detail.get("retry_after"):
        answer["Retry-After"] = str(max(1, int(wait.total_seconds())))
    return answer
