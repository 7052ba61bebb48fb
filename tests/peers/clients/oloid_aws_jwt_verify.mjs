// Oloid's `/Login`, its tokens checked by AWS's verifier as a relying party would do it.

import { hold, load, Refused } from "./conversation.mjs";

await hold("aws-jwt-verify", async (asked) => {
  const { JwtRsaVerifier } = load("aws-jwt-verify");
  const reply = await fetch(`${asked.base_url}/login`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      UserName: asked.login,
      TenantName: asked.tenant,
      Password: asked.password,
    }),
  });
  const answer = await reply.json();
  if (!reply.ok) {
    throw new Refused("Response", { status: reply.status, message: JSON.stringify(answer) });
  }
  const { AuthenticationResult: tokens } = answer.cognitoToken;
  const issuer = `${asked.base_url}/${asked.pool_id}`;
  const jwks = await (await fetch(`${issuer}/.well-known/jwks.json`)).json();
  const verifier = (audience) => {
    const made = JwtRsaVerifier.create({ issuer, audience, jwksUri: `${issuer}/keys` });
    // It fetches over TLS only; its offline way takes the keys from the caller.
    made.cacheJwks(jwks);
    return made;
  };
  const id = await verifier(asked.client_id).verify(tokens.IdToken);
  // Access tokens have no audience; the client id is checked by hand, as for Cognito.
  const access = await verifier(null).verify(tokens.AccessToken);
  const foreign = await verifier("another-client")
    .verify(tokens.IdToken)
    .then(
      () => "accepted",
      (error) => error.constructor.name,
    );
  return {
    keys: jwks.keys.map(({ kid, n, ...rest }) => ({
      ...rest,
      kid: Buffer.from(kid, "base64").length,
      bits: Buffer.from(n, "base64url").length * 8,
    })),
    id,
    access,
    foreign,
  };
});
