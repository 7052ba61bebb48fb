"""Deeds: what an officer does to one row, always asked for first, always done by POST."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from accounts.console import act
from accounts.login import enrolment
from accounts.login.custody import Act
from accounts.web import browser
from accounts.web.pages import sign_in_again
from tenants.hashing import Overloaded

if TYPE_CHECKING:
    from accounts.admin.scope import ScopedAdmin

Refused = PermissionDenied


def _always(_obj: Any) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing to do. Where ``run`` returns secrets, ``shown`` is their page, seen once."""

    slug: str
    label: str
    # What will happen, in a sentence or two.
    effect: str
    # What has happened.
    done: str
    run: Callable[[Any, Act], list[str] | None]
    applies: Callable[[Any], bool] = _always
    # A reason is demanded, and kept in the audit row.
    wants_reason: bool = False
    # The officer has proved himself a short time ago, at his full level.
    wants_fresh: bool = False
    not_to_oneself: bool = False
    danger: bool = False
    # It has its button on a page of its own, not on the row's.
    aside: bool = False
    shown: Callable[[HttpRequest, Any, list[str], dict[str, Any]], HttpResponse] | None = None


class ReasonForm(forms.Form):
    """Why the officer does it."""

    required_css_class = "required"
    reason = forms.CharField(
        max_length=200,
        help_text="Kept in the audit trail. No secrets, please.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "class": "vTextField"}),
    )

    def __init__(self, *args: Any, required: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        reason = self.fields["reason"]
        reason.required = required
        reason.label = "Reason" if required else "Reason (optional)"


def deed_view(page: ScopedAdmin, request: HttpRequest, object_id: str, slug: str) -> HttpResponse:
    """Ask on GET, do on POST."""
    obj = page.get_object(request, unquote(object_id))
    if obj is None:
        raise Http404
    deed = next((each for each in page.open_deeds(request, obj) if each.slug == slug), None)
    if deed is None:
        raise Http404
    if deed.wants_fresh and not is_fresh(request):
        return sign_in_again(request)
    sent = request.POST if request.method == "POST" else None
    form = ReasonForm(sent, required=deed.wants_reason)
    back, whose = page.home(obj)
    context = {
        **page.admin_site.each_context(request),
        "title": deed.label,
        "subtitle": str(obj),
        "deed": deed,
        "object": obj,
        "opts": page.opts,
        "form": form,
        "back": back,
        "whose": whose,
    }
    if not form.is_valid():
        return render(request, "console/deed.html", context, status=400 if sent else 200)
    said = str(obj)
    try:
        secrets = deed.run(obj, act(request, form.cleaned_data["reason"]))
    except Overloaded:
        form.add_error(None, "The server is busy. Nothing was done; please try again.")
        return render(request, "console/deed.html", context, status=503)
    if secrets is not None and deed.shown is not None:
        return deed.shown(request, obj, secrets, context)
    messages.success(request, f"{said}: {deed.done}")
    return HttpResponseRedirect(back)


def is_fresh(request: HttpRequest) -> bool:
    """Whether the officer has proved himself a short time ago, at his full level."""
    found = browser.signed_in(request)
    return found is not None and enrolment.is_fresh(found, browser.call(request).now)
