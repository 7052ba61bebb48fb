// One conversation of a published client with the server: JSON in, one line of JSON out.
// Exit status 0: the client got what it wanted. 3: the server refused and the client said so in
// its own way. Anything else is a breakdown, with its stack on stderr.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const REFUSED = 3;

const installed =
  process.env.DRAGOMAN_PEERS ?? fileURLToPath(new URL("../../../var/peers", import.meta.url));

// The clients live outside the source tree, where `import` would not look.
export const load = createRequire(join(installed, "node", "package.json"));

export class Refused extends Error {
  constructor(error, { status = null, message }) {
    super(message);
    this.told = { error, status, message };
  }
}

// What a token looks like. The token itself stays out of reports and CI logs.
export function shape(token) {
  const parts = token.split(".");
  if (parts.length === 3) {
    try {
      const [header, claims] = parts
        .slice(0, 2)
        .map((part) => JSON.parse(Buffer.from(part, "base64url").toString("utf8")));
      return { header, claims };
    } catch {
      // Three parts, but no JWT.
    }
  }
  return { opaque: token.length };
}

export function shapes(tokens) {
  return Object.fromEntries(
    Object.entries(tokens).map(([name, value]) => [
      name,
      name.endsWith("Token") ? shape(value) : value,
    ]),
  );
}

function version(directory) {
  // Read, not required: not every package exports its package.json.
  const path = join(installed, "node", "node_modules", directory, "package.json");
  return JSON.parse(readFileSync(path, "utf8")).version;
}

export async function hold(client, talk, { directory = client } = {}) {
  // Some clients print; standard output belongs to the one line of JSON.
  for (const level of ["log", "info", "debug"]) {
    console[level] = () => {};
  }
  const asked = JSON.parse(readFileSync(0, "utf8"));
  const told = { client, version: version(directory) };
  let status = 0;
  try {
    Object.assign(told, await talk(asked));
  } catch (error) {
    if (!(error instanceof Refused)) {
      console.error(error);
      process.exit(1);
    }
    told.refused = error.told;
    status = REFUSED;
  }
  const line = JSON.stringify(told);
  if (line.includes(asked.password)) {
    console.error("the report would show the password");
    process.exit(1);
  }
  // Some clients leave timers or sockets behind; the answer is complete once it is written.
  process.stdout.write(`${line}\n`, () => process.exit(status));
}
