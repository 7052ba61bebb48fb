"""Passwords and tokens for programs: made by their owner, shown once, taken away."""

from __future__ import annotations

from datetime import timedelta

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.login import app_passwords, personal_tokens
from accounts.login.app_passwords import TooMany
from accounts.login.personal_tokens import NameTaken, TooManyTokens, UnknownToken
from accounts.login.profile import LoginProfile
from accounts.login.sessions import Found
from accounts.login.subject import make_identifier
from accounts.models import PersonalAccessToken
from accounts.web import browser
from accounts.web.account.forms import AppPasswordForm, TokenForm
from accounts.web.account.frame import (
    acted,
    back_to,
    chosen_id,
    form_page,
    missing,
    show,
    title_of,
)
from accounts.wire.registry import contracts

_ENOUGH = gettext_noop("You have as many as anybody may have. Remove one first.")


@form_page
def own_app_passwords(request: HttpRequest, found: Found) -> HttpResponse:
    """App passwords: a list, a new one, and the end of one."""
    if request.method == "POST":
        return acted(request, found, {"make": _make, "revoke": _revoke})
    return _passwords_page(request, found, AppPasswordForm(_taking(found)))


def _taking(found: Found) -> dict[str, str]:
    """The contracts that take app passwords, as far as the tenant serves them."""
    tenant = found.subject.tenant
    served = contracts().items()
    return {s: each.title for s, each in served if each.app_passwords and tenant.serves(s)}


def _passwords_page(
    request: HttpRequest, found: Found, form: AppPasswordForm, *, status: int = 200
) -> HttpResponse:
    rows = app_passwords.listed(found.subject.user, browser.call(request).now)
    held = [(row, title_of(row.contract) if row.contract else _("every service")) for row in rows]
    context = {"held": held, "form": form, "served": list(_taking(found).values())}
    return show(request, found, "app-passwords", context, status=status)


def _make(request: HttpRequest, found: Found) -> HttpResponse:
    form, client = AppPasswordForm(_taking(found), request.POST), browser.call(request).client()
    if not form.is_valid():
        return _passwords_page(request, found, form, status=400)
    data = form.cleaned_data
    end = client.now + timedelta(days=data["days"]) if data["days"] else None
    try:
        made = app_passwords.make(found, data["label"], data["contract"], client, expires_at=end)
    except TooMany:
        form.add_error(None, _(_ENOUGH))
        return _passwords_page(request, found, form, status=400)
    pairs = [
        (_("User name"), found.subject.user.username),
        (_("App password"), made.text),
    ]
    return _shown_once(request, found, "app-passwords", data["label"], pairs)


def _revoke(request: HttpRequest, found: Found) -> HttpResponse:
    chosen = chosen_id(request)
    if chosen is None or not app_passwords.revoke(found, chosen, browser.call(request).client()):
        return missing(request)
    messages.success(request, _("The app password was revoked, and what it had opened is ended."))
    return back_to(request, "app-passwords")


@form_page
def own_tokens(request: HttpRequest, found: Found) -> HttpResponse:
    """Personal access tokens: a list, a new one, another text for one, and the end of one."""
    if request.method == "POST":
        return acted(request, found, {"make": _make_token, "renew": _renew, "remove": _remove})
    return _tokens_page(request, found, TokenForm(_issuing(found)))


def _profiles(found: Found) -> dict[str, LoginProfile]:
    """The logins that have personal access tokens, as far as they are open to this account."""
    declared = {slug: each.personal_tokens for slug, each in contracts().items()}
    return {
        slug: profile
        for slug, profile in declared.items()
        if profile and found.subject.tenant.serves(slug) and not profile.bar(found.subject)
    }


def _issuing(found: Found) -> dict[str, str]:
    return {slug: title_of(slug) for slug in _profiles(found)}


def _tokens_page(
    request: HttpRequest, found: Found, form: TokenForm, *, status: int = 200
) -> HttpResponse:
    rows = personal_tokens.listed(found.subject.user, browser.call(request).now)
    held = [(row, title_of(row.session.contract)) for row in rows]
    context = {"held": held, "form": form, "served": _issuing(found)}
    return show(request, found, "personal-tokens", context, status=status)


def _make_token(request: HttpRequest, found: Found) -> HttpResponse:
    form = TokenForm(_issuing(found), request.POST)
    if not form.is_valid():
        return _tokens_page(request, found, form, status=400)
    data = form.cleaned_data
    profile = _profiles(found)[data["contract"]]
    try:
        text = personal_tokens.make(
            found,
            data["name"],
            profile,
            browser.call(request).client(),
            bypass_second_factor=data["bypass"],
        )
    except NameTaken:
        form.add_error("name", _("You have a token of this name."))
        return _tokens_page(request, found, form, status=400)
    except TooManyTokens:
        form.add_error(None, _(_ENOUGH))
        return _tokens_page(request, found, form, status=400)
    return _token_shown(request, found, data["name"], text, profile)


def _renew(request: HttpRequest, found: Found) -> HttpResponse:
    row = _chosen(request, found)
    profile = _profiles(found).get(row.session.contract) if row else None
    if row is None or profile is None:
        return missing(request)
    try:
        text = personal_tokens.renew(found, row.name, profile, browser.call(request).client())
    except UnknownToken:
        return missing(request)
    return _token_shown(request, found, row.name, text, profile)


def _remove(request: HttpRequest, found: Found) -> HttpResponse:
    row = _chosen(request, found)
    try:
        if row is None:
            return missing(request)
        personal_tokens.remove(found, row.name, browser.call(request).client())
    except UnknownToken:
        return missing(request)
    messages.success(request, _("The token was removed; it opens nothing any more."))
    return back_to(request, "personal-tokens")


def _chosen(request: HttpRequest, found: Found) -> PersonalAccessToken | None:
    chosen = chosen_id(request)
    rows = personal_tokens.listed(found.subject.user, browser.call(request).now)
    return next((row for row in rows if row.pk == chosen), None)


def _token_shown(
    request: HttpRequest, found: Found, name: str, text: str, profile: LoginProfile
) -> HttpResponse:
    pairs = [(_("Token"), text)]
    if profile.sector:
        # Its clients name the user beside the token.
        user = found.subject.user
        known = make_identifier(user, profile.sector, profile.new_identifier)
        pairs.insert(0, (_("User id"), known))
    return _shown_once(request, found, "personal-tokens", name, pairs)


def _shown_once(
    request: HttpRequest, found: Found, name: str, label: str, pairs: list[tuple[str, str]]
) -> HttpResponse:
    """The secret in the answer itself: no address, cookie or table ever holds it in clear."""
    return show(request, found, name, {"label": label, "pairs": pairs}, template="shown_once")
