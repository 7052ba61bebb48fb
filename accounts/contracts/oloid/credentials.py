"""Machine credentials: made, listed, changed and deleted by an officer of the tenant.

Paths, bodies and answers as in the OpenAPI draft of the product's tenant settings. There every
credential is a user of the pool, so each one made here has a service account of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from rest_framework import serializers

from accounts import provisioning
from accounts.audit import Event
from accounts.contracts.oloid.answers import request_id
from accounts.contracts.oloid.login import json_body
from accounts.contracts.oloid.tokens import SLUG, signed_in
from accounts.contracts.oloid.wording import SIGN_IN_FOR_CREDENTIALS
from accounts.login import custody, enrolment, sessions
from accounts.login.custody import Act
from accounts.login.sessions import Found
from accounts.models import ServiceCredential, User
from accounts.models.statement import Insert, Update, execute
from accounts.wire.authentication import ends_meanwhile
from accounts.wire.call import Call
from accounts.wire.contract import Answer, Fault, Faulted
from accounts.wire.fields import ExactText
from accounts.wire.shapes import checked
from accounts.wire.views import ContractView

_MOST_SCOPES = 50
# RFC 6749 section 3.3: the scope of a token is a list of such texts with blanks in between.
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,100}")
# Stands where a secret was: it is stored as a hash and cannot be shown again.
_MASK = "*" * 10


class PrintableText(ExactText):
    """A name that people read: a hundred characters, none of them a control character."""

    default_error_messages = {"form": "must be printable"}

    def to_internal_value(self, data: Any) -> str:
        """The text itself. Raises ValidationError."""
        text = super().to_internal_value(data)
        if not text.isprintable():
            self.fail("form")
        return text


class Scopes(serializers.Field[list[str], Any, list[str], Any]):
    """A list of scopes, each once; nulls in it are passed over, as the description has them."""

    default_error_messages = {
        "type": "must be a list of strings",
        "form": "must hold scopes of 1 to 100 visible ASCII characters without quotes",
        "long": f"must hold {_MOST_SCOPES} scopes at most",
    }

    def to_internal_value(self, data: Any) -> list[str]:
        """The scopes in their order. Raises ValidationError."""
        if not isinstance(data, list):
            self.fail("type")
        given = [scope for scope in data if scope is not None]
        if not all(isinstance(scope, str) for scope in given):
            self.fail("type")
        if not all(_SCOPE.fullmatch(scope) for scope in given):
            self.fail("form")
        if len(given) > _MOST_SCOPES:
            self.fail("long")
        return list(dict.fromkeys(given))


def _name() -> PrintableText:
    return PrintableText(max_length=100, allow_empty=True, allow_null=True, required=False)


class CredentialShape(serializers.Serializer[Any]):
    """What a credential is for: no member is required, null is empty, other keys are ignored."""

    Role = _name()
    TokenName = _name()
    Scopes = Scopes(allow_null=True, required=False)


def _asked(call: Call) -> dict[str, Any]:
    """What was sent, under the names of the columns."""
    body = checked(CredentialShape, json_body(call))
    columns = {"Role": "role", "TokenName": "label", "Scopes": "scopes"}
    empty = {"Role": "", "TokenName": "", "Scopes": []}
    return {
        column: body[name] if body[name] is not None else empty[name]
        for name, column in columns.items()
        if name in body
    }


def _officer(call: Call, *, changes: bool = False) -> Found:
    """Who asks, if he may. Raises Faulted.

    Giving a machine rights takes a fresh login: a stolen token must not leave a key behind.
    """
    found = signed_in(call)
    user = found.subject.user
    if not (user.is_staff or user.is_superuser):
        raise Faulted(Fault.FORBIDDEN)
    if changes and not enrolment.is_fresh(found, call.now):
        raise Faulted(Fault.FORBIDDEN, SIGN_IN_FOR_CREDENTIALS)
    return found


def _act(call: Call, found: Found) -> Act:
    return Act(call.client(), found.subject.user.username, found.session.pk)


@contextmanager
def _changing(call: Call, found: Found) -> Iterator[None]:
    """All or nothing, and nothing once the officer's session has ended. Raises Faulted(ENDED)."""
    with ends_meanwhile(), transaction.atomic():
        sessions.hold(found.session, call.now)
        yield


def _within(found: Found) -> QuerySet[ServiceCredential]:
    """The live machine credentials that open this contract and are the officer's business."""
    officer = found.subject
    rows = ServiceCredential.objects.select_related("user").filter(
        user__tenant_id=officer.tenant.id,
        user__kind=User.Kind.SERVICE,
        contract__in=("", SLUG),
        revoked_at=None,
    )
    return rows if officer.user.is_superuser else rows.exclude(user__is_superuser=True)


def _one(found: Found, username: str, *, changes: bool = False) -> ServiceCredential:
    """The credential of this ClientID. Raises Faulted(NOT_FOUND), another tenant's likewise.

    ``changes``: others who change it wait until the transaction is over, and then find it so.
    """
    rows = _within(found).filter(client_id=username)
    if changes:
        rows = rows.select_for_update(of=("self",))
    # No ClientID has a NUL or the like, and the database does not take one.
    credential = next(iter(rows), None) if username.isprintable() else None
    if credential is None:
        raise Faulted(Fault.NOT_FOUND, "no such credential")
    return credential


