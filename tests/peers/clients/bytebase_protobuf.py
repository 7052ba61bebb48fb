"""Bytebase through the official Protocol Buffers runtime: the messages of its interface, strict.

No client of Bytebase's own is on a package index. Programs generated from its interface
definition read answers with this runtime; it refuses unknown members, wrong spellings, wrong
types and unknown enum names.
"""

from typing import Any

from conversation import Answer, Asked, RefusedError, hold, load, shape

STRING, BOOL, MESSAGE, ENUM = 9, 8, 11, 14
OPTIONAL, REPEATED = 1, 3
# Names and numbers of bytebase.v1, release 3.13.
MESSAGES: dict[str, list[tuple[str, int, int, int, str]]] = {
    "Empty": [],
    "LoginRequest": [
        ("email", 1, STRING, OPTIONAL, ""),
        ("password", 2, STRING, OPTIONAL, ""),
        ("web", 3, BOOL, OPTIONAL, ""),
        ("idp_name", 4, STRING, OPTIONAL, ""),
        ("otp_code", 6, STRING, OPTIONAL, ""),
        ("recovery_code", 7, STRING, OPTIONAL, ""),
        ("mfa_temp_token", 8, STRING, OPTIONAL, ""),
    ],
    "LoginResponse": [
        ("token", 1, STRING, OPTIONAL, ""),
        ("mfa_temp_token", 2, STRING, OPTIONAL, ""),
        ("require_reset_password", 3, BOOL, OPTIONAL, ""),
        ("user", 4, MESSAGE, OPTIONAL, ".peers.User"),
    ],
    "Profile": [
        ("last_login_time", 1, MESSAGE, OPTIONAL, ".google.protobuf.Timestamp"),
        ("last_change_password_time", 2, MESSAGE, OPTIONAL, ".google.protobuf.Timestamp"),
        ("source", 3, STRING, OPTIONAL, ""),
    ],
    "User": [
        ("name", 1, STRING, OPTIONAL, ""),
        ("state", 2, ENUM, OPTIONAL, ".peers.State"),
        ("email", 3, STRING, OPTIONAL, ""),
        ("title", 4, STRING, OPTIONAL, ""),
        ("user_type", 5, ENUM, OPTIONAL, ".peers.UserType"),
        ("service_key", 7, STRING, OPTIONAL, ""),
        ("mfa_enabled", 8, BOOL, OPTIONAL, ""),
        ("temp_otp_secret", 9, STRING, OPTIONAL, ""),
        ("temp_recovery_codes", 10, STRING, REPEATED, ""),
        ("temp_otp_secret_created_time", 11, MESSAGE, OPTIONAL, ".google.protobuf.Timestamp"),
        ("phone", 12, STRING, OPTIONAL, ""),
        ("profile", 13, MESSAGE, OPTIONAL, ".peers.Profile"),
        ("groups", 14, STRING, REPEATED, ""),
    ],
    "Status": [("code", 1, 5, OPTIONAL, ""), ("message", 2, STRING, OPTIONAL, "")],
}
ENUMS = {
    "State": ["STATE_UNSPECIFIED", "ACTIVE", "DELETED"],
    "UserType": ["USER_TYPE_UNSPECIFIED", "USER", "SYSTEM_BOT", "SERVICE_ACCOUNT"],
}


def _messages() -> dict[str, Any]:
    descriptor_pb2 = load("google.protobuf.descriptor_pb2")
    timestamp = load("google.protobuf.timestamp_pb2")
    file = descriptor_pb2.FileDescriptorProto(
        name="peers.proto", package="peers", syntax="proto3", dependency=[timestamp.DESCRIPTOR.name]
    )
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind, label, type_name in fields:
            message.field.add(
                name=field, number=number, type=kind, label=label, type_name=type_name or None
            )
    for name, values in ENUMS.items():
        enum = file.enum_type.add(name=name)
        for number, value in enumerate(values):
            enum.value.add(name=value, number=number)
    pool = load("google.protobuf.descriptor_pool").DescriptorPool()
    pool.AddSerializedFile(timestamp.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    get = load("google.protobuf.message_factory").GetMessageClass
    return {name: get(pool.FindMessageTypeByName(f"peers.{name}")) for name in MESSAGES}


def talk(asked: Asked) -> Answer:
    json_format = load("google.protobuf.json_format")
    messages = _messages()
    session = load("requests").Session()

    def call(
        method: str, path: str, request: Any = None, *, answer: str, token: str = ""
    ) -> tuple[int, Any]:
        reply = session.request(
            method,
            asked["base_url"] + path,
            data=None if request is None else json_format.MessageToJson(request),
            headers={"Content-Type": "application/json"}
            | ({"Authorization": f"Bearer {token}"} if token else {}),
            timeout=30,
        )
        kind = answer if reply.ok else "Status"
        return reply.status_code, json_format.Parse(reply.text, messages[kind]())

    def log_in(**fields: Any) -> Any:
        status, told = call(
            "POST",
            "/v1/auth/login",
            messages["LoginRequest"](**fields),
            answer="LoginResponse",
        )
        if status != 200:
            error = PermissionError(told.message)
            raise RefusedError(error, status=status, message=f"{told.code}: {told.message}")
        return told

    login = log_in(email=asked["email"], password=asked["password"], web=asked.get("web", False))
    challenged = None
    if login.mfa_temp_token:
        challenged = sorted(json_format.MessageToDict(login))
        login = log_in(
            mfa_temp_token=login.mfa_temp_token,
            web=asked.get("web", False),
            **({"recovery_code": asked["recovery_code"]} if asked.get("recovery_code") else {}),
            **({"otp_code": asked["code"]} if asked.get("code") else {}),
        )
    cookies = sorted(cookie.name for cookie in session.cookies)
    _, me = call("GET", "/v1/users/me", answer="User", token=login.token)
    refreshed = None
    if "refresh-token" in cookies:
        old = session.cookies["refresh-token"]
        refreshed, _ = call("POST", "/v1/auth/refresh", messages["Empty"](), answer="Empty")
        if session.cookies["refresh-token"] == old:
            raise AssertionError("the refresh token was not rotated")
    goodbye, _ = call(
        "POST", "/v1/auth/logout", messages["Empty"](), answer="Empty", token=login.token
    )
    session.cookies.clear()
    gone, told = call("GET", "/v1/users/me", answer="User", token=login.token)
    return {
        "challenged": challenged,
        "login": {
            "token": shape(login.token),
            "requireResetPassword": login.require_reset_password,
            "user": json_format.MessageToDict(login.user),
        },
        "cookies": cookies,
        "whoami": json_format.MessageToDict(me),
        "refresh": refreshed,
        "logout": goodbye,
        "after_logout": {"status": gone, "code": getattr(told, "code", None)},
    }


hold("protobuf", talk)
