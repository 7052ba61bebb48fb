"""A tenant's rules as fields: contracts, their ends, looks; who may, and what is written down."""

from __future__ import annotations

import html
import re
from base64 import b64decode
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from accounts import contracts as contracts_package
from accounts.admin.contract_settings import surfaces
from accounts.models import LoginEvent
from tenants import resolve
from tenants.models import Tenant
from tests.console.furniture import path_of
from tests.fixtures import Cast
from tests.web.browsing import Browser, signed_in

PNG = b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
DIGEST = "ab" * 32


def shown(page: Any) -> dict[str, Any]:
    """What a browser would send of the main form, with nothing touched."""
    body = page.content.decode()
    fields: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", body):
        name, value = re.search(r' name="([^"]*)"', tag), re.search(r' value="([^"]*)"', tag)
        kind = re.search(r' type="([^"]*)"', tag)
        if name is None or (kind and kind[1] in {"submit", "file"}) or "__prefix__" in name[1]:
            continue
        if kind and kind[1] == "checkbox":
            if " checked" in tag:
                fields[name[1]] = "on"
            continue
        fields.setdefault(name[1], html.unescape(value[1]) if value else "")
    for name, options in re.findall(r'<select name="([^"]*)".*?>(.*?)</select>', body, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options)
        if chosen and "__prefix__" not in name:
            fields[name] = chosen[1]
    for name, text in re.findall(
        r'<textarea name="([^"]*)"[^>]*>\n?(.*?)</textarea>', body, re.DOTALL
    ):
        fields[name] = html.unescape(text)
    return fields


def save(boss: Browser, tenant: Tenant, capture: Any, *without: str, **changes: Any) -> Any:
    path = path_of(Tenant, tenant.pk, "change")
    fields = {**shown(boss.get(path)), **changes}
    for name in without:
        fields.pop(name)
    with capture(execute=True):
        return boss.post(path, fields)


def saved(tenant: Tenant) -> Tenant:
    return Tenant.objects.get(pk=tenant.pk)


def last_change() -> dict[str, str]:
    return dict(LoginEvent.objects.filter(event="admin:tenant:changed").latest("at").trace)


def test_a_form_that_nobody_touched_changes_nothing(
    cast: Cast, boss: Browser, django_capture_on_commit_callbacks: Any
) -> None:
    stored = {
        "bytebase": {"options": {"email_domains": ["x.org"], "web_body_token": False}},
        "rocketchat": {"options": {"create_token_secret_sha256": DIGEST}},
        "coldstream": {"enabled": False, "sunset": "2031-05-06", "deprecated": "2031-01-01"},
        "oloid": {"lifetimes": {"access": 600}},
    }
    Tenant.objects.filter(pk=cast.alpha.pk).update(contracts=stored)
    answer = save(boss, cast.alpha, django_capture_on_commit_callbacks)
    assert answer.status_code == 302, answer.content.decode()
    assert saved(cast.alpha).contracts == stored
    assert not LoginEvent.objects.filter(event="admin:tenant:changed").exists()


def test_every_setting_of_a_contract_is_a_field(
    cast: Cast, boss: Browser, django_capture_on_commit_callbacks: Any
) -> None:
    capture = django_capture_on_commit_callbacks
    answer = save(
        boss,
        cast.alpha,
        capture,
        "datarhei__enabled",
        "bytebase__option__web_body_token",
        coldstream__deprecated="2031-01-01",
        coldstream__sunset="2031-05-06",
        coldstream__policy="https://help.example.com/leave",
        coldstream__life__access="900",
        bytebase__option__email_domains="x.org y.org",
        rocketchat__option__request_limit="20",
        rocketchat__option__create_token_secret_sha256=DIGEST,
        datarhei__option__algorithm="ES256",
        browser__life__idle="600",
    )
    assert answer.status_code == 302, answer.content.decode()
    assert saved(cast.alpha).contracts == {
        "coldstream": {
            "deprecated": "2031-01-01",
            "sunset": "2031-05-06",
            "policy": "https://help.example.com/leave",
            "lifetimes": {"access": 900},
        },
        "bytebase": {"options": {"email_domains": ["x.org", "y.org"], "web_body_token": False}},
        "rocketchat": {"options": {"request_limit": 20, "create_token_secret_sha256": DIGEST}},
        "datarhei": {"enabled": False, "options": {"algorithm": "ES256"}},
        "browser": {"lifetimes": {"idle": 600}},
    }
    known = resolve.directory().by_slug["alpha"]
    assert (known.serves("datarhei"), known.serves("coldstream")) == (False, True)
    changed = last_change()
    assert changed["by"] == "erin"
    for words in ("datarhei enabled", "coldstream lifetime access", "coldstream sunset"):
        assert words in changed["changed"]
    assert DIGEST not in str(changed)
    assert "900" not in str(changed)
    # What stands for a secret is never shown, stays if left empty, and goes if told so.
    page = boss.get(path_of(Tenant, cast.alpha.pk, "change")).content.decode()
    assert DIGEST not in page
    save(boss, cast.alpha, capture, rocketchat__option__request_limit="")
    options = {"create_token_secret_sha256": DIGEST}
    assert saved(cast.alpha).contracts["rocketchat"] == {"options": options}
    save(boss, cast.alpha, capture, rocketchat__remove__create_token_secret_sha256="on")
    assert "rocketchat" not in saved(cast.alpha).contracts
    save(boss, cast.alpha, capture, datarhei__enabled="on", datarhei__option__algorithm="HS256")
    assert "datarhei" not in saved(cast.alpha).contracts


