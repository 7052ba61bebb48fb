"""A form for each kind of identity provider: named fields, and a secret that is only written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from django import forms
from django.utils.text import slugify

from accounts.admin.scope import RowForm
from accounts.models import ExternalAccount
from tenants.federation import auth0
from tenants.federation.settings import AuthStyle, Kind, Security, parse
from tenants.models import IdentityProvider, Tenant
from tenants.names import fold_domain

_PREFIX = "setting__"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a kind: ``name`` is the stored one, with a dot for a member of a table."""

    name: str
    label: str
    help: str = ""
    default: str = ""
    required: bool = True
    # A list of texts, separated by blanks.
    listed: bool = False
    number: bool = False
    # A text of many lines.
    long: bool = False
    # Empty means something else than the default.
    kept: bool = False
    choices: Sequence[str] = ()

    @property
    def field_name(self) -> str:
        """The form field's name."""
        return _PREFIX + self.name.replace(".", "__")

    def field(self) -> forms.Field:
        """The form field."""
        given: dict[str, Any] = {
            "label": self.label,
            "required": self.required,
            "help_text": self.help,
            "initial": self.default,
        }
        if self.choices:
            return forms.ChoiceField(choices=[(each, each) for each in self.choices], **given)
        if self.number:
            return forms.IntegerField(min_value=1, max_value=65535, **given)
        if self.long:
            return forms.CharField(
                max_length=20_000, widget=forms.Textarea(attrs={"rows": 6}), **given
            )
        if self.listed:
            return forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), **given)
        return forms.CharField(max_length=2000, **given)


def _mapping(identifier: str) -> tuple[Setting, ...]:
    named = "The provider's name for "
    return (
        Setting(
            "fieldMapping.identifier",
            "Field of the identifier",
            f"{named}who somebody is. Empty: {identifier}.",
            required=False,
        ),
        Setting(
            "fieldMapping.displayName", "Field of the name", f"{named}the name.", required=False
        ),
        Setting("fieldMapping.phone", "Field of the phone", f"{named}the phone.", required=False),
        Setting(
            "fieldMapping.groups",
            "Field of the groups",
            f"{named}a list of groups; empty: groups are left alone.",
            required=False,
        ),
    )


def _client(scopes: str, style: AuthStyle) -> tuple[Setting, ...]:
    return (
        Setting("clientId", "Client id"),
        Setting("scopes", "Scopes", "Separated by blanks.", scopes, required=False, listed=True),
        Setting(
            "authStyle",
            "Client authentication",
            "Where the token address expects the client's secret.",
            style.value,
            choices=tuple(AuthStyle),
        ),
    )


SETTINGS: Mapping[Kind, tuple[Setting, ...]] = {
    Kind.LDAP: (
        Setting("host", "Servers", "Tried in this order; separated by blanks.", listed=True),
        Setting("port", "Port", "Empty: 389, or 636 with LDAPS.", required=False, number=True),
        Setting(
            "securityProtocol",
            "Protection",
            "There is no unprotected connection.",
            Security.START_TLS.value,
            choices=tuple(Security),
        ),
        Setting("bindDn", "Bind DN", "The account that looks people up."),
        Setting("baseDn", "Base DN", "Where people are looked for."),
        Setting(
            "userFilter",
            "User filter",
            "%s stands for the name, once or several times: (|(uid=%s)(mail=%s)).",
            "(uid=%s)",
        ),
        Setting(
            "uniqueAttribute",
            "Unchanging attribute",
            "objectGUID in Active Directory. It ties an entry to its account. Empty: the DN does.",
            "entryUUID",
            required=False,
            kept=True,
        ),
        Setting(
            "caCertificate",
            "Certificate authority",
            "In PEM form: who signs the servers' certificates. Empty: the system's authorities.",
            required=False,
            long=True,
        ),
        *_mapping("uid"),
    ),
    Kind.OAUTH2: (
        Setting("authUrl", "Authorization address"),
        Setting("tokenUrl", "Token address"),
        Setting("userInfoUrl", "User info address"),
        *_client("", AuthStyle.IN_PARAMS),
        *_mapping("email"),
    ),
    Kind.OIDC: (
        Setting("issuer", "Issuer", "The very text that its tokens name."),
        *_client("openid profile email", AuthStyle.IN_HEADER),
        *_mapping("preferred_username"),
    ),
    Kind.AUTH0: (
        Setting("domain", "Auth0 domain", "A host name, as tenant.eu.auth0.com."),
        Setting("audience", "Audience"),
        Setting("clientid", "Client id"),
        Setting(
            "users",
            "Users",
            "Subjects that may log in, as auth0|123; separated by blanks.",
            required=False,
            listed=True,
        ),
    ),
}
# Kinds whose client has a secret, and what it is called there.
SECRETS: Mapping[Kind, str] = {
    Kind.LDAP: "Password of the bind DN",
    Kind.OAUTH2: "Client secret",
    Kind.OIDC: "Client secret",
}
# What decides whose subjects these are: with another value they are other people's.
ANCHORS: Mapping[Kind, str] = {
    Kind.LDAP: "uniqueAttribute",
    Kind.OAUTH2: "userInfoUrl",
    Kind.OIDC: "issuer",
    Kind.AUTH0: "domain",
}


_HELP: Mapping[str, str] = {
    "name": "What clients and the audit trail call it (idps/…). It stays.",
    "title": "What people read on its button.",
    "position": "In the order of these numbers: the buttons, and the directories.",
    "creates_accounts": "Whoever is not known here gets an account at the first login.",
    "domain": "Put behind identifiers that are no address: ann becomes ann@domain. Often empty.",
}


