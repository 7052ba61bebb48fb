"""Passkeys at the gate: alone they are both factors, after a password the second one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.login import passkey_enrolment, passkey_login
from accounts.login.attempt import Password
from accounts.login.outcome import Authenticated, ChallengeRequired, Factor, Obligation, Reason
from accounts.login.passkey_enrolment import NotFresh, TooMany
from accounts.login.profile import ObligationForm
from accounts.models import LoginEvent, Session, SubjectIdentifier, ThrottleBucket, User
from mfa import passkeys, recovery_codes
from mfa.models import Challenge, Passkey
from tenants import resolve
from tenants.conf import conf
from tenants.hint import TenantHint
from tenants.models import TenantPolicy
from tests.login.gate import (
    PASSWORD,
    PLAIN,
    TOKEN,
    Town,
    challenged,
    context,
    give_codes,
    last_event,
    logged_in,
    login,
    reason_of,
    second,
    user,
)
from tests.login.keyring import (
    BROWSER,
    PASSKEYS,
    after,
    alone,
    asked,
    enrol,
    found,
    give,
)
from tests.mfa.software_key import AT, BE, BS, HOST, UP, UV, SoftwareKey, b64

NOW = timezone.now()
BETA_HOST = "beta.example.com"


@pytest.fixture
def letters(settings: Any, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The mails that have left, at once: a test's transaction never ends."""
    settings.MAIL_INLINE = True
    monkeypatch.setattr(transaction, "on_commit", lambda done: done())
    return mail.outbox


def methods(session: Session) -> list[str]:
    return [record["method"] for record in session.amr]


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


class TestSecondStep:
    def step(self, name: str = "alice", **more: Any) -> tuple[str, dict[str, Any]]:
        outcome = login(name, PASSWORD, profile=PASSKEYS, **more)
        assert isinstance(outcome, ChallengeRequired), outcome
        assert Factor.PASSKEY in outcome.factors
        options = passkey_login.step_options(outcome.token, HOST, context())
        assert options is not None
        return outcome.token, options

    def test_after_a_password_it_is_the_second_factor(self, town: Town) -> None:
        key = give("alice")
        token, options = self.step()
        assert options["allowCredentials"] == [
            {
                "id": b64(key.credential_id),
                "type": "public-key",
                "transports": ["hybrid", "internal"],
            }
        ]
        assert options["userVerification"] == "preferred"
        # Neither a check of its holder nor his handle is needed: the password named him.
        done = after(token, key.get(options, flags=UP, user_handle=b""))
        assert isinstance(done, Authenticated)
        assert (methods(done.session), done.session.acr) == (["pwd", "hwk"], "aal2")
        assert (last_event().factor, Passkey.objects.get().sign_count) == ("passkey", 1)

    def test_an_answer_and_its_challenge_are_good_once(self, town: Town) -> None:
        key = give("alice", SoftwareKey(synced=True))
        token, options = self.step()
        answer = key.get(options)
        assert isinstance(after(token, answer), Authenticated)
        assert reason_of(after, token, answer) is Reason.CHALLENGE_SPENT
        token, _ = self.step()
        assert reason_of(after, token, answer) is Reason.WRONG_CODE

    def test_what_is_wrong_opens_nothing(self, town: Town) -> None:
        key = give("alice")
        theirs = SoftwareKey()
        enrol(second_session(town), theirs)
        token, options = self.step()
        _, other_options = self.step()
        mine = passkey_login.options(HOST, context(), BROWSER)
        assert mine is not None
        wrong = {
            "of another user": theirs.get(options),
            "of another user under my id": theirs.get(options, named=key.credential_id),
            "of another login": key.get(other_options),
            "made for signing in alone": key.get(mine),
            "another origin": key.get(options, origin="http://testserver.evil"),
            "another party": key.get(options, rp_id="evil"),
            "a registration": key.get(options, type="webauthn.create"),
            "garbage": "{}",
        }
        short = replace(PASSKEYS, challenge_attempts=50)
        heard = {}
        for name, answer in wrong.items():
            ThrottleBucket.objects.all().delete()
            Challenge.objects.update(attempts=0)
            heard[name] = reason_of(after, token, answer, profile=short)
        assert heard == dict.fromkeys(wrong, Reason.WRONG_CODE)
        foreign: dict[str, dict[str, Any]] = {
            "another contract": {
                "contract": "another",
                "profile": replace(PASSKEYS, contract="another"),
            },
            "another tenant": {"hint": TenantHint(host=HOST, slug="beta")},
            "another client": {"client_id": "theirs"},
            "where passkeys are not carried": {"profile": TOKEN},
        }
        ThrottleBucket.objects.all().delete()
        token, options = self.step(client_id="mine")
        answer = key.get(options)
        for more in foreign.values():
            presented = {"client_id": "mine", **more}
            assert reason_of(after, token, answer, **presented) is Reason.CHALLENGE_FOREIGN
        late = timezone.now() + timedelta(minutes=6)
        assert (
            reason_of(after, token, answer, client_id="mine", now=late) is Reason.CHALLENGE_EXPIRED
        )
        assert isinstance(after(token, answer, client_id="mine"), Authenticated)

    def test_tries_are_counted_like_those_of_codes(self, town: Town) -> None:
        key = give("alice")
        many = replace(PASSKEYS, challenge_attempts=50)
        token, options = self.step()
        for _ in range(5):
            assert reason_of(after, token, "{}", profile=many) is Reason.WRONG_CODE
        assert reason_of(after, token, key.get(options)) is Reason.CHALLENGE_SPENT
        ThrottleBucket.objects.filter(kind="identifier").delete()
        outcome = login("alice", PASSWORD, profile=many)
        assert isinstance(outcome, ChallengeRequired)
        assert reason_of(after, outcome.token, "{}", profile=many) is Reason.THROTTLED_FACTOR

    def test_a_passkey_of_another_host_is_not_asked_for(self, town: Town) -> None:
        give("alice")
        token, _ = self.step()
        for host in (BETA_HOST, "other.example.com", None):
            assert passkey_login.step_options(token, host, context()) is None
        assert passkey_login.step_options("nonsense", HOST, context()) is None
        assert passkey_login.step_options(token, HOST, context(contract="another")) is None

    def test_codes_stand_in_for_a_passkey_and_an_app_beside_it_is_asked_for_too(
        self, town: Town
    ) -> None:
        give("alice")
        give_codes(town.alice)
        outcome = login("alice", PASSWORD, profile=PASSKEYS)
        assert isinstance(outcome, ChallengeRequired)
        assert outcome.factors == {Factor.PASSKEY, Factor.RECOVERY_CODE}

    def test_contracts_that_carry_none_refuse_as_before(self, town: Town) -> None:
        give("alice")
        for profile in (PLAIN, TOKEN):
            assert reason_of(login, "alice", PASSWORD, profile=profile) is Reason.FACTOR_UNSUPPORTED


