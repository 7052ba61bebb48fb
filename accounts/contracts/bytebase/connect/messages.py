"""The product's messages in binary: described here by number and type, not generated.

Source: the product's interface definition of release 3.13 (``auth_service.proto``,
``user_service.proto``). Only what this face speaks of is described; any other field is unknown,
and unknown fields are skipped as Protocol Buffers have it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from google.protobuf import empty_pb2, field_mask_pb2, timestamp_pb2
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message as Binary
from google.protobuf.message_factory import GetMessageClass

_PACKAGE = "bytebase.v1"
_STRING, _BOOL = "string", "bool"
_TIMESTAMP, _FIELD_MASK = "google.protobuf.Timestamp", "google.protobuf.FieldMask"

_ENUMS: Mapping[str, Sequence[str]] = {
    "State": ("STATE_UNSPECIFIED", "ACTIVE", "DELETED"),
    "UserType": (
        "USER_TYPE_UNSPECIFIED",
        "USER",
        "SYSTEM_BOT",
        "SERVICE_ACCOUNT",
        "WORKLOAD_IDENTITY",
    ),
    "ProviderType": ("PROVIDER_TYPE_UNSPECIFIED", "GITHUB", "GITLAB"),
}


@dataclass(frozen=True, slots=True)
class _Field:
    """A field; ``tracked`` is what the language calls ``optional``."""

    name: str
    kind: str = _STRING
    repeated: bool = False
    tracked: bool = False
    oneof: str = ""


# A field's number is its place, counted from one.
_MESSAGES: Mapping[str, Sequence[_Field]] = {
    "Profile": (
        _Field("last_login_time", _TIMESTAMP),
        _Field("last_change_password_time", _TIMESTAMP),
        _Field("source"),
    ),
    "WorkloadIdentityConfig": (
        _Field("provider_type", "ProviderType"),
        _Field("issuer_url"),
        _Field("allowed_audiences", repeated=True),
        _Field("subject_pattern"),
    ),
    "User": (
        _Field("name"),
        _Field("state", "State"),
        _Field("email"),
        _Field("title"),
        _Field("user_type", "UserType"),
        _Field("password"),
        _Field("service_key"),
        _Field("mfa_enabled", _BOOL),
        _Field("temp_otp_secret"),
        _Field("temp_recovery_codes", repeated=True),
        _Field("temp_otp_secret_created_time", _TIMESTAMP),
        _Field("phone"),
        _Field("profile", "Profile"),
        _Field("groups", repeated=True),
        _Field("workload_identity_config", "WorkloadIdentityConfig"),
    ),
    "OAuth2IdentityProviderContext": (_Field("code"),),
    "OIDCIdentityProviderContext": (_Field("code"),),
    "IdentityProviderContext": (
        _Field("oauth2_context", "OAuth2IdentityProviderContext", oneof="context"),
        _Field("oidc_context", "OIDCIdentityProviderContext", oneof="context"),
    ),
    "LoginRequest": (
        _Field("email"),
        _Field("password"),
        _Field("web", _BOOL),
        _Field("idp_name"),
        _Field("idp_context", "IdentityProviderContext"),
        _Field("otp_code", tracked=True),
        _Field("recovery_code", tracked=True),
        _Field("mfa_temp_token", tracked=True),
    ),
    "LoginResponse": (
        _Field("token"),
        _Field("mfa_temp_token", tracked=True),
        _Field("require_reset_password", _BOOL),
        _Field("user", "User"),
    ),
    "LogoutRequest": (),
    "ExchangeTokenRequest": (_Field("token"), _Field("email")),
    "ExchangeTokenResponse": (_Field("access_token"),),
    "GetUserRequest": (_Field("name"),),
    "UpdateUserRequest": (
        _Field("user", "User"),
        _Field("update_mask", _FIELD_MASK),
        _Field("otp_code", tracked=True),
        _Field("regenerate_temp_mfa_secret", _BOOL),
        _Field("regenerate_recovery_codes", _BOOL),
    ),
}


def _described() -> FileDescriptorProto:
    file = FileDescriptorProto(
        name="dragoman/bytebase.proto",
        package=_PACKAGE,
        syntax="proto3",
        dependency=[timestamp_pb2.DESCRIPTOR.name, field_mask_pb2.DESCRIPTOR.name],
    )
    for name, values in _ENUMS.items():
        file.enum_type.append(_enum(name, values))
    for name, fields in _MESSAGES.items():
        file.message_type.append(_message(name, fields))
    return file


def _enum(name: str, values: Iterable[str]) -> EnumDescriptorProto:
    described = EnumDescriptorProto(name=name)
    for number, value in enumerate(values):
        described.value.add(name=value, number=number)
    return described


def _message(name: str, fields: Iterable[_Field]) -> DescriptorProto:
    described = DescriptorProto(name=name)
    for number, field in enumerate(fields, 1):
        described.field.append(_field(number, field))
        # A tracked field is the only one of a choice of its own.
        choice = f"_{field.name}" if field.tracked else field.oneof
        if choice:
            choices = [each.name for each in described.oneof_decl]
            if choice not in choices:
                described.oneof_decl.add(name=choice)
                choices.append(choice)
            described.field[-1].oneof_index = choices.index(choice)
    return described


def _field(number: int, field: _Field) -> FieldDescriptorProto:
    of = FieldDescriptorProto
    described = of(name=field.name, number=number)
    described.label = of.LABEL_REPEATED if field.repeated else of.LABEL_OPTIONAL
    if field.kind in {_STRING, _BOOL}:
        described.type = of.TYPE_STRING if field.kind == _STRING else of.TYPE_BOOL
    else:
        described.type = of.TYPE_ENUM if field.kind in _ENUMS else of.TYPE_MESSAGE
        outside = field.kind in {_TIMESTAMP, _FIELD_MASK}
        described.type_name = f".{field.kind}" if outside else f".{_PACKAGE}.{field.kind}"
    # Set only where it holds: the member itself has presence, written or not.
    if field.tracked:
        described.proto3_optional = True
    return described


# A pool of its own: whoever has generated the product's messages as well is not disturbed.
_pool = DescriptorPool()
for _well_known in (timestamp_pb2, field_mask_pb2, empty_pb2):
    _pool.AddSerializedFile(_well_known.DESCRIPTOR.serialized_pb)
_pool.AddSerializedFile(_described().SerializeToString())


def message(name: str) -> type[Binary]:
    """The class of a message of the product, or of one of the well-known ones by its full name."""
    full_name = name if "." in name else f"{_PACKAGE}.{name}"
    return GetMessageClass(_pool.FindMessageTypeByName(full_name))


Empty = message(empty_pb2.DESCRIPTOR.package + ".Empty")
User = message("User")
LoginRequest = message("LoginRequest")
LoginResponse = message("LoginResponse")
LogoutRequest = message("LogoutRequest")
ExchangeTokenRequest = message("ExchangeTokenRequest")
ExchangeTokenResponse = message("ExchangeTokenResponse")
GetUserRequest = message("GetUserRequest")
UpdateUserRequest = message("UpdateUserRequest")
