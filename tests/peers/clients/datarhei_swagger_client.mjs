// datarhei Core through Swagger's own client, driven by a Swagger description: no client of
// datarhei's own is in the registry.

import { readFileSync } from "node:fs";

import { hold, load, Refused, shape } from "./conversation.mjs";

const description = new URL("../descriptions/datarhei.swagger.json", import.meta.url);

await hold("swagger-client", async (asked) => {
  const Swagger = load("swagger-client");
  const spec = JSON.parse(readFileSync(description, "utf8"));
  // Core answers on /api, not on /api/.
  const { "/": about, ...named } = spec.paths;
  spec.paths = { "/api": about };
  for (const [path, operations] of Object.entries(named)) spec.paths[`/api${path}`] = operations;
  const { protocol, host, pathname } = new URL(asked.base_url);
  Object.assign(spec, { schemes: [protocol.slice(0, -1)], host, basePath: pathname });
  const client = await new Swagger({ spec });
  const call = async (operationId, { token, ...parameters } = {}) => {
    const reply = await client.execute({
      operationId,
      parameters,
      requestInterceptor: (request) => {
        if (token) request.headers.Authorization = `Bearer ${token}`;
        return request;
      },
    });
    return reply.body;
  };
  const refusal = (promise) =>
    promise.then(
      () => ({ code: 200 }),
      (error) => error.response.body,
    );

  const before = await call("about");
  let tokens;
  try {
    const credentials = { username: asked.username, password: asked.password };
    tokens = await call("login", { credentials });
  } catch (error) {
    if (error.status !== 401) throw error;
    throw new Refused(error.name, {
      status: error.status,
      message: JSON.stringify(error.response.body),
    });
  }
  const after = await call("about", { token: tokens.access_token });
  const { access_token: renewed, ...more } = await call("refresh", {
    token: tokens.refresh_token,
  });
  return {
    before,
    login: Object.fromEntries(Object.entries(tokens).map(([k, v]) => [k, shape(v)])),
    whoami: after,
    refresh: { access_token: shape(renewed), ...more },
    refreshed_works: await refusal(call("processes", { token: renewed })),
    without_token: await refusal(call("processes")),
  };
});
