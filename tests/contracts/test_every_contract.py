"""What every contract owes, whichever product it speaks for. A new one is held to it at once."""

from __future__ import annotations

import json
import re
from collections import Counter
from http.client import responses
from typing import Any

import pytest
from django.apps import apps
from django.core.checks import run_checks
from django.db import connection
from django.test import Client, RequestFactory
from django.urls.resolvers import RoutePattern
from django.utils import timezone

from accounts.login.outcome import Reason
from accounts.models import LoginEvent, Session, ThrottleBucket, User
from accounts.wire.checks import page
from accounts.wire.contract import Answer, Contract, Fault, Faulted
from accounts.wire.registry import contracts
from accounts.wire.renderers import response
from tenants import resolve
from tenants.models import Tenant
from tests.contracts.every import curl, hostile, shapes
from tests.contracts.every.places import (
    ACTIONS,
    BODIED_ACTIONS,
    METHODS,
    PLACES,
    Place,
    documented,
    is_served,
    members,
    places,
    unknown_paths,
)
from tests.fixtures import Cast

every_contract = pytest.mark.parametrize("spoken", contracts().values(), ids=list(contracts()))
every_place = pytest.mark.parametrize("place", PLACES, ids=str)
every_action = pytest.mark.parametrize(
    ("place", "method"),
    ACTIONS,
    ids=[f"{place.slug} {method} {place.path}" for place, method in ACTIONS],
)
every_bodied_action = pytest.mark.parametrize(
    ("place", "method"),
    BODIED_ACTIONS,
    ids=[f"{place.slug} {method} {place.path}" for place, method in BODIED_ACTIONS],
)
NOT_OURS = {
    Reason.OVERLOADED,
    # One product documents a server error where its provider refuses.
    Reason.EXTERNAL_REFUSED,
    Reason.EXTERNAL_UNAVAILABLE,
    Fault.INTERNAL,
    Fault.UNAVAILABLE,
}


def sound(answer: Any, what: object = "") -> None:
    """No server error, no redirect, no HTML; a refusal is JSON or nothing and kept by nobody."""
    status = answer.status_code
    assert status < 500 or status == 503, (what, answer.content[:500])
    assert not 300 <= status < 400, (what, status)
    if status == 204:
        assert (answer.content, answer.get("Content-Type")) == (b"", None), what
        return
    assert not answer["Content-Type"].startswith("text/html"), (what, answer.content[:500])
    if status >= 400:
        assert "no-store" in answer["Cache-Control"], what
        if answer.content:
            assert "json" in answer["Content-Type"], what
            json.loads(answer.content)


# What it declares.


@every_contract
def test_its_module_is_named_after_it_and_the_system_checks_are_content(spoken: Contract) -> None:
    assert contracts()[spoken.slug] is spoken
    assert re.fullmatch(r"[a-z][a-z0-9]*", spoken.slug)
    assert spoken.title
    assert [str(found) for found in run_checks(tags=["contracts"])] == []


@every_contract
def test_every_refusal_and_every_fault_has_an_answer_in_its_words(spoken: Contract) -> None:
    faces = {id(place.spoken.faults): place.spoken for place in places(spoken)}
    for face in faces.values():
        for why, answer in shapes.told(face):
            assert isinstance(answer, Answer)
            assert 400 <= answer.status < (600 if why in NOT_OURS else 500), why
            if answer.body is not None:
                http = response(answer)
                assert isinstance(json.loads(http.content), dict), why
                assert "json" in http["Content-Type"], why


@every_contract
def test_its_page_names_every_path_that_it_serves(spoken: Contract) -> None:
    found = page(spoken.slug)
    assert found is not None
    text = found.read_text()
    unnamed = [
        str(pattern.pattern)
        for pattern in spoken.urlpatterns
        if not documented(pattern).search(text)
    ]
    assert unnamed == []
    assert spoken.root is None or "`POST /`" in text


# No answer of its own: the words come with what is refused, or nothing leads there.
UNSAID = {
    "bytebase": {Reason.MUST_CHANGE_PASSWORD, Reason.PASSWORD_REJECTED},
}
# What differs from answer to answer, as `shapes.told` has it.
_VARIES = re.compile("/path|GET|why|\"\"|''|\\[\\]|USER")


@every_contract
def test_its_page_tells_every_refusal_and_every_setting(spoken: Contract) -> None:
    found = page(spoken.slug)
    assert found is not None
    text = " ".join(found.read_text().split()).lower()
    settings = [*(option.name for option in spoken.options), *spoken.lifetimes]
    untold = [name for name in settings if not re.search(rf"\b{name}\b", text)]
    for face in {id(place.spoken.faults): place.spoken for place in places(spoken)}.values():
        for why, answer in shapes.told(face):
            if why not in UNSAID.get(spoken.slug, ()):
                untold += [
                    f"{why}: {part}"
                    for said in [str(answer.status), *curl.texts(answer.body)]
                    for part in _VARIES.split(said)
                    # A status' own phrase needs no telling.
                    if said != responses[answer.status] and part.lower() not in text
                ]
    assert untold == []


