"""Sessions and the audit trail: found by filters, had as files, and each verdict explained."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.admin import exports, traces
from accounts.admin.traces import REASONS
from accounts.audit import Event
from accounts.login.outcome import Reason
from accounts.models import LoginEvent, Session
from accounts.web.wording import REFUSALS
from accounts.wire.registry import contracts
from tests.console.furniture import make_superuser, open_session, path_of
from tests.fixtures import Cast
from tests.web.browsing import Browser, signed_in

THEN = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)


def event(cast: Cast, **fields: Any) -> LoginEvent:
    given: dict[str, Any] = {
        "at": THEN,
        "event": Event.LOGIN_REFUSED,
        "contract": "coldstream",
        "tenant": cast.alpha,
        "user": cast.alice.user,
        "reason": "wrong_password",
        "address": "192.0.2.9",
        "agent": "probe/1",
        "request_id": "r1",
        "trace": [["tenant", "alpha"], ["password", "wrong"], ["outcome", "wrong_password"]],
        **fields,
    }
    return LoginEvent.objects.create(**given)


def export(browser: Browser, form: str, query: str = "", model: Any = LoginEvent) -> Any:
    page = browser.get(path_of(model) + query)
    assert page.status_code == 200, page.content.decode()
    assert f"{path_of(model)}export/{form}/" in page.content.decode()
    return browser.submit(page, f"{path_of(model)}export/{form}/{query}")


def lines(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.content
    text = b"".join(answer.streaming_content).decode()
    return [json.loads(line) for line in text.splitlines()]


def test_json_lines_hold_all_that_a_row_says_and_of_the_own_tenant_only(cast: Cast) -> None:
    event(cast)
    erin = signed_in(cast.erin)
    answer = export(erin, "jsonl", "?event=login:subject:refused")
    assert answer["Content-Type"] == "application/jsonl; charset=utf-8"
    assert answer["Content-Disposition"].startswith('attachment; filename="audit-trail-')
    assert "no-store" in answer["Cache-Control"]
    # Only what has happened: the trail holds nothing from the future.
    assert lines(answer) == []
    past = timezone.now() - timedelta(minutes=1)
    made = event(cast, at=past)
    event(cast, at=past, tenant=cast.beta, user=cast.dave.user)
    event(cast, at=past, tenant=None, user=None, reason="unknown_tenant")
    found = lines(export(erin, "jsonl", "?event=login:subject:refused"))
    assert found == [
        {
            "at": past.isoformat().replace("+00:00", "Z"),
            "id": str(made.pk),
            "event": "login:subject:refused",
            "contract": "coldstream",
            "tenant": "alpha",
            "user_id": str(cast.alice.user.pk),
            "user": "alice",
            "reason": "wrong_password",
            "factor": "",
            "steps": [["tenant", "alpha"], ["password", "wrong"], ["outcome", "wrong_password"]],
            "address": "192.0.2.9",
            "agent": "probe/1",
            "request_id": "r1",
            "session_id": None,
        }
    ]


def test_an_export_is_written_down_with_its_filters_but_not_with_what_was_searched(
    cast: Cast,
) -> None:
    answer = export(signed_in(cast.erin), "csv", "?reason=wrong_password&q=alice")
    rows = b"".join(answer.streaming_content)
    assert rows.startswith(b"at,id,event,contract,tenant,")
    row = LoginEvent.objects.get(event="admin:rows:exported")
    assert row.tenant_id == cast.alpha.pk
    assert row.trace == [
        ["by", "erin"],
        ["rows", "audit trail"],
        ["form", "csv"],
        ["filter", "reason=wrong_password, search"],
    ]


def test_a_superuser_has_all_tenants_or_a_chosen_one(cast: Cast) -> None:
    past = timezone.now() - timedelta(minutes=1)
    for tenant in (cast.alpha, cast.beta, None):
        event(cast, at=past, tenant=tenant, user=None, reason="spent_code")
    boss = signed_in(make_superuser(cast.erin))
    everything = lines(export(boss, "jsonl", "?reason=spent_code"))
    assert {row["tenant"] for row in everything} == {"alpha", "beta", None}
    chosen = lines(export(boss, "jsonl", "?reason=spent_code&tenant=beta"))
    assert [row["tenant"] for row in chosen] == ["beta"]
    assert lines(export(boss, "jsonl", "?tenant=nobody")) == []
    exported = LoginEvent.objects.filter(event="admin:rows:exported").order_by("at")
    assert [row.tenant_id for row in exported] == [None, cast.beta.pk, None]


def test_no_cell_is_a_formula_and_every_letter_survives(cast: Cast) -> None:
    past = timezone.now() - timedelta(minutes=1)
    hostile = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", '"a",b\nc', "Łódź ☃"]
    for number, agent in enumerate(hostile):
        event(cast, at=past - timedelta(seconds=number), agent=agent, reason="spent_code")
    answer = export(signed_in(cast.erin), "csv", "?reason=spent_code")
    assert answer["Content-Type"] == "text/csv; charset=utf-8; header=present"
    text = b"".join(answer.streaming_content).decode()
    agents = [row["agent"] for row in csv.DictReader(io.StringIO(text, newline=""))]
    assert agents == [f"'{each}" for each in hostile[:7]] + hostile[7:]


def test_batches_go_on_where_the_last_one_ended(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "BATCH", 3)
    past = timezone.now() - timedelta(hours=1)
    # Several rows of one moment: the key decides among them.
    made = [event(cast, at=past + timedelta(seconds=n // 4), reason="spent_code") for n in range(9)]
    with CaptureQueriesContext(connection) as queries:
        found = list(exports.batches(LoginEvent.objects.filter(reason="spent_code"), "at"))
    assert [row.pk for row in found] == [
        row.pk for row in sorted(made, key=lambda row: (row.at, row.pk), reverse=True)
    ]
    assert len(queries) == 4


def test_sessions_are_exported_without_what_opens_them(cast: Cast) -> None:
    past = timezone.now() - timedelta(minutes=1)
    session = open_session(cast.alice.user)
    foreign = open_session(cast.dave.user)
    Session.objects.update(auth_time=past)
    found = lines(export(signed_in(cast.erin), "jsonl", "?contract=coldstream", Session))
    assert [row["id"] for row in found] == [str(session.pk)]
    assert str(foreign.pk) not in str(found)
    assert (found[0]["user"], found[0]["state"], found[0]["tenant"]) == ("alice", "live", "alpha")
    assert str(session.handle) not in str(found)


def test_who_may_not_or_asks_wrongly_gets_no_file(cast: Cast) -> None:
    path = f"{path_of(LoginEvent)}export/csv/"
    erin, alice = signed_in(cast.erin), signed_in(cast.alice)
    page = erin.get(path_of(LoginEvent))
    assert erin.get(path).status_code == 405
    assert erin.post(path).status_code == 403
    assert erin.submit(page, f"{path_of(LoginEvent)}export/xml/").status_code == 404
    for query in ("?user__password__startswith=a", "?since=x", "?user__id__exact=x"):
        assert erin.submit(page, path + query).status_code == 400, query
    assert alice.submit(alice.get("/account/"), path).status_code == 403
    assert Browser().submit(page, path).status_code == 403
    assert not LoginEvent.objects.filter(event="admin:rows:exported").exists()


def test_a_stretch_of_time_is_a_filter(cast: Cast) -> None:
    rows = [event(cast, at=THEN + timedelta(hours=n)) for n in range(3)]
    erin = signed_in(cast.erin)
    for query, expected in (
        ("?since=2031-05-06T08:00", rows[1:]),
        ("?since=2031-05-06T08:00&until=2031-05-06T09:00", rows[1:2]),
        ("?since=2031-05-06T08:00Z&reason=wrong_password", rows[1:]),
        ("?since=2031-05-07", []),
        ("?until=2031-05-06T07:08:09&event=login:subject:refused", []),
    ):
        text = erin.get(path_of(LoginEvent) + query).content.decode()
        assert [row for row in rows if str(row.pk) in text] == expected, query
    page = erin.get(path_of(LoginEvent) + "?since=2031-05-06T08:00&reason=spent_code")
    assert 'name="reason" value="spent_code"' in page.content.decode()
    for query in ("?since=x", "?until=9999-99-99", "?since=%00"):
        assert erin.get(path_of(LoginEvent) + query).status_code == 302, query


def test_the_page_of_a_refusal_says_why_and_what_the_client_was_told(cast: Cast) -> None:
    answer = Browser().post(
        "/account/login",
        {"email": "alice@alpha.example", "password": "wrong"},
        content_type="application/json",
    )
    row = LoginEvent.objects.get(reason="wrong_password")
    page = signed_in(cast.erin).get(path_of(LoginEvent, row.pk, "change")).content.decode()
    for words in (
        "The login is for the tenant “Alpha”.",
        "The domain of the e-mail address is the tenant&#x27;s.",
        "The name belongs to an account.",
        "No counter of failures was full.",
        "The password was wrong.",
    ):
        assert words in page, words
    shown = traces.told(row)
    assert shown is not None
    assert (shown.status, json.loads(shown.body)) == (answer.status_code, answer.json())
    assert "What the client was told" in page


def test_every_reason_has_words_in_every_contract(cast: Cast) -> None:
    assert set(REASONS) == set(Reason)
    gaps, quoted = [], []
    for slug in [*contracts(), "browser"]:
        for reason in Reason:
            row = event(cast, contract=slug, reason=reason)
            told = traces.told(row)
            if told is None or told.status is None:
                gaps.append((slug, reason))
            elif cast.alice.username in told.body:
                quoted.append((slug, reason))
    assert (gaps, quoted) == ([], [])
    row = event(cast, contract="browser", reason="wrong_password")
    assert traces.told(row) == traces.Told(
        "A page with this sentence.", 403, REFUSALS[Reason.WRONG_PASSWORD].text
    )


def test_steps_that_nobody_knows_are_shown_as_they_are_and_harmless(cast: Cast) -> None:
    row = event(
        cast,
        contract="gone",
        reason="something new",
        trace=[["new step", "<script>alert(1)</script>"], ["user", "odd"], "broken", ["a"]],
    )
    page = signed_in(cast.erin).get(path_of(LoginEvent, row.pk, "change")).content.decode()
    assert "<span>new step</span> <code>&lt;script&gt;alert(1)&lt;/script&gt;</code></li>" in page
    assert "<span>user</span> <code>odd</code></li>" in page
    assert "What the client was told" not in page


def test_the_facts_of_an_act_are_no_steps_of_a_login(cast: Cast) -> None:
    row = event(
        cast,
        event=Event.PROVIDER_TESTED,
        reason="good",
        trace=[["by", "erin"], ["provider", "corp"], ["user", "found"]],
    )
    assert [step.words for step in traces.steps(row)] == ["Done by erin.", "", ""]
    assert traces.told(row) is None


def test_what_a_bar_quotes_of_the_account_is_not_repeated(cast: Cast) -> None:
    bar = 'email "alice@alpha.example" does not belong to domains [x.org]'
    row = event(cast, contract="bytebase", reason="kind_not_allowed", trace=[["bar", bar]])
    told = traces.told(row)
    assert told is not None
    assert "does not belong to domains [x.org]" in told.body
    assert "alice" not in told.body


def test_the_trail_is_called_so(cast: Cast) -> None:
    page = signed_in(cast.erin).get("/admin/").content.decode()
    assert "Audit trail" in page
    assert "Login events" not in page


def test_lists_call_contracts_and_tenants_by_their_titles_and_fold_their_filters(
    cast: Cast,
) -> None:
    event(cast)
    event(cast, tenant=cast.beta, user=None, contract="gone")
    open_session(cast.alice.user, "oloid")
    of_one = signed_in(cast.erin).get(path_of(LoginEvent)).content.decode()
    assert "<summary>Tenant:" not in of_one
    boss = signed_in(make_superuser(cast.erin))
    trail = boss.get(path_of(LoginEvent) + "?reason=wrong_password").content.decode()
    assert 'class="field-tenant nowrap">Alpha<' in trail
    assert 'class="field-tenant nowrap">Beta<' in trail
    assert 'class="field-over">ColdStream<' in trail
    assert 'class="field-over">gone<' in trail
    assert "\n2 events\n" in trail
    assert '<summary>Reason: <span class="chosen">wrong password</span></summary>' in trail
    assert "<details open" not in trail
    # Before the rows, in the source as on the page.
    assert trail.index('id="filters"') < trail.index('id="result_list"')
    sessions = boss.get(path_of(Session)).content.decode()
    assert 'class="field-over">Oloid (Amazon Cognito)<' in sessions
