import { createLocalJWKSet, createRemoteJWKSet, errors, type JWTVerifyGetKey, jwtVerify } from "jose";
import { z } from "zod";
import { Problem } from "../http/problem.ts";
import type { Clock } from "../runtime.ts";
import type { Secret } from "../secrets/store.ts";
import { type Authenticate, bearer, unauthenticated } from "./authenticate.ts";

const jwks = z.looseObject({ keys: z.array(z.looseObject({ kty: z.string() })).min(1) });
// Errors of a key set that are the token's fault; any other means that the set cannot be had.
const TOKEN_ERRORS = [errors.JWKSNoMatchingKey, errors.JWKSMultipleMatchingKeys, errors.JOSENotSupported];
const tenantClaim = z.string().regex(/^[\w.-]{1,128}$/);

/** Reads a JSON Web Key Set. */
export function parseJwks(text: string): JWTVerifyGetKey {
  return createLocalJWKSet(jwks.parse(JSON.parse(text)));
}

/** Fetches a JSON Web Key Set when a token needs it, and again when a token names a new key. */
export function remoteJwks(url: string): JWTVerifyGetKey {
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
export function authenticateJwt(options: {
  issuer: string;
  audience: string;
  keys: Secret<JWTVerifyGetKey>;
  clock: Clock;
}): Authenticate {
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
      throw error instanceof Problem ? error : unauthenticated();
    }
  };
}
