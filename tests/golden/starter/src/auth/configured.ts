import type { Config } from "../config.ts";
import type { Clock } from "../runtime.ts";
import type { SecretStore } from "../secrets/store.ts";
import { type Authenticate, authenticateApiKey, authenticateNobody, parseApiKeys } from "./authenticate.ts";
import { authenticateJwt, parseJwks, remoteJwks } from "./jwt.ts";

/** The authentication that the settings name; throws `SetupError`. */
export function createAuthentication(options: { config: Config; secrets: SecretStore; clock: Clock }): Authenticate {
  const { config, secrets, clock } = options;
  const { AUTH_MODE, AUTH_ISSUER: issuer = "", AUTH_AUDIENCE: audience = "", AUTH_JWKS_URL } = config;
  if (AUTH_MODE === "none") {
    return authenticateNobody;
  }
  if (AUTH_MODE === "api-key") {
    return authenticateApiKey(secrets.open("api_keys", parseApiKeys));
  }
  const remote = AUTH_JWKS_URL === undefined ? undefined : remoteJwks(AUTH_JWKS_URL);
  const keys = remote === undefined ? secrets.open("jwks.json", parseJwks) : () => remote;
  return authenticateJwt({ issuer, audience, keys, clock });
}
