"""The forms of identity providers, and rows to try them on."""

from __future__ import annotations

from typing import Any

from accounts.models import LoginEvent
from tenants.models import IdentityProvider, Tenant
from tests.console.furniture import path_of
from tests.console.test_tenants import shown
from tests.web.browsing import Browser

ADD = path_of(IdentityProvider, "add")
SECRET = "the provider's and ours"
OIDC = {
    "name": "corp",
    "title": "Corporate login",
    "enabled": "on",
    "position": "1",
    "creates_accounts": "on",
    "setting__issuer": "https://id.example.com/",
    "setting__clientId": "dragoman",
    "setting__scopes": "openid email",
    "setting__authStyle": "IN_HEADER",
    "new_secret": SECRET,
}


def add(boss: Browser, kind: str, capture: Any, **fields: str) -> Any:
    path = f"{ADD}?kind={kind}"
    page = boss.get(path)
    assert page.status_code == 200
    with capture(execute=True):
        return boss.post(path, {**shown(page), **fields})


def change(boss: Browser, row: IdentityProvider, capture: Any, *without: str, **new: str) -> Any:
    path = path_of(IdentityProvider, row.pk, "change")
    fields = {**shown(boss.get(path)), **new}
    for name in without:
        fields.pop(name)
    with capture(execute=True):
        return boss.post(path, fields)


def provider(tenant: Tenant, **more: Any) -> IdentityProvider:
    given: dict[str, Any] = {
        "name": "corp",
        "kind": "OIDC",
        "settings": {"issuer": "https://id.example.com/", "clientId": "dragoman"},
        **more,
    }
    row = IdentityProvider(tenant=tenant, **given)
    row.set_secret(SECRET)
    row.save()
    return row


def events(name: str) -> list[Any]:
    rows = LoginEvent.objects.filter(event=f"admin:provider:{name}").order_by("at")
    return [(row.tenant_id, row.trace) for row in rows]
