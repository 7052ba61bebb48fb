"""What changes second factors asks for as much as the account has, and minds the tenant's rule."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from mfa import email_codes, recovery_codes
from mfa.models import EmailFactor, Enrolment, Passkey, TotpAuthenticator
from tenants import resolve
from tenants.models import TenantPolicy
from tests.contracts.rocketchat.exchange import (
    failure,
    let_pass,
    log_in,
    post,
    refused,
    signed_in,
)
from tests.contracts.rocketchat.test_guard import (
    FORBIDDEN,
    GUARDED,
    PASSED,
    TOTP_INVALID,
    TOTP_REQUIRED,
)
from tests.fixtures import PASSWORD, Cast, Persona

LAST = failure("error-not-allowed", "Your organization requires a second factor")


def mailed_code(who: Persona) -> dict[str, str]:
    """The headers with the code of a mail to somebody who gets codes by mail."""
    email_codes.enable(who.user.pk, timezone.now())
    code = email_codes.issue(who.user.pk, timezone.now()).code
    return {"x-2fa-code": code, "x-2fa-method": "email"}


def as_bob(client: Client, cast: Cast) -> dict[str, str]:
    return signed_in(client, "bob", PASSWORD, code=cast.bob.code(steps=-1))


@pytest.mark.parametrize("call", ["users.resetTOTP", "users.2fa.disableEmail"])
def test_a_mailbox_does_not_take_the_factors_of_an_app_owner(
    client: Client, cast: Cast, call: str
) -> None:
    headers = as_bob(client, cast)
    by_mail = mailed_code(cast.bob)
    refused(post(client, call, headers), 400, TOTP_REQUIRED)
    refused(post(client, call, {**headers, **by_mail}), 400, TOTP_INVALID)
    assert (TotpAuthenticator.objects.count(), EmailFactor.objects.count()) == (1, 1)
    # Elsewhere the mailed code does, as the client asks for it.
    let_pass(1801)
    refused(post(client, GUARDED, {**headers, **by_mail}), 400, PASSED)
    by_app = {"x-2fa-code": cast.bob.code(), "x-2fa-method": "totp"}
    assert post(client, call, {**headers, **by_app}).status_code == 200


def test_a_mailbox_adds_no_app_to_an_account_with_a_security_key(
    client: Client, cast: Cast
) -> None:
    by_mail = mailed_code(cast.alice)
    headers = signed_in(client, "alice", PASSWORD, code=by_mail["x-2fa-code"])
    Passkey.objects.create(user=cast.alice.user, credential_id=b"1", public_key=b"1", name="key")
    refused(post(client, "users.enableTotp", headers), 403, FORBIDDEN)
    by_mail = mailed_code(cast.alice)
    refused(post(client, "users.enableTotp", {**headers, **by_mail}), 403, FORBIDDEN)
    assert not Enrolment.objects.exists()


def test_the_last_factor_stays_where_the_tenant_demands_one(client: Client, cast: Cast) -> None:
    headers = as_bob(client, cast)
    TenantPolicy(tenant=cast.alpha, second_factor="required").save()
    resolve.invalidate()
    by_app = {**headers, "x-2fa-code": cast.bob.code(), "x-2fa-method": "totp"}
    refused(post(client, "users.resetTOTP", by_app), 400, LAST)
    saved = cast.bob.recovery_codes[0]
    refused(post(client, "users.disableTotp", headers, {"code": saved}), 400, LAST)
    assert TotpAuthenticator.objects.filter(user=cast.bob.user).exists()
    assert recovery_codes.remaining(cast.bob.user.pk) == 10

    email_codes.enable(cast.bob.user.pk, timezone.now())
    answer = post(client, "users.disableTotp", headers, {"code": saved})
    refused(answer, 200, b'{"disabled":true,"success":true}')
    by_mail = mailed_code(cast.bob)
    refused(post(client, "users.2fa.disableEmail", {**headers, **by_mail}), 400, LAST)
    assert EmailFactor.objects.filter(user=cast.bob.user).exists()
    answer = log_in(client, {"user": "bob", "password": PASSWORD})
    assert answer.json()["error"] == "totp-required"
