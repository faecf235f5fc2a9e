import { sleep } from "../src/runtime.ts";
import { openRedis } from "../src/state/configured.ts";
import { RedisError } from "../src/state/redis.ts";
import type { Check } from "./checks.ts";

const ATTEMPTS = 20;
const PAUSE_MS = 100;

/** The cache: reachable, and keeps what it is given. */
export const cache: Check = {
  about: "cache",
  uses: ["REDIS_URL", "SECRETS_DIR", "ENVIRONMENT"],
  async run(kit) {
    const { config, clock, random } = kit;
    let reason = "";
    // What the connection itself tells says more than a command that could not be sent.
    const warn: typeof kit.log.warn = (_, { error } = {}) => {
      reason = error instanceof Error ? ` (${error.message})` : "";
    };
    const redis = openRedis({ ...kit, log: { ...kit.log, warn } });
    if (redis === undefined) {
      return "none: each replica caches and limits by itself";
    }
    const key = `doctor:${random.hex(8)}`;
    let failure = "";
    try {
      for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
        try {
          const asked = clock.monotonic();
          await redis.set(key, "here", 10_000);
          if ((await redis.get(key))?.value !== "here") {
            throw new Error("lost a value");
          }
          return `${new URL(config.REDIS_URL ?? "").host} keeps a value, ${Math.ceil(clock.monotonic() - asked)} ms`;
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
    throw new Error(`${failure}${reason}, expected an answer: ${next}`);
  },
};
