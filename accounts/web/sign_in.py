"""Signing in and out: pages over the one gate."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import rotate_token
from django.utils.translation import get_language, gettext
from django.views.decorators.http import require_http_methods, require_POST

from accounts.login import mailed_codes, sessions
from accounts.login.outcome import Authenticated, ChallengeRequired, Factor, LoginRefused, Reason
from accounts.login.pipeline import Outcome
from accounts.login.profile import LoginProfile
from accounts.web import browser, language, set_up
from accounts.web.destinations import page_within
from accounts.web.federation import upstream
from accounts.web.forms import CredentialsForm, blamed
from accounts.web.pages import Places, page, render
from accounts.web.profile import BROWSER, KEPT, cookie, cookie_name, may_keep, secure
from accounts.web.steps import STEPS, Step, challenged, is_mailed, offered
from accounts.web.wording import Words, words
from accounts.wire import cookies
from mfa.models import Challenge
from tenants.hashing import Overloaded
from tenants.resolve import directory


@dataclass(frozen=True, slots=True)
class _Way:
    """A form on its page."""

    name: str
    step: Step
    form: forms.Form

    @property
    def button(self) -> str:
        return gettext(self.step.button)


@page
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """The sign-in page and its later steps."""
    if request.method == "POST":
        return _continued(request)
    found = browser.signed_in(request)
    if found is not None and "again" not in request.GET:
        return HttpResponseRedirect(destination(request))
    initial = {"tenant": request.GET.get("tenant", "")}
    if found is not None:
        initial["identifier"] = found.subject.user.email or found.subject.user.username
    return _page(request, "", CredentialsForm(initial=initial))


@page
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Ends the session, not only the cookie."""
    found = browser.signed_in(request)
    if found is not None:
        sessions.end(found.session, "signed out", browser.call(request).client())
    answer = HttpResponseRedirect(Places(request)["sign_in"])
    cookies.clear(answer, cookie_name(), secure=secure())
    return answer


def enter(request: HttpRequest, outcome: Authenticated, answer: HttpResponse) -> HttpResponse:
    """Give the browser its new session with ``answer``; the one that it had ends."""
    earlier = browser.signed_in(request)
    if earlier is not None:
        sessions.end(earlier.session, "signed in again", browser.call(request).client())
    rotate_token(request)
    language.learn(outcome.subject.user, get_language())
    cookies.put(answer, cookie(outcome.tokens.access, outcome.session))
    return answer


def destination(request: HttpRequest) -> str:
    """Where to go afterwards: the page that was asked for, if it is one of ours, or the account."""
    wanted = request.POST.get("next") or request.GET.get("next", "")
    return page_within(wanted) or Places(request)["account"]


def go_on(request: HttpRequest, outcome: Outcome) -> HttpResponse:
    """What follows from a verdict of the gate: the next page, or the session."""
    if isinstance(outcome, ChallengeRequired):
        return _next(request, outcome)
    if request.POST.get("step") == Challenge.Step.BIND_FACTOR:
        return enter(request, outcome, set_up.done(request, outcome, destination(request)))
    return enter(request, outcome, HttpResponseRedirect(destination(request)))


def _continued(request: HttpRequest) -> HttpResponse:
    name = request.POST.get("step", "")
    name = name if name in STEPS else ""
    step = STEPS[name]
    form = step.form(request.POST)
    factors = _factors(request)
    try:
        if "resend" in request.POST and name:
            return _mailed_again(request, name, factors)
        if not form.is_valid():
            return _page(request, name, form, factors=factors, status=400)
        return go_on(
            request, step.take(form.cleaned_data, browser.call(request), _profile(request))
        )
    except LoginRefused as refusal:
        return _refused(request, name, form, factors, refusal)


def _profile(request: HttpRequest) -> LoginProfile:
    return KEPT if request.POST.get("keep") else BROWSER


def _factors(request: HttpRequest) -> frozenset[Factor]:
    """What the page before offered. It decides what is shown, never what is taken."""
    named = request.POST.get("factors", "").split(",")
    return frozenset(factor for factor in Factor if factor in named)


