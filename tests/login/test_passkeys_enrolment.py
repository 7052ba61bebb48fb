"""Passkeys are added, named and taken away by their owners."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts.login import passkey_enrolment
from accounts.login.outcome import Reason
from accounts.login.passkey_enrolment import NotFresh, TooMany
from accounts.models import LoginEvent, Session, SubjectIdentifier
from mfa import passkeys, recovery_codes
from mfa.models import Passkey
from tenants.hint import TenantHint
from tests.login.gate import Town, context, give_codes, last_event, logged_in, reason_of
from tests.login.keyring import (
    BETA_HOST,
    PASSKEYS,
    asked,
    enrol,
    found,
    give,
    methods,
    second_session,
)
from tests.mfa.software_key import AT, HOST, SoftwareKey, b64


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