def test_what_means_nothing_is_refused_at_its_field(
    cast: Cast, boss: Browser, django_capture_on_commit_callbacks: Any
) -> None:
    before = saved(cast.alpha).contracts
    wrong = []
    for changes in (
        {"coldstream__sunset": "2031-01-01", "coldstream__deprecated": "2031-05-06"},
        {"coldstream__sunset": "soon"},
        {"coldstream__policy": "javascript:alert(1)"},
        {"coldstream__life__access": "0"},
        {"coldstream__life__access": "99999999999"},
        {"coldstream__life__access": "an hour"},
        {"datarhei__option__algorithm": "none"},
        {"rocketchat__option__create_token_secret_sha256": "short"},
        {"rocketchat__option__request_limit": "-1"},
        {"colour": "red"},
        {"name": ""},
    ):
        answer = save(boss, cast.alpha, django_capture_on_commit_callbacks, **changes)
        if answer.status_code != 200 or "errorlist" not in answer.content.decode():
            wrong.append(changes)
    assert wrong == []
    assert saved(cast.alpha).contracts == before


def test_settings_that_cannot_be_read_can_be_mended(
    cast: Cast, boss: Browser, django_capture_on_commit_callbacks: Any
) -> None:
    broken = {
        "oloid": {"lifetimes": "long", "mystery": 1},
        "bytebase": "off",
        "gone": {},
        "datarhei": {"options": {"algorithm": "none", "of_later": 1}, "policy": "https://x.org/"},
    }
    Tenant.objects.filter(pk=cast.alpha.pk).update(contracts=broken)
    resolve.invalidate()
    assert not resolve.directory().by_slug["alpha"].serves("oloid")
    save(
        boss,
        cast.alpha,
        django_capture_on_commit_callbacks,
        oloid__enabled="on",
        oloid__life__access="600",
        bytebase__enabled="on",
        datarhei__enabled="on",
        datarhei__policy="https://y.org/",
    )
    assert saved(cast.alpha).contracts == {
        "oloid": {"lifetimes": {"access": 600}},
        "datarhei": {"policy": "https://y.org/"},
    }


def test_looks_are_a_colour_and_a_picture(
    cast: Cast, boss: Browser, django_capture_on_commit_callbacks: Any
) -> None:
    capture = django_capture_on_commit_callbacks
    picture = SimpleUploadedFile("logo.png", PNG, "text/html")
    answer = save(boss, cast.alpha, capture, colour="#1b636b", logo_file=picture)
    assert answer.status_code == 302, answer.content.decode()
    look = saved(cast.alpha).branding
    assert look["colour"] == "#1b636b"
    assert look["logo"].startswith("data:image/png;base64,iVBOR")
    assert last_change()["changed"] == "changed colour, logo_file"
    page = boss.get(path_of(Tenant, cast.alpha.pk, "change")).content.decode()
    assert 'alt="The logo of Alpha"' in page
    for name, body in (
        ("page.html", b"<html><script>alert(1)</script>"),
        ("empty", b" "),
        ("large.png", PNG + b"0" * 40_000),
    ):
        refused = save(boss, cast.alpha, capture, logo_file=SimpleUploadedFile(name, body))
        assert refused.status_code == 200, name
        assert saved(cast.alpha).branding == look
    save(boss, cast.alpha, capture, colour="", logo_remove="on")
    assert saved(cast.alpha).branding == {}


def test_staff_read_their_tenant_and_change_nothing(cast: Cast) -> None:
    Tenant.objects.filter(pk=cast.alpha.pk).update(
        contracts={"coldstream": {"sunset": "2031-05-06", "deprecated": "2031-01-01"}},
        branding={"colour": "#1b636b"},
    )
    erin = signed_in(cast.erin)
    path = path_of(Tenant, cast.alpha.pk, "change")
    page = erin.get(path)
    body = page.content.decode()
    for words in ("ColdStream: on; deprecated 2031-01-01; sunset 2031-05-06", "#1b636b"):
        assert words in body
    assert "coldstream__" not in body
    answer = erin.submit(page, path, coldstream__enabled="", colour="#000000", name="x")
    assert answer.status_code == 403
    # The links lead to lists that staff may see.
    for address in re.findall(r'<li><a href="(/admin/[^"]+)">', body):
        assert erin.get(html.unescape(address)).status_code == 200, address


def test_every_setting_that_a_contract_reads_is_declared() -> None:
    """Otherwise the console would have no field for it."""
    root = Path(contracts_package.__path__[0])
    undeclared = []
    for surface in surfaces()[:-2]:
        declared = {*surface.lifetimes, *(option.name for option in surface.options)}
        text = "\n".join(file.read_text() for file in sorted((root / surface.slug).rglob("*.py")))
        read = re.findall(r'options\.get\(\s*"(\w+)"', text)
        read += re.findall(r'\.lifetime\(\s*"(\w+)"', text)
        read += re.findall(r'_setting\(\w+, "(\w+)"', text)
        undeclared += [(surface.slug, name) for name in read if name not in declared]
    assert undeclared == []
