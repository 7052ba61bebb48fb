"""An OpenID provider's word: what of it counts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from accounts.login.external import vouched
from tenants.federation import oauth2, oidc
from tenants.federation.identity import (
    ExternalIdentity,
    ProviderRefused,
    ProviderUnavailable,
)
from tenants.federation.oauth2 import Redeemable
from tenants.federation.settings import Kind
from tests.federation.upstream.issuer import (
    DISCOVERY,
    EC_KEY,
    JWKS,
    OTHER_RSA_KEY,
    Issuer,
    shared_secret,
    signed,
)
from tests.federation.upstream.providers import oauth2_settings, oidc_settings, value

CODE = Redeemable("code", "https://id.example/oidc/callback", "verifier", "nonce")
WHOLE: dict[str, Any] = {
    "nonce": "nonce",
    "email": "ann@corp.example",
    "email_verified": True,
    "name": "Ann",
}


def told(
    issuer: Issuer, token: str | None = None, user: Any = (404, {}), **claims: Any
) -> ExternalIdentity:
    """Who the provider says it is, in an ID token with these claims or in this very one."""
    issuer.answers["/token"] = {
        "access_token": "access",
        "id_token": token or issuer.token(**{**WHOLE, **claims}),
    }
    issuer.answers["/me"] = user
    provider = value(Kind.OIDC, oidc_settings(issuer.url))
    return oidc.authenticate(provider, CODE, datetime.now(UTC))


def refused(issuer: Issuer, **claims: Any) -> str:
    with pytest.raises(ProviderRefused) as refusal:
        told(issuer, **claims)
    assert not isinstance(refusal.value, ProviderUnavailable)
    return str(refusal.value)


def test_a_right_id_token_says_who_it_is(issuer: Issuer) -> None:
    known = told(issuer, groups=["staff", "staff", "", 1], email="Ann@Corp.example")
    assert known == ExternalIdentity(
        "subject-1", "ann@corp.example", "ann@corp.example", True, "Ann", groups=("staff",)
    )
    assert issuer.forms[1] == (
        "grant_type=authorization_code&redirect_uri=https%3A%2F%2Fid.example%2Foidc%2Fcallback"
        "&code=code&code_verifier=verifier&client_id=client"
    )


def test_an_id_token_in_which_anything_is_wrong_is_refused(issuer: Issuer) -> None:
    by_secret = {"alg": "HS256", "kid": "ec"}
    changes: list[dict[str, Any]] = [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another"},
        {"aud": ["another"]},
        {"aud": None},
        {"aud": ["client", "another"]},
        {"aud": ["client", "another"], "azp": "another"},
        {"azp": "another"},
        {"iss": f"{issuer.url}/"},
        {"iss": issuer.url.upper()},
        {"iss": None},
        {"exp": 1},
        {"exp": None},
        {"iat": None},
        {"nbf": 9_999_999_999},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 256},
        {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
        {"key": OTHER_RSA_KEY},
        {"token": signed(issuer.claims(**WHOLE), shared_secret(EC_KEY), by_secret)},
        {"token": "a.b.c"},
    ]  # fmt: skip
    texts = {refused(issuer, **change).partition(":")[0] for change in changes}
    assert texts == {"the ID token is no good"}
    issuer.answers["/token"] = {"access_token": "a"}
    provider = value(Kind.OIDC, oidc_settings(issuer.url))
    with pytest.raises(ProviderRefused, match="no ID token"):
        oidc.authenticate(provider, CODE, datetime.now(UTC))


def test_a_strangers_token_causes_no_look_for_a_key(issuer: Issuer) -> None:
    refused(issuer, iss="https://stranger.example")
    assert issuer.fetches(JWKS) == 0


@pytest.mark.parametrize("verified", [False, "true", "false", None, 1, {}])
def test_an_address_is_good_only_if_the_provider_says_so_in_so_many_words(
    issuer: Issuer, verified: Any
) -> None:
    known = told(issuer, email_verified=verified)
    assert vouched(value(Kind.OIDC, oidc_settings(issuer.url)), known) == ""


def test_what_is_said_of_one_address_is_not_said_of_another(issuer: Issuer) -> None:
    """A user name that looks like somebody else's address, beside an address of one's own."""
    mapping = {"identifier": "preferred_username"}
    provider = value(Kind.OIDC, oidc_settings(issuer.url, fieldMapping=mapping))
    issuer.answers["/token"] = {
        "access_token": "access",
        "id_token": issuer.token(**WHOLE, preferred_username="boss@corp.example"),
    }
    known = oidc.authenticate(provider, CODE, datetime.now(UTC))
    assert (known.identifier, known.email_verified) == ("boss@corp.example", True)
    assert vouched(provider, known) == ""


@pytest.mark.parametrize(
    ("claims", "user", "expected"),
    [
        # The address and its proof come from one source.
        ({"email": None}, {"email": "x@a.b", "email_verified": False}, ("x@a.b", False)),
        ({"email": None}, {"email": "x@a.b"}, ("x@a.b", False)),
        (
            {"email_verified": None},
            {"email": "x@a.b", "email_verified": True},
            ("x@a.b", True),
        ),
        ({"email_verified": None}, {"email_verified": True}, ("ann@corp.example", False)),
        # Another subject's data count for nothing.
        ({"name": None}, {"sub": "another", "name": "Eve"}, ("ann@corp.example", True)),
    ],
)
def test_the_user_info_adds_what_the_token_lacks(
    issuer: Issuer, claims: dict[str, Any], user: dict[str, Any], expected: tuple[str, bool]
) -> None:
    known = told(issuer, user={"sub": "subject-1", **user}, **claims)
    assert (known.email, known.email_verified) == expected
    assert known.display_name in {"Ann", ""}


def test_a_provider_without_a_name_for_the_user_is_refused(issuer: Issuer) -> None:
    with pytest.raises(ProviderRefused) as refusal:
        told(issuer, email=None, email_verified=None)
    assert (refusal.value.stage, str(refusal.value)) == ("identifier", "missing identifier")


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ((400, {"error": "invalid_grant"}), "the provider refused the code: invalid_grant"),
        ((200, {"error": "bad_verification_code"}), "the provider refused the code: bad_ver"),
        ((401, b"<html>"), "the provider refused the code: 401"),
        ((400, {"error": "x\r\ny"}), "the provider refused the code: 400"),
        ((302, {}), "the provider refused the code: 302"),
        ((200, {}), "the provider gave no access token"),
        ((200, b"access_token=&x=1"), "the provider gave no access token"),
        ((200, []), "the provider gave no access token"),
    ],
)
def test_a_refused_code_is_a_refusal(issuer: Issuer, answer: Any, text: str) -> None:
    issuer.answers["/token"] = answer
    provider = value(Kind.OAUTH2, oauth2_settings(issuer.url))
    with pytest.raises(ProviderRefused, match=text) as refusal:
        oauth2.authenticate(provider, CODE)
    assert refusal.value.stage == "token"


@pytest.mark.parametrize("path", [DISCOVERY, "/token", JWKS])
def test_a_provider_in_trouble_is_not_a_refusal(issuer: Issuer, path: str) -> None:
    issuer.answers["/token"] = {"access_token": "access", "id_token": issuer.token(**WHOLE)}
    issuer.answers[path] = (503, {})
    with pytest.raises(ProviderUnavailable):
        oidc.authenticate(value(Kind.OIDC, oidc_settings(issuer.url)), CODE, datetime.now(UTC))


@pytest.mark.parametrize(
    ("user", "subject", "identifier"),
    [
        ({"id": 17, "email": "ANN@corp.example"}, "17", "ann@corp.example"),
        ({"sub": "s", "id": 17, "email": "ann"}, "s", "ann@corp.test"),
        ({"id": True, "uid": "u", "email": "ann@x.y"}, "u", "ann@x.y"),
    ],
)
def test_plain_oauth_2_tells_the_user_by_a_resource(
    issuer: Issuer, user: dict[str, Any], subject: str, identifier: str
) -> None:
    issuer.answers |= {"/token": (200, b"access_token=a&token_type=bearer"), "/me": user}
    provider = value(Kind.OAUTH2, oauth2_settings(issuer.url), domain="corp.test")
    known = oauth2.authenticate(provider, CODE)
    assert (known.subject, known.identifier) == (subject, identifier)


@pytest.mark.parametrize(
    ("sent", "supported", "good"),
    [
        ("{url}", True, True),
        ("{url}", False, True),
        (None, False, True),
        (None, True, False),
        ("{url}/", False, False),
        ("https://stranger.example", False, False),
        ("", False, False),
    ],
)
def test_an_answer_says_whose_it_is(
    issuer: Issuer, sent: str | None, supported: bool, good: bool
) -> None:
    issuer.answers[DISCOVERY]["authorization_response_iss_parameter_supported"] = supported
    provider = value(Kind.OIDC, oidc_settings(issuer.url))
    named = sent and sent.format(url=issuer.url)
    if good:
        oidc.check_answer(provider, named)
        return
    with pytest.raises(ProviderRefused):
        oidc.check_answer(provider, named)
