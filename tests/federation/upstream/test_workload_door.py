"""Token exchange: a workload's own token for one of ours, and every check in its order."""

from __future__ import annotations

from typing import Any

import jwt
import pytest

from accounts import provisioning
from accounts.login import custody
from accounts.login.custody import Act
from accounts.login.workload_trust import WorkloadTrust
from accounts.models import LoginEvent, Session, User
from tenants import resolve
from tenants.federation import issuers, workload
from tenants.federation.identity import ExternalIdentity
from tenants.models import TenantPolicy
from tests.contracts.bytebase.conversation import EXCHANGE, ME, Api, refused
from tests.federation.upstream.issuer import EC_KEY, JWKS, OTHER_RSA_KEY, Issuer, signed
from tests.fixtures import Cast
from tests.login.gate import context

CI = "ci@workload.bytebase.com"
FAILED = "token validation failed: "
SUBJECT = "repo:corp/app:ref:refs/heads/main"


@pytest.fixture
def api(cast: Cast, issuer: Issuer) -> Api:
    trust(cast, issuer)
    return Api()


def trust(cast: Cast, issuer: Issuer, **changes: Any) -> User:
    """The account, trusting the issuer. Officers may not name loopback: it is written directly."""
    user = User.objects.filter(email=CI).first() or provisioning.create_user(
        cast.alpha, "ci", email=CI, kind=User.Kind.WORKLOAD
    )
    given = {"issuer": issuer.url, "audiences": ["bytebase"], "subject": "repo:corp/*"}
    user.workload_trust = {**given, "provider": "GITHUB", **changes}
    user.save()
    return user


def exchange(api: Api, token: str, email: str = CI) -> Any:
    return api.post(EXCHANGE, {"token": token, "email": email})


def good(issuer: Issuer, **changes: Any) -> str:
    return issuer.token(**{"sub": SUBJECT, "aud": ["x", "bytebase"], **changes})


def test_a_workload_gets_an_hour(api: Api, issuer: Issuer) -> None:
    answer = exchange(api, good(issuer))
    assert (answer.status_code, list(answer.json())) == (200, ["accessToken"])
    session = Session.objects.get()
    assert (session.expires_at - session.auth_time).total_seconds() == 3600
    assert [(r["method"], r["issuer"]) for r in session.amr] == [("fed", issuer.url)]
    me = api.get(ME, answer.json()["accessToken"]).json()
    assert (me["email"], me["userType"]) == (CI, "WORKLOAD_IDENTITY")
    assert (
        exchange(api, issuer.token(EC_KEY, "ES256", sub=SUBJECT, aud="bytebase")).status_code == 200
    )
    User.objects.update(state=User.State.DISABLED)
    assert api.get(ME, answer.json()["accessToken"]).status_code == 401


def test_a_second_factor_is_demanded_of_people_not_of_workloads(
    cast: Cast, api: Api, issuer: Issuer
) -> None:
    TenantPolicy.objects.create(tenant=cast.alpha, second_factor="required")
    resolve.invalidate()
    token = exchange(api, good(issuer)).json()["accessToken"]
    assert jwt.decode(token, options={"verify_signature": False})["aud"] == ["bb.user.access.prod"]
    session = Session.objects.get()
    assert (session.expires_at - session.auth_time).total_seconds() == 3600


def test_the_first_check_that_fails_answers(api: Api, issuer: Issuer) -> None:
    audience = "audience mismatch: token has"
    verify = "failed to verify token signature: "
    mismatch = 'subject mismatch: expected pattern "repo:corp/*", got "'
    cases: list[tuple[str, str]] = [
        ("x", "failed to parse token"),
        (good(issuer, key=OTHER_RSA_KEY, iss="x"), f"{verify}the signature is wrong"),
        (signed({}, OTHER_RSA_KEY, {"alg": "RS256", "kid": "new"}), f"{verify}no key of this id"),
        (good(issuer, alg="RS384"), f"{verify}the signing method does not match the key"),
        (
            good(issuer, iss=f"{issuer.url}/", aud="x"),
            f'issuer mismatch: expected "{issuer.url}", got "{issuer.url}/"',
        ),
        (good(issuer, aud=["x", "y"], sub="x"), f"{audience} [x y], allowed [bytebase]"),
        (good(issuer, aud=None), f"{audience} [], allowed [bytebase]"),
        (good(issuer, sub='repo:corp"\n', exp=1), f'{mismatch}repo:corp"'),
        (good(issuer, sub=None), f'{mismatch}"'),
        (good(issuer, exp=1), "token has expired"),
        (good(issuer, exp=None), "token has expired"),
        (good(issuer, nbf=9_999_999_999), "token is not valid yet"),
    ]  # fmt: skip
    for token, text in cases:
        refused(exchange(api, token), 401, 16, FAILED + text)
    assert not Session.objects.exists()
    assert LoginEvent.objects.filter(reason="external_refused").count() == len(cases)


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ("", True),
        ("*", True),
        (SUBJECT, True),
        ("repo:corp/app:*", True),
        ("repo:*:ref:refs/heads/main", False),
        ("repo:corp/app", False),
        ("REPO:corp/*", False),
        ("(a+)+$", False),
    ],
)
def test_a_pattern_is_a_text_or_the_beginning_of_one(
    cast: Cast, api: Api, issuer: Issuer, pattern: str, fits: bool
) -> None:
    trust(cast, issuer, subject=pattern, audiences=[])
    assert (exchange(api, good(issuer, aud="any")).status_code == 200) is fits


