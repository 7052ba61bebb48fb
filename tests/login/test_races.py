"""Real races on real connections: what is good once succeeds once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connections, transaction
from django.utils import timezone

from accounts.login import grants, throttle
from accounts.login.attempt import OneTimePassword, RecoveryCodeInput
from accounts.login.outcome import Authenticated, LoginRefused, Reason
from accounts.login.profile import PASSWORD_LIMIT, Limit
from accounts.login.throttle import Bucket, reserve
from accounts.models import Grant, LoginEvent, Session, SigningKey, ThrottleBucket
from accounts.models.statement import execute
from accounts.tokens import keys, opaque
from mfa import challenges, recovery_codes
from mfa.models import Challenge, RecoveryCode, TotpAuthenticator
from tests.login.gate import (
    ACCESS,
    CODES,
    PASSWORD,
    PLAIN,
    REPEAT,
    TOKEN,
    Town,
    challenged,
    context,
    found_town,
    logged_in,
    login,
    second,
)

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 3


@contextmanager
def _own_connection() -> Iterator[None]:
    """A connection of this thread alone: a pool would make the racers stand in line."""
    connection = connections["default"]
    options = {k: v for k, v in connection.settings_dict["OPTIONS"].items() if k != "pool"}
    connection.settings_dict = {**connection.settings_dict, "OPTIONS": options}
    try:
        connection.ensure_connection()
        yield
    finally:
        connection.close()


def race(*runners: Callable[[], Any]) -> list[Any]:
    """Start all at once; what each returned or raised."""
    barrier = threading.Barrier(len(runners), timeout=20)
    results: list[Any] = [None] * len(runners)

    def run(n: int) -> None:
        with _own_connection():
            barrier.wait()
            try:
                results[n] = runners[n]()
            except Exception as error:  # noqa: BLE001  # handed to the test
                results[n] = error

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(runners))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    return results


def verdicts(results: list[Any]) -> Counter[str]:
    """How often each outcome came; anything but a verdict is an error of the core."""
    found: Counter[str] = Counter()
    for each in results:
        assert isinstance(each, Authenticated | LoginRefused), repr(each)
        found["accepted" if isinstance(each, Authenticated) else each.reason] += 1
    return found


@pytest.fixture
def town(transactional_db: None) -> Town:
    town = found_town()
    logged_in("alice")  # the keys are made
    return town


@pytest.fixture
def unthrottled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every racer reach the single-use secret: the counter is not what is tested here."""
    monkeypatch.setattr(throttle, "FACTOR_LIMIT", Limit(1000, timedelta(minutes=5)))
    monkeypatch.setattr(
        "accounts.login.passwords.verify", lambda factor, _: factor.value == PASSWORD
    )


def audited(event: str) -> int:
    return LoginEvent.objects.filter(event=event).count()


@pytest.mark.usefixtures("unthrottled")
class TestOnce:
    def test_one_code_over_sixteen_challenges(self, town: Town) -> None:
        for _ in range(ROUNDS):
            TotpAuthenticator.objects.update(last_step=-1)
            now = timezone.now()
            before = Session.objects.count()
            tokens = [challenged(now=now).token for _ in range(16)]
            code = town.code(now)
            results = race(*(partial(second, t, code, now=now) for t in tokens))
            assert verdicts(results) == {"accepted": 1, Reason.SPENT_CODE: 15}
            assert Session.objects.count() == before + 1
            # The losers' challenges are not used up with a code that was not theirs to spend.
            assert Challenge.objects.filter(spent_at=None).count() >= 15

    def test_one_code_over_sixteen_repeated_logins(self, town: Town) -> None:
        now = timezone.now()
        code = OneTimePassword(town.code(now))
        results = race(
            *(lambda: login("bob", PASSWORD, code, profile=REPEAT, now=now) for _ in range(9))
        )
        assert verdicts(results)["accepted"] == 1

    def test_one_recovery_code_over_sixteen_challenges(self, town: Town) -> None:
        for n in range(2):
            now = timezone.now()
            tokens = [challenged(now=now).token for _ in range(16)]
            code = RecoveryCodeInput(CODES[n])
            results = race(*(partial(second, t, code, now=now) for t in tokens))
            assert verdicts(results) == {"accepted": 1, Reason.WRONG_RECOVERY_CODE: 15}
            assert recovery_codes.remaining(town.bob.pk) == len(CODES) - n - 1

    def test_one_challenge_with_two_good_codes(self, town: Town) -> None:
        for _ in range(ROUNDS):
            TotpAuthenticator.objects.update(last_step=-1)
            RecoveryCode.objects.update(used_at=None)
            now = timezone.now()
            token = challenged(now=now).token
            code, saved = town.code(now), RecoveryCodeInput(CODES[0])
            results = race(
                partial(second, token, code, now=now), partial(second, token, saved, now=now)
            )
            found = verdicts(results)
            assert found["accepted"] == 1, found
            # The loser's code was given back with the rest of its transaction.
            spent_step = TotpAuthenticator.objects.get().last_step >= 0
            spent_code = recovery_codes.remaining(town.bob.pk) < len(CODES)
            assert spent_step != spent_code

    def test_sixteen_tries_of_one_challenge_with_the_right_code(self, town: Town) -> None:
        now = timezone.now()
        token = challenged(now=now).token
        code = town.code(now)
        results = race(*(lambda: second(token, code, now=now) for _ in range(16)))
        assert verdicts(results)["accepted"] == 1
        row = Challenge.objects.get(token_hash=challenges.token_hash(token))
        assert row.attempts <= row.max_attempts


