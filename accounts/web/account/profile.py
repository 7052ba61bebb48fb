"""What others see of a user, and where his mail goes."""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language, gettext_noop, override
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import audit, notices
from accounts.audit import Event
from accounts.login import address_change
from accounts.login.address_change import NotAccepted, Objection
from accounts.login.outcome import LoginRefused
from accounts.login.sessions import Found
from accounts.models import User
from accounts.web import browser, language
from accounts.web.account.forms import AddressForm, ProfileForm
from accounts.web.account.frame import back_to, form_page, show, waiting
from accounts.web.pages import refused, signed_in_page
from accounts.web.wording import Words, words

_OBJECTIONS = {
    Objection.MALFORMED: gettext_noop("This is no e-mail address."),
    Objection.TOO_LONG: gettext_noop("This address is too long."),
    Objection.DECEPTIVE: gettext_noop("This address looks like another one."),
    Objection.SAME: gettext_noop("This is your address already."),
    Objection.ELSEWHERE: gettext_noop("Addresses of this domain are another organization's."),
    Objection.TAKEN: gettext_noop("Another account has this address."),
}


@signed_in_page
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest, found: Found) -> HttpResponse:
    """Names, phone, language. The user name is an officer's to change."""
    user = found.subject.user
    now = {name: getattr(user, name) for name in ProfileForm.FIELDS}
    initial = {**now, "language": get_language()}
    if request.method != "POST":
        return show(request, found, "profile", {"form": ProfileForm(initial=initial)})
    form = ProfileForm(request.POST, initial=initial)
    if not form.is_valid():
        return show(request, found, "profile", {"form": form}, status=400)
    _store(request, found, form)
    answer = back_to(request, "profile")
    language.remember(answer, form.cleaned_data["language"])
    language.learn(user, form.cleaned_data["language"])
    with override(form.cleaned_data["language"]):
        messages.success(request, _("Your profile is saved."))
    return answer


def _store(request: HttpRequest, found: Found, form: ProfileForm) -> None:
    user, client = found.subject.user, browser.call(request).client()
    if not (changed := form.changed(user)):
        return
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(**changed, updated_at=client.now)
        audit.row(
            Event.USER_CHANGED,
            client,
            tenant_id=user.tenant_id,
            user_id=user.pk,
            session_id=found.session.pk,
            reason="profile changed",
            trace=[("fields", ", ".join(changed))],
        ).save(force_insert=True)


@form_page
def address(request: HttpRequest, found: Found) -> HttpResponse:
    """Ask for another e-mail address: a link goes there."""
    if not notices.are_sent():
        text = _("This service sends no mail. Ask your administrator to change your address.")
        return refused(request, 403, _("Not possible here"), text)
    if request.method != "POST":
        return _address(request, found, AddressForm())
    form = AddressForm(request.POST)
    if not form.is_valid():
        return _address(request, found, form, status=400)
    email = form.cleaned_data["email"]
    try:
        address_change.ask(found, email, browser.call(request).client())
    except NotAccepted as objection:
        form.add_error("email", _(_OBJECTIONS[objection.why]))
        return _address(request, found, form, status=400)
    except LoginRefused as refusal:
        return waiting(_address(request, found, form, words(refusal)), refusal)
    return show(request, found, "profile", {"sent_to": email}, template="address_sent")


@signed_in_page
@require_http_methods(["GET", "HEAD", "POST"])
def confirm_address(request: HttpRequest, found: Found, token: str) -> HttpResponse:
    """Where the link leads. Looking does not use it up: mail scanners look at links."""
    answer = _confirmed(request, found, token)
    # The address is a secret: what is opened from here learns the host at most. Under
    # "no-referrer" browsers would send the form itself with "Origin: null", which CSRF refuses.
    answer["Referrer-Policy"] = "strict-origin"
    return answer


def _confirmed(request: HttpRequest, found: Found, token: str) -> HttpResponse:
    client = browser.call(request).client()
    wish = address_change.find(found, token, client)
    if wish is None:
        return _over(request)
    if request.method != "POST":
        return show(request, found, "profile", {"email": wish.email}, template="address_confirm")
    try:
        address_change.confirm(found, wish, client)
    except NotAccepted as objection:
        text = _(_OBJECTIONS[objection.why])
        return refused(request, 409, _("Nothing was changed"), text)
    except LoginRefused:
        return _over(request)
    messages.success(request, _("Your e-mail address is %(email)s now.") % {"email": wish.email})
    return back_to(request, "profile")


def _over(request: HttpRequest) -> HttpResponse:
    text = _(
        "It was used before, it is too old, or it is another account's. "
        "You can ask for another one on the page of your profile."
    )
    return refused(request, 410, _("This link does not work any more"), text)


def _address(
    request: HttpRequest,
    found: Found,
    form: AddressForm,
    said: Words | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    context = {
        "form": form,
        "said": said,
        "is_name": address_change.is_name(found.subject.user),
    }
    status = said.status if said else status
    return show(request, found, "profile", context, template="address", status=status)