def _data(credential: ServiceCredential, call: Call, found: Found, password: str) -> dict[str, Any]:
    metadata = {
        "httpStatusCode": 200,
        # 32 characters in this description.
        "requestId": request_id(call).replace("-", ""),
        "attempts": 1,
        "totalRetryDelay": 0,
    }
    expired = credential.expires_at is not None and credential.expires_at <= call.now
    enabled = credential.user.is_active and not expired
    tenant = found.subject.tenant
    user = {
        "Username": credential.client_id,
        "OloID": credential.user_id.hex,
        "DisplayName": credential.label,
        "Role": credential.role,
        "Scopes": credential.scopes,
        "Status": "Active" if enabled else "Inactive",
        "UserStatus": "CONFIRMED",
        "TenantID": tenant.hex_id,
        "TenantName": tenant.name,
        "Enabled": enabled,
        "CreatedAt": f"{credential.created_at:%Y-%m-%dT%H:%M:%S}Z",
    }
    return {"$metadata": metadata, "User": user, "Password": password}


class Credentials(ContractView):
    """``/tenant-settings/credentials/cognito``."""

    slug = SLUG
    names_tenant = True

    def get(self, call: Call) -> Answer:
        """All of the tenant's machine credentials, oldest first."""
        found = _officer(call)
        users = [
            _data(row, call, found, _MASK) for row in _within(found).order_by("created_at", "pk")
        ]
        message = "Cognito credentials retrieved successfully"
        return Answer(200, {"message": message, "data": {"Users": users}})

    def post(self, call: Call) -> Answer:
        """A new ClientID with its secret, which is told here and never again."""
        found = _officer(call, changes=True)
        asked = _asked(call)
        issued = _issue(call, found, asked)
        made = issued.credential
        tags = [{"Key": "Role", "Value": made.role}] if made.role else []
        data = {
            "Key": made.client_id,
            "Tags": tags,
            "Description": made.label,
            "Secrets": {"Data": _data(made, call, found, issued.secret)},
        }
        message = "Cognito credential created successfully"
        return Answer(200, {"message": message, "data": data})


def _issue(call: Call, found: Found, asked: dict[str, Any]) -> provisioning.IssuedCredential:
    client_id, client = provisioning.new_client_id(), call.client()
    trace = [("by", found.subject.user.username), ("client id", client_id)]
    with _changing(call, found):
        account = provisioning.create_user(
            found.subject.user.tenant,
            client_id,
            kind=User.Kind.SERVICE,
            display_name=asked.get("label", ""),
            by=client,
            trace=trace,
        )
        return provisioning.issue_credential(
            account, client_id=client_id, contract=SLUG, by=client, trace=trace, **asked
        )


class Credential(ContractView):
    """``/tenant-settings/credentials/cognito/{username}``: the user name is the ClientID."""

    slug = SLUG
    names_tenant = True

    def get(self, call: Call, username: str) -> Answer:
        """One credential, without its secret."""
        found = _officer(call)
        data = _data(_one(found, username), call, found, _MASK)
        return Answer(200, {"message": "Cognito credential retrieved successfully", "data": data})

    def put(self, call: Call, username: str) -> Answer:
        """Another name, role or list of scopes; what is not sent stays."""
        found = _officer(call, changes=True)
        with _changing(call, found):
            credential, asked = _one(found, username, changes=True), _asked(call)
            if asked:
                _change(call, credential, asked, found)
        return _done("updated", credential)

    def delete(self, call: Call, username: str) -> Answer:
        """The secret opens nothing more, and what it has opened ends at once."""
        found = _officer(call)
        act = _act(call, found)
        with _changing(call, found):
            credential = _one(found, username, changes=True)
            custody.revoke_credential(credential, act)
            others = credential.user.service_credentials.filter(revoked_at=None)
            if _made_for(credential) and not others.exists():
                # It has no other use.
                custody.disable(credential.user, act)
        return _done("deleted", credential)


def _made_for(credential: ServiceCredential) -> bool:
    """Whether the account was made with this credential, and for it alone."""
    return credential.user.username == credential.client_id


def _change(call: Call, credential: ServiceCredential, asked: dict[str, Any], found: Found) -> None:
    changed = _act(call, found).row(
        Event.CREDENTIAL_CHANGED,
        tenant_id=found.subject.tenant.id,
        user_id=credential.user_id,
        facts=[("client id", credential.client_id), ("changed", ", ".join(asked))],
    )
    writes = [Update(ServiceCredential.objects.filter(pk=credential.pk), **asked)]
    if "label" in asked and _made_for(credential):
        # Tokens tell the account's name.
        accounts = User.objects.filter(pk=credential.user_id)
        writes.append(Update(accounts, display_name=asked["label"], updated_at=call.now))
    execute(*writes, Insert(changed))


def _done(what: str, credential: ServiceCredential) -> Answer:
    message = f"Cognito credential {what} successfully"
    return Answer(200, {"status": "200", "message": message, "data": credential.client_id})
