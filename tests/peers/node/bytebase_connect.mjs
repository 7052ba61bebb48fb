// Bytebase's Connect face through the protocol's own client. No client of Bytebase's own is in the
// registry, so its messages are described here, by the numbers of its interface definition.

import { hold, load, Refused, shape } from "../clients/conversation.mjs";

const STRING = 9;
const BOOL = 8;
const MESSAGE = 11;
const ENUM = 14;
const TIMESTAMP = ".google.protobuf.Timestamp";

function field(number, name, type = STRING, { of = "", list = false, tracked = null } = {}) {
  const described = { number, name, type, label: list ? 3 : 1, jsonName: camel(name) };
  if (of) described.typeName = of.startsWith(".") ? of : `.bytebase.v1.${of}`;
  if (tracked !== null) Object.assign(described, { proto3Optional: true, oneofIndex: tracked });
  return described;
}

function camel(name) {
  return name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
}

function message(name, fields) {
  const tracked = fields.filter((each) => each.proto3Optional);
  return { name, field: fields, oneofDecl: tracked.map((each) => ({ name: `_${each.name}` })) };
}

function enumeration(name, values) {
  return { name, value: values.map((value, number) => ({ name: value, number })) };
}

function service(name, methods) {
  const method = Object.entries(methods).map(([called, [takes, gives]]) => ({
    name: called,
    inputType: takes,
    outputType: gives,
  }));
  return { name, method };
}

const USER = ".bytebase.v1.User";
const EMPTY = ".google.protobuf.Empty";
const DESCRIPTION = {
  name: "bytebase.proto",
  package: "bytebase.v1",
  syntax: "proto3",
  dependency: ["timestamp", "field_mask", "empty"].map((name) => `google/protobuf/${name}.proto`),
  enumType: [
    enumeration("State", ["STATE_UNSPECIFIED", "ACTIVE", "DELETED"]),
    enumeration("UserType", [
      "USER_TYPE_UNSPECIFIED",
      "USER",
      "SYSTEM_BOT",
      "SERVICE_ACCOUNT",
      "WORKLOAD_IDENTITY",
    ]),
  ],
  messageType: [
    message("Profile", [
      field(1, "last_login_time", MESSAGE, { of: TIMESTAMP }),
      field(2, "last_change_password_time", MESSAGE, { of: TIMESTAMP }),
    ]),
    message("User", [
      field(1, "name"),
      field(2, "state", ENUM, { of: "State" }),
      field(3, "email"),
      field(4, "title"),
      field(5, "user_type", ENUM, { of: "UserType" }),
      field(8, "mfa_enabled", BOOL),
      field(9, "temp_otp_secret"),
      field(10, "temp_recovery_codes", STRING, { list: true }),
      field(11, "temp_otp_secret_created_time", MESSAGE, { of: TIMESTAMP }),
      field(13, "profile", MESSAGE, { of: "Profile" }),
      field(14, "groups", STRING, { list: true }),
    ]),
    message("LoginRequest", [
      field(1, "email"),
      field(2, "password"),
      field(3, "web", BOOL),
      field(6, "otp_code", STRING, { tracked: 0 }),
      field(7, "recovery_code", STRING, { tracked: 1 }),
      field(8, "mfa_temp_token", STRING, { tracked: 2 }),
      // Of later releases; unknown here.
      field(10, "workspace", STRING, { tracked: 3 }),
    ]),
    message("LoginResponse", [
      field(1, "token"),
      field(2, "mfa_temp_token", STRING, { tracked: 0 }),
      field(3, "require_reset_password", BOOL),
      field(4, "user", MESSAGE, { of: "User" }),
    ]),
    message("LogoutRequest", []),
    message("GetUserRequest", [field(1, "name")]),
    message("UpdateUserRequest", [
      field(1, "user", MESSAGE, { of: "User" }),
      field(2, "update_mask", MESSAGE, { of: ".google.protobuf.FieldMask" }),
      field(3, "otp_code", STRING, { tracked: 0 }),
      field(4, "regenerate_temp_mfa_secret", BOOL),
      field(5, "regenerate_recovery_codes", BOOL),
    ]),
  ],
  service: [
    service("AuthService", {
      Login: [".bytebase.v1.LoginRequest", ".bytebase.v1.LoginResponse"],
      Logout: [".bytebase.v1.LogoutRequest", EMPTY],
    }),
    service("UserService", {
      GetCurrentUser: [EMPTY, USER],
      GetUser: [".bytebase.v1.GetUserRequest", USER],
      UpdateUser: [".bytebase.v1.UpdateUserRequest", USER],
      ListUsers: [EMPTY, EMPTY],
    }),
  ],
};