@every_contract
def test_no_path_ends_in_a_slash_but_those_that_it_declares(spoken: Contract) -> None:
    routes = [str(p.pattern) for p in spoken.urlpatterns if isinstance(p.pattern, RoutePattern)]
    assert {route for route in routes if route.endswith("/")} == set(spoken.slashed)


@every_place
def test_its_paths_are_its_own_and_really_lead_there(place: Place) -> None:
    assert is_served(place)
    claims = Counter(
        str(pattern.pattern) for each in contracts().values() for pattern in each.urlpatterns
    )
    assert max(claims.values()) == 1


# What it makes of nonsense.


@every_contract
def test_unknown_paths_get_its_own_refusal(spoken: Contract, cast: Cast) -> None:
    client = Client()
    for path in unknown_paths(spoken):
        for prefix in ("", "/t/alpha", "/t/nowhere"):
            for method in ("GET", "POST", "DELETE"):
                answer = client.generic(method, f"{prefix}{path}", b"{}", "application/json")
                sound(answer, (method, path))
                assert answer.status_code >= 400, (method, path)


@every_place
def test_other_methods_are_refused(place: Place, cast: Cast) -> None:
    client = Client()
    for method in METHODS:
        # A browser's pages answer GET on the bare address.
        if method in place.methods or (place.path == "/" and method in {"GET", "HEAD"}):
            continue
        answer = client.generic(method, place.path, b"{}", "application/json")
        sound(answer, method)
        if method == "OPTIONS" and place.spoken.cors is not None:
            assert answer.status_code == place.spoken.cors.preflight_status
        else:
            assert answer.status_code >= 400, method


@every_bodied_action
def test_a_hostile_body_gets_an_answer_and_writes_nothing(
    place: Place, method: str, cast: Cast
) -> None:
    client = Client()
    headers = _headers(place)
    is_login = curl.login(contracts()[place.slug], cast.alice).path == place.path
    before = _contents()
    sent = 0
    for body in hostile.bodies(members(contracts()[place.slug])):
        media = {"Content-Type": body.media} if body.media else {}
        answer = client.generic(method, place.path, body.content, headers={**headers, **media})
        sound(answer, body.name)
        assert not shapes.misshapen(place.spoken, answer), body.name
        assert answer.status_code >= 400 or not is_login, body.name
        sent += 1
    assert sent >= 60
    assert _contents() == before


@every_bodied_action
def test_a_hostile_body_from_somebody_who_is_logged_in_gets_an_answer(
    place: Place, method: str, cast: Cast
) -> None:
    client = Client()
    spoken = contracts()[place.slug]
    opened = curl.follow_up(spoken, curl.answered(spoken, cast.alice)).headers
    headers = {**opened, **_headers(place)}
    for body in hostile.bodies(members(spoken)):
        media = {"Content-Type": body.media} if body.media else {}
        answer = client.generic(method, place.path, body.content, headers={**headers, **media})
        sound(answer, body.name)
        assert not shapes.misshapen(place.spoken, answer), body.name


def _headers(place: Place) -> dict[str, str]:
    return curl.routing_headers(contracts()[place.slug], place.path)


def _contents() -> dict[str, str]:
    """A digest of every table but the audit trail and the counters."""
    digests = {}
    with connection.cursor() as cursor:
        for model in apps.get_models(include_auto_created=True):
            if model in (LoginEvent, ThrottleBucket) or not model._meta.managed:
                continue
            table = connection.ops.quote_name(model._meta.db_table)
            cursor.execute(
                # Names of ours, no input.
                f"SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM {table} t"  # noqa: S608
            )
            digests[table] = str(cursor.fetchone())
    return digests


@every_action
def test_hostile_headers_and_queries_get_an_answer(place: Place, method: str, cast: Cast) -> None:
    client = Client()
    for headers in hostile.HEADERS:
        sound(
            client.generic(method, place.path, b"", headers={**_headers(place), **headers}), headers
        )
    for query in hostile.QUERIES:
        sound(client.generic(method, place.path + query, b"", headers=_headers(place)), query)


# What it does with tenants, tokens and sessions.


@every_action
def test_where_it_is_switched_off_its_paths_are_unknown(
    place: Place, method: str, cast: Cast
) -> None:
    if place.path == "/" and method in {"GET", "HEAD"}:
        return
    cast.alpha.contracts = {place.slug: {"enabled": False}}
    cast.alpha.save()
    resolve.invalidate()
    path = f"/t/alpha{place.path}"
    faulted = Faulted(Fault.NOT_FOUND)
    faulted.request = RequestFactory().generic(method, path)
    expected = response(place.spoken.fault(faulted))
    before = (_contents(), LoginEvent.objects.count())
    answer = Client().generic(method, path, b"{}", "application/json", headers=_headers(place))
    sound(answer)
    assert answer.status_code == expected.status_code == 404
    assert answer["Content-Type"] == expected["Content-Type"]
    if method != "HEAD":
        assert _steady(answer.content) == _steady(expected.content)
    assert (_contents(), LoginEvent.objects.count()) == before


