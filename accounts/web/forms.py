"""Forms of the sign-in pages. They check shape; the core checks truth."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _


def _text(autocomplete: str, **attrs: str | bool) -> forms.TextInput:
    plain: dict[str, str | bool] = {
        "autocomplete": autocomplete,
        "autocapitalize": "none",
        "spellcheck": "false",
    }
    return forms.TextInput(attrs=plain | attrs)


def _secret(autocomplete: str, **attrs: str | bool) -> forms.PasswordInput:
    return forms.PasswordInput(attrs={"autocomplete": autocomplete, **attrs})


def blamed(form: forms.Form, name: str = "") -> bool:
    """Tie what the page says at its top (``id="said"``) to the field that it is about.

    Without a name that is the first that can be seen. Whether there is one.
    """
    name = name or next((each.name for each in form.visible_fields()), "")
    for each, field in form.fields.items():
        field.widget.attrs.pop("autofocus", None)
        if each == name:
            tied = {"aria-invalid": "true", "aria-describedby": "said", "autofocus": True}
            field.widget.attrs.update(tied)
    return bool(name)


class StepForm(forms.Form):
    """A form of a later step: it carries the token of the unfinished login."""

    challenge = forms.CharField(max_length=200, widget=forms.HiddenInput)


class CredentialsForm(forms.Form):
    """The first page: who, and the password."""

    tenant = forms.CharField(
        label=_("Organization"), max_length=100, required=False, widget=_text("organization")
    )
    identifier = forms.CharField(
        label=_("User name or e-mail"), max_length=320, widget=_text("username", autofocus=True)
    )
    password = forms.CharField(
        label=_("Password"), max_length=4096, strip=False, widget=_secret("current-password")
    )
    keep = forms.BooleanField(
        label=_("Keep me signed in"),
        required=False,
        help_text=_("Only on a device that nobody else uses."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.initial.get("identifier"):
            # Who it is stands there already.
            self.fields["identifier"].widget.attrs.pop("autofocus")
            self.fields["password"].widget.attrs["autofocus"] = True


class CodeForm(StepForm):
    """A code of the authenticator app or of a mail, or a recovery code."""

    code = forms.CharField(
        label=_("Code"), max_length=64, widget=_text("one-time-code", autofocus=True)
    )


class ChosenPasswordForm(forms.Form):
    """A new password, twice."""

    new_password = forms.CharField(
        label=_("New password"),
        max_length=4096,
        strip=False,
        widget=_secret("new-password", autofocus=True),
    )
    again = forms.CharField(
        label=_("New password again"),
        max_length=4096,
        strip=False,
        widget=_secret("new-password"),
    )

    def clean_again(self) -> str:
        """Both fields hold the same text."""
        again: str = self.cleaned_data["again"]
        if again != self.cleaned_data.get("new_password"):
            raise forms.ValidationError(_("The two passwords differ."))
        return again


class NewPasswordForm(ChosenPasswordForm, StepForm):
    """The page of a login that has to choose a new password."""


class SetUpForm(StepForm):
    """The page of a login that has to set up an authenticator app: its first code."""

    code = forms.CharField(
        label=_("Code that the app shows"),
        max_length=16,
        widget=_text("one-time-code", autofocus=True, inputmode="numeric"),
    )


class ForgottenForm(forms.Form):
    """Who wants a link to choose a new password."""

    identifier = forms.CharField(
        label=_("User name or e-mail"), max_length=320, widget=_text("username", autofocus=True)
    )
