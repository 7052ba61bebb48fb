"""A user's sessions over every contract, his links to other providers, and what happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.login import own_links, sessions
from accounts.login.own_links import LastWay
from accounts.login.sessions import Found
from accounts.models import ExternalAccount, LoginEvent, Session, User
from accounts.web import browser
from accounts.web.account import agents, told
from accounts.web.account.frame import (
    acted,
    back_to,
    chosen_id,
    form_page,
    missing,
    open_page,
    show,
    title_of,
)
from accounts.web.pages import Places, refused, signed_in_page
from accounts.web.profile import BROWSER
from tenants.federation import providers
from tenants.federation.settings import Kind
from tenants.policy import TenantRecord

# More than a page can be read; "end all others" ends the rest as well.
_MOST = 200
_EVENTS = 50
_ENDED = "ended by its owner"


@dataclass(frozen=True, slots=True)
class Line:
    """One session as it is shown."""

    session: Session
    title: str
    program: str
    proofs: str
    # The name of the personal access token that it is.
    token: str
    is_this: bool


@open_page
def own_sessions(request: HttpRequest, found: Found) -> HttpResponse:
    """Every session that opens anything, by one statement; end one, or all others."""
    if request.method == "POST":
        return acted(request, found, {"end": _end, "end_others": _end_others})
    user, now = found.subject.user, browser.call(request).now
    rows = Session.objects.filter(sessions.alive(now), user=user, tenant=user.tenant_id)
    rows = rows.select_related("personal_token").order_by("-last_seen_at")
    known = sessions.facts_of(BROWSER.sector)
    rows = rows.annotate(opened_by=known["opened_by"], mandate=known["mandate"])
    lines = [_line(each, found) for each in rows[:_MOST] if not _is_over(each, now)]
    lines.sort(key=lambda line: not line.is_this)
    context = {"lines": lines, "has_tokens": any(line.token for line in lines)}
    return show(request, found, "own-sessions", context)


def _line(session: Session, found: Found) -> Line:
    token = getattr(session, "personal_token", None)
    return Line(
        session,
        title_of(session.contract),
        agents.short(session.agent),
        told.methods(session.amr),
        token.name if token else "",
        session.pk == found.session.pk,
    )


def _is_over(session: Any, now: datetime) -> bool:
    """Whether it has rested for too long, or the app password that opened it is gone."""
    idle = session.idle_seconds
    rested = idle is not None and session.last_seen_at + timedelta(seconds=idle) <= now
    return rested or (session.opened_by is not None and session.mandate is None)


def _end(request: HttpRequest, found: Found) -> HttpResponse:
    client, chosen = browser.call(request).client(), chosen_id(request)
    live = Session.objects.filter(sessions.alive(client.now), user=found.subject.user)
    session = live.exclude(pk=found.session.pk).filter(pk=chosen).first() if chosen else None
    if session is None:
        return missing(request)
    sessions.end(session, _ENDED, client)
    messages.success(request, _("The session is ended."))
    return back_to(request, "own-sessions")


def _end_others(request: HttpRequest, found: Found) -> HttpResponse:
    sessions.end_all(
        found.subject.user,
        _ENDED,
        browser.call(request).client(),
        keep=found.session.pk,
        spare_personal=not request.POST.get("tokens"),
    )
    messages.success(request, _("All other sessions are ended."))
    return back_to(request, "own-sessions")


@form_page
def linked_accounts(request: HttpRequest, found: Found) -> HttpResponse:
    """Accounts at identity providers that sign in here. Linking one leads to its provider."""
    if request.method == "POST":
        return acted(request, found, {"unlink": _unlink})
    links = own_links.listed(found.subject.user)
    may = own_links.may_unlink(found.subject, len(links))
    context = {"links": links, "may_unlink": may, "offered": _offered(request, found, links)}
    return show(request, found, "linked-accounts", context)


def _offered(
    request: HttpRequest, found: Found, links: Sequence[ExternalAccount]
) -> list[tuple[str, str]]:
    """The tenant's providers that are not linked yet, each with the address that links it."""
    tenant, held = found.subject.tenant, {link.provider.name for link in links}
    offered = [
        provider
        for provider in providers.of_tenant(tenant.id, Kind.OIDC, Kind.OAUTH2)
        if provider.name not in held
    ]
    return [(each.title, _link_with(request, tenant, each.name)) for each in offered]


def _link_with(request: HttpRequest, tenant: TenantRecord, provider: str) -> str:
    """Where a provider is linked. At the bare address its name means the default tenant's."""
    called = browser.call(request).tenant
    if called is not None and called.id == tenant.id:
        return Places(request).at("link-with", provider=provider)
    return reverse("link-with", kwargs={"tenant_slug": tenant.slug, "provider": provider})


def _unlink(request: HttpRequest, found: Found) -> HttpResponse:
    client, chosen = browser.call(request).client(), chosen_id(request)
    try:
        if chosen is None or not own_links.unlink(found, chosen, client):
            return missing(request)
    except LastWay:
        text = _("Without this link nobody could sign in to your account. Add a passkey first.")
        return refused(request, 403, _("Nothing was changed"), text)
    messages.success(request, _("The linked account was removed."))
    return back_to(request, "linked-accounts")


@dataclass(frozen=True, slots=True)
class Happened:
    """One event as it is shown."""

    at: datetime
    text: str
    where: str
    address: str
    program: str
    agent: str
    by_officer: bool


@signed_in_page
@require_safe
def activity(request: HttpRequest, found: Found) -> HttpResponse:
    """What happened to the account last, in plain words; one statement."""
    user = found.subject.user
    rows = LoginEvent.objects.filter(user=user, tenant=user.tenant_id).order_by("-at", "-id")
    events = [_happened(row, user) for row in rows[:_EVENTS]]
    return show(request, found, "activity", {"events": events, "most": _EVENTS})


def _happened(row: LoginEvent, user: User) -> Happened:
    officer = told.by_officer(row, user.username)
    return Happened(
        row.at,
        told.sentence(row),
        title_of(row.contract) if row.contract else "",
        "" if officer else row.address or "",
        "" if officer else agents.short(row.agent),
        "" if officer else row.agent,
        officer,
    )
