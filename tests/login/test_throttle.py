"""Counters of failures: counted before the check, refunded when it was right."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.login import throttle
from accounts.login.attempt import NameForm, OneTimePassword
from accounts.login.outcome import Authenticated, Reason
from accounts.login.profile import (
    FACTOR_LIMIT,
    PASSWORD_LIMIT,
    TOTAL_LIMIT,
    Limit,
    LoginProfile,
)
from accounts.login.throttle import Bucket, Reservation, reserve
from accounts.models import LoginEvent, ThrottleBucket, User
from accounts.models.statement import execute
from tests.login.gate import (
    PASSWORD,
    PLAIN,
    REPEAT,
    TOKEN,
    Town,
    challenged,
    last_event,
    logged_in,
    login,
    reason_of,
    second,
)

NOW = timezone.now()
MINUTE = timedelta(minutes=1)
CALM = replace(PLAIN, password_limit=Limit(3, timedelta(minutes=10)))


@pytest.fixture(autouse=True)
def _no_slow_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is counted here is tries; the hash has tests of its own."""
    monkeypatch.setattr(
        "accounts.login.passwords.verify", lambda factor, _: factor.value == PASSWORD
    )


def bucket(name: str = "b", failures: int = 3, window: timedelta = MINUTE) -> Bucket:
    return Bucket("identifier", name.encode(), Limit(failures, window), Reason.THROTTLED_SUBJECT)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def counted(name: str = "b") -> int:
    return len(ThrottleBucket.objects.get(key=name.encode()).failures)


@pytest.mark.django_db
class TestReserve:
    def test_places_are_given_until_the_limit(self) -> None:
        taken = [reserve([bucket()], at(n)) for n in range(5)]
        assert [t.refusal for t in taken] == [None] * 3 + [Reason.THROTTLED_SUBJECT] * 2
        assert [len(t.places) for t in taken] == [1, 1, 1, 0, 0]

    def test_the_window_slides_over_each_failure(self) -> None:
        for moment in (0, 20, 40):
            reserve([bucket()], at(moment))
        assert reserve([bucket()], at(59)).refusal
        assert reserve([bucket()], at(60)).refusal is None
        assert reserve([bucket()], at(61)).refusal
        assert reserve([bucket()], at(80)).refusal is None

    def test_a_locked_answer_says_when_the_oldest_failure_leaves_and_counts_nothing(self) -> None:
        for moment in (0, 1, 2):
            reserve([bucket()], at(moment))
        for _ in range(50):
            assert reserve([bucket()], at(10)).retry_after == timedelta(seconds=50)
        assert counted() == 3
        assert reserve([bucket()], at(60)).refusal is None

    def test_the_wait_is_never_less_than_a_second(self) -> None:
        for n in range(3):
            reserve([bucket()], NOW + timedelta(microseconds=n))
        assert reserve([bucket()], at(59.9)).retry_after == timedelta(seconds=1)

    def test_a_full_bucket_takes_no_place_in_the_others(self) -> None:
        for n in range(3):
            reserve([bucket("full")], at(n))
        refused = reserve([bucket("free"), bucket("full")], at(5))
        assert refused.refusal
        assert counted("free") == 0

    def test_places_come_back(self) -> None:
        taken = [reserve([bucket(), bucket("c")], at(n)) for n in range(3)]
        throttle.refund_now(taken[1])
        assert (counted(), counted("c")) == (2, 2)
        assert reserve([bucket()], at(4)).refusal is None
        throttle.refund_now(Reservation(()))

    def test_a_success_forgets_earlier_failures_only_where_the_limit_says_so(self) -> None:
        forgetful = replace(bucket("f"), limit=Limit(3, MINUTE, resets=True))
        for n in range(2):
            reserve([bucket(), forgetful], at(n))
        done = reserve([bucket(), forgetful], at(2))
        execute(throttle.refund(done))
        assert (counted(), counted("f")) == (2, 0)

    def test_tries_in_the_same_instant_count_one_by_one(self) -> None:
        taken = [reserve([bucket()], NOW) for _ in range(6)]
        assert [t.refusal is None for t in taken] == [True] * 3 + [False] * 3
        throttle.refund_now(taken[0])
        assert counted() == 2

    def test_clocks_that_differ_do_not_open_a_lock(self) -> None:
        for moment in (5, 3, 4):
            assert reserve([bucket()], at(moment)).refusal is None
        for later in (4.5, 5, 6, 2):
            assert reserve([bucket()], at(later)).refusal


