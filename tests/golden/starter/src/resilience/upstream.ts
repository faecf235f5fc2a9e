import type { Config } from "../config.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Clock, Random } from "../runtime.ts";
import { createBreaker } from "./breaker.ts";
import { createBulkhead } from "./bulkhead.ts";
import { UpstreamError } from "./failure.ts";
import type { Upstream } from "./port.ts";
import { createRetry } from "./retry.ts";

/**
 * Makes an upstream: retry(bulkhead(breaker(timeout(attempt)))), within the caller's deadline. `name` is a metrics
 * label; `timeoutMs` bounds one attempt.
 */
export function createUpstream(options: {
  name: string;
  timeoutMs: number;
  config: Config;
  clock: Clock;
  random: Random;
  metrics: Metrics;
}): Upstream {
  const { name, timeoutMs, config, clock, random, metrics } = options;
  const breaker = createBreaker({
    name,
    config: {
      windowMs: config.BREAKER_WINDOW_MS,
      minCalls: config.BREAKER_MIN_CALLS,
      failureRate: config.BREAKER_FAILURE_RATE,
      openMs: config.BREAKER_OPEN_MS,
      maxOpenMs: config.BREAKER_MAX_OPEN_MS,
      probes: config.BREAKER_PROBES,
    },
    clock,
    metrics,
  });
  const retry = createRetry({
    name,
    config: {
      maxAttempts: config.RETRY_MAX_ATTEMPTS,
      baseMs: config.RETRY_BASE_MS,
      capMs: config.RETRY_CAP_MS,
      budget: config.RETRY_BUDGET,
    },
    clock,
    random,
    metrics,
  });
  const bulkhead = createBulkhead({ name, max: config.BULKHEAD_MAX, queue: config.BULKHEAD_QUEUE, metrics });

  return {
    call(attempt, call) {
      const { signal } = call;
      const timed = () => withTimeout(clock, timeoutMs, signal, attempt);
      const guarded = () => breaker.run(signal, timed);
      return retry.run(() => bulkhead.run(signal, guarded), call);
    },
  };
}

/**
 * Settles with `attempt`, or rejects with the signal's reason or `UpstreamError` (`timeout`) as soon as that happens,
 * whether or not the attempt heeds its own signal.
 */
export async function withTimeout<T>(
  clock: Clock,
  timeoutMs: number,
  signal: AbortSignal,
  attempt: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const controller = new AbortController();
  const abort = (reason: unknown) => {
    reject(reason);
    controller.abort(reason);
  };
  const relay = () => abort(signal.reason);
  const cancel = clock.after(timeoutMs, () => abort(new UpstreamError("timeout")));
  signal.addEventListener("abort", relay);
  try {
    attempt(controller.signal).then(resolve, reject);
    return await promise;
  } finally {
    cancel();
    signal.removeEventListener("abort", relay);
  }
}