class ProviderForm(RowForm):
    """What all kinds have in common. ``kind`` is the subclass's."""

    kind: ClassVar[Kind]

    domains = forms.CharField(
        label="Trusted e-mail domains",
        required=False,
        max_length=2000,
        help_text="An address in one of these finds an account that waits for its owner. Of plain "
        "OAuth 2, which has no word for a verified address, no other one is believed.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.kind = self.kind.value
        for name in self.fields.keys() & _HELP.keys():
            self.fields[name].help_text = _HELP[name]
        if self.instance._state.adding:  # noqa: SLF001  # Django's documented model API
            return
        self.initial["domains"] = " ".join(map(str, self.instance.trusted_domains))
        for setting in SETTINGS[self.kind]:
            self.initial[setting.field_name] = _shown(setting, self.instance.settings)

    def clean(self) -> dict[str, Any] | None:
        """Put the fields together and have them judged as they are at every start."""
        data = super().clean() or self.cleaned_data
        try:
            named = str(data.get("domains") or "").split()
            self.instance.trusted_domains = [fold_domain(each) for each in named]
        except ValueError as error:
            self.add_error("domains", str(error))
        settings = _together(SETTINGS[self.kind], data)
        if not self.errors:
            self._judge(settings)
        self.instance.settings = settings if not self.errors else self.instance.settings
        if not self.errors and data.get("new_secret"):
            self.instance.set_secret(data["new_secret"])
        elif not self.errors and data.get("remove_secret"):
            self.instance.set_secret("")
        return data

    def _judge(self, settings: dict[str, Any]) -> None:
        try:
            parse(self.kind, settings)
        except ValueError as error:
            name = str(error).split(" ", 1)[0].rstrip(":")
            at = _PREFIX + name
            self.add_error(at if at in self.fields else None, str(error))
            return
        anchor = ANCHORS[self.kind]
        was = self.initial.get(_PREFIX + anchor)
        # Public in all but name.
        moved = not self.instance._state.adding and settings.get(anchor) != was  # noqa: SLF001
        if moved and ExternalAccount.objects.filter(provider=self.instance.pk).exists():
            self.add_error(
                _PREFIX + anchor,
                "Accounts are linked to what this provider calls people. Elsewhere the same words "
                "may mean others: add a new provider instead.",
            )

    def _post_clean(self) -> None:
        # The row's own check would name fields that this form has not; its objections came before.
        if not self.errors:
            super()._post_clean()  # type: ignore[misc]  # Django's own hook


def _shown(setting: Setting, stored: Any) -> Any:
    value = stored
    for part in setting.name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if value is None:
        # What holds where nothing is said.
        return setting.default
    if setting.listed and isinstance(value, list):
        return "\n".join(map(str, value))
    return value


def _together(settings: Sequence[Setting], data: Mapping[str, Any]) -> dict[str, Any]:
    """The stored form; what was left empty is left out."""
    table: dict[str, Any] = {}
    for setting in settings:
        value = data.get(setting.field_name)
        if setting.listed:
            value = str(value or "").split()
        if value in (None, "", []) and not setting.kept:
            continue
        group, _, member = setting.name.rpartition(".")
        (table.setdefault(group, {}) if group else table)[member] = value
    return table


@cache
def form_of(kind: Kind) -> type[ProviderForm]:
    """The form of one kind."""
    fields: dict[str, Any] = {each.field_name: each.field() for each in SETTINGS[kind]}
    if kind in SECRETS:
        fields["new_secret"] = forms.CharField(
            label=SECRETS[kind],
            required=False,
            strip=False,
            max_length=1024,
            widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
            help_text="Written, never shown. Empty: it stays as it is.",
        )
        fields["remove_secret"] = forms.BooleanField(
            label=f"Remove: {SECRETS[kind].lower()}", required=False
        )
    return type(f"{kind.title()}Form", (ProviderForm,), {"kind": kind, **fields})


class PastedForm(forms.Form):
    """Auth0 tenants as datarhei Core has them in its environment."""

    tenant = forms.ModelChoiceField(Tenant.objects.none(), empty_label=None)
    text = forms.CharField(
        label="CORE_API_AUTH_AUTH0_TENANTS",
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 6, "autocomplete": "off"}),
        help_text="Items separated by commas: auth0://CLIENTID@DOMAIN?aud=…&user=…, or base64.",
    )

    def clean(self) -> dict[str, Any] | None:
        """Read every item; one that is no good spoils all."""
        data = super().clean() or self.cleaned_data
        if "text" not in data or "tenant" not in data:
            return data
        try:
            found = auth0.configured(data["text"])
        except ValueError as error:
            self.add_error("text", str(error))
            return data
        data["providers"] = rows = []
        taken = set(
            IdentityProvider.objects.filter(tenant=data["tenant"]).values_list("name", flat=True)
        )
        for number, settings in enumerate(found, 1):
            name = slugify(str(settings.get("domain", "")).replace(".", "-"))[:63]
            if objection := _objection(settings, name, taken):
                self.add_error("text", f"Item {number}: {objection}")
                continue
            taken.add(name)
            row = IdentityProvider(
                tenant=data["tenant"],
                name=name,
                title=settings["domain"][:100],
                kind=Kind.AUTH0.value,
                settings=settings,
            )
            rows.append(row)
        if not found:
            self.add_error("text", "There is nothing in it.")
        return data


def _objection(settings: dict[str, Any], name: str, taken: set[str]) -> str:
    try:
        parse(Kind.AUTH0, settings)
    except ValueError as error:
        return str(error)
    return f"a provider is called {name} already" if name in taken else ""
