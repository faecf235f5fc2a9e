import { createHash } from "node:crypto";

/**
 * The key of what a session may reuse: made for this tenant and session, by these versions of everything that shapes
 * it, from these arguments, which are hashed as they are content. A JSON array, so that no two keys are alike.
 */
export function cacheKey(tenant: string, sessionId: string, versions: readonly string[], args: unknown): string {
  const hash = createHash("sha256")
    .update(JSON.stringify(args) ?? "")
    .digest("base64url");
  return JSON.stringify([tenant, sessionId, ...versions, hash]);
}

/** How all keys of a session begin, and no others. */
export function sessionPrefix(tenant: string, sessionId: string): string {
  return `${JSON.stringify([tenant, sessionId]).slice(0, -1)},`;
}
