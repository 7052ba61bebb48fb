"""What the page of an account shows of all that hangs on it: names, factors, sessions, events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join

from accounts.admin.codes import address_of_codes, code_set
from accounts.admin.scope import ScopedAdmin, link, listing, moment
from accounts.admin.sessions import contract_choices
from accounts.admin.workloads import address_of_test, address_of_trust
from accounts.console import console
from accounts.login import sessions as live
from accounts.login.workload_trust import trust_of
from accounts.models import (
    ExternalAccount,
    LoginEvent,
    PersonalAccessToken,
    ServiceCredential,
    Session,
    User,
)
from accounts.wire.registry import contracts
from mfa.models import EmailFactor, Passkey, TotpAuthenticator
from tenants.resolve import directory

# More than fits on a page is on the list's own pages.
_MOST = 10
Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Section:
    """A small table with a heading."""

    slug: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Row]
    # The page with all of them, as (address, words).
    more: tuple[str, str] | None = None


def sections(page: ScopedAdmin, request: HttpRequest, user: Any) -> list[Section]:
    """All tables of an account; a machine has no second factors of its own."""
    shown = [_names(user)]
    if user.is_person:
        shown += [_factors(page, request, user), _elsewhere(request, user)]
    if user.kind == User.Kind.WORKLOAD:
        shown += [_trust(page, request, user)]
    shown += [_credentials(request, user)]
    if user.is_person:
        shown += [_tokens(request, user)]
    return [*shown, _sessions(request, user), _events(user)]


def _names(user: User) -> Section:
    """What each contract calls the account; some names are made at the first sign-in."""
    made = {row.sector: row for row in user.subject_identifiers.all()}
    tenant = directory().by_id.get(user.tenant_id)
    rows: list[Row] = []
    for contract in contracts().values():
        known = made.get(contract.slug)
        if known is not None:
            rows.append((contract.title, known.value, moment(known.created_at)))
        elif contract.name_of is not None and tenant is not None and tenant.serves(contract.slug):
            rows.append((contract.title, contract.name_of(user), "–"))
    return Section("names", "Identifiers in contracts", ("contract", "identifier", "since"), rows)


def _factors(page: ScopedAdmin, request: HttpRequest, user: Any) -> Section:
    rows: list[Row] = []
    for app in TotpAuthenticator.objects.filter(user=user, confirmed=True).defer("secret_sealed"):
        reset = _acts(page, request, user, "reset-app")
        rows.append(("Authenticator app", app.name, moment(app.created_at), "–", reset))
    for key in Passkey.objects.filter(user=user).select_related("user").order_by("created_at"):
        kind = "Passkey, synced" if key.synced else "Passkey"
        used = moment(key.last_used_at)
        name = f"{key.name} ({key.rp_id})"
        rows.append((kind, name, moment(key.created_at), used, _acts_on(request, key)))
    if mailed := EmailFactor.objects.filter(user=user).first():
        rows.append(("Codes by mail", user.email, moment(mailed.enabled_at), "–", ""))
    if held := code_set(user):
        left = f"{held.left} of {held.total} left, made by {held.made_by or '–'}"
        pages = format_html('<a href="{}">See recovery codes</a>', address_of_codes(user))
        used = moment(held.last_used_at)
        rows.append(("Recovery codes", left, moment(held.made_at), used, pages))
    return Section("factors", "Second factors", ("kind", "name", "since", "last used", ""), rows)


def _elsewhere(request: HttpRequest, user: User) -> Section:
    known = ExternalAccount.objects.filter(user=user).select_related("provider", "user")
    rows = [
        (
            str(each.provider),
            str(each),
            each.subject,
            moment(each.created_at),
            moment(each.last_used_at),
            _acts_on(request, each),
        )
        for each in known.order_by("created_at")
    ]
    columns = ("provider", "name there", "subject", "since", "last used", "")
    return Section("elsewhere", "Accounts at identity providers", columns, rows)


def _trust(page: ScopedAdmin, request: HttpRequest, user: User) -> Section:
    trust, may = trust_of(user), page.touchable(request, user)
    rows: list[Row] = []
    if trust is not None:
        test = format_html('<a href="{}">Test trusted issuer</a>', address_of_test(user))
        audiences = ", ".join(trust.audiences) or "any"
        subject = trust.subject or "every subject"
        named = trust.provider or "other"
        rows.append((trust.issuer, named, audiences, subject, test if may else ""))
    columns = ("issuer", "provider", "audiences", "subject", "")
    more = (address_of_trust(user), "Change" if trust else "Set") if may else None
    return Section("trust", "Trusted issuer", columns, rows, more)


def _credentials(request: HttpRequest, user: User) -> Section:
    known = ServiceCredential.objects.filter(user=user, revoked_at=None).select_related("user")
    titles = dict(contract_choices())
    rows = [
        (
            link(each),
            each.client_id,
            titles.get(each.contract, each.contract) or "all",
            moment(each.created_at),
            moment(each.last_used_at),
            _acts_on(request, each),
        )
        for each in known.order_by("-created_at")[:_MOST]
    ]
    title = "App passwords" if user.is_person else "Service credentials"
    columns = ("name", "client id", "contract", "since", "last used", "")
    more = listing(ServiceCredential, "All, with revoked ones", q=user.username)
    return Section("credentials", title, columns, rows, more)


def _tokens(request: HttpRequest, user: User) -> Section:
    known = PersonalAccessToken.objects.filter(user=user).select_related("session__user", "user")
    titles = dict(contract_choices())
    rows = [
        (
            each.name,
            titles.get(each.session.contract, each.session.contract),
            moment(each.created_at),
            moment(each.session.last_seen_at),
            "not asked for" if each.bypass_second_factor else "asked for",
            _acts_on(request, each),
        )
        for each in known.order_by("-created_at")[:_MOST]
    ]
    columns = ("name", "contract", "since", "last used", "second factor", "")
    more = listing(PersonalAccessToken, "All", q=user.username)
    return Section("tokens", "Personal access tokens", columns, rows, more)


def _sessions(request: HttpRequest, user: User) -> Section:
    page = console.get_model_admin(Session)
    open_ones = Session.objects.filter(live.alive(timezone.now()), user=user, personal_token=None)
    rows = [
        (
            dict(contract_choices()).get(each.contract, each.contract),
            link(each, moment(each.auth_time)),
            moment(each.last_seen_at),
            each.address or "–",
            page.client(each),  # type: ignore[attr-defined]  # annotated by the query
            page.level(each),  # type: ignore[attr-defined]  # annotated by the query
            _acts_on(request, each),
        )
        for each in open_ones.select_related("user").order_by("-auth_time")[:_MOST]
    ]
    columns = ("contract", "since", "last seen", "address", "client", "level", "")
    more = listing(Session, "All, with those that are over", user__id__exact=user.pk)
    return Section("sessions", "Live sessions", columns, rows, more)


def _events(user: User) -> Section:
    recent = LoginEvent.objects.filter(user=user).order_by("-at")[:_MOST]
    titles = dict(contract_choices())
    rows = [
        (
            link(each, f"{each.at:%Y-%m-%d %H:%M:%S}"),
            each.event,
            titles.get(each.contract, each.contract) or "–",
            each.reason.replace("_", " ") or "–",
            each.address or "–",
        )
        for each in recent
    ]
    columns = ("when (UTC)", "event", "contract", "reason", "address")
    more = listing(LoginEvent, "The whole trail", user__id__exact=user.pk)
    return Section("events", "Latest events", columns, rows, more)


def _acts_on(request: HttpRequest, row: Model) -> str:
    """The acts that are open to this officer on a row, as links."""
    page = console.get_model_admin(type(row))
    return _acts(page, request, row) if isinstance(page, ScopedAdmin) else ""


def _acts(page: ScopedAdmin, request: HttpRequest, row: Any, *slugs: str) -> str:
    open_to = [d for d in page.open_deeds(request, row) if not slugs or d.slug in slugs]
    # Links of one name that lead to several places are told apart by what only a reader hears.
    return format_html_join(
        " ",
        '<a href="{}">{}<span class="visually-hidden">: {}</span></a>',
        ((page.deed_url(row, deed), deed.label, str(row)) for deed in open_to),
    )
