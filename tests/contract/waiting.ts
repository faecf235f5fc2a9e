import { setTimeout as sleep } from "node:timers/promises";

export { sleep };

/** Polls until something holds and returns it; fails, saying what it waited for, when the time is over. */
export async function until<T>(
  what: string,
  holds: () => T | false | undefined | Promise<T | false | undefined>,
  withinMs = 10_000,
): Promise<T> {
  const start = performance.now();
  for (;;) {
    const value = await holds();
    if (value !== undefined && value !== false) {
      return value;
    }
    if (performance.now() - start > withinMs) {
      throw new Error(`not within ${withinMs} ms: ${what}`);
    }
    await sleep(20);
  }
}

/** Fails if a promise does not settle in time. */
export async function within<T>(what: string, ms: number, promise: Promise<T>): Promise<T> {
  const late = new AbortController();
  const timeout = sleep(ms, undefined, { signal: late.signal }).then(() => {
    throw new Error(`not within ${ms} ms: ${what}`);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    late.abort();
    timeout.catch(() => undefined);
  }
}

/** How long something took, in milliseconds, and what it gave. */
export async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; value: T }> {
  const start = performance.now();
  const value = await work();
  return { ms: performance.now() - start, value };
}
