// Rocket.Chat's own REST client of today, made for fetch and JSON.

import { createHash, randomBytes } from "node:crypto";

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
  const status = () =>
    client.get("/v1/me").then(
      () => 200,
      (response) => response.status,
    );
  // A token for a bot: it opens calls on its own until it is removed.
  const name = { tokenName: `bot ${randomBytes(4).toString("hex")}` };
  const made = await client.post("/v1/users.generatePersonalAccessToken", name);
  client.setCredentials({ "X-User-Id": userId, "X-Auth-Token": made.token });
  const bot = await client.get("/v1/me");
  const { tokens } = await client.get("/v1/users.getPersonalAccessTokens");
  client.setCredentials({ "X-User-Id": userId, "X-Auth-Token": authToken });
  const removed = await client.post("/v1/users.removePersonalAccessToken", name);
  client.setCredentials({ "X-User-Id": userId, "X-Auth-Token": made.token });
  const personal = {
    success: made.success,
    token: shape(made.token),
    me: bot.username,
    listed: tokens
      .filter((each) => each.name === name.tokenName)
      .map(({ lastTokenPart, bypassTwoFactor, createdAt }) => ({
        matches: made.token.endsWith(lastTokenPart),
        bypassTwoFactor,
        createdAt,
      })),
    removed,
    after: await status(),
  };
  client.setCredentials({ "X-User-Id": userId, "X-Auth-Token": authToken });
  const goodbye = await client.post("/v1/logout", {});
  const after = await status();
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
    personal,
    asks,
    logout: goodbye,
    after_logout: after,
  };
});
