// aws-amplify, the library web applications use today, with its password flow.

import { hold, load, Refused, shape } from "./conversation.mjs";

await hold("aws-amplify", async (asked) => {
  const { Amplify } = load("aws-amplify");
  const auth = load("aws-amplify/auth");
  Amplify.configure({
    Auth: {
      Cognito: {
        userPoolId: asked.pool_id,
        userPoolClientId: asked.client_id,
        userPoolEndpoint: asked.base_url,
      },
    },
  });
  const { cognitoUserPoolsTokenProvider } = load("aws-amplify/auth/cognito");
  // No browser here: keep the tokens in memory.
  const memory = new Map();
  cognitoUserPoolsTokenProvider.setKeyValueStorage({
    getItem: async (key) => memory.get(key) ?? null,
    setItem: async (key, value) => void memory.set(key, value),
    removeItem: async (key) => void memory.delete(key),
    clear: async () => memory.clear(),
  });
  let step;
  try {
    step = await auth.signIn({
      username: asked.login,
      password: asked.password,
      options: { authFlowType: "USER_PASSWORD_AUTH" },
    });
  } catch (error) {
    if (error.name !== "NotAuthorizedException") throw error;
    throw new Refused(error.name, { message: error.message });
  }
  const first = step.nextStep.signInStep;
  if (first === "CONFIRM_SIGN_IN_WITH_TOTP_CODE") {
    step = await auth.confirmSignIn({ challengeResponse: asked.code });
  }
  const user = await auth.getCurrentUser();
  const attributes = await auth.fetchUserAttributes();
  const { tokens } = await auth.fetchAuthSession();
  const { tokens: renewed } = await auth.fetchAuthSession({ forceRefresh: true });
  await auth.signOut({ global: true });
  const after = await auth.getCurrentUser().then(
    () => "still in",
    (error) => error.name,
  );
  return {
    steps: [first, step.nextStep.signInStep],
    login: { access: shape(tokens.accessToken.toString()), id: shape(tokens.idToken.toString()) },
    whoami: { username: user.username, userId: user.userId, attributes },
    refresh: { changed: renewed.accessToken.toString() !== tokens.accessToken.toString() },
    after_logout: after,
  };
});