def test_a_token_stands_for_the_account_that_trusts_it_alone(
    cast: Cast, api: Api, issuer: Issuer
) -> None:
    provisioning.create_user(
        cast.alpha, "bare", email="bare@workload.bytebase.com", kind=User.Kind.WORKLOAD
    )
    token = good(issuer)
    text = f"{FAILED}no trusted issuer is configured"
    refused(exchange(api, token, "bare@workload.bytebase.com"), 401, 16, text)
    refused(exchange(Api("/t/beta"), token), 404, 5, f'workload identity "{CI}" not found')
    User.objects.filter(email=CI).update(kind=User.Kind.PERSON)
    refused(exchange(api, token), 400, 3, f'email "{CI}" is not a workload identity')
    assert not Session.objects.exists()


def test_who_is_no_workload_here_is_told_so_and_it_stands_in_the_trail(
    cast: Cast, api: Api, issuer: Issuer
) -> None:
    provisioning.create_user(cast.alpha, "p", email="p@workload.bytebase.com")
    User.objects.filter(email=CI).update(state=User.State.DISABLED)
    gone = "x@workload.bytebase.com"
    told = [
        (gone, 404, 5, f'workload identity "{gone}" not found', "unknown_subject"),
        ("p@workload.bytebase.com", 400, 3,
         'email "p@workload.bytebase.com" is not a workload identity', "kind_not_allowed"),
        (CI, 403, 7, "workload identity has been deactivated", "disabled"),
    ]  # fmt: skip
    for email, http, code, text, reason in told:
        refused(exchange(api, good(issuer), email), http, code, text)
        row = LoginEvent.objects.latest("at", "pk")
        assert (row.event, row.reason, row.tenant) == ("login:subject:refused", reason, cast.alpha)
    refused(exchange(Api("/t/beta"), "x", gone), 404, 5, told[0][3])
    rows = LoginEvent.objects.filter(event="login:subject:refused")
    assert rows.count() == len(told) + 1
    # Nobody's keys were asked for.
    assert issuer.asked == []


def test_a_login_that_was_checked_by_the_trust_that_was_opens_nothing(
    cast: Cast, api: Api, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = workload.authenticate

    def checked_and_changed(*args: Any) -> ExternalIdentity:
        identity = checked(*args)
        trusted = WorkloadTrust("https://gitlab.com", (), "project_path:corp/*", "GITLAB")
        custody.trust(User.objects.get(email=CI), trusted, Act(context(), "erin"))
        return identity

    monkeypatch.setattr(workload, "authenticate", checked_and_changed)
    token = exchange(api, good(issuer)).json()["accessToken"]
    assert api.get(ME, token).status_code == 401


def test_an_issuer_that_is_away_is_told_and_random_keys_do_not_wake_it(
    api: Api, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Longer than all this takes on a busy machine.
    monkeypatch.setattr(issuers, "AGAIN", issuers.FLOOR)
    keys = issuer.answers[JWKS]
    issuer.answers[JWKS] = (500, {})
    text = f"{FAILED}failed to fetch JWKS: {issuer.url}{JWKS} answered 500"
    for _ in range(3):
        refused(exchange(api, good(issuer)), 401, 16, text)
    assert LoginEvent.objects.latest("at", "pk").reason == "external_unavailable"
    issuer.answers[JWKS] = keys
    for n in range(30):
        exchange(api, signed({}, OTHER_RSA_KEY, {"alg": "RS256", "kid": str(n)}))
    assert issuer.fetches() == 1
