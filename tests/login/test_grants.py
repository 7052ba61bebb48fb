"""Refresh and resume: one live successor, a short grace, a late replay that ends the session."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.login import grants, sessions
from accounts.login.grants import Refreshed
from accounts.login.outcome import Authenticated, Reason
from accounts.login.profile import LoginProfile
from accounts.models import Grant, LoginEvent, Session, User
from accounts.tokens import opaque
from tenants import resolve
from tenants.conf import conf
from tests.login.gate import PLAIN, Town, context, last_event, logged_in, reason_of

NOW = timezone.now()
OTHER = replace(PLAIN, contract="another")
GRACE = conf().refresh_grace


def rotate(
    token: str, now: datetime = NOW, profile: LoginProfile = PLAIN, at: object = None, **client: str
) -> Refreshed:
    record = resolve.directory().by_slug[str(at)] if at else None
    return grants.rotate(token, profile, context(now, **client), record)


def present(
    token: str, now: datetime = NOW, profile: LoginProfile = PLAIN, at: object = None, **client: str
) -> Refreshed:
    record = resolve.directory().by_slug[str(at)] if at else None
    return grants.present(token, Grant.Kind.REFRESH, profile, context(now, **client), record)


@pytest.fixture
def done(town: Town) -> Authenticated:
    return logged_in(now=NOW)


def alive(done: Authenticated) -> bool:
    return Session.objects.get(pk=done.session.pk).ended_at is None


def test_only_the_hash_of_a_token_is_stored(done: Authenticated) -> None:
    row = Grant.objects.get()
    assert bytes(row.token_hash) == opaque.digest(done.tokens.refresh)
    assert row.session_id == done.session.pk


def test_a_kept_token_continues_its_session(done: Authenticated) -> None:
    for _ in range(3):
        found = present(done.tokens.refresh)
        assert (found.token, found.found.session.pk) == (done.tokens.refresh, done.session.pk)


def test_a_rotated_token_is_replaced_by_its_successor(done: Authenticated) -> None:
    token = done.tokens.refresh
    for generation in range(2, 6):
        fresh = rotate(token, NOW + timedelta(minutes=generation))
        assert fresh.token == opaque.successor(token) != token
        assert fresh.expires_at == done.session.expires_at
        assert Grant.objects.get().generation == generation
        token = fresh.token
    assert Grant.objects.count() == 1


def test_within_the_grace_a_spent_token_gives_the_same_successor(done: Authenticated) -> None:
    first = rotate(done.tokens.refresh)
    again = rotate(done.tokens.refresh, NOW + GRACE)
    assert again.token == first.token
    assert Grant.objects.get().generation == 2
    assert alive(done)


def test_the_grace_does_not_start_anew_with_each_use(done: Authenticated) -> None:
    rotate(done.tokens.refresh)
    rotate(done.tokens.refresh, NOW + GRACE * 0.9)
    late = NOW + GRACE * 1.1
    assert reason_of(rotate, done.tokens.refresh, late) is Reason.GRANT_REPLAYED


def test_a_late_replay_ends_the_session_and_its_successor(done: Authenticated) -> None:
    fresh = rotate(done.tokens.refresh)
    late = NOW + GRACE + timedelta(seconds=1)
    assert reason_of(rotate, done.tokens.refresh, late) is Reason.GRANT_REPLAYED
    assert not alive(done)
    assert last_event().event == "grant:token:replayed"
    assert LoginEvent.objects.filter(event="session:subject:ended").count() == 1
    assert reason_of(rotate, fresh.token, late) is Reason.SESSION_ENDED
    assert reason_of(present, fresh.token, late) is Reason.SESSION_ENDED


@pytest.mark.parametrize("generations", [2, 3, 30])
def test_a_replay_is_noticed_however_often_the_thief_has_rotated(
    done: Authenticated, generations: int
) -> None:
    """A thief who is faster than the owner must not outrun the detection by a second rotation."""
    token = done.tokens.refresh
    for n in range(generations):
        token = rotate(token, NOW + timedelta(seconds=n)).token
    late = NOW + timedelta(minutes=10)
    assert reason_of(rotate, done.tokens.refresh, late) is Reason.GRANT_REPLAYED
    assert not alive(done)
    assert reason_of(rotate, token, late) is Reason.SESSION_ENDED


def test_a_token_counts_in_its_full_length(done: Authenticated) -> None:
    token = done.tokens.refresh
    for other in (token[:-1], token[1:], token + "A", token + " ", token.swapcase(), ""):
        for use in (rotate, present):
            assert reason_of(use, other) is Reason.GRANT_UNKNOWN
    assert alive(done)


class TestStrangers:
    """Nobody else can use the token, and a try of theirs does not harm its owner."""

    def unharmed(self, done: Authenticated, reason: Reason, **use: object) -> None:
        for way in (rotate, present):
            assert reason_of(way, done.tokens.refresh, **use) is reason
        assert Grant.objects.get().generation == 1
        later = NOW + timedelta(hours=1)
        assert rotate(done.tokens.refresh, later).token == opaque.successor(done.tokens.refresh)

    def test_another_contract(self, done: Authenticated) -> None:
        self.unharmed(done, Reason.GRANT_UNKNOWN, profile=OTHER)

    def test_another_tenants_address(self, done: Authenticated) -> None:
        self.unharmed(done, Reason.GRANT_UNKNOWN, at="beta")

    def test_another_kind(self, done: Authenticated) -> None:
        for kind in (Grant.Kind.RESUME, "", "REFRESH"):
            assert (
                reason_of(grants.present, done.tokens.refresh, kind, PLAIN, context(NOW), None)
                is Reason.GRANT_UNKNOWN
            )

    def test_another_client(self, town: Town) -> None:
        done = logged_in(now=NOW, client_id="mine")
        for other in ("theirs", ""):
            for way in (rotate, present):
                assert reason_of(way, done.tokens.refresh, client_id=other) is Reason.GRANT_UNKNOWN
        assert Grant.objects.get().generation == 1
        later = NOW + timedelta(hours=1)
        assert rotate(done.tokens.refresh, later, client_id="mine").token


class TestEndedRights:
    def refused(self, done: Authenticated, reason: Reason, now: datetime = NOW) -> None:
        for way in (rotate, present):
            assert reason_of(way, done.tokens.refresh, now) is reason
            event = last_event()
            assert (event.event, event.reason) == ("grant:token:refused", reason)
            assert event.session_id == done.session.pk
        assert Grant.objects.get().generation == 1

    def test_of_an_ended_session(self, done: Authenticated) -> None:
        sessions.end(done.session, "logout", context(NOW))
        self.refused(done, Reason.SESSION_ENDED)

    def test_of_all_sessions_of_a_user(self, done: Authenticated) -> None:
        sessions.end_all(done.subject.user, "logout", context(NOW))
        self.refused(done, Reason.SESSION_ENDED)

    def test_of_a_session_that_has_run_out(self, done: Authenticated) -> None:
        self.refused(done, Reason.SESSION_EXPIRED, done.session.expires_at)

    def test_of_a_disabled_user(self, done: Authenticated) -> None:
        User.objects.filter(pk=done.subject.user.pk).update(state=User.State.DISABLED)
        self.refused(done, Reason.DISABLED)

    def test_of_a_user_whose_password_was_changed(self, done: Authenticated) -> None:
        User.objects.filter(pk=done.subject.user.pk).update(security_epoch=1)
        self.refused(done, Reason.SESSION_ENDED)

    def test_that_have_run_out_themselves(self, done: Authenticated) -> None:
        Grant.objects.update(expires_at=NOW + timedelta(minutes=1))
        self.refused(done, Reason.GRANT_EXPIRED, NOW + timedelta(minutes=1))

    def test_of_a_suspended_tenant(self, town: Town, done: Authenticated) -> None:
        town.alpha.state = town.alpha.State.SUSPENDED
        town.alpha.save()
        resolve.invalidate()
        assert reason_of(present, done.tokens.refresh) is Reason.CONTRACT_OFF
        assert reason_of(rotate, done.tokens.refresh) is Reason.CONTRACT_OFF

    def test_a_token_refused_while_the_contract_was_off_works_when_it_is_on_again(
        self, town: Town, done: Authenticated
    ) -> None:
        town.alpha.contracts = {"probe": {"enabled": False}}
        town.alpha.save()
        resolve.invalidate()
        assert reason_of(rotate, done.tokens.refresh) is Reason.CONTRACT_OFF
        town.alpha.contracts = {}
        town.alpha.save()
        resolve.invalidate()
        later = NOW + GRACE + timedelta(seconds=1)
        assert rotate(done.tokens.refresh, later).token == opaque.successor(done.tokens.refresh)

    def test_of_a_deleted_user(self, done: Authenticated) -> None:
        User.objects.filter(pk=done.subject.user.pk).delete()
        assert reason_of(rotate, done.tokens.refresh) is Reason.GRANT_UNKNOWN


def test_an_idle_session_ends_and_a_used_one_does_not(town: Town) -> None:
    idle = replace(PLAIN, idle=timedelta(minutes=30))
    done = logged_in(now=NOW, profile=idle)
    assert present(done.tokens.refresh, NOW + timedelta(minutes=29), idle).token
    late = NOW + timedelta(minutes=30)
    assert reason_of(present, done.tokens.refresh, late, idle) is Reason.SESSION_EXPIRED


def test_a_refresh_costs_two_statements_and_a_kept_token_one(
    done: Authenticated, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        present(done.tokens.refresh)
    with django_assert_num_queries(2):
        rotate(done.tokens.refresh)


def test_an_unknown_token_leaves_no_row_behind(done: Authenticated) -> None:
    before = LoginEvent.objects.count()
    assert reason_of(rotate, opaque.mint()) is Reason.GRANT_UNKNOWN
    assert LoginEvent.objects.count() == before


def test_ending_a_session_twice_keeps_the_first_word(done: Authenticated) -> None:
    sessions.end(done.session, "logout", context(NOW))
    sessions.end(done.session, "another", context(NOW + timedelta(hours=1)))
    row = Session.objects.get(pk=done.session.pk)
    assert (row.end_reason, row.ended_at) == ("logout", NOW)


def test_ending_all_spares_the_others_where_asked(town: Town) -> None:
    mine, kept = logged_in(now=NOW), logged_in(now=NOW)
    elsewhere = logged_in(now=NOW, profile=OTHER, contract="another")
    sessions.end_all(
        town.alice, "all but one", context(NOW), contract="probe", keep=kept.session.pk
    )
    assert [alive(each) for each in (mine, kept, elsewhere)] == [False, True, True]
