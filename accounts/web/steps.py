"""The steps of a sign-in: which form each has, and what it hands to the gate.

A way to sign in that comes later (a passkey, say) is one more entry in :data:`STEPS`, with a
template of its own. Everything else follows from the table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django import forms
from django.utils.translation import gettext_noop

from accounts.login import association
from accounts.login.attempt import (
    Attempt,
    ChallengeToken,
    Identifier,
    NameForm,
    NewPassword,
    OneTimePassword,
    Password,
    RecoveryCodeInput,
)
from accounts.login.outcome import Factor
from accounts.login.pipeline import Outcome, authenticate
from accounts.login.profile import LoginProfile
from accounts.web import passkeys
from accounts.web.forms import CodeForm, CredentialsForm, NewPasswordForm, SetUpForm
from accounts.wire.call import Call
from mfa.models import Challenge
from mfa.totp import is_code

Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One form of the sign-in."""

    form: type[forms.Form]
    # What becomes of the filled-in form. Raises LoginRefused.
    take: Callable[[Data, Call, LoginProfile], Outcome]
    title: str
    # What the form looks like: included into the page.
    template: str = "web/steps/plain.html"
    button: str = gettext_noop("Continue")
    # The challenge that it answers (mfa.models.Challenge.Step); empty: it begins a login.
    answers: str = ""
    # Of a second factor: the form is offered to whoever has one of these.
    factors: frozenset[Factor] = frozenset()
    # Whether it can be taken at the host that was called.
    fits: Callable[[Call], bool] = lambda _call: True


def challenged(data: Data, call: Call, *credentials: Any) -> Attempt:
    """The attempt that goes on with the unfinished login of a form."""
    return Attempt((ChallengeToken(data["challenge"]), *credentials), call.hint, call.client())


def _credentials(data: Data, call: Call, profile: LoginProfile) -> Outcome:
    hint = replace(call.hint, name=data["tenant"] or None)
    identifier = Identifier(NameForm.EITHER, data["identifier"])
    attempt = Attempt((Password(data["password"]),), hint, call.client(), identifier)
    return authenticate(attempt, profile)


def _code(data: Data, call: Call, profile: LoginProfile) -> Outcome:
    text = data["code"].strip()
    # As it is shown in a mail (123-456) or by an app (123 456).
    digits = text.replace(" ", "").replace("-", "")
    code = OneTimePassword(digits) if is_code(digits) else RecoveryCodeInput(text)
    return authenticate(challenged(data, call, code), profile)


def _new_password(data: Data, call: Call, profile: LoginProfile) -> Outcome:
    return authenticate(challenged(data, call, NewPassword(data["new_password"])), profile)


def _set_up(data: Data, call: Call, profile: LoginProfile) -> Outcome:
    digits = data["code"].replace(" ", "")
    token = association.prove(challenged(data, call), digits, profile)
    return authenticate(challenged({"challenge": token}, call), profile)


# By the name that a form sends. The first one that fits is the page's main form.
STEPS: Mapping[str, Step] = {
    "": Step(
        CredentialsForm, _credentials, gettext_noop("Sign in"), button=gettext_noop("Sign in")
    ),
    "passkey_alone": Step(
        passkeys.AloneForm,
        passkeys.alone,
        gettext_noop("Sign in"),
        template="web/steps/passkey_alone.html",
        button=gettext_noop("Sign in with a passkey"),
        fits=passkeys.may_begin,
    ),
    "passkey": Step(
        passkeys.SecondForm,
        passkeys.second,
        gettext_noop("Your second factor"),
        template="web/steps/passkey.html",
        button=gettext_noop("Use the passkey"),
        answers=Challenge.Step.SECOND_FACTOR,
        factors=frozenset({Factor.PASSKEY}),
    ),
    "second_factor": Step(
        CodeForm,
        _code,
        gettext_noop("Your second factor"),
        template="web/steps/code.html",
        answers=Challenge.Step.SECOND_FACTOR,
        factors=frozenset({Factor.OTP, Factor.RECOVERY_CODE, Factor.EMAIL}),
    ),
    "new_password": Step(
        NewPasswordForm,
        _new_password,
        gettext_noop("Choose a new password"),
        template="web/steps/new_password.html",
        answers=Challenge.Step.NEW_PASSWORD,
    ),
    "bind_factor": Step(
        SetUpForm,
        _set_up,
        gettext_noop("Set up an authenticator app"),
        template="web/steps/set_up.html",
        answers=Challenge.Step.BIND_FACTOR,
    ),
}


def offered(answers: str, factors: frozenset[Factor]) -> list[str]:
    """The names of the steps that somebody with these factors can answer a challenge by."""
    return [
        name
        for name, step in STEPS.items()
        if step.answers == answers and (not step.factors or step.factors & factors)
    ]


def is_mailed(factors: frozenset[Factor]) -> bool:
    """Whether six digits mean the code of a mail: whoever has an app is asked for its code."""
    return Factor.EMAIL in factors and Factor.OTP not in factors