def _steady(content: bytes) -> str:
    """A body without what differs from answer to answer: ids and moments."""
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}", "<id>", content.decode())
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "<moment>", text)


@every_contract
def test_its_printed_login_works_and_opens_what_it_says(spoken: Contract, cast: Cast) -> None:
    answer = curl.answered(spoken, cast.alice)
    session = Session.objects.get()
    assert (session.user_id, session.contract) == (cast.alice.user.pk, spoken.slug)
    accepted = LoginEvent.objects.filter(event="login:subject:accepted")
    assert [(row.contract, row.session_id) for row in accepted] == [(spoken.slug, session.id)]
    for base in (curl.HOME, f"{curl.HOME}/t/alpha"):
        sent = curl.follow_up(spoken, answer, base=base).run()
        assert sent.status_code == 200, sent.content


@every_contract
def test_its_token_opens_nothing_at_another_tenants_address(spoken: Contract, cast: Cast) -> None:
    answer = curl.answered(spoken, cast.alice)
    for base in (f"{curl.HOME}/t/beta", "http://beta.example.com"):
        _closed(curl.follow_up(spoken, answer, base=base))
    foreign = curl.answered(spoken, cast.alice_of_beta, base=f"{curl.HOME}/t/beta")
    _closed(curl.follow_up(spoken, foreign, base=f"{curl.HOME}/t/alpha"))
    assert curl.follow_up(spoken, foreign, base=f"{curl.HOME}/t/beta").run().status_code == 200


def _closed(line: curl.Line) -> None:
    answer = line.run()
    sound(answer, line)
    assert answer.status_code >= 400, (line, answer.content)


@every_contract
@pytest.mark.parametrize("change", ["ended", "epoch", "disabled", "suspended", "switched off"])
def test_its_token_dies_with_the_session_the_account_and_the_switch(
    spoken: Contract, cast: Cast, change: str
) -> None:
    line = curl.follow_up(spoken, curl.answered(spoken, cast.alice))
    if change == "ended":
        Session.objects.update(ended_at=timezone.now())
    elif change == "epoch":
        User.objects.filter(pk=cast.alice.user.pk).update(security_epoch=1)
    elif change == "disabled":
        User.objects.filter(pk=cast.alice.user.pk).update(state=User.State.DISABLED)
    else:
        cast.alpha.state = Tenant.State.SUSPENDED if change == "suspended" else "active"
        cast.alpha.contracts = {spoken.slug: {"enabled": change == "suspended"}}
        cast.alpha.save()
        resolve.invalidate()
    _closed(line)


@every_contract
def test_no_other_secret_stands_in_for_its_token(spoken: Contract, cast: Cast) -> None:
    answer = curl.answered(spoken, cast.alice)
    own = curl.follow_up(spoken, answer)
    secrets = {
        (each.slug, leaf)
        for each in contracts().values()
        for leaf in curl.leaves(answer if each is spoken else curl.answered(each, cast.alice))
    }
    assert {slug for slug, _ in secrets} == set(contracts())
    for slug, secret in sorted(secrets):
        line = curl.follow_up(spoken, curl.with_secret(answer, secret))
        if line != own:
            assert line.run().status_code >= 400, slug
    assert own.run().status_code == 200


@every_contract
def test_an_unknown_name_is_told_what_a_wrong_password_is_told(
    spoken: Contract, cast: Cast
) -> None:
    before = _contents()
    wrong = curl.login(spoken, cast.alice, password="wrong").run()
    nobody = curl.login(spoken, cast.alice, username="no", email="no@alpha.example").run()
    assert nobody.status_code == wrong.status_code >= 400
    assert _steady(nobody.content) == _steady(wrong.content)
    assert set(nobody.headers) == set(wrong.headers)
    assert _contents() == before
    refused = LoginEvent.objects.filter(event="login:subject:refused", contract=spoken.slug)
    assert sorted(row.reason for row in refused) == ["unknown_subject", "wrong_password"]


@every_contract
def test_a_second_factor_is_not_passed_by_a_password_alone(spoken: Contract, cast: Cast) -> None:
    answer = curl.login(spoken, cast.bob).run()
    sound(answer)
    assert not Session.objects.exists()
    assert not LoginEvent.objects.filter(event="login:subject:accepted").exists()


@every_contract
def test_a_login_takes_five_statements_and_a_call_with_its_token_two(
    spoken: Contract, cast: Cast, django_assert_max_num_queries: Any
) -> None:
    curl.answered(spoken, cast.alice)
    with django_assert_max_num_queries(5):
        answer = curl.answered(spoken, cast.alice)
    line = curl.follow_up(spoken, answer)
    line.run()
    with django_assert_max_num_queries(2):
        assert line.run().status_code == 200
