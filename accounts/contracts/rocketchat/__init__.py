"""Rocket.Chat: ``POST /api/v1/login``, ``logout``, ``me`` and what clients call around them.

Source: the product's reference page "Login with Username and Password" and its REST API of the
lines 7.6 to 8.8; docs/contracts/rocketchat.md has the details.

``bodies`` reads the login, ``tokens`` issues and checks, ``people`` and ``workspace`` render,
``wording`` holds every refusal, the views (``views``, ``factor_views``, ``token_views``) put them
together.
"""

from __future__ import annotations

from django.urls import path

from accounts.contracts.rocketchat import factor_views, second_factor, token_views, views
from accounts.contracts.rocketchat.tokens import LOGIN, SLUG
from accounts.contracts.rocketchat.wording import CODE_REASONS, FAULTS, REFUSALS
from accounts.wire.contract import Contract, Option

CONTRACT = Contract(
    slug=SLUG,
    title="Rocket.Chat",
    urlpatterns=[
        path("api/info", views.Info.as_view()),
        path("api/v1/info", views.Info.as_view()),
        path("api/v1/login", views.Login.as_view()),
        path("api/v1/logout", views.Logout.as_view()),
        path("api/v1/me", views.Me.as_view()),
        path("api/v1/settings.oauth", views.OAuthServices.as_view()),
        path("api/v1/settings.public", views.PublicSettings.as_view()),
        path("api/v1/users.2fa.disableEmail", factor_views.DisableEmail.as_view()),
        path("api/v1/users.2fa.enableEmail", factor_views.EnableEmail.as_view()),
        path("api/v1/users.2fa.sendEmailCode", factor_views.SendEmailCode.as_view()),
        path("api/v1/users.createToken", token_views.CreateToken.as_view()),
        path("api/v1/users.disableTotp", factor_views.DisableTotp.as_view()),
        path("api/v1/users.enableTotp", factor_views.EnableTotp.as_view()),
        path(
            "api/v1/users.generatePersonalAccessToken",
            token_views.GeneratePersonalToken.as_view(),
        ),
        path("api/v1/users.getPersonalAccessTokens", token_views.PersonalTokens.as_view()),
        path("api/v1/users.info", views.UsersInfo.as_view()),
        path("api/v1/users.logout", factor_views.LogoutEverywhere.as_view()),
        path("api/v1/users.logoutOtherClients", views.LogoutOtherClients.as_view()),
        path(
            "api/v1/users.regeneratePersonalAccessToken",
            token_views.RegeneratePersonalToken.as_view(),
        ),
        path("api/v1/users.regenerateTotpCodes", factor_views.RegenerateTotpCodes.as_view()),
        path("api/v1/users.removeOtherTokens", views.RemoveOtherTokens.as_view()),
        path("api/v1/users.removePersonalAccessToken", token_views.RemovePersonalToken.as_view()),
        path("api/v1/users.resetTOTP", factor_views.ResetTotp.as_view()),
        path("api/v1/users.totpCodesRemaining", factor_views.TotpCodesRemaining.as_view()),
        path("api/v1/users.validateTotp", factor_views.ValidateTotp.as_view()),
    ],
    refusals={**REFUSALS, **dict.fromkeys(CODE_REASONS, second_factor.login_invalid)},
    faults=FAULTS,
    # The one token is opaque: no key signs for this contract.
    lifetimes={"session": "life of a new token: 7776000"},
    options=(
        Option(
            "request_limit",
            "Calls a minute for each address, method and path, up to 1000",
            default=0,
        ),
        Option(
            "verified_email_only",
            "People whose address is not verified do not log in",
            default=False,
        ),
        Option(
            "create_token_secret_sha256",
            "SHA-256, in hex, of the secret that users.createToken asks for",
            "",
            hidden=True,
        ),
    ),
    tokens=(),
    territory=("api/info/", "api/v1/", "avatar/"),
    personal_tokens=LOGIN,
    example=(
        "curl -s {base}/api/v1/login -H 'Content-Type: application/json' "
        """-d '{{"user":"{username}","password":"{password}"}}'"""
    ),
    follow_up=(
        "curl -s {base}/api/v1/me -H 'X-Auth-Token: {answer[data][authToken]}' "
        "-H 'X-User-Id: {answer[data][userId]}'"
    ),
)
