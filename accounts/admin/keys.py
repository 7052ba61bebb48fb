"""Signing keys: which there are, what they are good for, and their ends.

Their private halves are never read.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts.admin.deeds import Deed
from accounts.admin.scope import ScopedAdmin, moment
from accounts.audit import Event
from accounts.console import console
from accounts.login.custody import Act
from accounts.models import SigningKey
from accounts.tokens import keys
from accounts.tokens.profile import TokenProfile
from accounts.wire.registry import token_profiles

# Verifiers elsewhere may keep a key set for a day.
_NOTICE = timedelta(hours=24)


def _profile(key: SigningKey) -> TokenProfile | None:
    """What the key's kind of token is made after; None where no contract makes it any more."""
    return next((each for each in token_profiles() if each.purpose == key.purpose), None)


def _rotate(key: SigningKey, act: Act, lead: timedelta) -> None:
    profile = _profile(key)
    if profile is None:  # pragma: no cover  # the deed does not apply
        return
    with transaction.atomic():
        fresh = keys.rotate(key.tenant_id, profile, act.client.now, lead=lead)
        # The ring of this process was read anew inside of the transaction at the earliest.
        transaction.on_commit(keys.invalidate)
        facts = [("key", fresh.kid), ("signs from", moment(fresh.active_from))]
        act.row(
            Event.KEY_ROTATED, tenant_id=key.tenant_id, reason=key.purpose[:40], facts=facts
        ).save(force_insert=True)


def _rotate_now(key: SigningKey, act: Act) -> None:
    _rotate(key, act, timedelta())


def _rotate_with_notice(key: SigningKey, act: Act) -> None:
    _rotate(key, act, _NOTICE)


def _revoke(key: SigningKey, act: Act) -> None:
    profile = _profile(key)
    if profile is None:  # pragma: no cover  # the deed does not apply
        return
    with transaction.atomic():
        keys.revoke(key.pk, profile, act.client.now)
        act.row(
            Event.KEY_REVOKED,
            tenant_id=key.tenant_id,
            reason=key.purpose[:40],
            facts=[("key", key.kid)],
        ).save(force_insert=True)


def _signs(key: SigningKey) -> bool:
    """Whether the line may be rotated from this key: it signs, and nothing follows it yet."""
    active = key.state(timezone.now()) is SigningKey.State.ACTIVE
    return active and key.retired_at is None and _profile(key) is not None


def _verifies(key: SigningKey) -> bool:
    gone = key.state(timezone.now()) is SigningKey.State.GONE
    return not gone and _profile(key) is not None


_DEEDS = (
    Deed(
        "rotate",
        "Rotate now",
        "A new key is made and published. It signs as soon as every process knows it, which takes "
        "seconds. This key then only verifies what it has signed, and retires by itself when the "
        "last of its tokens has run out. Nobody has to log in again.",
        "a new key was made",
        _rotate_now,
        applies=_signs,
        wants_fresh=True,
    ),
    Deed(
        "rotate-with-notice",
        "Rotate in 24 hours",
        "A new key is made and published now, and signs in 24 hours: for verifiers elsewhere that "
        "keep the key set for a day. This key is then retired as by a rotation.",
        "a new key was made and signs in 24 hours",
        _rotate_with_notice,
        applies=_signs,
        wants_fresh=True,
    ),
    Deed(
        "revoke",
        "Revoke at once",
        "For an emergency: the private half may be in wrong hands. As soon as every process knows, "
        "after DRAGOMAN_KEY_POLL_SECONDS (5 unless set otherwise), no token that this key has "
        "signed is good here any more. Clients with a refresh token go on by "
        "it, unless it was signed by this key as well; all others have to log in again. If it is "
        "the key that signs, a new one takes over at once. Services elsewhere that verify tokens "
        "themselves must read the key set anew.",
        "revoked",
        _revoke,
        applies=_verifies,
        wants_reason=True,
        wants_fresh=True,
        danger=True,
    ),
)


@admin.register(SigningKey, site=console)
class SigningKeyAdmin(ScopedAdmin):
    """Rotated and revoked here by superusers, and by the command ``rotate_keys``."""

    deeds = _DEEDS
    list_display = ("purpose", "tenant", "state", "signs_from", "signs_until", "algorithm", "kid")
    list_select_related = ("tenant",)
    list_filter = ("algorithm",)
    search_fields = ("purpose", "=kid")
    ordering = ("purpose", "-active_from")
    fields = (
        "purpose",
        "tenant",
        "algorithm",
        "kid",
        "state",
        "signs_from",
        "signs_until",
        "verifies_until",
        "public_half",
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        """Without the sealed half: what is not read cannot be shown."""
        return super().get_queryset(request).defer("sealed")

    def open_deeds(self, request: HttpRequest, obj: Any) -> list[Deed]:
        """Superusers only: every client of the tenant depends on its keys."""
        return super().open_deeds(request, obj) if request.user.is_superuser else []

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """All."""
        return self.fields

    @admin.display(description="state")
    def state(self, obj: SigningKey) -> str:
        """Next, active, retired or gone."""
        return obj.state(timezone.now()).value

    @admin.display(description="signs from", ordering="active_from")
    def signs_from(self, obj: SigningKey) -> str:
        """When it begins."""
        return moment(obj.active_from)

    @admin.display(description="signs until", ordering="retired_at")
    def signs_until(self, obj: SigningKey) -> str:
        """When the next one takes over."""
        return moment(obj.retired_at)

    @admin.display(description="verifies until")
    def verifies_until(self, obj: SigningKey) -> str:
        """When the last token that it signed has run out."""
        return moment(obj.verify_until)

    @admin.display(description="public half")
    def public_half(self, obj: SigningKey) -> str:
        """As published; a symmetric key has none."""
        return json.dumps(obj.public_jwk) if obj.public_jwk else "–"
