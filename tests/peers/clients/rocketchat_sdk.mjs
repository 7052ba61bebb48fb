// The second generation of Rocket.Chat's JavaScript SDK, which the mobile and embedded apps use:
// its REST half. It reads `data.data.me.username` of the login and judges by the HTTP status.

import { randomBytes } from "node:crypto";

import { hold, load, Refused, shape } from "./conversation.mjs";

await hold("@rocket.chat/sdk", async (asked) => {
  const { default: Api } = load("@rocket.chat/sdk/lib/api/RocketChat.js");
  const quiet = { debug() {}, info() {}, warn() {}, warning() {}, error() {} };
  const api = new Api({ host: asked.base_url, logger: quiet });
  let login;
  let challenge = null;
  const credentials = { user: asked.login, password: asked.password };
  try {
    login = await api.login(credentials);
  } catch (answer) {
    if (answer.data?.error !== "totp-required") {
      if (answer.status !== 401) throw answer;
      throw new Refused("rejected", { status: answer.status, message: answer.data.message });
    }
    challenge = { status: answer.status, ...answer.data };
    login = await api.login({ ...credentials, code: asked.code ?? asked.recovery_code });
  }
  const me = await api.get("me", {}, true);
  const status = () =>
    api.get("me", {}).then(
      () => 200,
      (answer) => answer.status,
    );
  // A token for a bot: it opens calls on its own until it is removed.
  const name = { tokenName: `bot ${randomBytes(4).toString("hex")}` };
  const own = api.client.headers;
  const { token } = await api.post("users.generatePersonalAccessToken", name, true);
  api.client.headers = { "X-Auth-Token": token, "X-User-Id": login.userId };
  const bot = await api.get("me", {}, true);
  const removed = await api.post("users.removePersonalAccessToken", name, true, null, {
    customHeaders: own,
  });
  const personal = { token: shape(token), me: bot.username, removed, after: await status() };
  api.client.headers = own;
  const goodbye = await api.logout();
  const after = await status();
  return {
    challenge,
    login: {
      userId: shape(login.userId),
      authToken: shape(login.authToken),
      me: login.me.username,
    },
    whoami: { username: me.username, success: me.success },
    personal,
    logout: goodbye,
    after_logout: after,
  };
});
