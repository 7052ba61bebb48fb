"""The trusted issuer of a workload: whose tokens stand for it, and whether they can be checked."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from accounts.admin import connections
from accounts.admin.connections import Finding
from accounts.admin.deeds import ReasonForm, is_fresh
from accounts.audit import Event
from accounts.console import act
from accounts.login import custody
from accounts.login.workload_trust import Untrustworthy, WorkloadTrust, trust_of
from accounts.models import User
from accounts.web.pages import sign_in_again

if TYPE_CHECKING:
    from accounts.admin.scope import ScopedAdmin

_PROVIDERS = (("GITHUB", "GitHub"), ("GITLAB", "GitLab"), ("", "Other"))
_GITHUB = "https://token.actions.githubusercontent.com"
_GITLAB = "https://gitlab.com"


@dataclass(frozen=True, slots=True)
class Preset:
    """What one usually fills in. Words in capitals stand for one's own names."""

    slug: str
    title: str
    provider: str
    issuer: str
    subject: str


PRESETS = (
    Preset("GITHUB", "GitHub, a repository", "GITHUB", _GITHUB, "repo:OWNER/REPO:*"),
    Preset(
        "GITHUB_BRANCH",
        "GitHub, one branch",
        "GITHUB",
        _GITHUB,
        "repo:OWNER/REPO:ref:refs/heads/BRANCH",
    ),
    Preset("GITLAB", "GitLab, a project", "GITLAB", _GITLAB, "project_path:GROUP/PROJECT:*"),
    Preset(
        "GITLAB_BRANCH",
        "GitLab, one branch",
        "GITLAB",
        _GITLAB,
        "project_path:GROUP/PROJECT:ref_type:branch:ref:BRANCH",
    ),
    Preset(
        "KUBERNETES",
        "Kubernetes, a service account",
        "",
        "",
        "system:serviceaccount:NAMESPACE:NAME",
    ),
)
# Somebody else may bear the name that a preset has only as an example.
_EXAMPLES = frozenset(re.findall(r"\b[A-Z]{2,}\b", " ".join(each.subject for each in PRESETS)))
# Whoever has an account there gets tokens of these issuers.
_SHARED = frozenset({_GITHUB, _GITLAB})
_FIRST = ("repo:", "project_path:")


class TrustForm(ReasonForm):
    """Issuer, audiences and subject, judged as the contract's own calls judge them."""

    provider = forms.ChoiceField(
        choices=_PROVIDERS, required=False, help_text="Who runs the issuer; decides nothing."
    )
    issuer = forms.CharField(
        label="Issuer URL",
        max_length=512,
        help_text="The very text that the tokens name as iss. Its discovery document and keys "
        "must be readable from here.",
        widget=forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off"}),
    )
    audiences = forms.CharField(
        label="Allowed audiences",
        required=False,
        max_length=20_000,
        help_text="One a line; a token must name one of them as aud. Empty: any audience.",
        widget=forms.Textarea(attrs={"rows": 4, "class": "vLargeTextField"}),
    )
    subject = forms.CharField(
        label="Subject pattern",
        required=False,
        max_length=512,
        help_text="Whose tokens: the very text of sub, or its beginning with a star at the end. "
        "Empty: every subject of this issuer.",
        widget=forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off"}),
    )
    field_order = ("provider", "issuer", "audiences", "subject", "reason")

    def trust(self) -> WorkloadTrust:
        """What was filled in."""
        data = self.cleaned_data
        lines = (line.strip() for line in data["audiences"].splitlines())
        audiences = tuple(filter(None, lines))
        return WorkloadTrust(data["issuer"], audiences, data["subject"], data["provider"])

    def clean(self) -> dict[str, Any] | None:
        """Objections stand at the field that they are about."""
        data = super().clean() or self.cleaned_data
        if self.errors:
            return data
        trust = self.trust()
        try:
            trust.check()
        except Untrustworthy as error:
            self.add_error(error.part, f"{str(error).capitalize()}.")
            return data
        if examples := _EXAMPLES.intersection(re.split("[:/*]", trust.subject)):
            text = f"Put your own names in place of {', '.join(sorted(examples))}."
            self.add_error("subject", text)
        elif is_open(trust):
            text = "Anybody can get such a token of this issuer: name an owner, up to the slash."
            self.add_error("subject", text)
        return data


