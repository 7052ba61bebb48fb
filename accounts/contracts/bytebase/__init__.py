"""Bytebase: ``AuthService`` and "who am I" over REST.

Source: the product's interface definition and reference page of release 3.13;
docs/contracts/bytebase.md has the details.

``wording``     the error body and both tables
``protojson``   how messages are read and written
``tokens``      token kinds, the two login profiles, who presents a token
``objects``     users, login answers and the server's description
``changes``     what a change asks for, and which values fields take
``cookies``     the three cookies of a browser login
``logins``      login, refresh, logout
``workloads``   token exchange
``people``      who somebody is
``own_account`` what a user changes about himself
``officers``    what officers change about others
``creation``    sign-up and new accounts
``listing``     several users at once; ``filters`` reads their filter
``addresses``, ``service_keys``, ``workspace``, ``queries``
``public``      what is told before a login
``views``       the REST face of the calls
``connect``     their other face, Connect RPC
"""

from __future__ import annotations

from django.urls import path, re_path

from accounts.contracts.bytebase import connect
from accounts.contracts.bytebase.tokens import ACCESS, MFA, SETUP, SLUG, address
from accounts.contracts.bytebase.views import (
    ActuatorInfo,
    BatchOfUsers,
    ExchangeToken,
    IdentityProviders,
    Login,
    Logout,
    Me,
    OneUser,
    Refresh,
    UndeleteUser,
    UnknownPath,
    UpdateEmail,
    Users,
)
from accounts.contracts.bytebase.wording import FAULTS, REFUSALS
from accounts.wire.contract import Contract, Option

CONTRACT = Contract(
    slug=SLUG,
    title="Bytebase",
    urlpatterns=[
        path("v1/auth/login", Login.as_view()),
        path("v1/auth/refresh", Refresh.as_view()),
        path("v1/auth/logout", Logout.as_view()),
        path("v1/auth:exchangeToken", ExchangeToken.as_view()),
        path("v1/users/me", Me.as_view()),
        path("v1/users", Users.as_view()),
        path("v1/users:batchGet", BatchOfUsers.as_view()),
        path("v1/users/<str:email>:undelete", UndeleteUser.as_view()),
        path("v1/users/<str:email>:updateEmail", UpdateEmail.as_view()),
        path("v1/users/<str:email>", OneUser.as_view()),
        path("v1/actuator/info", ActuatorInfo.as_view()),
        path("v1/idps", IdentityProviders.as_view()),
        # The product names method and address of what it does not know, so a view must see them.
        re_path(r"\Av1(?:/[\s\S]*)?\Z", UnknownPath.as_view()),
        *connect.URLPATTERNS,
    ],
    refusals=REFUSALS,
    faults=FAULTS,
    lifetimes={
        "access": "life of a person's access token without web: 604800",
        "web_access": "life of an access token beside a refresh token: 3600",
        "refresh": "life of a login with web: 604800",
        "service": "life of a service account's access token: 3600",
        "session": "ends every login, whatever its kind: none",
    },
    options=(
        Option("disallow_signup", "Nobody makes himself an account", default=True),
        Option("disallow_password_signin", "Only officers log in with a password", default=False),
        Option("email_domains", "People need an address of one of these domains", default=()),
        Option("web_body_token", "With web the token is in the body, too", default=True),
    ),
    tokens=(ACCESS, MFA, SETUP),
    name_of=lambda user: f"users/{address(user)}",
    territory=("v1/", connect.TERRITORY),
    example=(
        "curl -s {base}/v1/auth/login -H 'Content-Type: application/json' "
        """-d '{{"email":"{email}","password":"{password}"}}'"""
    ),
    follow_up="curl -s {base}/v1/users/me -H 'Authorization: Bearer {answer[token]}'",
)