def second_session(town: Town) -> Session:
    done = second(challenged().token, town.code(timezone.now()))
    assert isinstance(done, Authenticated)
    return done.session


class TestEnrolment:
    def test_adding_the_first_one(self, town: Town, letters: list[Any]) -> None:
        other = logged_in("alice").session
        session = logged_in("alice", profile=PASSKEYS).session
        letters.clear()
        row = enrol(session, SoftwareKey(), name="  Blue\x00 key\n")
        assert (row.name, row.rp_id, row.synced) == ("Blue key", HOST, False)
        assert row.user == town.alice
        other.refresh_from_db()
        session.refresh_from_db()
        assert (other.end_reason, session.ended_at) == ("second factor bound", None)
        assert (methods(session), session.acr) == (["pwd", "hwk"], "aal2")
        event = last_event()
        assert (event.event, event.factor, event.session_id) == (
            "factor:authenticator:bound",
            "passkey",
            session.pk,
        )
        assert [each.subject for each in letters] == ["The passkey “Blue key” was added"]

    def test_the_device_learns_a_random_handle_and_what_is_there_already(self, town: Town) -> None:
        session = logged_in("alice", profile=PASSKEYS).session
        one, two = SoftwareKey(), SoftwareKey()
        enrol(session, one)
        options = passkey_enrolment.options(found(session), HOST, context(session.auth_time))
        assert options is not None
        assert [each["id"] for each in options["excludeCredentials"]] == [b64(one.credential_id)]
        assert options["rp"] == {"id": HOST, "name": "Alpha"}
        assert options["user"]["name"] == "alice@alpha.example"
        enrol(session, two)
        handle = SubjectIdentifier.objects.get(user=town.alice, sector="passkey").value.encode()
        assert one.user_handle == two.user_handle == handle
        assert str(town.alice.pk).encode() not in handle
        assert len(handle) == 43
        # The second one ends nothing.
        assert Session.objects.filter(user=town.alice, ended_at=None).count() == 1

    def test_needs_a_session_that_is_fresh_at_the_users_level(self, town: Town) -> None:
        session = logged_in("alice", profile=PASSKEYS).session
        row = enrol(session, SoftwareKey())
        late = context(session.auth_time + timedelta(minutes=16))
        Session.objects.filter(pk=session.pk).update(amr=[session.amr[0]])
        for client in (late, context(session.auth_time)):
            here = found(session)
            with pytest.raises(NotFresh):
                passkey_enrolment.options(here, HOST, client)
            with pytest.raises(NotFresh):
                passkey_enrolment.add(here, "{}", "x", HOST, client)
            with pytest.raises(NotFresh):
                passkey_enrolment.remove(here, row.pk, client)
        assert Passkey.objects.count() == 1

    def test_what_is_wrong_adds_nothing(self, town: Town) -> None:
        session = logged_in("alice", profile=PASSKEYS).session
        other = logged_in("alice", profile=PASSKEYS).session
        client = context(session.auth_time)
        here = found(session)

        def options(of: Session = session) -> Any:
            return passkey_enrolment.options(found(of), HOST, client)

        def added(answer: str, **more: Any) -> Any:
            return passkey_enrolment.add(here, answer, "x", more.pop("host", HOST), client)

        assert passkey_enrolment.options(here, "other.example.com", client) is None
        used = SoftwareKey().create(options())
        key = SoftwareKey()
        wrong: dict[str, tuple[Reason, str, dict[str, Any]]] = {
            "another session": (Reason.CHALLENGE_FOREIGN, key.create(options(other)), {}),
            "a sign-in": (
                Reason.CHALLENGE_FOREIGN,
                key.create({**options(), "challenge": asked()["challenge"]}),
                {},
            ),
            "an assertion": (Reason.WRONG_CODE, key.create(options(), type="webauthn.get"), {}),
            "another origin": (Reason.WRONG_CODE, key.create(options(), origin="http://e"), {}),
            "another party": (Reason.WRONG_CODE, key.create(options(), rp_id="evil"), {}),
            "nobody there": (Reason.WRONG_CODE, key.create(options(), flags=AT), {}),
            "garbage": (Reason.WRONG_CODE, "[]", {}),
            "another host": (
                Reason.FACTOR_UNSUPPORTED,
                key.create(options()),
                {"host": "other.example.com"},
            ),
            "a tenant's host": (
                Reason.CHALLENGE_FOREIGN,
                key.create(options()),
                {"host": BETA_HOST},
            ),
        }
        heard = {name: reason_of(added, text, **more) for name, (_, text, more) in wrong.items()}
        assert heard == {name: reason for name, (reason, _, _) in wrong.items()}
        assert not Passkey.objects.exists()
        assert LoginEvent.objects.filter(factor="passkey").count() == len(wrong)
        added(used)
        assert reason_of(added, used) is Reason.CHALLENGE_SPENT
        client = context(session.auth_time + timedelta(minutes=5))
        stale = SoftwareKey().create(
            passkey_enrolment.options(found(session), HOST, context(session.auth_time)) or {}
        )
        assert reason_of(added, stale) is Reason.CHALLENGE_EXPIRED

    def test_a_credential_id_belongs_to_one_account(self, town: Town) -> None:
        key = give("alice")
        copy = SoftwareKey(credential_id=key.credential_id)
        session = logged_in("alice", hint=TenantHint(slug="beta"), profile=PASSKEYS).session
        assert reason_of(enrol, session, copy) is Reason.WRONG_CODE
        assert Passkey.objects.get().user == town.alice

    def test_twenty_are_enough(self, town: Town) -> None:
        session = logged_in("alice", profile=PASSKEYS).session
        Passkey.objects.bulk_create(
            Passkey(user=town.alice, credential_id=bytes([n]), public_key=b"k", name="k")
            for n in range(passkeys.MOST)
        )
        # Still the session of before: it has not to prove what it has added itself.
        Session.objects.filter(pk=session.pk).update(
            amr=[{"method": "hwk", "at": session.amr[0]["at"]}]
        )
        with pytest.raises(TooMany):
            enrol(session, SoftwareKey())

    def test_renaming_and_removing_ones_own_alone(self, town: Town, letters: list[Any]) -> None:
        session = logged_in("alice", profile=PASSKEYS).session
        row = enrol(session, SoftwareKey())
        give_codes(town.alice)
        client = context(session.auth_time)
        stranger = found(logged_in("alice", hint=TenantHint(slug="beta")).session)
        assert not passkey_enrolment.rename(stranger, row.pk, "Mine")
        assert not passkey_enrolment.remove(stranger, row.pk, client)
        assert passkey_enrolment.rename(found(session), row.pk, "x" * 100)
        row.refresh_from_db()
        assert row.name == "x" * 64
        letters.clear()
        assert passkey_enrolment.remove(found(session), row.pk, client)
        assert not passkey_enrolment.remove(found(session), row.pk, client)
        assert not Passkey.objects.exists()
        assert recovery_codes.remaining(town.alice.pk) == 0
        assert last_event().event == "factor:authenticator:removed"
        assert [each.subject for each in letters] == [f"The passkey “{'x' * 64}” was removed"]

    def test_recovery_codes_stay_as_long_as_there_is_something_to_stand_in_for(
        self, town: Town
    ) -> None:
        session = second_session(town)
        row = enrol(session, SoftwareKey())
        assert passkey_enrolment.remove(found(session), row.pk, context(session.auth_time))
        assert recovery_codes.remaining(town.bob.pk) > 0
