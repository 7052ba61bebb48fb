"""What no page of the console may show."""

from __future__ import annotations

from accounts.models import ServiceCredential, SigningKey, User
from mfa import totp
from mfa.models import RecoveryCode, TotpAuthenticator
from tests.fixtures import Cast

SECRET = "kept-by-the-provider-and-us"
# Fields whose names speak of secrets: numbers and switches, and what is written and never shown.
NAMED = (
    "password_min_length",
    "disallow_password_signin",
    "create_token_secret_sha256",
    "new_secret",
    "remove_secret",
)


def secrets_of(cast: Cast) -> list[str]:
    """Every text in the database that no page may show."""
    found = [*User.objects.values_list("password", flat=True)]
    found += ServiceCredential.objects.values_list("secret_hash", flat=True)
    found += SigningKey.objects.values_list("sealed", flat=True)
    found += TotpAuthenticator.objects.values_list("secret_sealed", flat=True)
    for rows in (RecoveryCode.objects.values_list("digest", "salt"),):
        found += [bytes(value).hex() for row in rows for value in row]
    found += [cast.bob.totp_secret.hex(), totp.base32(cast.bob.totp_secret)]
    found += [*cast.bob.recovery_codes, cast.svc.client_secret, SECRET]
    return [text for text in found if text]