class TestKeys:
    def keys(self, **changes: object) -> dict[str, bytes]:
        given = {
            "profile": PLAIN,
            "tenant_id": TENANT,
            "name": "alice",
            "user_id": None,
            "address": "192.0.2.1",
            **changes,
        }
        # Wrong on purpose.
        return {b.kind: b.key for b in throttle.password_buckets(**given)}  # type: ignore[arg-type]

    def test_no_name_stands_in_a_key(self) -> None:
        for key in self.keys().values():
            assert len(key) == 32
            assert b"alice" not in key

    def test_spellings_of_a_name_share_a_bucket_and_tenants_do_not(self) -> None:
        plain = self.keys()
        assert self.keys(name=" ＡLICE")["identifier"] == plain["identifier"]
        assert self.keys(tenant_id=uuid4())["identifier"] != plain["identifier"]
        assert self.keys(tenant_id="none")["identifier"] != plain["identifier"]

    def test_an_account_is_one_under_all_its_names(self) -> None:
        user = uuid4()
        one, other = self.keys(user_id=user), self.keys(user_id=user, name="alice@alpha.example")
        assert one["account"] == other["account"]
        assert one["identifier"] != other["identifier"]

    @pytest.mark.parametrize(
        ("one", "other", "same"),
        [
            ("192.0.2.1", "192.0.2.2", False),
            ("192.0.2.1", "::ffff:192.0.2.1", True),
            # A household gets 2^64 addresses at once: it is one source.
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
            ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ],
    )
    def test_a_source_is_an_address_or_a_network_of_ipv6(
        self, one: str, other: str, same: bool
    ) -> None:
        found = self.keys(address=one)["address"], self.keys(address=other)["address"]
        assert (found[0] == found[1]) is same

    def test_without_an_address_the_other_counters_remain(self) -> None:
        assert set(self.keys(address=None)) == {"identifier", "account"}


TENANT = uuid4()


def tries(name: str, count: int, *, later: float = 0) -> list[Reason]:
    """Wrong passwords for ``name``, one a second."""
    return [reason_of(login, name, "wrong", now=at(later + n), profile=CALM) for n in range(count)]


