"""Second factors and unfinished logins. Secrets are sealed, codes and tokens hashed."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django_otp.models import Device

from mfa.totp import CodeVerdict, matching_step
from tenants.models import Tenant
from tenants.sealing import unseal
from tenants.uuid7 import uuid7


class TotpAuthenticator(Device):  # type: ignore[misc]  # django-otp ships no types
    """A time-based code generator (RFC 6238: SHA-1, 6 digits, 30 s) of one user."""

    objects: ClassVar[models.Manager[TotpAuthenticator]] = models.Manager()

    secret_sealed = models.TextField(editable=False)
    # The newest time step that was spent; a code of this step or an older one is refused.
    last_step = models.BigIntegerField(default=-1, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # Seals are bound to this value, so that no secret can be moved to another row.
    seal_id = models.UUIDField(default=uuid7, editable=False, unique=True)

    def seal_context(self) -> str:
        """The context that seals the secret to this row and user."""
        return f"totp:{self.seal_id}:{self.user_id}"

    def secret(self) -> bytes:
        """The shared secret. Raises tenants.sealing.SealBroken."""
        return unseal(self.secret_sealed, self.seal_context())

    def accept(self, code: str, now: datetime) -> CodeVerdict:
        """Spend ``code`` once: the spending is a conditional UPDATE, so races lose."""
        step = matching_step(self.secret(), code, now)
        if step is None:
            return CodeVerdict.WRONG
        return CodeVerdict.ACCEPTED if self.spend_step(step) else CodeVerdict.SPENT

    def spend_step(self, step: int) -> bool:
        """Use up a time step on every contract; False if it or a later one was used before."""
        unspent = TotpAuthenticator.objects.filter(pk=self.pk, confirmed=True, last_step__lt=step)
        return bool(unspent.update(last_step=step))

    def verify_token(self, token: str) -> bool:
        """Spend ``token`` as of now: django-otp's interface, safe also without its row lock."""
        return self.accept(token, timezone.now()) is CodeVerdict.ACCEPTED


class RecoveryCode(models.Model):
    """One look-up secret (NIST SP 800-63B 3.1.2): works once, in place of an authenticator."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="recovery_codes"
    )
    # One salt per set, so that one slow hash of the input is compared with the whole set.
    salt = models.BinaryField(max_length=16, editable=False)
    digest = models.BinaryField(max_length=32, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.CharField(max_length=150, blank=True, editable=False)
    used_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        indexes = [models.Index(fields=["user", "used_at"], name="codes_left")]

    def __str__(self) -> str:
        return "used" if self.used_at else "unused"


class Passkey(models.Model):
    """A WebAuthn credential of one user: public key and signature counter."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="passkeys"
    )
    credential_id = models.BinaryField(max_length=1023, unique=True)
    public_key = models.BinaryField(max_length=2048)
    sign_count = models.BigIntegerField(default=0)
    # The relying party that it was made for: a host. It signs for no other.
    rp_id = models.CharField(max_length=253, blank=True, editable=False)
    # Kept by a service that copies it to the user's other devices.
    synced = models.BooleanField(default=False, editable=False)
    # How browsers reach it ("internal", "usb", …), as they said when it was made.
    transports = models.JSONField(default=list, editable=False)
    name = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)

    def __str__(self) -> str:
        return self.name


class EmailFactor(models.Model):
    """A user's wish to get codes by mail. Weaker than an app: it proves a mailbox, no device."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="email_factor",
    )
    enabled_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return "codes by mail"


class EmailCode(models.Model):
    """A six-digit code that was mailed: hashed slowly, few tries, used once."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    salt = models.BinaryField(max_length=16, editable=False)
    digest = models.BinaryField(max_length=32, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"mailed {self.created_at:%Y-%m-%d %H:%M}"

    def count_attempt(self, limit: int) -> bool:
        """Count a try; False once they are used up. One conditional UPDATE."""
        open_rows = EmailCode.objects.filter(pk=self.pk, used_at=None, attempts__lt=limit)
        return bool(open_rows.update(attempts=models.F("attempts") + 1))

    def give_attempt_back(self) -> None:
        """Uncount a try that was not judged."""
        EmailCode.objects.filter(pk=self.pk, attempts__gt=0).update(
            attempts=models.F("attempts") - 1
        )


class Enrolment(models.Model):
    """An authenticator on its way: its secret and codes, sealed, until the user proves it."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="enrolment",
    )
    state_sealed = models.TextField(editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"until {self.expires_at:%Y-%m-%d %H:%M}"


class Challenge(models.Model):
    """A login that waits for its next step. The token is random and stored as SHA-256 only."""

    class Step(models.TextChoices):
        SECOND_FACTOR = "second_factor"
        NEW_PASSWORD = "new_password"  # noqa: S105  # a step's name
        BIND_FACTOR = "bind_factor"
        SELECT_FACTOR = "select_factor"
        # No login's: the owner of a new e-mail address says that he reads its mail.
        NEW_ADDRESS = "new_address"
        # Never open: what a passkey has signed, kept so that it is good once.
        PASSKEY = "passkey"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    token_hash = models.BinaryField(max_length=32, unique=True, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    contract = models.CharField(max_length=30)
    step = models.CharField(max_length=14, choices=Step.choices, default=Step.SECOND_FACTOR)
    # The one factor that answers it, where it was asked for by name.
    factor = models.CharField(max_length=13, blank=True)
    client_id = models.CharField(max_length=128, blank=True)
    nonce_hash = models.BinaryField(max_length=32, null=True)
    amr = models.JSONField(default=list)
    security_epoch = models.PositiveIntegerField()
    attempts = models.PositiveSmallIntegerField(default=0)
    max_attempts = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(db_index=True)
    spent_at = models.DateTimeField(null=True)
    # What a later step needs, sealed (say, the secret of an authenticator being bound).
    state_sealed = models.TextField(blank=True, editable=False)

    def __str__(self) -> str:
        return f"{self.contract} challenge ({self.step})"

    def seal_context(self) -> str:
        """The context that seals :attr:`state_sealed`."""
        return f"challenge:{self.id}"
