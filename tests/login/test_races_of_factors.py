"""What happens at the moment in which an account gets a second factor, or its owner throws
somebody out: a login that is under way comes too late.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from threading import Thread
from typing import Any

import pytest
from django.utils import timezone

from accounts.login import (
    association,
    custody,
    enrolment,
    grants,
    password_links,
    passwords,
    personal_tokens,
    sessions,
)
from accounts.login.attempt import Attempt, ChallengeToken
from accounts.login.custody import Act
from accounts.login.outcome import Authenticated, LoginRefused, Obligation, Reason
from accounts.login.profile import ObligationForm
from accounts.login.sessions import Found
from accounts.models import Session, User
from mfa import challenges, totp
from mfa.models import Challenge, TotpAuthenticator
from tenants import resolve
from tenants.hint import TenantHint
from tenants.models import TenantPolicy
from tests.login.gate import (
    PASSWORD,
    PLAIN,
    Town,
    context,
    found_town,
    logged_in,
    login,
    reason_of,
    second,
)
from tests.login.keyring import PASSKEYS, enrol
from tests.login.test_obligations import NOW, STEPS, begun
from tests.login.test_races import _own_connection
from tests.mfa.software_key import SoftwareKey


def _the_app(found: Found) -> None:
    enrolment.begin(found, context())
    assert enrolment.confirm(found, context())


def _codes_by_mail(found: Found) -> None:
    enrolment.set_email_factor(found, context(), on=True)


def _a_passkey(found: Found) -> None:
    enrol(found.session, SoftwareKey())


def _of(session: Session) -> Found:
    found = sessions.find(PLAIN, pk=session.pk)
    assert found is not None
    return found


def _reason(session: Session) -> Reason | None:
    return sessions.judge(_of(session), timezone.now(), None)


@pytest.mark.parametrize("bind", [_the_app, _codes_by_mail, _a_passkey])
def test_a_login_by_password_alone_does_not_outlive_the_second_factor_bound_meanwhile(
    town: Town, monkeypatch: pytest.MonkeyPatch, bind: Callable[[Found], None]
) -> None:
    found = _of(logged_in(profile=PASSKEYS).session)
    personal_tokens.make(found, "bot", PLAIN, context())
    password_links.send_reset(town.alice, Act(context(), "erin"))
    verify = passwords.verify

    def meanwhile(*given: Any) -> bool:
        monkeypatch.setattr(passwords, "verify", verify)
        bind(found)
        return verify(*given)

    monkeypatch.setattr(passwords, "verify", meanwhile)
    intruder = logged_in("alice", PASSWORD)
    assert _reason(intruder.session) is Reason.SESSION_ENDED
    with pytest.raises(LoginRefused):
        grants.rotate(intruder.tokens.refresh, PLAIN, context(), None)
    # The session that has bound it goes on, and may go on to change things; so do programs.
    assert _reason(found.session) is None
    enrolment.replace_codes(found, ["b" * 16], context())
    assert len(personal_tokens.listed(town.alice, timezone.now())) == 1
    _the_link_is_good(town)


def _the_link_is_good(town: Town) -> None:
    """It opens no session by itself, and its account asks for the new factor."""
    link = Challenge.objects.get(contract=password_links.Kind.RESET, spent_at=None)
    assert link.security_epoch == User.objects.get(pk=town.alice.pk).security_epoch > 0


def test_a_token_asked_for_before_a_factor_was_bound_in_the_same_session_is_good(
    town: Town,
) -> None:
    session = logged_in().session
    asking, binding_one = _of(session), _of(session)
    _the_app(binding_one)
    personal_tokens.make(asking, "bot", PLAIN, context())
    assert len(personal_tokens.listed(town.alice, timezone.now())) == 1
    _the_app(binding_one)
    personal_tokens.renew(asking, "bot", PLAIN, context())
    assert len(personal_tokens.listed(town.alice, timezone.now())) == 1


def _proved() -> str:
    """The token for the last step of a login in which an authenticator was set up."""
    begun_with = Attempt((ChallengeToken(begun("alice").token),), TenantHint(), context(NOW))
    made = association.associate(begun_with, STEPS)
    code = totp.code_at(made.secret, totp.step_at(NOW))
    going_on = Attempt((ChallengeToken(made.token),), TenantHint(), context(NOW))
    return association.prove(going_on, code, STEPS)


class TestAFirstAuthenticatorAtLogin:
    def test_personal_tokens_go_on_and_what_was_opened_without_it_does_not(
        self, town: Town
    ) -> None:
        found = _of(logged_in(now=NOW).session)
        personal_tokens.make(found, "bot", PLAIN, context())
        password_links.send_reset(town.alice, Act(context(), "erin"))
        TenantPolicy(tenant=town.alpha, second_factor="required").save()
        resolve.invalidate()
        done = second(_proved(), None, STEPS, now=NOW)
        assert isinstance(done, Authenticated)
        assert (_reason(done.session), _reason(found.session)) == (None, Reason.SESSION_ENDED)
        assert len(personal_tokens.listed(town.alice, timezone.now())) == 1
        _the_link_is_good(town)

    def test_a_login_that_is_only_advised_to_set_one_up_does_not_outlive_it(
        self, town: Town, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        TenantPolicy(tenant=town.alpha, second_factor="required").save()
        resolve.invalidate()
        advising = replace(PLAIN, obligations={Obligation.BIND_FACTOR: ObligationForm.ADVISE})
        token, verify, done = _proved(), passwords.verify, []

        def meanwhile(*given: Any) -> bool:
            monkeypatch.setattr(passwords, "verify", verify)
            done.append(second(token, None, STEPS, now=NOW))
            return verify(*given)

        monkeypatch.setattr(passwords, "verify", meanwhile)
        late = login("alice", PASSWORD, profile=advising, now=NOW)
        assert isinstance(late, Authenticated)
        assert isinstance(done[0], Authenticated)
        reasons = (_reason(late.session), _reason(done[0].session))
        assert reasons == (Reason.SESSION_ENDED, None)

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("throw_out", [custody.end_sessions, custody.disable])
    def test_is_not_bound_for_whom_an_officer_has_just_thrown_out(
        self,
        transactional_db: None,
        monkeypatch: pytest.MonkeyPatch,
        throw_out: Callable[[User, Act], None],
    ) -> None:
        town = found_town()
        TenantPolicy(tenant=town.alpha, second_factor="required").save()
        resolve.invalidate()
        token, spend = _proved(), challenges.spend

        def act() -> None:
            with _own_connection():
                throw_out(town.alice, Act(context(), "erin"))

        def meanwhile(*given: Any) -> bool:
            officer = Thread(target=act)
            officer.start()
            officer.join(20)
            return spend(*given)

        monkeypatch.setattr(challenges, "spend", meanwhile)
        assert reason_of(second, token, None, STEPS, now=NOW) is Reason.CHALLENGE_EXPIRED
        assert not TotpAuthenticator.objects.filter(user=town.alice).exists()
