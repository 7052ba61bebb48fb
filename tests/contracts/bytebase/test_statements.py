"""What each call costs the database; the counts do not depend on the machine."""

from __future__ import annotations

from functools import partial

from accounts.models import Grant, LoginEvent, Session
from tests.contracts.bytebase.conversation import (
    LOGIN,
    LOGOUT,
    ME,
    REFRESH,
    Api,
    flip,
    statements,
)
from tests.fixtures import Cast


def test_every_call_stays_within_its_budget(api: Api, cast: Cast) -> None:
    # Tenants and keys are in memory from the first call on.
    token = api.token(cast.alice)
    api.log_in(cast.alice, web=True)
    assert statements(lambda: api.log_in(cast.alice)) <= 5
    assert statements(lambda: api.log_in(cast.alice, web=True)) <= 5
    assert statements(lambda: api.post(LOGIN, {"email": cast.alice.email})) <= 5
    assert statements(lambda: api.get(ME, token=token)) == 1
    assert statements(lambda: api.get("/v1/users/alice@alpha.example", token=token)) == 1
    assert statements(lambda: api.post(REFRESH, {})) == 2
    assert statements(lambda: api.get("/v1/actuator/info")) == 1
    assert statements(lambda: api.get("/v1/idps")) == 0
    assert statements(lambda: Api().post(LOGOUT, {})) == 0
    assert statements(lambda: Api().post(LOGOUT, {}, token=token)) == 2


def test_a_bad_token_costs_no_statement(api: Api, cast: Cast) -> None:
    token, temp = api.token(cast.alice), api.temp_token(cast.bob)
    for bad in (flip(token), temp, "dead", "a.b.c"):
        assert statements(partial(Api().get, ME, bad)) == 0
    for bad in (flip(temp), token, "dead"):
        body = {"mfaTempToken": bad, "otpCode": "000000"}
        assert statements(partial(api.post, LOGIN, body)) == 0


def test_refreshing_adds_no_row(api: Api, cast: Cast) -> None:
    api.log_in(cast.alice, web=True)
    for _ in range(3):
        assert api.post(REFRESH, {}).status_code == 200
    assert (Grant.objects.count(), Session.objects.count()) == (1, 1)
    assert LoginEvent.objects.filter(contract="bytebase").count() == 1
