"""A proof that is asked for inside of an open session."""

from __future__ import annotations

from contextlib import suppress

from accounts.admin import traces
from accounts.login import enrolment, password_change
from accounts.login.attempt import Password, RecoveryCodeInput
from accounts.login.outcome import LoginRefused
from accounts.login.sessions import Found
from accounts.models import LoginEvent, Session, ThrottleBucket
from tests.login.gate import CODES, PASSWORD, REPEAT, Town, context, logged_in


def recorded(found: Found) -> list[tuple[str, str, list[list[str]]]]:
    rows = LoginEvent.objects.filter(
        event="login:subject:refused", user=found.subject.user, session_id=found.session.pk
    )
    return [(row.reason, row.factor, row.trace) for row in rows.order_by("pk")]


def entered(*factors: RecoveryCodeInput) -> Found:
    done = logged_in("bob", PASSWORD, *factors, profile=REPEAT)
    return Found(Session.objects.get(pk=done.session.pk), done.subject)


def test_a_wrong_proof_inside_of_a_session_says_why_and_a_right_one_costs_nothing(
    town: Town,
) -> None:
    found = entered(RecoveryCodeInput(CODES[0]))
    ThrottleBucket.objects.all().delete()
    assert enrolment.spend_code(found, CODES[1], context())
    assert password_change.prove(found, Password(PASSWORD), REPEAT, context())
    assert not any(ThrottleBucket.objects.values_list("failures", flat=True))
    assert recorded(found) == []
    assert not password_change.prove(found, Password("wrong"), REPEAT, context())
    assert not enrolment.spend_code(found, CODES[1], context())
    judged = [["session", "open"], ["throttle", "free"]]
    assert recorded(found) == [
        ("wrong_password", "", [*judged, ["password", "wrong"], ["outcome", "wrong_password"]]),
        (
            "wrong_code",
            "recovery_code",
            [*judged, ["second factor", "wrong"], ["outcome", "wrong_code"]],
        ),
    ]
    for row in LoginEvent.objects.filter(event="login:subject:refused"):
        assert all(step.words for step in traces.steps(row))


def test_guesses_that_are_locked_out_are_recorded_as_such(town: Town) -> None:
    found = entered(RecoveryCodeInput(CODES[0]))
    for _ in range(6):
        with suppress(LoginRefused):
            enrolment.spend_code(found, "000000", context())
    reasons = [(reason, factor) for reason, factor, _ in recorded(found)]
    assert reasons == [("wrong_code", "otp")] * 5 + [("throttled_factor", "otp")]
    locked = [["throttle", "throttled_factor"], ["outcome", "throttled_factor"]]
    assert recorded(found)[-1][2] == [["session", "open"], *locked]
