"""ColdStream: the login, its one-time-code step, and the accounts that clients then ask for.

Source: the page "Login user" of the product's API reference; docs/contracts/coldstream.md has the
details.
"""

from __future__ import annotations

from django.urls import path

from accounts.contracts.coldstream.login import Login, OneTimeCode
from accounts.contracts.coldstream.people import Me, Members, OneUser
from accounts.contracts.coldstream.tokens import ACCESS, SLUG
from accounts.contracts.coldstream.wording import FAULTS, REFUSALS
from accounts.wire.contract import Contract

CONTRACT = Contract(
    slug=SLUG,
    title="ColdStream",
    urlpatterns=[
        path("account/login", Login.as_view()),
        path("account/login/otp", OneTimeCode.as_view()),
        path("users/me", Me.as_view()),
        path("users/<str:number>", OneUser.as_view()),
        path("organizations/<str:number>/members", Members.as_view()),
    ],
    refusals=REFUSALS,
    faults=FAULTS,
    lifetimes={
        "access": "life of an access token and its session: 28800",
        "session": "ends the session, and the token with it, if earlier: as access",
    },
    tokens=(ACCESS,),
    territory=("account/login", "users/", "organizations/"),
    example=(
        "curl -s {base}/account/login -H 'Content-Type: application/json' "
        """-d '{{"email":"{email}","password":"{password}"}}'"""
    ),
    follow_up="curl -s {base}/users/me -H 'Authorization: Bearer {answer[accessToken]}'",
)
