"""Bytebase's second face: the same calls by the Connect protocol, in JSON and in binary.

Sources: the product's interface definition of release 3.13 and the Connect protocol's public
reference; docs/contracts/bytebase.md has the details.

``messages``     the messages in binary
``codecs``       both spellings of a message
``wording``      the REST face's refusals in Connect's form
``transport``    headers, content, answer
``procedures``   the calls
"""

from __future__ import annotations

from django.urls import path, re_path

from accounts.contracts.bytebase.connect.procedures import (
    ExchangeToken,
    GetCurrentUser,
    GetUser,
    Login,
    Logout,
    UpdateUser,
)
from accounts.contracts.bytebase.connect.transport import UnknownProcedure

TERRITORY = "bytebase.v1."
URLPATTERNS = [
    path("bytebase.v1.AuthService/Login", Login.as_view()),
    path("bytebase.v1.AuthService/Logout", Logout.as_view()),
    path("bytebase.v1.AuthService/ExchangeToken", ExchangeToken.as_view()),
    path("bytebase.v1.UserService/GetCurrentUser", GetCurrentUser.as_view()),
    path("bytebase.v1.UserService/GetUser", GetUser.as_view()),
    path("bytebase.v1.UserService/UpdateUser", UpdateUser.as_view()),
    re_path(r"\Abytebase\.v1\.[\s\S]*\Z", UnknownProcedure.as_view()),
]
