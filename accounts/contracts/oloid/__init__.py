"""Oloid: ``POST /Login`` with ``TenantName``, and the Amazon Cognito rules behind its tokens.

Sources: the product's help article "Login API Documentation" and the OpenAPI draft that contains
it; for Cognito the public service model ``cognito-idp`` 2016-04-18 and the developer guide's pages
on the ID token and the access token. docs/contracts/oloid.md has the details.

``login``       the product's own call
``transport``   ``POST /``, where all of Cognito's ``operations`` are
``pools``       a pool's keys and discovery document
``credentials`` the management of machine credentials
"""

from __future__ import annotations

from django.urls import path, re_path

from accounts.contracts.oloid.credentials import Credential, Credentials
from accounts.contracts.oloid.login import Login
from accounts.contracts.oloid.pools import Discovery, KeySet
from accounts.contracts.oloid.tokens import ACCESS, ID, SLUG
from accounts.contracts.oloid.transport import Operations
from accounts.contracts.oloid.wording import FAULTS, REFUSALS
from accounts.wire.contract import Contract, Cors, Option

# Region, underscore, letters and digits: nothing else at the root looks like it.
_POOL = r"^(?P<pool_id>[A-Za-z0-9-]{1,40}_[A-Za-z0-9]{1,40})/\.well-known/"

_CREDENTIALS = "tenant-settings/credentials/cognito"

_ANY_ORIGIN = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "x-amzn-RequestId, x-amzn-ErrorType, x-amzn-ErrorMessage",
}
# Nothing here goes by cookies, so any page may ask; a page has no more rights than its tokens.
CORS = Cors(
    actual=_ANY_ORIGIN,
    preflight={
        **_ANY_ORIGIN,
        "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE",
        "Access-Control-Allow-Headers": (
            "authorization, cache-control, content-type, x-amz-target, x-amz-user-agent, "
            "x-amz-content-sha256, x-amz-date, x-amz-security-token, "
            "amz-sdk-invocation-id, amz-sdk-request"
        ),
        "Access-Control-Max-Age": "86400",
    },
    preflight_status=200,
)

CONTRACT = Contract(
    slug=SLUG,
    title="Oloid (Amazon Cognito)",
    urlpatterns=[
        # Both spellings occur in the product's texts.
        path("Login", Login.as_view()),
        path("login", Login.as_view()),
        path(_CREDENTIALS, Credentials.as_view()),
        path(f"{_CREDENTIALS}/<str:username>", Credential.as_view()),
        re_path(_POOL + r"jwks\.json\Z", KeySet.as_view()),
        re_path(_POOL + r"openid-configuration\Z", Discovery.as_view()),
    ],
    refusals=REFUSALS,
    faults=FAULTS,
    lifetimes={
        "access": "life of an ID or access token: 3600",
        "refresh": "life of a refresh token: 2592000",
        "session": "ends the session: as refresh",
    },
    options=(Option("refresh_token_rotation", "A refresh token is good once", default=False),),
    tokens=(ID, ACCESS),
    # The product's OloID.
    name_of=lambda user: user.pk.hex,
    territory=("Login/", "login/", "tenant-settings/", "us-east-1_"),
    root=Operations.as_view(),
    cors=CORS,
    example=(
        "curl -s {base}/Login -H 'Content-Type: application/json' "
        """-d '{{"UserName":"{username}","TenantName":"{tenant}","Password":"{password}"}}'"""
    ),
    follow_up=(
        "curl -s {base}/ -H 'Content-Type: application/x-amz-json-1.1' "
        "-H 'X-Amz-Target: AWSCognitoIdentityProviderService.GetUser' "
        """-d '{{"AccessToken":"{answer[cognitoToken][AuthenticationResult][AccessToken]}"}}'"""
    ),
)
