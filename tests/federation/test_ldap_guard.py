"""Rocket.Chat's guarded calls, asked by somebody whose password a directory keeps."""

from __future__ import annotations

from django.test import Client

from accounts.login import passwords
from accounts.models import User
from tests.contracts.rocketchat.exchange import DIGEST, let_pass, post, signed_in
from tests.federation.directory import SECRET, Slapd
from tests.federation.providers import ldap_row
from tests.fixtures import PASSWORD, Cast


def _anna(client: Client, cast: Cast, corp: Slapd) -> dict[str, str]:
    """The headers of somebody whom the directory has let in."""
    ldap_row(cast.alpha, corp)
    corp.person("anna", mail="anna@alpha.example", displayName="Anna")
    return signed_in(client, "anna", SECRET)


def test_who_has_just_logged_in_by_a_directory_may_set_an_app_up(
    client: Client, cast: Cast, corp: Slapd
) -> None:
    headers = _anna(client, cast, corp)
    made = post(client, "users.enableTotp", headers)
    assert (made.status_code, {*made.json()}) == (200, {"secret", "url", "success"})
    # There is nothing to be asked for once that is long ago.
    let_pass(1801)
    assert post(client, "users.enableTotp", headers).status_code == 403


def test_a_password_that_the_account_still_has_here_passes_no_guard(
    client: Client, cast: Cast, corp: Slapd
) -> None:
    headers = _anna(client, cast, corp)
    User.objects.filter(username="anna").update(password=passwords.encode(PASSWORD))
    let_pass(1801)
    proof = {**headers, "x-2fa-code": DIGEST, "x-2fa-method": "password"}
    for call in ("users.enableTotp", "users.generatePersonalAccessToken"):
        assert post(client, call, proof, {"tokenName": "bot"}).status_code == 403
