"""The first page after a sign-in: who it is, and the way to everything of his own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.login import passwords, sessions
from accounts.login.outcome import Factor
from accounts.login.sessions import Found
from accounts.models import (
    ExternalAccount,
    PersonalAccessToken,
    ServiceCredential,
    Session,
    User,
)
from accounts.web import browser
from accounts.web.account.frame import show
from accounts.web.pages import signed_in_page
from accounts.web.profile import CONSOLE, is_staff
from mfa.models import EmailFactor, Passkey, RecoveryCode


@signed_in_page
@require_safe
def account(request: HttpRequest, found: Found) -> HttpResponse:
    """What the account has, in one statement."""
    subject = found.subject
    context = {
        "title": _("Your account"),
        "organization": subject.tenant.name,
        "console": is_staff(subject.user) and subject.tenant.serves(CONSOLE),
        "has_password": passwords.is_hashed(subject.user.password),
        "has_app": Factor.OTP in subject.factors,
        "has_device": bool(subject.factors - {Factor.EMAIL}),
        "has": _counted(subject.user, browser.call(request).now),
    }
    return show(request, found, "account", context)


def _counted(user: User, now: datetime) -> Mapping[str, Any]:
    unused = RecoveryCode.objects.filter(used_at=None)
    usable = ServiceCredential.objects.filter(Q(expires_at=None) | Q(expires_at__gt=now))
    live = PersonalAccessToken.objects.filter(sessions.alive(now, "session__"))
    return (
        User.objects.filter(pk=user.pk)
        .values(
            codes=_count(unused),
            devices=_count(Passkey.objects.all()),
            mailed=Exists(EmailFactor.objects.filter(user=OuterRef("pk"))),
            app_passwords=_count(usable.filter(revoked_at=None)),
            tokens=_count(live),
            # Personal access tokens are sessions with a page of their own.
            open=_count(Session.objects.filter(sessions.alive(now), personal_token=None)),
            linked=_count(ExternalAccount.objects.all()),
        )
        .get()
    )


def _count(rows: QuerySet[Any]) -> Coalesce:
    mine = rows.filter(user=OuterRef("pk")).order_by().values("user")
    return Coalesce(Subquery(mine.annotate(count=Count("pk")).values("count")), 0)
