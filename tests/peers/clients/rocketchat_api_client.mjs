// Rocket.Chat's own REST client of today, made for fetch and JSON.

import { createHash } from "node:crypto";

import { hold, load, Refused, shape } from "./conversation.mjs";

await hold("@rocket.chat/api-client", async (asked) => {
  const { RestClient } = load("@rocket.chat/api-client");
  const client = new RestClient({ baseUrl: asked.base_url });
  const asks = [];
  client.handleTwoFactorChallenge(async ({ method, invalidAttempt }) => {
    asks.push({ method, invalidAttempt });
    return method === "password"
      ? createHash("sha256").update(asked.password).digest("hex")
      : (asked.code ?? asked.recovery_code);
  });
  const info = await client.get("/info");
  let challenge = null;
  let login;
  const credentials = { user: asked.login, password: asked.password };
  try {
    login = await client.post("/v1/login", credentials);
  } catch (response) {
    // It rejects with the fetch Response itself.
    if (!(response instanceof Response)) throw response;
    const answer = await response.json();
    if (answer.error !== "totp-required") {
      throw new Refused("Response", { status: response.status, message: answer.message });
    }
    challenge = { status: response.status, ...answer };
    login = await client.post("/v1/login", {
      ...credentials,
      code: asked.code ?? asked.recovery_code,
    });
  }
  const { userId, authToken } = login.data;
  const resumed = await client.post("/v1/login", { resume: authToken });
  client.setCredentials({ "X-User-Id": userId, "X-Auth-Token": authToken });
  const me = await client.get("/v1/me");
  const tokens = await client.get("/v1/users.getPersonalAccessTokens");
  const goodbye = await client.post("/v1/logout", {});
  const after = await client.get("/v1/me").then(
    () => 200,
    (response) => response.status,
  );
  return {
    info,
    challenge,
    login: {
      status: login.status,
      success: login.success,
      userId: shape(userId),
      authToken: shape(authToken),
      me: login.data.me.username,
    },
    refresh: { same_token: resumed.data.authToken === authToken },
    whoami: { username: me.username, success: me.success },
    tokens,
    asks,
    logout: goodbye,
    after_logout: after,
  };
});
