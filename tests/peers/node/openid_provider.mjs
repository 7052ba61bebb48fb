// A certified OpenID provider for tests: anybody logs in with any password, and what the provider
// says of him follows from his name. Clients register themselves. Tells its address, ends with stdin.

import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const installed = join(import.meta.dirname, "../../../var/peers/node/");
const require = createRequire(installed);
const main = pathToFileURL(require.resolve("oidc-provider"));
const { Provider } = await import(main.href);

const verified = { unverified: false, texted: "false", silent: undefined };

function claims(login) {
  const [kind] = login.split("-");
  return {
    sub: login,
    name: login.toUpperCase(),
    preferred_username: login,
    email: `${login}@corp.example`,
    email_verified: kind in verified ? verified[kind] : true,
    groups: ["staff"],
  };
}

const server = createServer();
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;
console.error = console.warn = console.info = () => {};
const provider = new Provider(issuer, {
  claims: {
    openid: ["sub"],
    profile: ["name", "preferred_username", "groups"],
    email: ["email", "email_verified"],
  },
  conformIdTokenClaims: false,
  cookies: { keys: ["of tests alone"] },
  features: { registration: { enabled: true } },
  findAccount: (_context, id) => ({ accountId: id, claims: () => claims(id) }),
  // Programs that post a code themselves keep no verifier.
  pkce: { required: () => false },
  ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
});
server.on("request", provider.callback());
process.stdout.write(`${JSON.stringify({ issuer })}\n`);
process.stdin.on("end", () => process.exit(0)).resume();
