import type { Kit } from "../kit.ts";
import { type Redis, RedisError } from "../state/redis.ts";
import type { RateLimiter } from "./limits.ts";

// GCRA as in limits.ts, in microseconds and on Redis' own clock, as those of the replicas differ.
const SCRIPT = `
local time = redis.call("TIME")
local now = time[1] * 1000000 + time[2]
local share = 60000000 / ARGV[1]
local next = math.max(tonumber(redis.call("GET", KEYS[1]) or now), now) + share
local wait = next - 60000000 - now
if wait > 0.5 then
  return math.ceil(wait / 1000)
end
redis.call("SET", KEYS[1], string.format("%.0f", next), "PX", math.ceil((next - now) / 1000))
return 0`;

// How often to tell that Redis is down: in a cluster, some tenants' keys may be there and others' not.
const QUIET_MS = 60_000;

/** Allows every tenant so many requests a minute over all replicas; in this process alone while Redis is down. */
export function createRedisRateLimiter(
  options: Pick<Kit, "clock" | "log"> & {
    perMinute: number;
    redis: Pick<Redis, "evaluate">;
    fallback: RateLimiter;
  },
): RateLimiter {
  const { perMinute, redis, fallback, clock, log } = options;
  let quietUntil = 0;
  return {
    async take(tenant) {
      try {
        return Number(await redis.evaluate(SCRIPT, `rate:${tenant}`, [String(perMinute)]));
      } catch (error) {
        if (!(error instanceof RedisError)) {
          throw error;
        }
        const now = clock.monotonic();
        if (now >= quietUntil) {
          quietUntil = now + QUIET_MS;
          log.warn("rate limits are this process's own while redis is down", { error });
        }
        return fallback.take(tenant);
      }
    },
  };
}