await hold("@connectrpc/connect-node", async (asked) => {
  const { create, createFileRegistry, toJson } = load("@bufbuild/protobuf");
  const wkt = load("@bufbuild/protobuf/wkt");
  const { Code, ConnectError, createClient } = load("@connectrpc/connect");
  const { compressionGzip, createConnectTransport } = load("@connectrpc/connect-node");

  const file = create(wkt.FileDescriptorProtoSchema, DESCRIPTION);
  const known = {
    "google/protobuf/timestamp.proto": wkt.file_google_protobuf_timestamp,
    "google/protobuf/field_mask.proto": wkt.file_google_protobuf_field_mask,
    "google/protobuf/empty.proto": wkt.file_google_protobuf_empty,
  };
  const registry = createFileRegistry(file, (name) => known[name]);
  const transport = createConnectTransport({
    baseUrl: asked.base_url,
    httpVersion: "1.1",
    useBinaryFormat: asked.binary,
    defaultTimeoutMs: 30000,
    ...(asked.gzip ? { sendCompression: compressionGzip, compressMinBytes: 1 } : {}),
  });
  const auth = createClient(registry.getService("bytebase.v1.AuthService"), transport);
  const users = createClient(registry.getService("bytebase.v1.UserService"), transport);
  const plain = (name, value) => toJson(registry.getMessage(`bytebase.v1.${name}`), value);
  const failure = (promise) =>
    promise.then(
      () => null,
      (error) => {
        const { code, rawMessage } = ConnectError.from(error);
        return `${Code[code]}: ${rawMessage}`;
      },
    );

  const logIn = async (request) => {
    try {
      return plain("LoginResponse", await auth.login({ workspace: "workspaces/x", ...request }));
    } catch (error) {
      const { code, rawMessage } = ConnectError.from(error);
      throw new Refused(error.name, { message: `${Code[code]}: ${rawMessage}` });
    }
  };
  let login = await logIn({ email: asked.email, password: asked.password });
  let challenged = null;
  if (login.mfaTempToken) {
    challenged = Object.keys(login);
    const { mfaTempToken } = login;
    login = await logIn({ mfaTempToken, recoveryCode: asked.recovery_code });
  }
  const { token, ...rest } = login;
  const options = { headers: { Authorization: `Bearer ${token}` } };
  const name = rest.user.name;
  const me = plain("User", await users.getCurrentUser({}, options));
  const same = plain("User", await users.getUser({ name }, options));
  const started = plain(
    "User",
    await users.updateUser(
      { user: { name }, updateMask: { paths: [] }, regenerateTempMfaSecret: true },
      options,
    ),
  );
  const wrong = await failure(
    users.updateUser({ user: { name }, updateMask: { paths: [] }, otpCode: "" }, options),
  );
  const unserved = await failure(users.listUsers({}, options));
  const goodbye = Object.keys(await auth.logout({})).filter((key) => !key.startsWith("$"));
  await auth.logout({}, options);
  return {
    challenged,
    login: { token: shape(token), ...rest },
    whoami: me,
    same: JSON.stringify(same) === JSON.stringify(me),
    started: [started.tempOtpSecret.length, started.tempRecoveryCodes.length],
    wrong,
    unserved,
    logout: goodbye,
    after_logout: await failure(users.getCurrentUser({}, options)),
  };
});
