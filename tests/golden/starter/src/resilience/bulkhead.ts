import type { Config } from "../config.ts";
import type { Kit } from "../kit.ts";
import { UpstreamError } from "./failure.ts";

/** How many calls go on, and how many more wait, in order. */
export type BulkheadConfig = Pick<Config, "BULKHEAD_MAX" | "BULKHEAD_QUEUE">;

/** Bounds how many calls of an upstream go on at once; no place is taken at first. */
export function createBulkhead(options: Pick<Kit, "metrics"> & { name: string; config: BulkheadConfig }) {
  const { config, metrics } = options;
  const { BULKHEAD_MAX: max, BULKHEAD_QUEUE: queue } = config;
  const inFlight = metrics.bulkheadInFlight.labels({ upstream: options.name });
  const queued = metrics.bulkheadQueued.labels({ upstream: options.name });
  const rejected = metrics.bulkheadRejected.labels({ upstream: options.name });
  inFlight.set(0);
  queued.set(0);
  rejected.inc(0);
  const waiting = new Set<() => void>();
  let running = 0;

  /** Resolves with a place that another call handed over; rejects with the signal's reason. */
  async function wait(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = () => {
      waiting.delete(resolve);
      reject(signal.reason);
    };
    waiting.add(resolve);
    queued.set(waiting.size);
    signal.addEventListener("abort", leave);
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", leave);
      queued.set(waiting.size);
    }
  }

  function release() {
    const [next] = waiting;
    if (next === undefined) {
      inFlight.set(--running);
    } else {
      waiting.delete(next);
      next();
    }
  }

  return {
    /** Does the work when there is a place; rejects with `UpstreamError` (`full`) if even the queue has none. */
    async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
      signal.throwIfAborted();
      if (running < max) {
        inFlight.set(++running);
      } else if (waiting.size < queue) {
        await wait(signal);
      } else {
        rejected.inc();
        throw new UpstreamError("full");
      }
      try {
        return await work();
      } finally {
        release();
      }
    },
  };
}
