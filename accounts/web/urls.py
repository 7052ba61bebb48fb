"""The addresses of the pages for people, at the root and below a tenant's prefix alike."""

from __future__ import annotations

from django.urls import URLPattern, path

from accounts.web.account.urls import urlpatterns as account_urlpatterns
from accounts.web.callbacks import oauth_callback, oidc_callback
from accounts.web.federation import link_with, sign_in_with
from accounts.web.forgot import forgot, password
from accounts.web.pages import with_slash
from accounts.web.passkeys import creation_options, own_passkeys, sign_in_options
from accounts.web.sign_in import sign_in, sign_out
from accounts.web.site import choose_language

urlpatterns: list[URLPattern] = [
    path("sign-in/", sign_in, name="sign-in"),
    path("sign-in/passkey/", sign_in_options, name="passkey-options"),
    path("sign-in/with/<slug:provider>/", sign_in_with, name="sign-in-with"),
    path("account/link/<slug:provider>/", link_with, name="link-with"),
    # The product's own addresses, so that its clients' registrations fit.
    path("oauth/callback", oauth_callback, name="oauth-callback"),
    path("oidc/callback", oidc_callback, name="oidc-callback"),
    path("sign-out/", sign_out, name="sign-out"),
    path("forgot/", forgot, name="forgot"),
    path("password/<str:token>/", password, name="password"),
    *account_urlpatterns,
    path("account/passkeys/", own_passkeys, name="passkeys"),
    path("account/passkeys/options/", creation_options, name="new-passkey-options"),
    path("language/", choose_language, name="language"),
    # People leave the slash out.
    path("sign-in", with_slash),
    path("account", with_slash),
    path("forgot", with_slash),
]
