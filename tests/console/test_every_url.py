"""Every address of every table: another tenant's row is as little there as one that never was."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.db.models import Model
from django.urls import reverse
from django.urls.resolvers import RoutePattern

from accounts.admin.scope import ScopedAdmin
from accounts.admin.user_deeds import FACTS
from accounts.console import console
from accounts.models import LoginEvent, User
from mfa import binding, recovery_codes, totp
from mfa.models import RecoveryCode, TotpAuthenticator
from tests.console.furniture import furnish, make_superuser, path_of
from tests.console.secrecy import NAMED, secrets_of
from tests.fixtures import Cast, Persona
from tests.web.browsing import signed_in

MODELS = sorted(console._registry, key=lambda model: model._meta.label)


def page_of(model: type[Model]) -> ScopedAdmin:
    page = console._registry[model]
    assert isinstance(page, ScopedAdmin), f"{model} is shown without a scope"
    return page


def object_urls(model: type[Model], key: Any) -> Iterator[str]:
    """Every address of one row; an address of a new form has to be told here how it is filled."""
    page = page_of(model)
    for each in page.get_urls():
        assert isinstance(each.pattern, RoutePattern)
        wanted = set(each.pattern.converters)
        if "object_id" not in wanted:
            continue
        if each.name is None:
            # Django's way from a row's bare address to its page.
            yield path_of(model, key)
        elif wanted == {"object_id"}:
            yield reverse(f"admin:{each.name}", kwargs={"object_id": key})
        else:
            assert wanted == {"object_id", "slug"}, each
            for deed in page.deeds:
                yield reverse(f"admin:{each.name}", args=(key, deed.slug))


def full(cast: Cast, who: Persona) -> dict[type[Model], Model]:
    """One row of every table, and an account that every act applies to."""
    rows = furnish(who.user.tenant, who.user)
    assert set(rows) >= set(MODELS), "tests.console.furniture.furnish makes a row of every table"
    if not TotpAuthenticator.objects.filter(user=who.user).exists():
        binding.bind_totp(who.user.pk, totp.new_secret())
        recovery_codes.replace(who.user.pk, recovery_codes.new_codes(), by=who.username)
    return rows


def everything() -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables, without what looking leaves behind."""
    tables = {model._meta.label: model._default_manager.order_by("pk") for model in MODELS}
    tables["codes"] = RecoveryCode._default_manager.order_by("pk")
    tables["apps"] = TotpAuthenticator.objects.order_by("pk")
    seen = {"last_seen_at", "agent"}
    return {
        name: [{k: v for k, v in row.items() if k not in seen} for row in rows.values()]
        for name, rows in tables.items()
        if name != LoginEvent._meta.label
    }


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_no_address_of_another_tenants_row_shows_or_does_anything(
    cast: Cast, model: type[Model]
) -> None:
    row = full(cast, cast.dave)[model]
    browser = signed_in(cast.erin)
    page = browser.get("/admin/")
    before = everything()
    wrong: list[tuple[str, Any]] = []
    fields = {"reason": "x", "post": "yes", "_save": "Save", "username": "stolen", "ticket": "x"}

    def tried(address: str) -> tuple[int, int, str]:
        """Both statuses, and all that was said."""
        asked = browser.get(address, follow=True)
        sent = browser.submit(page, address, **fields)
        if sent.status_code == 302:
            sent = browser.get(sent["Location"])
        return asked.status_code, sent.status_code, (asked.content + sent.content).decode().lower()

    for address in {*object_urls(model, row.pk)}:
        *statuses, told = tried(address)
        # 403 where officers may not do this to any row: refused before a row is looked for.
        nowhere = tried(address.replace(str(row.pk), str(uuid4())))[:2]
        if tuple(statuses) != nowhere or not set(statuses) <= {403, 404}:
            wrong.append((address, (statuses, nowhere)))
        if "change" in address and statuses[0] != 404:
            wrong.append((address, statuses))
        if "beta" in told or "dave" in told:
            wrong.append((address, "names a foreign row"))
    assert wrong == []
    assert everything() == before


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_a_superuser_reaches_what_the_officer_of_another_tenant_did_not(
    cast: Cast, model: type[Model]
) -> None:
    row = full(cast, cast.dave)[model]
    browser = signed_in(make_superuser(cast.erin))
    answers = {address: browser.get(address).status_code for address in object_urls(model, row.pk)}
    assert answers[path_of(model, row.pk, "change")] == 200
    reached = {address.split("/")[-2] for address, status in answers.items() if status == 200}
    ours = page_of(model)
    known = ours.model._default_manager.filter(pk=row.pk)
    subject = known.annotate(**FACTS).get() if model is User else known.get()
    assert reached >= {deed.slug for deed in ours.deeds if deed.applies(subject)}


def test_no_address_of_a_row_shows_a_secret_or_lets_anybody_choose_a_password(cast: Cast) -> None:
    rows = full(cast, cast.bob)
    browser = signed_in(make_superuser(cast.erin))
    forbidden = [*secrets_of(cast), browser.cookies["dragoman"].value, "argon2", "v1."]
    visited, wrong = 0, []
    for model in MODELS:
        for address in object_urls(model, rows[model].pk):
            page = browser.get(address)
            if page.status_code != 200:
                continue
            visited += 1
            text = page.content.decode()
            wrong += [(address, secret) for secret in forbidden if secret in text]
            names = re.findall(r'name="([^"]*)"', re.sub("|".join(NAMED), "", text))
            wrong += [(address, n) for n in names if re.search("password|secret|hash|seal", n)]
            # A provider's secret is written, never shown.
            written = re.sub(r'<input type="password" name="new_secret"[^>]*>', "", text)
            if 'type="password"' in written or re.search(r"<style|style=|\bon(click|load)=", text):
                wrong.append((address, "password field, or style or script inline"))
            if re.search(r"<script(?![^>]*\bsrc=)", text):
                wrong.append((address, "script inline"))
    assert wrong == []
    assert visited > 20
