"""Passkeys at the gate: alone they are both factors."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.login.attempt import Password
from accounts.login.outcome import Authenticated, ChallengeRequired, Obligation, Reason
from accounts.login.profile import ObligationForm
from accounts.models import Session, ThrottleBucket, User
from mfa.models import Challenge, Passkey
from tenants import resolve
from tenants.conf import conf
from tenants.hint import TenantHint
from tenants.models import TenantPolicy
from tests.login.gate import TOKEN, Town, challenged, last_event, logged_in, reason_of, second, user
from tests.login.keyring import BETA_HOST, PASSKEYS, alone, asked, enrol, give, methods
from tests.mfa.software_key import BE, BS, HOST, UP, UV, SoftwareKey, b64

NOW = timezone.now()


class TestAlone:
    def test_it_is_both_factors(self, town: Town) -> None:
        key = give("alice")
        done = alone(key.get(asked()))
        assert isinstance(done, Authenticated)
        assert (done.subject.user, done.obligations) == (town.alice, frozenset())
        assert (methods(done.session), done.session.acr) == (["hwk", "user"], "aal2")
        row = Passkey.objects.get()
        assert (row.sign_count, row.last_used_at) == (1, done.session.auth_time)
        event = last_event()
        assert (event.event, event.factor, event.user_id) == (
            "login:subject:accepted",
            "passkey",
            town.alice.pk,
        )
        assert event.trace == [
            ["tenant", "the passkey's own"],
            ["throttle", "free"],
            ["passkey", "right"],
            ["outcome", "accepted"],
        ]
        assert not ThrottleBucket.objects.exclude(failures=[]).exists()

    def test_a_synced_one_is_called_so(self, town: Town) -> None:
        key = give("alice", SoftwareKey(synced=True))
        done = [alone(key.get(asked())) for _ in range(2)]
        assert [methods(each.session) for each in done if isinstance(each, Authenticated)] == [
            ["swk", "user"],
            ["swk", "user"],
        ]

    def test_it_meets_the_rule_that_demands_a_second_factor(self, town: Town) -> None:
        key = give("alice")
        TenantPolicy(tenant=town.alpha, second_factor="required").save()
        resolve.invalidate()
        assert isinstance(alone(key.get(asked())), Authenticated)

    def test_whoever_has_an_app_besides_is_not_asked_for_its_code(self, town: Town) -> None:
        session = second(challenged().token, town.code(timezone.now()))
        assert isinstance(session, Authenticated)
        key = SoftwareKey()
        enrol(session.session, key)
        assert isinstance(alone(key.get(asked())), Authenticated)

    def test_a_new_password_that_is_due_is_asked_for_all_the_same(self, town: Town) -> None:
        key = give("alice")
        User.objects.update(must_change_password=True)
        form = {Obligation.CHANGE_PASSWORD: ObligationForm.CHALLENGE}
        step = alone(key.get(asked()), profile=replace(PASSKEYS, obligations=form))
        assert isinstance(step, ChallengeRequired)
        assert step.step == Challenge.Step.NEW_PASSWORD
        assert reason_of(alone, key.get(asked())) is Reason.MUST_CHANGE_PASSWORD

    def test_five_statements(self, town: Town) -> None:
        key = give("alice")
        alone(key.get(asked()))
        answer = key.get(asked())
        with CaptureQueriesContext(
            connection,
        ) as seen:
            alone(answer)
        real = [q["sql"] for q in seen if not q["sql"].startswith(("SAVEPOINT", "RELEASE"))]
        assert len(real) <= 5, real

    def test_options_are_made_without_a_statement(self, town: Town) -> None:
        asked()
        with CaptureQueriesContext(connection) as seen:
            asked()
        assert len(seen) == 0
        assert not Challenge.objects.exists()

    def test_a_password_beside_it_changes_nothing(self, town: Town) -> None:
        key = give("alice")
        done = alone(key.get(asked()), Password("wrong"))
        assert isinstance(done, Authenticated)


class TestAloneRefused:
    def test_an_answer_is_good_once(self, town: Town) -> None:
        for key in (give("alice"), SoftwareKey(synced=True)):
            if key.synced:
                enrol(logged_in("carla").session, key)
            answer = key.get(asked())
            alone(answer)
            again = reason_of(alone, answer)
            # The counter of a synced one says nothing: there the challenge alone stops it.
            assert again is (Reason.CHALLENGE_SPENT if key.synced else Reason.SPENT_CODE)

    @pytest.fixture(autouse=True)
    def carla(self, town: Town) -> User:
        return user(town.alpha, "carla")

    def test_what_is_wrong_opens_nothing(self, town: Town) -> None:
        key, theirs = give("alice"), give("carla")
        late = asked(NOW - timedelta(minutes=5))
        other = asked(browser="another")
        wrong: dict[str, tuple[Reason, str, dict[str, Any]]] = {
            "expired": (Reason.CHALLENGE_EXPIRED, key.get(late), {}),
            "another browser": (Reason.CHALLENGE_FOREIGN, key.get(other), {}),
            "no browser": (Reason.CHALLENGE_FOREIGN, key.get(asked()), {"browser": None}),
            "another contract": (
                Reason.CHALLENGE_FOREIGN,
                key.get(asked()),
                {"contract": "another", "profile": replace(PASSKEYS, contract="another")},
            ),
            "made up": (
                Reason.CHALLENGE_FOREIGN,
                key.get(asked(), challenge=b64(b"x" * 56)),
                {},
            ),
            "holder not checked": (Reason.WRONG_CODE, key.get(asked(), flags=UP), {}),
            "nobody there": (Reason.WRONG_CODE, key.get(asked(), flags=UV), {}),
            "another kind": (
                Reason.WRONG_CODE,
                key.get(asked(), flags=UP | UV | BE | BS),
                {},
            ),
            "another origin": (Reason.WRONG_CODE, key.get(asked(), origin="http://evil"), {}),
            "another party": (Reason.WRONG_CODE, key.get(asked(), rp_id="evil"), {}),
            "a registration": (Reason.WRONG_CODE, key.get(asked(), type="webauthn.create"), {}),
            "handle of another": (
                Reason.WRONG_CODE,
                key.get(asked(), user_handle=theirs.user_handle),
                {},
            ),
            "no handle": (Reason.WRONG_CODE, key.get(asked(), user_handle=b""), {}),
            "id of another": (
                Reason.WRONG_CODE,
                key.get(asked(), named=theirs.credential_id, user_handle=theirs.user_handle),
                {},
            ),
            "unknown": (Reason.UNKNOWN_SUBJECT, SoftwareKey(user_handle=b"x").get(asked()), {}),
            "garbage": (Reason.WRONG_CODE, "{", {}),
            "empty": (Reason.WRONG_CODE, "", {}),
            "too long": (Reason.WRONG_CODE, key.get(asked(), answer={"x": "x" * 40_000}), {}),
            "no such tenant": (
                Reason.UNKNOWN_TENANT,
                key.get(asked()),
                {"hint": TenantHint(host=HOST, slug="gamma")},
            ),
            "no such name": (
                Reason.UNKNOWN_TENANT,
                key.get(asked()),
                {"hint": TenantHint(host=HOST, name="gamma")},
            ),
            "at another tenant": (
                Reason.UNKNOWN_SUBJECT,
                key.get(asked()),
                {"hint": TenantHint(host=HOST, slug="beta")},
            ),
            "naming another tenant": (
                Reason.UNKNOWN_SUBJECT,
                key.get(asked()),
                {"hint": TenantHint(host=HOST, name="Beta")},
            ),
            "at a host that is none of ours": (
                Reason.FACTOR_UNSUPPORTED,
                key.get(asked()),
                {"hint": TenantHint(host="other.example.com")},
            ),
            "at an unnamed host": (
                Reason.FACTOR_UNSUPPORTED,
                key.get(asked()),
                {"hint": TenantHint()},
            ),
            "where passkeys are not carried": (
                Reason.NOTHING_PRESENTED,
                key.get(asked()),
                {"profile": TOKEN},
            ),
        }
        before = Session.objects.count()
        heard = {name: reason_of(alone, text, **more) for name, (_, text, more) in wrong.items()}
        assert heard == {name: reason for name, (reason, _, _) in wrong.items()}
        assert Session.objects.count() == before
        assert Challenge.objects.filter(step=Challenge.Step.PASSKEY).count() == 2  # the enrolments
        assert {row.last_used_at for row in Passkey.objects.all()} == {None}

    def test_at_its_own_tenants_addresses_it_is_good(self, town: Town) -> None:
        key = give("alice")
        for hint in (TenantHint(host=HOST, slug="alpha"), TenantHint(host=HOST, name="Alpha")):
            assert isinstance(alone(key.get(asked()), hint=hint), Authenticated)

    def test_of_another_tenants_people_the_trail_says_nothing(self, town: Town) -> None:
        key = give("alice")
        at_beta = TenantHint(host=HOST, slug="beta")
        assert reason_of(alone, key.get(asked()), hint=at_beta) is Reason.UNKNOWN_SUBJECT
        event = last_event()
        assert (event.tenant_id, event.user_id) == (town.beta.pk, None)

    def test_one_made_at_a_tenants_host_is_good_there_alone(self, town: Town) -> None:
        origin = f"http://{BETA_HOST}"
        at_beta = TenantHint(host=BETA_HOST)
        key = SoftwareKey()
        session = logged_in("alice", hint=at_beta).session
        enrol(session, key, host=BETA_HOST, origin=origin)
        assert Passkey.objects.get().rp_id == BETA_HOST
        done = alone(key.get(asked(host=BETA_HOST), origin=origin), hint=at_beta)
        assert isinstance(done, Authenticated)
        assert done.subject.user == town.alice_of_beta
        # Its signature for that host, brought here; and one that it would make for this host.
        brought = reason_of(alone, key.get(asked(host=BETA_HOST), origin=origin))
        assert brought is Reason.CHALLENGE_FOREIGN
        assert reason_of(alone, key.get(asked())) is Reason.UNKNOWN_SUBJECT

    def test_whoever_may_not_sign_in_may_not_with_a_passkey(self, town: Town) -> None:
        key = give("carla")
        User.objects.filter(username="carla").update(state=User.State.DISABLED)
        assert reason_of(alone, key.get(asked())) is Reason.DISABLED
        User.objects.filter(username="carla").update(state=User.State.ACTIVE)
        barred = replace(PASSKEYS, bar=lambda subject: "for a reason")
        assert reason_of(alone, key.get(asked()), profile=barred) is Reason.KIND_NOT_ALLOWED
        town.alpha.contracts = {"probe": {"enabled": False}}
        town.alpha.save()
        resolve.invalidate()
        assert reason_of(alone, key.get(asked())) is Reason.CONTRACT_OFF

    def test_a_counter_that_went_back_is_refused_recorded_and_told(
        self, town: Town, letters: list[Any]
    ) -> None:
        key = give("alice")
        alone(key.get(asked(), count=7))
        letters.clear()
        for count in (7, 6, 0):
            assert reason_of(alone, key.get(asked(), count=count)) is Reason.SPENT_CODE
        event = last_event()
        assert (event.reason, event.factor, event.user_id) == (
            "spent_code",
            "passkey",
            town.alice.pk,
        )
        assert ["passkey", "its counter went back"] in event.trace
        assert [each.subject for each in letters] == ["A passkey was refused"] * 3
        assert letters[0].to == ["alice@alpha.example"]
        assert Passkey.objects.get().sign_count == 7
        assert isinstance(alone(key.get(asked(), count=8)), Authenticated)

    def test_failures_are_counted_by_address_and_lock_no_account(
        self, town: Town, settings: Any
    ) -> None:
        key = give("alice")
        settings.DRAGOMAN = replace(conf(), address_failures=3)
        for _ in range(3):
            assert reason_of(alone, key.get(asked(), flags=UP)) is Reason.WRONG_CODE
        assert reason_of(alone, key.get(asked())) is Reason.THROTTLED_ADDRESS
        assert isinstance(alone(key.get(asked()), address="192.0.2.99"), Authenticated)
        assert {b.kind for b in ThrottleBucket.objects.exclude(failures=[])} == {"address"}
