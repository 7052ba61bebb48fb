// The first generation of Rocket.Chat's JavaScript SDK, the one bots are built on: its REST half.
// GET for the log-out, and a JSON content type even on GET.

import { randomBytes } from "node:crypto";

import { hold, load, Refused, shape } from "./conversation.mjs";

await hold(
  "@rocket.chat/sdk 0.x",
  async (asked) => {
    // The address is read from the environment when the module is loaded.
    process.env.ROCKETCHAT_URL = asked.base_url;
    load("rocketchat-sdk-first/dist/lib/log.js").silence();
    const api = load("rocketchat-sdk-first/dist/lib/api.js");
    // It prints the answer to a refused login and throws an error without it.
    let printed = {};
    console.error = (answer) => {
      printed = answer;
    };
    let login;
    try {
      login = await api.login({ username: asked.login, password: asked.password });
    } catch (error) {
      if (!/^\[API\] Login failed/.test(error.message)) throw error;
      throw new Refused(error.name, { message: `${error.message}: ${printed.message}` });
    }
    const me = await api.get("me");
    const record = await api.get("users.info", { userId: login.data.userId });
    // A token for a bot: it opens calls on its own until it is removed.
    const name = { tokenName: `bot ${randomBytes(4).toString("hex")}` };
    const { token } = await api.post("users.generatePersonalAccessToken", name);
    api.setAuth({ authToken: token, userId: login.data.userId });
    const bot = await api.get("me");
    api.setAuth(login.data);
    const removed = await api.post("users.removePersonalAccessToken", name);
    const personal = { token: shape(token), me: bot.username, removed };
    await api.logout();
    return {
      login: {
        status: login.status,
        userId: shape(login.data.userId),
        authToken: shape(login.data.authToken),
        me: login.data.me.username,
      },
      whoami: { username: me.username, success: me.success },
      record: { username: record.user.username, success: record.success },
      personal,
      logout: api.loggedIn(),
    };
  },
  { directory: "rocketchat-sdk-first" },
);
