"""Passkeys in the browser: the steps of a sign-in, and the page where a user keeps his own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import wraps
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.login import passkey_enrolment, passkey_login
from accounts.login.attempt import Attempt, ChallengeToken, PasskeyAssertion
from accounts.login.enrolment import LastFactor
from accounts.login.outcome import LoginRefused, Reason
from accounts.login.passkey_enrolment import NotFresh, TooMany
from accounts.login.pipeline import Outcome, authenticate
from accounts.login.profile import LoginProfile
from accounts.login.sessions import Found
from accounts.web import browser
from accounts.web.account.frame import demanded, form_page, show
from accounts.web.pages import Places, View
from accounts.wire.call import Call
from accounts.wire.contract import Faulted
from mfa import passkeys, relying_parties

# An answer has one or two thousand characters.
_LONGEST = 32768
_LONGEST_QUESTION = 1024
# What is wrong with a passkey is told in one sentence; the audit trail has the details.
_UNFIT = gettext_lazy("This passkey cannot be used here. Please try again, or sign in another way.")
_COPIED = gettext_lazy(
    "This passkey was refused: a copy of it may be in use. Please sign in another way."
)


class AloneForm(forms.Form):
    """What the browser has signed, without a password before it."""

    passkey = forms.CharField(max_length=_LONGEST, strip=False, widget=forms.HiddenInput)


class SecondForm(AloneForm):
    """The same as the second step of a login."""

    challenge = forms.CharField(max_length=200, widget=forms.HiddenInput)


class NameForm(forms.Form):
    """What the owner calls a passkey."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=passkeys.NAME_LENGTH,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class AddForm(AloneForm, NameForm):
    """A new passkey with its name."""

    field_order = ["name", "passkey"]


class ChangeForm(NameForm):
    """Which of his passkeys a user renames or removes."""

    id = forms.UUIDField()


def may_begin(call: Call) -> bool:
    """Whether a sign-in can begin with a passkey at the host that was called."""
    return relying_parties.at(call.hint.host) is not None


def alone(data: Mapping[str, Any], call: Call, profile: LoginProfile) -> Outcome:
    """Sign in with a passkey and nothing else. Raises LoginRefused."""
    client = call.client(nonce=bound_to(call.request))
    return _judged(Attempt((PasskeyAssertion(data["passkey"]),), call.hint, client), profile)


def second(data: Mapping[str, Any], call: Call, profile: LoginProfile) -> Outcome:
    """The second step of a login. Raises LoginRefused."""
    presented = (ChallengeToken(data["challenge"]), PasskeyAssertion(data["passkey"]))
    return _judged(Attempt(presented, call.hint, call.client()), profile)


def _judged(attempt: Attempt, profile: LoginProfile) -> Outcome:
    told = {
        Reason.UNKNOWN_SUBJECT: _UNFIT,
        Reason.WRONG_CODE: _UNFIT,
        Reason.SPENT_CODE: _COPIED,
        Reason.FACTOR_UNSUPPORTED: _UNFIT,
    }
    try:
        return authenticate(attempt, profile)
    except LoginRefused as refused:
        if refused.reason not in told:
            raise
        detail = {**refused.detail, "objection": told[refused.reason]}
        raise LoginRefused(refused.reason, **detail) from refused


def bound_to(request: HttpRequest) -> str:
    """The random value of this browser: its CSRF cookie, which no script reads."""
    return str(request.META.get("CSRF_COOKIE", ""))


def _answers_json(view: Any) -> View:
    """A view for our own script: JSON in, JSON out; the middleware has checked the CSRF token."""

    @never_cache
    @require_http_methods(["POST"])
    @wraps(view)
    def answered(request: HttpRequest, tenant_slug: str = "") -> HttpResponse:
        del tenant_slug
        if request.content_type != "application/json":
            return JsonResponse({"error": "application/json is expected"}, status=415)
        try:
            options = view(request, _question(request))
        except (ValueError, RecursionError, Faulted):
            return JsonResponse({"error": "malformed"}, status=400)
        except (NotFresh, TooMany):
            return JsonResponse({"error": "not now"}, status=403)
        if options is None:
            return JsonResponse({"error": "no passkey here"}, status=404)
        return JsonResponse(options)

    return answered