def _shortest(request: HttpRequest) -> int:
    """How long the page before said that a password must be. For the eye alone, too."""
    named = request.POST.get("shortest", "")
    return int(named) if re.fullmatch("[0-9]{1,3}", named) else 0


def _next(request: HttpRequest, outcome: ChallengeRequired) -> HttpResponse:
    name = offered(outcome.step, outcome.factors)[0]
    token = outcome.token
    if outcome.step == Challenge.Step.BIND_FACTOR:
        token = set_up.begin(request, token)
    if is_mailed(outcome.factors):
        try:
            mailed_codes.ensure_sent(outcome.subject, browser.call(request).now)
        except Overloaded as error:
            raise LoginRefused(Reason.OVERLOADED) from error
    form = STEPS[name].form(initial={"challenge": token})
    shortest = outcome.subject.tenant.policy.password_min_length
    return _page(request, name, form, factors=outcome.factors, shortest=shortest)


def _mailed_again(request: HttpRequest, name: str, factors: frozenset[Factor]) -> HttpResponse:
    token = request.POST.get("challenge", "")
    try:
        mailed_codes.send_again(challenged({"challenge": token}, browser.call(request)), BROWSER)
    except Overloaded as error:
        raise LoginRefused(Reason.OVERLOADED) from error
    form = STEPS[name].form(initial={"challenge": token})
    return _page(request, name, form, factors=factors, sent_again=True)


def _refused(
    request: HttpRequest,
    name: str,
    form: forms.Form,
    factors: frozenset[Factor],
    refusal: LoginRefused,
) -> HttpResponse:
    said = words(refusal)
    if name and (said.starts_over or not STEPS[name].answers):
        name, form = "", CredentialsForm()
    elif name:
        # A code that is wrong is no beginning of the next one.
        form = STEPS[name].form(initial={"challenge": form["challenge"].value()})
        said = replace(said, beside=blamed(form))
    try:
        answer = _page(request, name, form, factors=factors, said=said, status=said.status)
    except LoginRefused as over:
        # The last try was used up: the page has no secret to show any more.
        said = words(over)
        answer = _page(request, "", CredentialsForm(), said=said, status=said.status)
    if wait := refusal.detail.get("retry_after"):
        answer["Retry-After"] = str(max(1, int(wait.total_seconds())))
    return answer


def _page(
    request: HttpRequest,
    name: str,
    form: forms.Form,
    *,
    factors: frozenset[Factor] = frozenset(),
    said: Words | None = None,
    sent_again: bool = False,
    shortest: int = 0,
    status: int = 200,
) -> HttpResponse:
    call = browser.call(request)
    step = STEPS[name]
    # A challenge goes on over whichever of the forms is sent first.
    token = (form["challenge"].value() or "") if step.answers else ""
    others = [each for each in offered(step.answers, factors) if each != name]
    ways = [
        _Way(each, STEPS[each], STEPS[each].form(initial={"challenge": token}))
        for each in others
        if STEPS[each].fits(call)
    ]
    tenant = request.POST.get("tenant") or request.GET.get("tenant", "")
    context = {
        "title": gettext(step.title),
        "ways": [_Way(name, step, form), *ways],
        "begins": not step.answers,
        "said": said,
        "sent_again": sent_again,
        "next": destination(request),
        "keep": "1" if request.POST.get("keep") else "",
        "may_keep": may_keep(call.tenant),
        "factors": ",".join(sorted(factors)),
        "mailed": is_mailed(factors),
        "asks_tenant": not name and (bool(tenant) or "organization" in request.GET),
        "may_ask_tenant": call.addressed is None and len(directory().by_id) > 1,
        "again": "again" in request.GET,
        "upstream": upstream(request, call.tenant) if not name else [],
        "shortest": shortest or _shortest(request),
        "set_up": set_up.shown(request, token) if name == Challenge.Step.BIND_FACTOR else None,
    }
    return render(request, "web/sign_in.html", context, status=status)
