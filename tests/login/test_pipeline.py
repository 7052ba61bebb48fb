"""The one gate: what it writes, what it costs, and that every verdict is recorded."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.login.attempt import (
    Attempt,
    NameForm,
    OneTimePassword,
    Password,
    RecoveryCodeInput,
    ServiceSecret,
)
from accounts.login.outcome import Authenticated, ChallengeRequired, Factor, LoginRefused, Reason
from accounts.login.pipeline import authenticate
from accounts.login.profile import Issued
from accounts.models import Grant, LoginEvent, Session, SubjectIdentifier, User
from mfa.models import Challenge
from tenants.hint import TenantHint
from tests.login.gate import (
    ADDRESS,
    PASSWORD,
    PLAIN,
    REPEAT,
    TOKEN,
    Town,
    challenged,
    context,
    credential,
    last_event,
    logged_in,
    login,
    reason_of,
    second,
)

NOW = timezone.now()


def statements(call: Any) -> list[str]:
    """What a call sends, transaction marks aside; a refusal is an answer like others."""
    with CaptureQueriesContext(connection) as seen, suppress(LoginRefused):
        call()
    marks = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")
    return [q["sql"] for q in seen.captured_queries if not q["sql"].startswith(marks)]


class TestSuccess:
    def test_the_session_says_who_how_when_and_from_where(self, town: Town) -> None:
        done = logged_in(now=NOW, agent="a" * 300, request_id="r1")
        row = Session.objects.get()
        assert (row.user_id, row.tenant_id, row.contract) == (town.alice.pk, town.alpha.pk, "probe")
        assert row.amr == [{"method": "pwd", "at": int(NOW.timestamp())}]
        assert (row.acr, row.address, row.agent) == ("aal1", ADDRESS, "a" * 256)
        assert (row.auth_time, row.expires_at) == (NOW, NOW + timedelta(days=1))
        assert (row.security_epoch, row.ended_at) == (0, None)
        assert done.previous_login is None
        assert logged_in(now=NOW + timedelta(seconds=1)).previous_login == NOW

    def test_the_audit_row_says_the_same(self, town: Town) -> None:
        done = logged_in(now=NOW, agent="curl", request_id="r1")
        event = last_event()
        assert (event.event, event.reason) == ("login:subject:accepted", "")
        assert (event.user_id, event.tenant_id) == (town.alice.pk, town.alpha.pk)
        assert (event.session_id, event.contract, event.at) == (done.session.pk, "probe", NOW)
        assert (event.address, event.agent, event.request_id) == (ADDRESS, "curl", "r1")
        assert ["password", "right"] in event.trace

    def test_a_second_factor_raises_the_level(self, town: Town) -> None:
        now = timezone.now()
        done = second(challenged(now=now).token, town.code(now), now=now)
        assert isinstance(done, Authenticated)
        assert done.session.acr == "aal2"
        assert [record["method"] for record in done.session.amr] == ["pwd", "otp"]
        assert last_event().factor == "otp"

    @pytest.mark.parametrize(
        ("form", "name", "known"),
        [
            (NameForm.USERNAME, "ALICE", True),
            (NameForm.USERNAME, "alice@alpha.example", False),
            (NameForm.EMAIL, "Alice@Alpha.Example", True),
            (NameForm.EMAIL, "alice", False),
            (NameForm.EITHER, "alice", True),
            (NameForm.EITHER, "alice@alpha.example", True),
            (NameForm.ANY, "alice", True),
            (NameForm.ANY, "alice@alpha.example", True),
            (NameForm.SUBJECT, "alice", False),
            (NameForm.SUBJECT, "id-of-alice", True),
        ],
    )
    def test_names_are_looked_up_as_the_contract_wants(
        self, town: Town, form: NameForm, name: str, known: bool
    ) -> None:
        SubjectIdentifier.objects.create(user=town.alice, sector="probe", value="id-of-alice")
        profile = replace(PLAIN, sector="probe", new_identifier=lambda: "new")
        if known:
            assert logged_in(name, form=form, profile=profile).subject.user == town.alice
        else:
            assert reason_of(login, name, PASSWORD, form=form, profile=profile) is (
                Reason.UNKNOWN_SUBJECT
            )

    def test_an_empty_name_finds_nobody_without_an_e_mail(self, town: Town) -> None:
        User.objects.filter(pk=town.alice.pk).update(email="", email_key="")
        for hour, form in enumerate(NameForm):
            now = NOW + timedelta(hours=hour)
            for name in ("", " ", "\u3000"):
                assert reason_of(login, name, PASSWORD, form=form, now=now) is (
                    Reason.UNKNOWN_SUBJECT
                )

    def test_the_same_name_in_two_tenants_is_two_people(self, town: Town) -> None:
        assert logged_in().subject.user == town.alice
        beta = TenantHint(host="beta.example.com")
        assert logged_in(hint=beta).subject.user == town.alice_of_beta
        assert reason_of(login, "bob", PASSWORD, hint=beta) is Reason.UNKNOWN_SUBJECT

    def test_an_identifier_is_made_at_the_first_success_and_kept(self, town: Town) -> None:
        made = iter("abc")
        profile = replace(PLAIN, sector="probe", new_identifier=lambda: next(made))
        assert reason_of(login, "alice", "wrong", profile=profile) is Reason.WRONG_PASSWORD
        assert not SubjectIdentifier.objects.exists()
        assert logged_in(profile=profile).subject.identifier == "a"
        assert logged_in(profile=profile).subject.identifier == "a"
        assert SubjectIdentifier.objects.count() == 1


class TestBudgets:
    """Counts do not depend on the machine."""

    def test_of_a_password_login(self, town: Town) -> None:
        logged_in()
        sent = statements(logged_in)
        assert len(sent) == 3, sent

    def test_of_refusals(self, town: Town) -> None:
        logged_in()
        wrong = statements(lambda: login("alice", "wrong"))
        unknown = statements(lambda: login("nobody", "wrong"))
        disabled = statements(lambda: login("carol", PASSWORD))
        assert [len(wrong), len(unknown), len(disabled)] == [3, 3, 3]

    def test_of_a_challenge_and_its_second_step(self, town: Town) -> None:
        logged_in(now=NOW)
        tokens = []
        opened = statements(lambda: tokens.append(challenged(now=NOW).token))
        assert len(opened) == 3, opened
        taken = statements(lambda: second(tokens[0], town.code(NOW), now=NOW))
        assert len(taken) <= 8, taken

    def test_of_a_login_with_a_service_secret(self, town: Town) -> None:
        logged_in("svc-client", town.svc_secret)
        assert len(statements(lambda: logged_in("svc-client", town.svc_secret))) == 2

    def test_of_a_token_nobody_made(self, town: Town) -> None:
        challenged()
        assert len(statements(lambda: second("nonsense", "000000"))) == 2


REFUSED: list[tuple[str, Any, Reason]] = [
    ("wrong password", lambda t: login("alice", "wrong"), Reason.WRONG_PASSWORD),
    ("unknown", lambda t: login("nobody", PASSWORD), Reason.UNKNOWN_SUBJECT),
    (
        "tenant",
        lambda t: login("alice", PASSWORD, hint=TenantHint(name="x")),
        Reason.UNKNOWN_TENANT,
    ),
    ("disabled", lambda t: login("carol", PASSWORD), Reason.DISABLED),
    ("no password", lambda t: login("svc", PASSWORD), Reason.NO_PASSWORD),
    ("nothing", lambda t: login("alice"), Reason.NOTHING_PRESENTED),
    (
        "nobody named",
        lambda t: authenticate(Attempt((Password(PASSWORD),), TenantHint(), context()), PLAIN),
        Reason.NOTHING_PRESENTED,
    ),
    ("no field", lambda t: login("bob", PASSWORD), Reason.FACTOR_UNSUPPORTED),
    (
        "kind",
        lambda t: login(
            "svc-client", "m" * 40, profile=replace(PLAIN, kinds=frozenset({"person"}))
        ),
        Reason.KIND_NOT_ALLOWED,
    ),
    ("no code", lambda t: second(challenged().token, None), Reason.FACTOR_MISSING),
    ("wrong code", lambda t: second(challenged().token, "00000"), Reason.WRONG_CODE),
    (
        "wrong recovery code",
        lambda t: second(challenged().token, RecoveryCodeInput("nonsense")),
        Reason.WRONG_RECOVERY_CODE,
    ),
    ("challenge", lambda t: second("nonsense", "000000"), Reason.CHALLENGE_UNKNOWN),
    (
        "repeated with a wrong code",
        lambda t: login("bob", PASSWORD, OneTimePassword("x"), profile=REPEAT),
        Reason.WRONG_CODE,
    ),
]


@pytest.mark.parametrize(("call", "reason"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_every_refusal_is_recorded_and_opens_nothing(town: Town, call: Any, reason: Reason) -> None:
    before = User.objects.get(pk=town.bob.pk).last_login
    assert reason_of(call, town) is reason
    event = last_event()
    assert (event.event, event.reason) == ("login:subject:refused", reason)
    assert event.trace[-1] == ["outcome", reason]
    assert event.session_id is None
    assert not Session.objects.exists()
    assert not Grant.objects.exists()
    assert User.objects.get(pk=town.bob.pk).last_login == before


def test_a_challenge_is_recorded_and_opens_nothing(town: Town) -> None:
    outcome = challenged(now=NOW)
    assert outcome.factors == {Factor.OTP, Factor.RECOVERY_CODE}
    assert (last_event().event, last_event().user_id) == ("login:factor:demanded", town.bob.pk)
    row = Challenge.objects.get()
    assert bytes(row.token_hash) != outcome.token.encode()
    assert row.expires_at == NOW + timedelta(minutes=5)
    assert not Session.objects.exists()
    assert User.objects.get(pk=town.bob.pk).last_login is None


def test_where_the_login_is_repeated_there_is_no_challenge_to_steal(town: Town) -> None:
    outcome = login("bob", PASSWORD, profile=REPEAT)
    assert isinstance(outcome, ChallengeRequired)
    assert outcome.token == ""
    assert not Challenge.objects.exists()
    now = timezone.now()
    done = login("bob", PASSWORD, OneTimePassword(town.code(now)), profile=REPEAT, now=now)
    assert isinstance(done, Authenticated)


def test_a_code_does_not_stand_in_for_the_password(town: Town) -> None:
    now = timezone.now()
    code = OneTimePassword(town.code(now))
    assert reason_of(login, "bob", code, profile=REPEAT, now=now) is Reason.NOTHING_PRESENTED
    assert reason_of(login, "bob", "wrong", code, profile=REPEAT, now=now) is Reason.WRONG_PASSWORD
    # The code was not spent by the refusal.
    assert isinstance(login("bob", PASSWORD, code, profile=REPEAT, now=now), Authenticated)


def test_a_code_beside_the_password_is_no_shortcut_where_a_challenge_is_due(town: Town) -> None:
    code = OneTimePassword(town.code(NOW))
    assert isinstance(login("bob", PASSWORD, code, profile=TOKEN, now=NOW), ChallengeRequired)
    assert not Session.objects.exists()


class TestAllOrNothing:
    """One statement writes a success; if any part of it fails, nothing stands."""

    def test_a_failing_grant_leaves_no_session_and_no_last_login(self, town: Town) -> None:
        taken = logged_in().tokens.refresh

        def issue(session: Session, subject: Any) -> Issued:
            issued = PLAIN.issue(session, subject)
            return Issued(issued.tokens, tuple(replace(g, token=taken) for g in issued.grants))

        before = (Session.objects.count(), LoginEvent.objects.count())
        seen = User.objects.get(pk=town.alice.pk).last_login
        with pytest.raises(IntegrityError), transaction.atomic():
            login("alice", PASSWORD, profile=replace(PLAIN, issue=issue))
        assert (Session.objects.count(), LoginEvent.objects.count()) == before
        assert User.objects.get(pk=town.alice.pk).last_login == seen

    def test_a_failing_end_gives_the_code_and_the_challenge_back(self, town: Town) -> None:
        def issue(session: Session, subject: Any) -> Issued:
            raise RuntimeError("no tokens today")

        token, code = challenged(now=NOW).token, town.code(NOW)
        with pytest.raises(RuntimeError):
            second(token, code, replace(TOKEN, issue=issue), now=NOW)
        assert isinstance(second(token, code, now=NOW), Authenticated)


class TestServiceSecrets:
    def test_a_machine_logs_in_under_its_client_id_or_its_name(self, town: Town) -> None:
        for name in ("svc-client", "svc", "svc@alpha.example"):
            done = logged_in(name, town.svc_secret)
            assert done.session.amr[0]["method"] == "secret"
        logged_in("svc-client", ServiceSecret(town.svc_secret))

    def test_the_secret_of_another_client_id_does_not_fit_a_named_one(self, town: Town) -> None:
        credential(town.svc, "svc-second", "n" * 40)
        logged_in("svc-second", "n" * 40)
        assert reason_of(login, "svc-second", town.svc_secret) is Reason.NO_PASSWORD

    @pytest.mark.parametrize(
        "fields",
        [
            {"revoked_at": NOW},
            {"expires_at": NOW},
            {"contract": "another"},
        ],
    )
    def test_a_dead_credential_opens_nothing(self, town: Town, fields: dict[str, Any]) -> None:
        credential(town.svc, "dead", "d" * 40, **fields)
        for name in ("dead", "svc"):
            assert reason_of(login, name, "d" * 40, now=NOW) is Reason.NO_PASSWORD

    def test_use_is_noted(self, town: Town) -> None:
        logged_in("svc-client", town.svc_secret, now=NOW)
        assert town.svc.service_credentials.get().last_used_at == NOW

    def test_a_disabled_machine_is_refused(self, town: Town) -> None:
        User.objects.filter(pk=town.svc.pk).update(state=User.State.DISABLED)
        assert reason_of(login, "svc-client", town.svc_secret) is Reason.DISABLED

    def test_in_another_tenant_the_machine_is_nobody(self, town: Town) -> None:
        beta = TenantHint(slug="beta")
        assert reason_of(login, "svc-client", town.svc_secret, hint=beta) is Reason.UNKNOWN_SUBJECT

    def test_a_person_needs_a_contract_that_takes_app_passwords(self, town: Town) -> None:
        credential(town.bob, "app", "a" * 40, contract="probe")
        assert reason_of(login, "bob", "a" * 40) is Reason.WRONG_PASSWORD
        taking = replace(PLAIN, app_passwords=True)
        assert logged_in("bob", "a" * 40, profile=taking).session.acr == "aal1"
        # The account's own password still needs the factor that the contract cannot carry.
        assert reason_of(login, "bob", PASSWORD, profile=taking) is Reason.FACTOR_UNSUPPORTED


def test_an_account_that_is_disabled_between_two_steps_gets_no_session(town: Town) -> None:
    token = challenged(now=NOW).token
    User.objects.filter(pk=town.bob.pk).update(state=User.State.DISABLED)
    assert reason_of(second, token, town.code(NOW), now=NOW) is Reason.DISABLED
    assert not Session.objects.exists()
