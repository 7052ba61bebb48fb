// The AWS SDK for JavaScript, third generation, against the Cognito operations.

import { hold, load, Refused, shapes } from "./conversation.mjs";

await hold("@aws-sdk/client-cognito-identity-provider", async (asked) => {
  const sdk = load("@aws-sdk/client-cognito-identity-provider");
  const cognito = new sdk.CognitoIdentityProviderClient({
    endpoint: asked.base_url,
    region: asked.pool_id.split("_")[0],
    maxAttempts: 1,
  });
  const ClientId = asked.client_id;
  let answer;
  try {
    answer = await cognito.send(
      new sdk.InitiateAuthCommand({
        AuthFlow: "USER_PASSWORD_AUTH",
        ClientId,
        AuthParameters: { USERNAME: asked.login, PASSWORD: asked.password },
      }),
    );
  } catch (error) {
    if (!(error instanceof sdk.NotAuthorizedException)) throw error;
    const status = error.$metadata.httpStatusCode;
    throw new Refused(error.name, { status, message: error.message });
  }
  const challenge = answer.ChallengeName ?? null;
  if (challenge) {
    answer = await cognito.send(
      new sdk.RespondToAuthChallengeCommand({
        ClientId,
        ChallengeName: challenge,
        Session: answer.Session,
        ChallengeResponses: {
          USERNAME: answer.ChallengeParameters.USER_ID_FOR_SRP,
          SOFTWARE_TOKEN_MFA_CODE: asked.code,
        },
      }),
    );
  }
  const tokens = answer.AuthenticationResult;
  const { $metadata, ...user } = await cognito.send(
    new sdk.GetUserCommand({ AccessToken: tokens.AccessToken }),
  );
  const renewed = await cognito.send(
    new sdk.InitiateAuthCommand({
      AuthFlow: "REFRESH_TOKEN_AUTH",
      ClientId,
      AuthParameters: { REFRESH_TOKEN: tokens.RefreshToken },
    }),
  );
  await cognito.send(new sdk.RevokeTokenCommand({ ClientId, Token: tokens.RefreshToken }));
  const after = await cognito
    .send(new sdk.GetUserCommand({ AccessToken: tokens.AccessToken }))
    .then(
      () => "still in",
      (error) => error.name,
    );
  return {
    challenge,
    login: shapes(tokens),
    request_id: typeof $metadata.requestId,
    whoami: user,
    refresh: shapes(renewed.AuthenticationResult),
    after_logout: after,
  };
});