class TestLogins:
    def test_a_right_password_does_not_help_while_the_name_is_locked(self, town: Town) -> None:
        tries("alice", 3)
        assert reason_of(login, "alice", PASSWORD, now=at(4), profile=CALM) is (
            Reason.THROTTLED_SUBJECT
        )
        logged_in("alice", now=at(601), profile=CALM)

    def test_unknown_names_lock_alike(self, town: Town) -> None:
        known, unknown = tries("alice", 6), tries("nobody", 6)
        assert known == [Reason.WRONG_PASSWORD] * 3 + [Reason.THROTTLED_SUBJECT] * 3
        assert unknown == [Reason.UNKNOWN_SUBJECT] * 3 + [Reason.THROTTLED_SUBJECT] * 3
        assert tries("carol", 6)[3:] == unknown[3:]

    def test_a_locked_attempt_is_not_verified_and_is_audited(
        self, town: Town, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tries("alice", 3)

        def verify(*_: object) -> bool:
            raise AssertionError("verified")

        monkeypatch.setattr("accounts.login.passwords.verify", verify)
        before = LoginEvent.objects.count()
        assert tries("alice", 5, later=60) == [Reason.THROTTLED_SUBJECT] * 5
        assert LoginEvent.objects.count() == before + 5
        assert last_event().user_id == town.alice.pk

    def test_locks_of_one_tenant_leave_the_same_name_in_another_alone(self, town: Town) -> None:
        tries("alice", 4)
        logged_in("alice@beta.example", now=at(5), profile=CALM, form=NameForm.EMAIL)

    def test_other_spellings_of_the_name_do_not_help(self, town: Town) -> None:
        tries("alice", 3)
        for name in ("ALICE", " alice ", "ａlice"):
            assert reason_of(login, name, "wrong", now=at(9), profile=CALM) is (
                Reason.THROTTLED_SUBJECT
            )

    def test_a_success_gives_its_own_place_back_and_no_more(self, town: Town) -> None:
        tries("alice", 2)
        for n in range(5):
            logged_in("alice", now=at(10 + n), profile=CALM)
        assert reason_of(login, "alice", "wrong", now=at(20), profile=CALM) is Reason.WRONG_PASSWORD
        assert reason_of(login, "alice", "wrong", now=at(21), profile=CALM) is (
            Reason.THROTTLED_SUBJECT
        )

    def test_one_source_is_limited_over_all_names_and_a_success_does_not_free_it(
        self, town: Town
    ) -> None:
        narrow = replace(PLAIN, address_limit=Limit(4, timedelta(minutes=5)))
        for n in range(4):
            reason_of(login, f"name{n}", "wrong", now=at(n), profile=narrow)
            if n == 1:
                logged_in("alice", now=at(1.5), profile=narrow)
        assert reason_of(login, "alice", PASSWORD, now=at(9), profile=narrow) is (
            Reason.THROTTLED_ADDRESS
        )
        logged_in("alice", now=at(9), profile=narrow, address="192.0.2.99")

    def test_a_hundred_in_a_row_lock_the_account_under_every_name(self, town: Town) -> None:
        wide = replace(PLAIN, password_limit=Limit(1000, MINUTE), address_limit=Limit(1000, MINUTE))
        hour = timedelta(hours=1)
        for n in range(TOTAL_LIMIT.failures):
            name = ("alice", "alice@alpha.example")[n % 2]
            assert reason_of(login, name, "wrong", now=NOW + n * hour, profile=wide) is (
                Reason.WRONG_PASSWORD
            )
        later = NOW + 200 * hour
        for name in ("alice", "alice@alpha.example"):
            assert reason_of(login, name, PASSWORD, now=later, profile=wide) is (
                Reason.THROTTLED_SUBJECT
            )

    def test_a_success_starts_the_row_of_a_hundred_anew(self, town: Town) -> None:
        wide = replace(PLAIN, password_limit=Limit(1000, MINUTE), address_limit=Limit(1000, MINUTE))
        for n in range(99):
            reason_of(login, "alice", "wrong", now=at(n), profile=wide)
        logged_in("alice", now=at(100), profile=wide)
        assert reason_of(login, "alice", "wrong", now=at(101), profile=wide) is (
            Reason.WRONG_PASSWORD
        )
        logged_in("alice", now=at(102), profile=wide)

    def test_a_service_secret_is_not_locked_by_strangers(self, town: Town) -> None:
        tries("svc", 5)
        logged_in("svc-client", town.svc_secret, now=at(9), profile=CALM)


class TestSecondFactors:
    def wrong(self, profile: LoginProfile, now: datetime) -> Reason:
        if profile is REPEAT:
            return reason_of(
                login, "bob", PASSWORD, OneTimePassword("000000"), profile=profile, now=now
            )
        token = challenged(profile=profile, now=now).token
        return reason_of(second, token, "000000", profile, now=now)

    @pytest.mark.parametrize("profile", [TOKEN, REPEAT], ids=["token", "repeat"])
    def test_five_wrong_codes_lock_the_factor_over_all_challenges(
        self, town: Town, profile: LoginProfile
    ) -> None:
        answers = [self.wrong(profile, at(n)) for n in range(7)]
        assert (
            answers == [Reason.WRONG_CODE] * FACTOR_LIMIT.failures + [Reason.THROTTLED_FACTOR] * 2
        )

    def test_a_locked_factor_refuses_the_right_code_and_opens_again(self, town: Town) -> None:
        for n in range(5):
            self.wrong(TOKEN, at(n))
        token = challenged(now=at(6)).token
        assert reason_of(second, token, town.code(at(7)), now=at(7)) is Reason.THROTTLED_FACTOR
        later = at(6) + FACTOR_LIMIT.window
        again = challenged(now=later).token
        assert isinstance(second(again, town.code(later), now=later), Authenticated)

    def test_a_right_password_is_no_failure_while_the_factor_is_locked(self, town: Town) -> None:
        for n in range(FACTOR_LIMIT.failures):
            self.wrong(REPEAT, at(n))
        for n in range(6, 6 + PASSWORD_LIMIT.failures):
            now = at(n)
            code = OneTimePassword(town.code(now))
            refused = reason_of(login, "bob", PASSWORD, code, profile=REPEAT, now=now)
            assert refused is Reason.THROTTLED_FACTOR
        challenged(now=at(30))

    def test_strangers_without_the_password_do_not_reach_the_factors_counter(
        self, town: Town
    ) -> None:
        for n in range(PASSWORD_LIMIT.failures + 2):
            reason_of(login, "bob", "wrong", profile=TOKEN, now=at(n))
        kinds = set(ThrottleBucket.objects.values_list("kind", flat=True))
        assert not kinds & {"factor", "factor_total"}

    def test_a_right_code_gives_its_place_back(self, town: Town) -> None:
        for n in range(8):
            now = at(n * 30)
            token = challenged(now=now).token
            assert isinstance(second(token, town.code(now), now=now), Authenticated)
        assert not any(ThrottleBucket.objects.values_list("failures", flat=True))

    @pytest.mark.parametrize("profile", [TOKEN, REPEAT], ids=["token", "repeat"])
    def test_a_right_code_is_no_failure_where_the_login_cannot_go_on(
        self, town: Town, profile: LoginProfile
    ) -> None:
        """His password is to be changed, which this contract cannot ask for: he must get in
        where it can be.
        """
        User.objects.filter(pk=town.bob.pk).update(must_change_password=True)
        for _ in range(FACTOR_LIMIT.failures + 1):
            if profile is REPEAT:
                code = OneTimePassword(town.code(NOW))
                reason = reason_of(login, "bob", PASSWORD, code, profile=profile, now=NOW)
            else:
                token = challenged(now=NOW).token
                reason = reason_of(second, token, town.code(NOW), profile, now=NOW)
            assert reason is Reason.MUST_CHANGE_PASSWORD
        User.objects.filter(pk=town.bob.pk).update(must_change_password=False)
        again = second(challenged(now=NOW).token, town.code(NOW), TOKEN, now=NOW)
        assert isinstance(again, Authenticated)