def is_open(trust: WorkloadTrust) -> bool:
    """Whether strangers get tokens that fit: the issuer serves everybody, no owner is named.

    Up to a slash the name of an owner is only the beginning of one.
    """
    fixed = trust.subject.removesuffix("*")
    if trust.issuer.rstrip("/") not in _SHARED or (trust.subject and fixed == trust.subject):
        return False
    begun = any(first.startswith(fixed) for first in _FIRST)
    return begun or (fixed.startswith(_FIRST) and "/" not in fixed)


def address_of_trust(user: User) -> str:
    """The page about an account's trusted issuer."""
    return reverse("admin:accounts_user_trust", args=(user.pk,))


def address_of_test(user: User) -> str:
    """The page that tests it."""
    return reverse("admin:accounts_user_trust_test", args=(user.pk,))


def trust_page(page: ScopedAdmin, request: HttpRequest, object_id: str) -> HttpResponse:
    """The form: as it is, or as a preset has it. Done by POST, in a fresh sign-in."""
    user = _workload(page, request, object_id)
    if not is_fresh(request):
        return sign_in_again(request)
    sent = request.POST if request.method == "POST" else None
    form = TrustForm(sent, required=True, initial=_initial(request, user))
    if form.is_valid():
        return _changed(request, user, form)
    context = {
        **_context(page, request, user, "Trusted issuer"),
        "form": form,
        "presets": PRESETS,
        "trust": trust_of(user),
    }
    return render(request, "console/workload.html", context, status=400 if sent else 200)


def trial_page(page: ScopedAdmin, request: HttpRequest, object_id: str) -> HttpResponse:
    """Say on GET what will be asked, ask on POST."""
    user = _workload(page, request, object_id)
    trust = trust_of(user)
    if trust is None:
        raise Http404
    if not is_fresh(request):
        return sign_in_again(request)
    context = _context(page, request, user, "Test trusted issuer")
    if request.method == "POST":
        context["findings"] = findings = examine(trust)
        wrong = [each.what for each in findings if not each.good]
        facts = [("issuer", trust.issuer), *((("wrong", ", ".join(wrong)),) if wrong else ())]
        act(request).row(
            Event.PROVIDER_TESTED,
            tenant_id=user.tenant_id,
            user_id=user.pk,
            reason="failed" if wrong else "good",
            facts=facts,
        ).save(force_insert=True)
    return render(request, "console/provider_test.html", context)


def examine(trust: WorkloadTrust) -> list[Finding]:
    """Ask the issuer for what checking a token needs, and judge what is stored."""
    findings = connections.examine_issuer(trust.issuer)
    if is_open(trust):
        said = "Anybody can get such a token of this issuer."
        findings.append(Finding("Subject", good=False, said=said))
    return findings


PAGES: tuple[tuple[str, Callable[..., HttpResponse], str], ...] = (
    ("trusted-issuer", trust_page, "trust"),
    ("trusted-issuer/test", trial_page, "trust_test"),
)
"""Address below the account's, view, and name of each page."""


def _changed(request: HttpRequest, user: User, form: TrustForm) -> HttpResponse:
    trust = form.trust()
    if trust == trust_of(user):
        messages.info(request, f"{user}: nothing was changed")
    else:
        custody.trust(user, trust, act(request, form.cleaned_data["reason"]))
        messages.success(request, f"{user}: trusted issuer changed; all sessions ended")
    return HttpResponseRedirect(reverse("admin:accounts_user_change", args=(user.pk,)))


def _initial(request: HttpRequest, user: User) -> dict[str, str]:
    trust = trust_of(user) or WorkloadTrust()
    initial = {**asdict(trust), "audiences": "\n".join(trust.audiences)}
    chosen = request.GET.get("preset", "")
    for preset in PRESETS:
        if preset.slug == chosen:
            names = ("provider", "issuer", "subject")
            initial.update({name: getattr(preset, name) for name in names})
    return initial


def _workload(page: ScopedAdmin, request: HttpRequest, object_id: str) -> User:
    user = page.get_object(request, object_id)
    if not isinstance(user, User) or user.kind != User.Kind.WORKLOAD:
        raise Http404
    if not page.touchable(request, user):
        raise Http404
    return user


def _context(page: ScopedAdmin, request: HttpRequest, user: User, title: str) -> dict[str, Any]:
    return {
        **page.admin_site.each_context(request),
        "title": title,
        "subtitle": str(user),
        "opts": page.opts,
        "object": user,
        "back": page.home(user)[0],
    }
