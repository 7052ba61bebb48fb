"""People of the cast with more than it gives them."""

from __future__ import annotations

from accounts.models import User
from mfa import binding, recovery_codes, totp
from tests.fixtures import Persona


def with_app(who: Persona) -> Persona:
    """The same person, with an authenticator app and recovery codes."""
    secret, codes = totp.new_secret(), recovery_codes.new_codes()
    binding.bind_totp(who.user.pk, secret)
    recovery_codes.replace(who.user.pk, codes, by="tests")
    return Persona(who.user, totp_secret=secret, recovery_codes=tuple(codes))


def staff(who: Persona) -> Persona:
    """The same person, as an officer of the tenant."""
    User.objects.filter(pk=who.user.pk).update(is_staff=True)
    return who
