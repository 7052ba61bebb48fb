"""The REST face: paths and bodies, and nothing else. The calls themselves are in their modules."""

from __future__ import annotations

from typing import Any, NoReturn

from django.http import HttpResponse

from accounts.contracts.bytebase import (
    changes,
    creation,
    listing,
    logins,
    officers,
    people,
    public,
    queries,
    workloads,
)
from accounts.contracts.bytebase.protojson import Message, received, text
from accounts.contracts.bytebase.tokens import SLUG
from accounts.wire.call import Call
from accounts.wire.contract import Answer, Fault, Faulted
from accounts.wire.views import ContractView


class Empty(Message):
    """``google.protobuf.Empty`` and requests without fields."""


class Login(ContractView):
    """``POST /v1/auth/login``."""

    slug = SLUG

    def post(self, call: Call) -> HttpResponse:
        """``Login``."""
        return logins.login(call, received(call, logins.LoginRequest)).http()


class Refresh(ContractView):
    """``POST /v1/auth/refresh``."""

    slug = SLUG

    def post(self, call: Call) -> HttpResponse:
        """``Refresh``."""
        received(call, Empty)
        return logins.refresh(call).http()


class Logout(ContractView):
    """``POST /v1/auth/logout``."""

    slug = SLUG

    def post(self, call: Call) -> HttpResponse:
        """``Logout``."""
        received(call, Empty)
        return logins.logout(call).http()


class ExchangeToken(ContractView):
    """``POST /v1/auth:exchangeToken``."""

    slug = SLUG

    def post(self, call: Call) -> Answer:
        """``ExchangeToken``."""
        return workloads.exchange_token(call, received(call, workloads.ExchangeTokenRequest))


class Me(ContractView):
    """``GET /v1/users/me``."""

    slug = SLUG

    def get(self, call: Call) -> Answer:
        """``GetCurrentUser``."""
        return people.current_user(call)


class OneUser(ContractView):
    """``/v1/users/{email}``."""

    slug = SLUG

    def get(self, call: Call, email: str) -> Answer:
        """``GetUser``."""
        return people.get_user(call, email)

    def patch(self, call: Call, email: str) -> Answer:
        """``UpdateUser``."""
        return people.update_user(call, email, changes.read(call))

    def delete(self, call: Call, email: str) -> Answer:
        """``DeleteUser``; a body is not looked at."""
        return officers.delete_user(call, email)


class Users(ContractView):
    """``/v1/users``."""

    slug = SLUG

    def get(self, call: Call) -> Answer:
        """``ListUsers``."""
        return listing.list_users(call, listing.read(call))

    def post(self, call: Call) -> Answer:
        """``CreateUser``."""
        return creation.create_user(call, received(call, changes.UserMessage))


class BatchOfUsers(ContractView):
    """``GET /v1/users:batchGet``."""

    slug = SLUG

    def get(self, call: Call) -> Answer:
        """``BatchGetUsers``."""
        return listing.batch_get_users(call, queries.texts(call, "names"))


class NamedUser(Message):
    """A request whose address already says who is meant."""

    name = text()


class UndeleteUser(ContractView):
    """``POST /v1/users/{email}:undelete``."""

    slug = SLUG

    def post(self, call: Call, email: str) -> Answer:
        """``UndeleteUser``."""
        received(call, NamedUser)
        return officers.undelete_user(call, email)


class UpdateEmailRequest(NamedUser):
    """The new address."""

    email = text()


class UpdateEmail(ContractView):
    """``POST /v1/users/{email}:updateEmail``."""

    slug = SLUG

    def post(self, call: Call, email: str) -> Answer:
        """``UpdateEmail``."""
        return officers.update_email(call, email, received(call, UpdateEmailRequest)["email"])


class ActuatorInfo(ContractView):
    """``GET /v1/actuator/info``."""

    slug = SLUG

    def get(self, call: Call) -> Answer:
        """``GetActuatorInfo``."""
        return public.actuator_info(call)


class IdentityProviders(ContractView):
    """``GET /v1/idps``."""

    slug = SLUG

    def get(self, call: Call) -> Answer:
        """``ListIdentityProviders``."""
        return public.identity_providers(call)


class UnknownPath(ContractView):
    """Every other path of the product, with any method."""

    slug = SLUG

    def _answered(self, call: Call, **kwargs: Any) -> NoReturn:
        raise Faulted(Fault.NOT_FOUND)
