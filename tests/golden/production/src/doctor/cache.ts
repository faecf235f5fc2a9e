import { sleep } from "../runtime.ts";
import { openRedis } from "../state/configured.ts";
import { RedisError } from "../state/redis.ts";
import type { Check } from "./check.ts";

const ATTEMPTS = 20;
const PAUSE_MS = 100;

/** The cache: reachable, and keeps what it is given. */
export const cache: Check = {
  about: "cache",
  uses: ["REDIS_URL", "SECRETS_DIR", "ENVIRONMENT"],
  async run(kit) {
    const { config, clock, random } = kit;
    const redis = openRedis(kit);
    if (redis === undefined) {
      return [{ level: "ok", about: "cache", text: "none: each replica caches and limits by itself" }];
    }
    const key = `doctor:${random.hex(8)}`;
    let failure = "";
    try {
      for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
        try {
          const asked = clock.monotonic();
          await redis.set(key, "here", 10_000);
          const kept = (await redis.get(key))?.value === "here";
          const text = `${new URL(config.REDIS_URL ?? "").host} keeps a value, ${Math.ceil(clock.monotonic() - asked)} ms`;
          return [
            kept ? { level: "ok", about: "cache", text } : { level: "fail", about: "cache", text: "lost a value" },
          ];
        } catch (error) {
          if (!(error instanceof RedisError)) {
            throw error;
          }
          failure = error.message;
          await sleep(clock, PAUSE_MS);
        }
      }
    } finally {
      redis.close();
    }
    const next =
      "look at REDIS_URL, the secrets redis_password and redis_ca.pem, and at what lets this machine reach it";
    return [{ level: "fail", about: "cache", text: `${failure}, expected an answer: ${next}` }];
  },
};
