"""Identities that are nearly somebody else's: by a cut text, a folded letter, an unproved name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from accounts import provisioning
from accounts.login.external import NotAdmitted, admit, link
from accounts.login.outcome import Reason
from accounts.models import User
from tenants.federation import issuers, oauth2
from tenants.federation.identity import (
    ExternalIdentity,
    FieldMapping,
    ProviderRefused,
    ProviderUnavailable,
    identity,
)
from tenants.federation.provider import of_row
from tenants.federation.settings import Kind
from tenants.models import IdentityProvider
from tests.console.furniture import make_superuser, path_of
from tests.console.test_tenants import shown
from tests.federation.upstream.issuer import DISCOVERY, Issuer
from tests.federation.upstream.providers import oauth2_settings, oidc_settings, row, value
from tests.federation.upstream.test_admission import ISSUER, client, refusal
from tests.federation.upstream.test_oidc import CODE, refused, told
from tests.fixtures import Cast
from tests.web.browsing import signed_in

MAPPING = FieldMapping("email", groups="groups")


def test_a_long_address_is_none_and_not_the_shorter_one_that_it_begins_with() -> None:
    """Cut off, ``…@corp.example.evil.example`` would be an address of the trusted domain."""
    local = "a" * (254 - len("@corp.example"))
    longest, longer = f"{local}@corp.example", f"{local}@corp.example.evil.example"
    assert identity("1", {"email": longest}, MAPPING).email == longest
    with pytest.raises(ProviderRefused, match="missing identifier"):
        identity("1", {"email": longer, "email_verified": True}, MAPPING)
    by_name = identity("1", {"name": "ann", "email": longer}, FieldMapping("name"))
    assert (by_name.email, by_name.email_verified) == ("", False)


def test_a_long_group_is_none_and_not_the_shorter_one_that_it_begins_with() -> None:
    claims = {"email": "ann", "groups": ["g" * 100, "g" * 101, "staff"]}
    assert identity("1", claims, MAPPING).groups == ("g" * 100, "staff")


@pytest.mark.parametrize(
    ("claimed", "verified"),
    [
        # Another domain, though folding makes one of both.
        ("ann@straße.example", "ann@straße.example"),
        ("ann@strasse.example", "ann@straße.example"),
        ("ann@ſtrasse.example", "ann@ſtrasse.example"),
    ],
)
def test_a_domain_that_only_folds_to_a_trusted_one_is_not_trusted(
    cast: Cast, claimed: str, verified: str
) -> None:
    waiting = provisioning.create_user(
        cast.alpha, "ann", email="ann@strasse.example", password=None
    )
    settings = oidc_settings(ISSUER)
    trusting = of_row(row(cast.alpha, Kind.OIDC, settings, trusted_domains=["strasse.example"]))
    stranger = ExternalIdentity("s-1", claimed, verified, email_verified=True)
    assert refusal(trusting, stranger) is Reason.EXTERNAL_UNVERIFIED
    himself = ExternalIdentity("s-2", waiting.email, waiting.email, email_verified=True)
    assert admit(trusting, himself, client()).user == waiting


def test_a_mailbox_that_only_folds_to_a_waiting_ones_is_another(cast: Cast) -> None:
    waiting = provisioning.create_user(cast.alpha, "sam", email="Sam@corp.example", password=None)
    settings = oidc_settings(ISSUER)
    trusting = of_row(row(cast.alpha, Kind.OIDC, settings, trusted_domains=["corp.example"]))
    for number, claimed in enumerate(("\u017fam@corp.example", "\uff53am@corp.example")):
        stranger = ExternalIdentity(f"s-{number}", claimed, claimed, email_verified=True)
        assert refusal(trusting, stranger) is Reason.EXTERNAL_CONFLICT
    himself = ExternalIdentity("s-9", "sam@corp.example", "sam@corp.example", email_verified=True)
    assert admit(trusting, himself, client()).user == waiting


def test_a_domain_that_folds_to_another_one_is_not_stored_as_that(cast: Cast) -> None:
    for fields in ({"trusted_domains": ["straße.example"]}, {"domain": "Straße.example"}):
        with pytest.raises(ValidationError, match="xn--"):
            row(cast.alpha, Kind.OIDC, oidc_settings(ISSUER), **fields)
    boss = signed_in(make_superuser(cast.erin))
    path = f"{path_of(IdentityProvider, 'add')}?kind=OIDC"
    fields = {"domains": "straße.example", "name": "corp", "setting__issuer": ISSUER}
    page = boss.post(path, {**shown(boss.get(path)), **fields, "setting__clientId": "x"})
    assert page.status_code == 200
    assert "begins with xn--" in page.content.decode()
    good = {"trusted_domains": ["XN--strae-oqa.example"], "domain": " Müller.example"}
    assert row(cast.alpha, Kind.OIDC, oidc_settings(ISSUER), **good).domain == "müller.example"


def of_user_info(issuer: Issuer, user: Any, **fields: Any) -> ExternalIdentity:
    issuer.answers |= {"/token": {"access_token": "a"}, "/me": user}
    return oauth2.authenticate(value(Kind.OAUTH2, oauth2_settings(issuer.url), **fields), CODE)


def test_an_address_is_no_lasting_id_where_nobody_trusts_it(issuer: Issuer) -> None:
    """Who may write any address into his account there would open any linked account here."""
    said = {"email": "Ann@corp.example", "email_verified": "true"}
    for fields in ({}, {"trusted_domains": frozenset({"other.example"})}):
        with pytest.raises(ProviderRefused, match="no lasting id"):
            of_user_info(issuer, said, **fields)
    with pytest.raises(ProviderRefused, match="no lasting id"):
        of_user_info(issuer, {"email": "ann"})
    trusted = of_user_info(issuer, said, trusted_domains=frozenset({"corp.example"}))
    assert (trusted.subject, trusted.identifier) == ("ann@corp.example", "ann@corp.example")


def test_a_subject_that_no_column_takes_is_refused_and_breaks_nothing(issuer: Issuer) -> None:
    for subject in ("a\0b", "\ud800", "a\nb"):
        assert refused(issuer, sub=subject).endswith("it names no subject")
        with pytest.raises(ProviderRefused, match="no lasting id"):
            of_user_info(issuer, {"sub": subject, "email": "ann@corp.example"})


def test_an_answer_about_the_user_that_does_not_come_leaves_no_account_by_half(
    issuer: Issuer,
) -> None:
    """An account that is made without its address and groups would stay so."""
    nameless: dict[str, Any] = {"email": None, "email_verified": None}
    with pytest.raises(ProviderUnavailable):
        told(issuer, user=(503, {}), name=None)
    with pytest.raises(ProviderUnavailable):
        told(issuer, user=(500, {}), **nameless)
    # Who tells nothing is another matter than who is away.
    assert told(issuer, user=(403, {}), name=None).display_name == ""
    issuer.answers[DISCOVERY].pop("userinfo_endpoint")
    issuers.forget()
    assert told(issuer, name=None).email == "ann@corp.example"


def test_a_provider_that_was_switched_off_a_moment_ago_opens_nothing(cast: Cast) -> None:
    """Other processes learn of it some seconds later."""
    stored = row(cast.alpha, Kind.OIDC, oidc_settings(ISSUER))
    provider = of_row(stored)
    ann = ExternalIdentity("s-1", "ann@corp.example", "ann@corp.example", email_verified=True)
    link(provider, ann, cast.alice.user, client())
    type(stored).objects.update(enabled=False)
    for who in (ann, replace(ann, subject="s-2")):
        with pytest.raises(NotAdmitted) as gone:
            admit(provider, who, client())
        assert gone.value.reason is Reason.EXTERNAL_UNKNOWN
    assert not User.objects.filter(email_key="ann@corp.example").exists()
