"""The addresses below ``/account/``."""

from __future__ import annotations

from django.urls import URLPattern, path

from accounts.web.account.app_passwords import own_app_passwords, own_tokens
from accounts.web.account.factors import authenticator, codes, codes_file, mailed_codes
from accounts.web.account.overview import account
from accounts.web.account.password import own_password
from accounts.web.account.profile import address, confirm_address, profile
from accounts.web.account.sessions import activity, linked_accounts, own_sessions

urlpatterns: list[URLPattern] = [
    path("account/", account, name="account"),
    path("account/profile/", profile, name="profile"),
    path("account/address/", address, name="address"),
    path("account/address/<str:token>/", confirm_address, name="address-link"),
    path("account/password/", own_password, name="own-password"),
    path("account/authenticator/", authenticator, name="authenticator"),
    path("account/recovery-codes/", codes, name="recovery-codes"),
    path("account/recovery-codes/file/", codes_file, name="recovery-codes-file"),
    path("account/mailed-codes/", mailed_codes, name="mailed-codes"),
    path("account/app-passwords/", own_app_passwords, name="app-passwords"),
    path("account/tokens/", own_tokens, name="personal-tokens"),
    path("account/sessions/", own_sessions, name="own-sessions"),
    path("account/linked/", linked_accounts, name="linked-accounts"),
    path("account/activity/", activity, name="activity"),
]
