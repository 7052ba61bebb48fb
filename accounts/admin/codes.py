"""Recovery codes of an account: how many are left, and a new set, shown once, printed, kept.

The text file is made from what its own page sends back, under a seal that says for whom and in
which session it was shown: no code is stored anywhere for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.core import signing
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db.models import Count, Max, Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from accounts.login.enrolment import FRESH
from accounts.models import User
from accounts.web import browser
from mfa.models import RecoveryCode

if TYPE_CHECKING:
    from accounts.admin.scope import ScopedAdmin


@dataclass(frozen=True, slots=True)
class CodeSet:
    """What may be known of a set of recovery codes."""

    total: int
    left: int
    made_at: datetime
    made_by: str
    last_used_at: datetime | None


def code_set(user: User) -> CodeSet | None:
    """The codes of an account, or None if there are none. One statement."""
    counted = RecoveryCode.objects.filter(user=user).aggregate(
        total=Count("pk"),
        left=Count("pk", filter=Q(used_at=None)),
        made_at=Max("created_at"),
        # One set at a time, so all its codes say the same.
        made_by=Max("created_by"),
        last_used_at=Max("used_at"),
    )
    return CodeSet(**counted) if counted["total"] else None


def address_of_codes(user: User) -> str:
    """The page about an account's codes."""
    return reverse("admin:accounts_user_codes", args=(user.pk,))


def codes_page(page: ScopedAdmin, request: HttpRequest, object_id: str) -> HttpResponse:
    """How many are left, and what can be done."""
    user = _user(page, request, object_id)
    # Read with the row.
    facts: Any = user
    deeds = [each for each in page.open_deeds(request, user) if each.aside]
    context = {
        **page.admin_site.each_context(request),
        "title": "Recovery codes",
        "subtitle": str(user),
        "opts": page.opts,
        "object": user,
        "back": page.home(user)[0],
        "set": code_set(user),
        "makes": facts.has_totp or facts.has_passkey,
        "deeds": [(page.deed_url(user, deed), deed) for deed in deeds],
    }
    return render(request, "console/recovery_codes.html", context)


def shown_once(
    request: HttpRequest, user: User, codes: list[str], context: dict[str, Any]
) -> HttpResponse:
    """A new set in the answer itself: no address, cookie or table ever holds it."""
    made = f"{timezone.now():%Y-%m-%d %H:%M} UTC"
    shown = {
        **context,
        "codes": codes,
        "made": made,
        "ticket": signing.dumps([made, *codes], salt=_salt(request, user)),
        "file": reverse("admin:accounts_user_codes_file", args=(user.pk,)),
        "back": address_of_codes(user),
    }
    return render(request, "console/new_codes.html", shown)


def codes_file(page: ScopedAdmin, request: HttpRequest, object_id: str) -> HttpResponse:
    """The codes of the page that asks, as a text file; nothing but what that page has shown."""
    user = _user(page, request, object_id)
    if not page.touchable(request, user):
        raise Http404
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    try:
        made, *codes = signing.loads(
            request.POST.get("ticket", ""), salt=_salt(request, user), max_age=FRESH
        )
    except signing.BadSignature as error:
        raise SuspiciousOperation("no page of ours has shown these codes") from error
    lines = [
        f"Recovery codes of {user.username} ({user.tenant.name}), made {made}.",
        "Each works once, in place of a code of the authenticator app.",
        "",
        *codes,
        "",
    ]
    answer = HttpResponse("\r\n".join(lines), content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="recovery-codes.txt"'
    return answer


PAGES: tuple[tuple[str, Callable[..., HttpResponse], str], ...] = (
    ("recovery-codes", codes_page, "codes"),
    ("recovery-codes/file", codes_file, "codes_file"),
)
"""Address below the account's, view, and name of each page."""


def _user(page: ScopedAdmin, request: HttpRequest, object_id: str) -> User:
    user = page.get_object(request, object_id)
    if not isinstance(user, User) or not user.is_person:
        raise Http404
    return user


def _salt(request: HttpRequest, user: User) -> str:
    found = browser.signed_in(request)
    if found is None:
        raise PermissionDenied
    return f"recovery-codes:{found.session.pk}:{user.pk}"
