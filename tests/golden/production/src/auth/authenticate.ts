import { createHash } from "node:crypto";
import { createLocalJWKSet, createRemoteJWKSet, errors, jwtVerify, type JWTVerifyGetKey } from "jose";
import { z } from "zod";
import { SetupError } from "../config.ts";
import { Problem } from "../http/problem.ts";
import type { Kit } from "../kit.ts";
import type { Secret } from "../secrets/store.ts";

/** Tells from an `Authorization` header for which tenant a request is; throws a 401 problem. */
export type Authenticate = (authorization: string | undefined) => Promise<string>;

/** The answer to a request without valid credentials. */
function unauthenticated(challenge = 'Bearer error="invalid_token"'): Problem {
  return new Problem(401, "unauthenticated", { headers: { "www-authenticate": challenge } });
}

/** The credentials of a `Bearer` authorization. */
function bearer(authorization: string | undefined): string {
  const credentials = /^bearer +([\x21-\x7e]+)$/i.exec(authorization ?? "")?.[1];
  if (credentials === undefined) {
    throw unauthenticated("Bearer");
  }
  return credentials;
}

/** Lets everyone in, as one tenant; for development only. */
const authenticateNobody: Authenticate = () => Promise.resolve("development");

/** Reads lines of `tenant:sha256hex` into a map from digest to tenant. */
function parseApiKeys(text: string): ReadonlyMap<string, string> {
  const tenants = new Map<string, string>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "") {
      continue;
    }
    const [, tenant, digest] = /^([\w.-]{1,128}):([\da-f]{64})$/i.exec(line.trim()) ?? [];
    if (tenant === undefined || digest === undefined) {
      throw new SetupError(`TENANT:SHA256_IN_HEX on line ${index + 1}`);
    }
    if (tenants.has(digest.toLowerCase())) {
      throw new SetupError(`another key on line ${index + 1} than on the lines above`);
    }
    tenants.set(digest.toLowerCase(), tenant);
  }
  return tenants;
}

/** Accepts the keys whose digests are on file. The look-up is by digest, so its timing tells nothing about a key. */
function authenticateApiKey(keys: Secret<ReadonlyMap<string, string>>): Authenticate {
  return async (authorization) => {
    const digest = createHash("sha256").update(bearer(authorization), "utf8").digest("hex");
    const tenant = keys().get(digest);
    if (tenant === undefined) {
      throw unauthenticated();
    }
    return tenant;
  };
}

const jwks = z.looseObject({ keys: z.array(z.looseObject({ kty: z.string() })).min(1) });
// Errors of a key set that are the token's fault; any other means that the set cannot be had.
const TOKEN_ERRORS = [errors.JWKSNoMatchingKey, errors.JWKSMultipleMatchingKeys, errors.JOSENotSupported];
const tenantClaim = z.string().regex(/^[\w.-]{1,128}$/);

/** Reads a JSON Web Key Set. */
function parseJwks(text: string): JWTVerifyGetKey {
  return createLocalJWKSet(jwks.parse(JSON.parse(text)));
}

/** Fetches a JSON Web Key Set when a token needs it, and again when a token names a new key. */
function remoteJwks(url: string): JWTVerifyGetKey {
  const keys = createRemoteJWKSet(new URL(url), { timeoutDuration: 5_000 });
  return async (header, token) => {
    try {
      return await keys(header, token);
    } catch (error) {
      if (TOKEN_ERRORS.some((type) => error instanceof type)) {
        throw error;
      }
      throw new Problem(503, "keys_unavailable", { headers: { "retry-after": "5" }, cause: error });
    }
  };
}

/** Accepts signed tokens of one issuer; the tenant is in the claim `tenant`. */
function authenticateJwt(
  options: Pick<Kit, "clock" | "log"> & {
    issuer: string;
    audience: string;
    keys: Secret<JWTVerifyGetKey>;
  },
): Authenticate {
  return async (authorization) => {
    const token = bearer(authorization);
    try {
      const { payload } = await jwtVerify(token, options.keys(), {
        issuer: options.issuer,
        audience: options.audience,
        algorithms: ["RS256", "ES256", "EdDSA"],
        requiredClaims: ["exp"],
        currentDate: options.clock.date(),
      });
      return tenantClaim.parse(payload["tenant"]);
    } catch (error) {
      if (error instanceof Problem) {
        throw error;
      }
      // For whoever set this up; the client learns nothing. The codes quote nothing of the token.
      const claim = error instanceof errors.JWTClaimValidationFailed ? error.claim : "tenant";
      options.log.info("token refused", error instanceof errors.JOSEError ? { reason: error.code, claim } : { claim });
      throw unauthenticated();
    }
  };
}

/** The authentication that the settings name; throws `SetupError`. */
export function createAuthentication(options: Pick<Kit, "config" | "secrets" | "clock" | "log">): Authenticate {
  const { config, secrets, clock, log } = options;
  const { AUTH_MODE, AUTH_ISSUER: issuer = "", AUTH_AUDIENCE: audience = "", AUTH_JWKS_URL } = config;
  if (AUTH_MODE === "none") {
    return authenticateNobody;
  }
  if (AUTH_MODE === "api-key") {
    return authenticateApiKey(secrets.open("api_keys", parseApiKeys));
  }
  const remote = AUTH_JWKS_URL === undefined ? undefined : remoteJwks(AUTH_JWKS_URL);
  const keys = remote === undefined ? secrets.open("jwks.json", parseJwks) : () => remote;
  return authenticateJwt({ issuer, audience, keys, clock, log });
}
