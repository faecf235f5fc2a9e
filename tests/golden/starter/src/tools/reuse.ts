import type { Cache } from "../cache/cache.ts";
import { cacheKey } from "../cache/key.ts";
import type { Reuse } from "./toolbox.ts";

/** Hands a tool's result out again to the session that it was made for; `versions` are those of model and prompt. */
export function reuseFrom(cache: Cache<string>, versions: readonly string[]): Reuse {
  return async (tool, args, { tenant, sessionId, signal }, load) => {
    const key = cacheKey(tenant, sessionId, [...versions, tool.description.name, tool.version], args);
    return (await cache.get(key, { ttlMs: tool.cacheMs ?? 0, signal, load })) ?? load(signal);
  };
}