class TestGuessing:
    def test_a_burst_of_wrong_passwords_is_verified_no_oftener_than_the_limit_allows(
        self, town: Town, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        verified: list[int] = []
        monkeypatch.setattr(
            "accounts.login.passwords.verify",
            # Counts and says no: append() returns None.
            lambda *_: bool(verified.append(1)),  # type: ignore[func-returns-value]
        )
        results = race(*(lambda n=n: login("alice", f"wrong {n}") for n in range(50)))
        assert len(verified) == PASSWORD_LIMIT.failures
        assert verdicts(results) == {
            Reason.WRONG_PASSWORD: PASSWORD_LIMIT.failures,
            Reason.THROTTLED_SUBJECT: 50 - PASSWORD_LIMIT.failures,
        }
        assert audited("login:subject:refused") == 50

    def test_a_burst_of_wrong_codes_is_judged_no_oftener_than_the_limit_allows(
        self, town: Town
    ) -> None:
        now = timezone.now()
        tokens = [challenged(now=now).token for _ in range(10)]
        right = {town.code(now, steps=n) for n in (-1, 0)}
        wrong = next(c for c in ("000000", "000001", "000002") if c not in right)
        results = race(*(lambda t=t: second(t, wrong, now=now) for t in tokens * 2))
        assert verdicts(results) == {Reason.WRONG_CODE: 5, Reason.THROTTLED_FACTOR: 15}

    def test_parallel_tries_of_one_challenge_stop_at_its_own_limit(
        self, town: Town, unthrottled: None
    ) -> None:
        now = timezone.now()
        token = challenged(now=now).token
        results = race(*(lambda: second(token, "bad", now=now) for _ in range(12)))
        assert verdicts(results)[Reason.WRONG_CODE] == TOKEN.challenge_attempts

    def test_parallel_logins_of_one_account_do_not_lock_each_other_out(
        self, town: Town, unthrottled: None
    ) -> None:
        results = race(*(lambda: login("alice", PASSWORD) for _ in range(8)))
        assert verdicts(results) == {"accepted": 8}
        assert not any(ThrottleBucket.objects.values_list("failures", flat=True))

    def test_counters_touched_in_any_order_never_deadlock(self, town: Town) -> None:
        def buckets(names: str) -> list[Bucket]:
            limit = Limit(30_000, timedelta(minutes=1), resets=True)
            return [
                Bucket("identifier", n.encode(), limit, Reason.THROTTLED_SUBJECT) for n in names
            ]

        for name in "dcba":  # their order on the disk is not that of the keys
            reserve(buckets(name), timezone.now())

        def work() -> str:
            for _ in range(40):
                execute(throttle.refund(reserve(buckets("abcd"), timezone.now())))
            return "done"

        assert race(*([work] * 8)) == ["done"] * 8


class TestRotation:
    @pytest.mark.parametrize("width", [2, 16])
    def test_parallel_rotations_leave_one_live_successor(self, town: Town, width: int) -> None:
        for _ in range(ROUNDS):
            token = logged_in("alice").tokens.refresh
            now = timezone.now()
            results = race(*([partial(grants.rotate, token, PLAIN, context(now), None)] * width))
            assert {each.token for each in results} == {opaque.successor(token)}
            row = Grant.objects.get(token_hash=opaque.digest(opaque.successor(token)))
            assert row.generation == 2
            assert row.session.ended_at is None

    def test_a_late_replay_beside_the_owners_refresh_ends_the_session(self, town: Town) -> None:
        first = logged_in("alice")
        now = timezone.now()
        fresh = grants.rotate(first.tokens.refresh, PLAIN, context(now), None).token
        late = context(now + timedelta(minutes=5))
        results = race(
            lambda: grants.rotate(first.tokens.refresh, PLAIN, late, None),
            lambda: grants.rotate(fresh, PLAIN, late, None),
        )
        assert isinstance(results[0], LoginRefused)
        assert results[0].reason in {Reason.GRANT_REPLAYED, Reason.SESSION_ENDED}
        assert Session.objects.get(pk=first.session.pk).ended_at is not None


def test_of_many_who_need_the_first_key_one_makes_it(transactional_db: None) -> None:
    town = found_town()
    now = timezone.now()
    # Each of them has its own clock.
    clocks = [now + timedelta(milliseconds=ms) for ms in range(8)]
    results = race(*(partial(keys.signer, town.alpha.id, ACCESS, clock) for clock in clocks))
    assert len({key.row.kid for key in results}) == 1, results
    assert SigningKey.objects.filter(tenant=town.alpha, purpose=ACCESS.purpose).count() == 1


def test_two_rotations_at_once_leave_one_key_that_signs(transactional_db: None) -> None:
    town = found_town()
    now = timezone.now()
    keys.signer(town.alpha.id, ACCESS, now)
    lead = timedelta(hours=1)
    results = race(*([lambda: keys.rotate(town.alpha.id, ACCESS, now, lead=lead).active_from] * 2))
    later = max(results)
    signer = keys.ring().signer(town.alpha.id, ACCESS.purpose, later)
    assert signer is not None
    assert signer.row.active_from == later


def test_one_challenge_token_and_its_tries_are_counted_by_the_database(
    town: Town, unthrottled: None
) -> None:
    token = challenged().token
    row = challenges.find(token)
    assert row is not None
    counted = race(*([lambda: challenges.count_attempt(row)] * 12))
    assert Counter(counted) == {True: row.max_attempts, False: 12 - row.max_attempts}

    def spend() -> bool:
        with transaction.atomic():
            return challenges.spend(row, timezone.now())

    spent = race(*([spend] * 12))
    assert Counter(spent) == {True: 1, False: 11}
