// amazon-cognito-identity-js: the older browser library, with its password flow.

import { hold, load, Refused, shape } from "./conversation.mjs";

await hold("amazon-cognito-identity-js", async (asked) => {
  const lib = load("amazon-cognito-identity-js");
  // As in a browser, where what was never stored is null: it is sent on as null.
  const memory = new Map();
  const Storage = {
    getItem: (key) => memory.get(key) ?? null,
    setItem: (key, value) => void memory.set(key, String(value)),
    removeItem: (key) => void memory.delete(key),
    clear: () => memory.clear(),
  };
  const pool = new lib.CognitoUserPool({
    UserPoolId: asked.pool_id,
    ClientId: asked.client_id,
    endpoint: asked.base_url,
    Storage,
  });
  const user = new lib.CognitoUser({ Username: asked.login, Pool: pool, Storage });
  user.setAuthenticationFlowType("USER_PASSWORD_AUTH");
  const details = new lib.AuthenticationDetails({
    Username: asked.login,
    Password: asked.password,
  });
  let challenge = null;
  let session;
  try {
    session = await new Promise((onSuccess, onFailure) => {
      const callbacks = {
        onSuccess,
        onFailure,
        totpRequired: (name) => {
          challenge = name;
          user.sendMFACode(asked.code, callbacks, name);
        },
      };
      user.authenticateUser(details, callbacks);
    });
  } catch (error) {
    if (error.name !== "NotAuthorizedException") throw error;
    throw new Refused(error.name, { message: error.message });
  }
  const ask = (method, ...first) =>
    new Promise((resolve, reject) => {
      user[method](...first, (error, value) => (error ? reject(error) : resolve(value)));
    });
  const attributes = await ask("getUserAttributes");
  const before = session.getAccessToken().getJwtToken();
  const refreshToken = session.getRefreshToken();
  const renewed = await ask("refreshSession", refreshToken);
  await new Promise((onSuccess, onFailure) => {
    user.globalSignOut({ onSuccess, onFailure });
  });
  return {
    challenge,
    login: {
      access: shape(before),
      id: shape(session.getIdToken().getJwtToken()),
      refresh: shape(refreshToken.getToken()),
      valid: session.isValid(),
    },
    whoami: Object.fromEntries(attributes.map((pair) => [pair.getName(), pair.getValue()])),
    refresh: {
      changed: renewed.getAccessToken().getJwtToken() !== before,
      refresh_token_kept: renewed.getRefreshToken().getToken() === refreshToken.getToken(),
    },
    logout: pool.getCurrentUser() === null,
  };
});
