"""The product's objects, made of ours: pure functions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from accounts.contracts.bytebase.protojson import timestamp, written
from accounts.contracts.bytebase.tokens import SLUG, address
from accounts.contracts.bytebase.wording import USER_TYPES
from accounts.login.outcome import Authenticated, ChallengeRequired, Factor, Obligation
from accounts.login.subject import Subject
from mfa.binding import Pending
from mfa.totp import base32
from tenants.policy import SecondFactorRule, TenantRecord

# The release that is spoken here; clients choose their calls by it.
VERSION = "3.13.0"


def user_name(subject: Subject) -> str:
    """The resource name of an account."""
    return f"users/{address(subject.user)}"


def user(
    subject: Subject, last_login: datetime | None, pending: Pending | None = None
) -> dict[str, Any]:
    """The ``User`` object, in proto field order; ``profile`` is there even if it is empty.

    What waits to be proved is shown to the user himself only.
    """
    account = subject.user
    return written(
        name=user_name(subject),
        state="ACTIVE" if account.is_active else "DELETED",
        email=address(account),
        # Every account of the product has a title.
        title=account.display_name or account.username,
        user_type=USER_TYPES[account.kind],
        mfa_enabled=Factor.OTP in subject.factors,
        temp_otp_secret=base32(pending.secret) if pending else "",
        temp_recovery_codes=list(pending.codes) if pending else [],
        temp_otp_secret_created_time=timestamp(pending.created_at) if pending else None,
        phone=account.phone,
        profile=written(
            last_login_time=timestamp(last_login),
            last_change_password_time=timestamp(account.password_changed_at),
        ),
        groups=[f"groups/{name}" for name in subject.groups],
    )


def login_response(
    outcome: Authenticated | ChallengeRequired, *, web: bool, first_step: bool
) -> dict[str, Any]:
    """The answer to a login: after a right password with MFA on, the temp token and nothing else.

    The user's last login is the one before this. A due reset is told in the first step only.
    """
    if isinstance(outcome, ChallengeRequired):
        return written(mfa_temp_token=outcome.token)
    subject = outcome.subject
    told = subject.tenant.contract(SLUG).options.get("web_body_token", True) is not False
    due = Obligation.CHANGE_PASSWORD in outcome.obligations and subject.user.is_person
    return written(
        token=outcome.tokens.access if told or not web else "",
        require_reset_password=due and first_step,
        user=user(subject, outcome.previous_login),
    )


def actuator_info(tenant: TenantRecord, external_url: str) -> dict[str, Any]:
    """What a login page asks before anybody has logged in. There is no sign-up."""
    policy = tenant.policy
    return written(
        version=VERSION,
        external_url=external_url,
        disallow_signup=True,
        require_2fa=policy.second_factor is SecondFactorRule.REQUIRED,
        workspace_id=tenant.slug,
        password_restriction=written(min_length=policy.password_min_length),
    )