def _question(request: HttpRequest) -> dict[str, Any]:
    if len(request.body) > _LONGEST_QUESTION:
        raise ValueError("too long")
    question = json.loads(request.body)
    if not isinstance(question, dict):
        raise ValueError("not an object")  # noqa: TRY004  # malformed like the rest
    return question


@_answers_json
def sign_in_options(request: HttpRequest, question: dict[str, Any]) -> dict[str, Any] | None:
    """What the sign-in page asks the browser for: of anybody, or of whose login goes on."""
    call = browser.call(request)
    token = question.get("challenge", "")
    if not isinstance(token, str):
        raise ValueError("no token")  # noqa: TRY004  # malformed like the rest
    if token:
        return passkey_login.step_options(token, call.hint.host, call.client())
    return passkey_login.options(call.hint.host, call.client(), bound_to(request))


@_answers_json
def creation_options(request: HttpRequest, question: dict[str, Any]) -> dict[str, Any] | None:
    """What the account page asks the browser for."""
    del question
    found = browser.signed_in(request)
    if found is None:
        raise NotFresh
    call = browser.call(request)
    return passkey_enrolment.options(found, call.hint.host, call.client())


@form_page
def own_passkeys(request: HttpRequest, found: Found) -> HttpResponse:
    """A user's passkeys: add, rename, remove. Without a fresh sign-in nothing is shown."""
    if request.method == "POST":
        act = _ACTS.get(request.POST.get("act", ""))
        try:
            said = act(request, found) if act else None
        except LastFactor:
            return demanded(request)
        if said is None:
            messages.error(request, _("Nothing was changed. Please try again."))
        else:
            messages.success(request, said)
        answer = HttpResponseRedirect(Places(request)["passkeys"])
        return browser.step_up(found, answer) if said and act is _add else answer
    call = browser.call(request)
    rp = relying_parties.at(call.hint.host)
    held = passkeys.of(found.subject.user.pk)
    context = {
        "title": _("Your passkeys"),
        "held": held,
        "site": rp.id if rp else "",
        "elsewhere": "" if rp else _elsewhere(request),
        "may_add": rp is not None and len(held) < passkeys.MOST,
        "form": AddForm(),
    }
    return show(request, found, "passkeys", context)


def _elsewhere(request: HttpRequest) -> str:
    """This page at the address that passkeys can be made for."""
    own = relying_parties.own()
    return f"{own.origin}{request.path}" if own else ""


def _add(request: HttpRequest, found: Found) -> str | None:
    form, call = AddForm(request.POST), browser.call(request)
    if not form.is_valid():
        return None
    data = form.cleaned_data
    try:
        added = passkey_enrolment.add(
            found, data["passkey"], data["name"], call.hint.host, call.client()
        )
    except (LoginRefused, TooMany):
        return None
    return _("The passkey “%(name)s” was added.") % {"name": added.name}


def _rename(request: HttpRequest, found: Found) -> str | None:
    chosen = _chosen(request)
    if chosen is None or not passkey_enrolment.rename(found, *chosen):
        return None
    return _("The passkey has its new name.")


def _remove(request: HttpRequest, found: Found) -> str | None:
    chosen = _chosen(request)
    client = browser.call(request).client()
    if chosen is None or not passkey_enrolment.remove(found, chosen[0], client):
        return None
    return _("The passkey was removed.")


def _chosen(request: HttpRequest) -> tuple[UUID, str] | None:
    form = ChangeForm(request.POST)
    return (form.cleaned_data["id"], form.cleaned_data["name"]) if form.is_valid() else None


_ACTS = {"add": _add, "rename": _rename, "remove": _remove}
