"""The product's objects, made of ours: pure functions."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from accounts.contracts.bytebase.protojson import timestamp, written
from accounts.contracts.bytebase.tokens import SLUG, address, workspace_of
from accounts.contracts.bytebase.wording import USER_TYPES
from accounts.login.outcome import Authenticated, ChallengeRequired, Factor, Obligation
from accounts.login.subject import Subject
from accounts.login.workload_trust import trust_of
from accounts.models import User
from mfa.binding import Pending
from mfa.totp import base32
from tenants.policy import SecondFactorRule, TenantRecord

# The release that is spoken here; clients choose their calls by it.
VERSION = "3.13.0"
# What the document of the field ``phone`` asks for.
E164 = re.compile(r"\+[1-9][0-9]{1,14}")


def user_name(subject: Subject) -> str:
    """The resource name of an account."""
    return f"users/{address(subject.user)}"


def user(
    subject: Subject,
    last_login: datetime | None,
    pending: Pending | None = None,
    *,
    service_key: str = "",
) -> dict[str, Any]:
    """The ``User`` object, in proto field order; ``profile`` is there even if it is empty.

    What waits to be proved is shown to the user himself only, a service key once.
    """
    account = subject.user
    return written(
        name=user_name(subject),
        state="ACTIVE" if account.is_active else "DELETED",
        email=address(account),
        # Every account of the product has a title.
        title=account.display_name or account.username,
        user_type=USER_TYPES[account.kind],
        service_key=service_key,
        mfa_enabled=Factor.OTP in subject.factors,
        temp_otp_secret=base32(pending.secret) if pending else "",
        temp_recovery_codes=list(pending.codes) if pending else [],
        temp_otp_secret_created_time=timestamp(pending.created_at) if pending else None,
        # Elsewhere a number may be stored in another form, which the field has no room for.
        phone=account.phone if E164.fullmatch(account.phone) else "",
        profile=written(
            last_login_time=timestamp(last_login),
            last_change_password_time=timestamp(account.password_changed_at),
        ),
        groups=_groups(subject),
        workload_identity_config=_workload_config(account),
    )


def other(subject: Subject, *, service_key: str = "") -> dict[str, Any]:
    """The ``User`` object as an officer sees it."""
    return user(subject, subject.user.last_login, service_key=service_key)


def _groups(subject: Subject) -> list[str]:
    """The resource names of the groups: by address, which at the product every group has."""
    pairs = zip(subject.groups, subject.group_emails, strict=True)
    return [f"groups/{email.lower() or name}" for name, email in pairs]


def _workload_config(account: User) -> dict[str, Any] | None:
    trust = trust_of(account)
    if trust is None:
        return None
    return written(
        provider_type=trust.provider,
        issuer_url=trust.issuer,
        allowed_audiences=list(trust.audiences),
        subject_pattern=trust.subject,
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


def actuator_info(tenant: TenantRecord, external_url: str, *, needs_admin: bool) -> dict[str, Any]:
    """What a login page asks before anybody has logged in."""
    policy, workspace = tenant.policy, workspace_of(tenant)
    return written(
        version=VERSION,
        external_url=external_url,
        need_admin_setup=needs_admin,
        disallow_signup=workspace.disallow_signup,
        require_2fa=policy.second_factor is SecondFactorRule.REQUIRED,
        workspace_id=tenant.slug,
        disallow_password_signin=workspace.disallow_password_signin,
        password_restriction=written(min_length=policy.password_min_length),
    )
