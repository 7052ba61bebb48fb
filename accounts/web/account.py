"""The account: who is signed in, and the way out."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.login.sessions import Found
from accounts.web.pages import render, signed_in_page
from accounts.web.profile import CONSOLE, is_staff


@signed_in_page
@require_safe
def account(request: HttpRequest, found: Found) -> HttpResponse:
    """The first page after a sign-in that asked for no other."""
    subject = found.subject
    context = {
        "title": _("Your account"),
        "user": subject.user,
        "organization": subject.tenant.name,
        "console": is_staff(subject.user) and subject.tenant.serves(CONSOLE),
    }
    return render(request, "web/account.html", context)
