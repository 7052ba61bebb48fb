"""Forms of the account pages. They check shape; the core checks truth."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.login.personal_tokens import MAX_NAME
from accounts.models import User
from accounts.web.forms import ChosenPasswordForm

# E.164, as it is kept; people write it with blanks and hyphens.
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_SPACERS = str.maketrans("", "", " -()./")
# Joiners are part of words in several scripts.
_JOINERS = "\u200c\u200d"


def printable(text: str) -> None:
    """Refuse what cannot be seen: it would make one name look like another."""
    if not all(each.isprintable() or each in _JOINERS for each in text):
        raise ValidationError(_("This contains characters that cannot be shown."))


def _line(label: Any, length: int, autocomplete: str = "off", **more: Any) -> forms.CharField:
    widget = forms.TextInput(attrs={"autocomplete": autocomplete})
    return forms.CharField(
        label=label, max_length=length, widget=widget, validators=[printable], **more
    )


class ProfileForm(forms.Form):
    """What others see of a user, and the language of the pages."""

    display_name = _line(_("Name that others see"), 200, "name", required=False)
    given_name = _line(_("Given name"), 100, "given-name", required=False)
    family_name = _line(_("Family name"), 100, "family-name", required=False)
    phone = forms.CharField(
        label=_("Phone"),
        max_length=32,
        required=False,
        help_text=_("With the country's number, for instance +49 30 1234567."),
        widget=forms.TextInput(attrs={"autocomplete": "tel", "inputmode": "tel"}),
    )
    language = forms.ChoiceField(label=_("Language of these pages"), choices=settings.LANGUAGES)

    FIELDS = ("display_name", "given_name", "family_name", "phone")

    def clean_phone(self) -> str:
        """The number in one form. What was there before may stay as it is."""
        given: str = self.cleaned_data["phone"]
        phone = given.translate(_SPACERS)
        if not phone or given == self.initial.get("phone"):
            return given
        if not _PHONE.fullmatch(phone):
            raise ValidationError(_("This is no phone number with a country's number."))
        return phone

    def changed(self, user: User) -> dict[str, str]:
        """What is another value now."""
        data = self.cleaned_data
        return {name: data[name] for name in self.FIELDS if data[name] != getattr(user, name)}


class AddressForm(forms.Form):
    """Another e-mail address."""

    email = forms.CharField(
        label=_("New e-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "autofocus": True}),
    )


class PasswordForm(ChosenPasswordForm):
    """The present password, and the new one twice."""

    current = forms.CharField(
        label=_("Present password"),
        max_length=4096,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True}),
    )
    field_order = ["current", "new_password", "again"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The page begins with the field above it.
        del self.fields["new_password"].widget.attrs["autofocus"]


class FirstCodeForm(forms.Form):
    """The first code of a new authenticator app."""

    code = forms.CharField(
        label=_("Code that the app shows"),
        max_length=16,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True}
        ),
    )


class AppPasswordForm(forms.Form):
    """What an app password is for."""

    label = _line(
        _("Name"), 100, help_text=_("By which you know it again: the program and the device.")
    )
    contract = forms.ChoiceField(label=_("For"), required=False)
    days = forms.TypedChoiceField(
        label=_("Good for"),
        required=False,
        coerce=int,
        empty_value=None,
        choices=[
            ("", _("until it is revoked")),
            ("30", _("30 days")),
            ("90", _("90 days")),
            ("365", _("one year")),
        ],
    )

    def __init__(self, served: dict[str, str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", _("Every service that takes app passwords")), *served.items()]
        # A choice; the stubs know a plain field.
        self.fields["contract"].choices = choices  # type: ignore[attr-defined]


class TokenForm(forms.Form):
    """What a personal access token is for."""

    name = _line(_("Name"), MAX_NAME, help_text=_("By which you know it again."))
    contract = forms.ChoiceField(label=_("For"))
    bypass = forms.BooleanField(
        label=_("It is not asked for a second factor"),
        required=False,
        help_text=_("Some calls ask for a code, which a program does not have."),
    )

    def __init__(self, served: dict[str, str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A choice; the stubs know a plain field.
        self.fields["contract"].choices = list(served.items())  # type: ignore[attr-defined]
