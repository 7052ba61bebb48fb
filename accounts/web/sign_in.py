"""Signing in to the console and out of it: pages over the one gate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import rotate_token
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts.login import sessions
from accounts.login.attempt import (
    Attempt,
    ChallengeToken,
    Identifier,
    NameForm,
    NewPassword,
    OneTimePassword,
    Password,
    RecoveryCodeInput,
)
from accounts.login.outcome import Authenticated, ChallengeRequired, LoginRefused
from accounts.login.pipeline import authenticate
from accounts.web import browser
from accounts.web.forms import CodeForm, CredentialsForm, NewPasswordForm
from accounts.web.profile import CONSOLE, cookie, cookie_name, secure
from accounts.web.wording import Words, words
from accounts.wire import cookies
from accounts.wire.call import Call
from mfa.models import Challenge
from mfa.totp import is_code

_TITLES = {
    CredentialsForm: "Sign in",
    CodeForm: "Your second factor",
    NewPasswordForm: "Choose a new password",
}
# Each page of the sign-in says which one it is; the core decides what its challenge is good for.
_FORMS: Mapping[str, type[forms.Form]] = {
    "": CredentialsForm,
    Challenge.Step.SECOND_FACTOR: CodeForm,
    Challenge.Step.NEW_PASSWORD: NewPasswordForm,
}


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """The sign-in page and its later steps."""
    if request.method == "POST":
        return _continued(request)
    if browser.signed_in(request) is not None and "again" not in request.GET:
        return HttpResponseRedirect(_destination(request))
    tenant = request.GET.get("tenant", "")
    return _page(request, CredentialsForm(initial={"tenant": tenant}))


@never_cache
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Ends the session, not only the cookie."""
    found = browser.signed_in(request)
    if found is not None:
        sessions.end(found.session, "signed out", browser.call(request).client())
    answer = HttpResponseRedirect(reverse("admin:login"))
    cookies.clear(answer, cookie_name(), secure=secure())
    return answer


def sign_in_again(request: HttpRequest) -> HttpResponse:
    """Back to the sign-in page, and from there to this page: the step wants a fresh proof."""
    query = urlencode({"again": "1", "next": request.get_full_path()})
    return HttpResponseRedirect(f"{reverse('admin:login')}?{query}")


def _continued(request: HttpRequest) -> HttpResponse:
    form = _FORMS.get(request.POST.get("step", ""), CredentialsForm)(request.POST)
    if not form.is_valid():
        return _page(request, form, status=400)
    call = browser.call(request)
    try:
        outcome = authenticate(_ATTEMPTS[type(form)](form.cleaned_data, call), CONSOLE)
    except LoginRefused as refused:
        return _refused(request, form, refused)
    if isinstance(outcome, ChallengeRequired):
        return _page(request, _FORMS[outcome.step](initial={"challenge": outcome.token}))
    return _entered(request, outcome)


def _credentials(data: dict[str, Any], call: Call) -> Attempt:
    hint = replace(call.hint, name=data["tenant"] or None)
    identifier = Identifier(NameForm.EITHER, data["identifier"])
    return Attempt((Password(data["password"]),), hint, call.client(), identifier)


def _code(data: dict[str, Any], call: Call) -> Attempt:
    text = data["code"].strip()
    digits = text.replace(" ", "")
    code = OneTimePassword(digits) if is_code(digits) else RecoveryCodeInput(text)
    return Attempt((ChallengeToken(data["challenge"]), code), call.hint, call.client())


def _new_password(data: dict[str, Any], call: Call) -> Attempt:
    chosen = NewPassword(data["new_password"])
    return Attempt((ChallengeToken(data["challenge"]), chosen), call.hint, call.client())


_ATTEMPTS: Mapping[type[forms.Form], Callable[[dict[str, Any], Call], Attempt]] = {
    CredentialsForm: _credentials,
    CodeForm: _code,
    NewPasswordForm: _new_password,
}


def _entered(request: HttpRequest, outcome: Authenticated) -> HttpResponse:
    earlier = browser.signed_in(request)
    if earlier is not None:
        sessions.end(earlier.session, "signed in again", browser.call(request).client())
    rotate_token(request)
    answer = HttpResponseRedirect(_destination(request))
    cookies.put(answer, cookie(outcome.tokens.access, outcome.session))
    return answer


def _refused(request: HttpRequest, form: forms.Form, refused: LoginRefused) -> HttpResponse:
    said = words(refused)
    if said.starts_over and not isinstance(form, CredentialsForm):
        form = CredentialsForm()
    answer = _page(request, form, said, status=said.status)
    if wait := refused.detail.get("retry_after"):
        answer["Retry-After"] = str(max(1, int(wait.total_seconds())))
    return answer


def _page(
    request: HttpRequest, form: forms.Form, said: Words | None = None, *, status: int = 200
) -> HttpResponse:
    tenant = request.POST.get("tenant") or request.GET.get("tenant", "")
    context = {
        "form": form,
        "title": _TITLES[type(form)],
        "step": next(step for step, kind in _FORMS.items() if kind is type(form)),
        "said": said,
        "next": _destination(request),
        "asks_tenant": bool(tenant) and isinstance(form, CredentialsForm),
        "again": "again" in request.GET,
    }
    return render(request, "web/sign_in.html", context, status=status)


def _destination(request: HttpRequest) -> str:
    """Where to go afterwards: a page of the console, wherever else ``next`` may point to."""
    index = reverse("admin:index")
    wanted = request.POST.get("next") or request.GET.get("next", "")
    local = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    inside = wanted.startswith(index) and not wanted.startswith(
        (reverse("admin:login"), reverse("admin:logout"))
    )
    return wanted if local and inside else index
