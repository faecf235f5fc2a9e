import { createHash } from "node:crypto";
import { SetupError } from "../config.ts";
import { Problem } from "../http/problem.ts";
import type { Secret } from "../secrets/store.ts";

/** Tells from an `Authorization` header for which tenant a request is; throws a 401 problem. */
export type Authenticate = (authorization: string | undefined) => Promise<string>;

/** The answer to a request without valid credentials. */
export function unauthenticated(challenge = 'Bearer error="invalid_token"'): Problem {
  return new Problem(401, "unauthenticated", { headers: { "www-authenticate": challenge } });
}

/** The credentials of a `Bearer` authorization. */
export function bearer(authorization: string | undefined): string {
  const credentials = /^bearer +([\x21-\x7e]+)$/i.exec(authorization ?? "")?.[1];
  if (credentials === undefined) {
    throw unauthenticated("Bearer");
  }
  return credentials;
}

/** Lets everyone in, as one tenant; for development only. */
export const authenticateNobody: Authenticate = () => Promise.resolve("development");

/** Reads lines of `tenant:sha256hex` into a map from digest to tenant. */
export function parseApiKeys(text: string): ReadonlyMap<string, string> {
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
export function authenticateApiKey(keys: Secret<ReadonlyMap<string, string>>): Authenticate {
  return async (authorization) => {
    const digest = createHash("sha256").update(bearer(authorization), "utf8").digest("hex");
    const tenant = keys().get(digest);
    if (tenant === undefined) {
      throw unauthenticated();
    }
    return tenant;
  };
}
