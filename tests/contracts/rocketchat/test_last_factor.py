"""What takes second factors away minds the tenant's rule."""

from __future__ import annotations

from django.test import Client
from django.utils import timezone

from mfa import email_codes, recovery_codes
from mfa.models import EmailFactor, TotpAuthenticator
from tenants import resolve
from tenants.models import TenantPolicy
from tests.contracts.rocketchat.exchange import (
    failure,
    log_in,
    post,
    refused,
    signed_in,
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
