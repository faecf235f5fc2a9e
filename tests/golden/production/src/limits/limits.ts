import type { Kit } from "../kit.ts";

/** Says whether a tenant may begin one more request now. */
export interface RateLimiter {
  /** Takes one request; the time to wait in milliseconds if there is none left, else 0. */
  take(tenant: string): Promise<number>;
}

// Whoever was not served for longest is forgotten first, and by then mostly has its whole allowance again.
const TENANTS_MAX = 10_000;
// Sums of shares that are no whole number come out a little off.
const ROUNDING_MS = 0.001;

/**
 * Allows every tenant so many requests a minute, in this process: all at once or spread out, and each comes back
 * after its share of the minute. The rule is GCRA (ITU-T I.371): kept is the moment at which all will have come back.
 */
export function createMemoryRateLimiter(options: Pick<Kit, "clock"> & { perMinute: number }): RateLimiter {
  const { perMinute, clock } = options;
  const share = 60_000 / perMinute;
  const full = new Map<string, number>();
  return {
    async take(tenant) {
      const now = clock.monotonic();
      const next = Math.max(full.get(tenant) ?? now, now) + share;
      const wait = next - perMinute * share - now;
      if (wait > ROUNDING_MS) {
        return Math.ceil(wait);
      }
      full.delete(tenant);
      full.set(tenant, next);
      if (full.size > TENANTS_MAX) {
        full.delete(full.keys().next().value ?? tenant);
      }
      return 0;
    },
  };
}

/** How many requests of a tenant this process works on at once. */
export type Concurrency = ReturnType<typeof createConcurrency>;

/** Allows every tenant at most `max` requests at once. */
export function createConcurrency(max: number) {
  const inFlight = new Map<string, number>();
  return {
    /** Takes a place until the returned function is called; undefined if all are taken. */
    enter(tenant: string): (() => void) | undefined {
      const count = inFlight.get(tenant) ?? 0;
      if (count >= max) {
        return undefined;
      }
      inFlight.set(tenant, count + 1);
      let left = false;
      return () => {
        if (left) {
          return;
        }
        left = true;
        const rest = (inFlight.get(tenant) ?? 0) - 1;
        if (rest > 0) {
          inFlight.set(tenant, rest);
        } else {
          inFlight.delete(tenant);
        }
      };
    },
  };
}
