"""Forms of the sign-in page. They check shape; the core checks truth."""

from __future__ import annotations

from django import forms


def _text(autocomplete: str, **attrs: str | bool) -> forms.TextInput:
    plain: dict[str, str | bool] = {
        "autocomplete": autocomplete,
        "autocapitalize": "none",
        "spellcheck": "false",
    }
    return forms.TextInput(attrs=plain | attrs)


def _secret(autocomplete: str) -> forms.PasswordInput:
    return forms.PasswordInput(attrs={"autocomplete": autocomplete})


class CredentialsForm(forms.Form):
    """The first page: who, and the password."""

    tenant = forms.CharField(
        label="Organization", max_length=100, required=False, widget=_text("organization")
    )
    identifier = forms.CharField(
        label="User name or e-mail", max_length=320, widget=_text("username", autofocus=True)
    )
    password = forms.CharField(
        label="Password", max_length=4096, strip=False, widget=_secret("current-password")
    )


class CodeForm(forms.Form):
    """The second page: a code of the authenticator app, or a recovery code."""

    challenge = forms.CharField(max_length=200, widget=forms.HiddenInput)
    code = forms.CharField(
        label="Code", max_length=64, widget=_text("one-time-code", autofocus=True)
    )


class NewPasswordForm(forms.Form):
    """The page of a login that has to choose a new password."""

    challenge = forms.CharField(max_length=200, widget=forms.HiddenInput)
    new_password = forms.CharField(
        label="New password", max_length=4096, strip=False, widget=_secret("new-password")
    )
    again = forms.CharField(
        label="New password again", max_length=4096, strip=False, widget=_secret("new-password")
    )

    def clean_again(self) -> str:
        """Both fields hold the same text."""
        again: str = self.cleaned_data["again"]
        if again != self.cleaned_data.get("new_password"):
            raise forms.ValidationError("The two passwords differ.")
        return again
