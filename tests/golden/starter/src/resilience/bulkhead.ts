import type { Metrics } from "../metrics/metrics.ts";
import { UpstreamError } from "./failure.ts";

/** Bounds how many calls of an upstream go on at once. */
export type Bulkhead = ReturnType<typeof createBulkhead>;

/** Makes a bulkhead that lets `max` calls go on and `queue` more wait, in order. */
export function createBulkhead(options: { name: string; max: number; queue: number; metrics: Metrics }) {
  const { max, queue, metrics } = options;
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
