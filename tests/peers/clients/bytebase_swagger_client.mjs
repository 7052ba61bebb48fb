// Bytebase's REST face through Swagger's own client, driven by an OpenAPI description: no client
// of Bytebase's own is in the registry.

import { readFileSync } from "node:fs";

import { hold, load, Refused, shape } from "./conversation.mjs";

const description = new URL("../descriptions/bytebase.openapi.json", import.meta.url);

await hold("swagger-client", async (asked) => {
  const Swagger = load("swagger-client");
  const spec = JSON.parse(readFileSync(description, "utf8"));
  spec.servers = [{ url: asked.base_url }];
  const client = await new Swagger({ spec });
  const call = async (operationId, { body, token } = {}) => {
    const reply = await client.execute({
      operationId,
      requestBody: body,
      securities: token ? { authorized: { bearer: { value: token } } } : undefined,
    });
    return reply.body;
  };
  const statusOf = (promise) =>
    promise.then(
      () => 200,
      (error) => error.status,
    );

  await call("ActuatorService_GetActuatorInfo");
  const providers = await call("IdentityProviderService_ListIdentityProviders");
  const logIn = async (body) => {
    try {
      return await call("AuthService_Login", { body });
    } catch (error) {
      if (error.status !== 401) throw error;
      const { code, message } = error.response.body;
      throw new Refused(error.name, { status: error.status, message: `${code}: ${message}` });
    }
  };
  let login = await logIn({ email: asked.email, password: asked.password });
  let challenged = null;
  if (login.mfaTempToken) {
    challenged = Object.keys(login);
    const temporary = await statusOf(
      call("UserService_GetCurrentUser", { token: login.mfaTempToken }),
    );
    challenged.push(temporary);
    const factor = asked.recovery_code
      ? { recoveryCode: asked.recovery_code }
      : { otpCode: asked.code };
    login = await logIn({ mfaTempToken: login.mfaTempToken, ...factor });
  }
  const { token, ...rest } = login;
  const me = await call("UserService_GetCurrentUser", { token });
  const goodbye = await call("AuthService_Logout", { body: {}, token });
  const after = await statusOf(call("UserService_GetCurrentUser", { token }));
  return {
    providers,
    challenged,
    login: { token: shape(token), ...rest },
    whoami: me,
    logout: goodbye,
    after_logout: after,
  };
});
