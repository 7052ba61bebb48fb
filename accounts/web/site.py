"""What belongs to no page of its own: the choice of a language, the colours of a tenant."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST

from accounts.web import browser, language
from accounts.web.destinations import page_within
from accounts.web.pages import Places, page


@page
@require_POST
def choose_language(request: HttpRequest) -> HttpResponse:
    """Remember a language and go back to where it was chosen."""
    to = Places(request)
    back = page_within(request.POST.get("back", ""), ways_in=True)
    answer = HttpResponseRedirect(back or to["home"])
    code = request.POST.get("language", "")
    language.remember(answer, code)
    if found := browser.signed_in(request):
        language.learn(found.subject.user, code)
    return answer
