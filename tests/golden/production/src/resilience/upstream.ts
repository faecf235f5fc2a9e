import type { Kit } from "../kit.ts";
import type { Clock } from "../runtime.ts";
import { createBreaker } from "./breaker.ts";
import { createBulkhead } from "./bulkhead.ts";
import { UpstreamError } from "./failure.ts";
import { createRetry } from "./retry.ts";

/** Something outside that is called through a breaker, a bulkhead and retries of its own. */
export interface Upstream {
  /**
   * Calls `attempt`, again where that helps, until it succeeds. Rejects with `UpstreamError`, or with the signal's
   * reason once that aborts. The signal handed to `attempt` also aborts at the attempt's own timeout.
   */
  call<T>(
    attempt: (signal: AbortSignal) => Promise<T>,
    options: {
      signal: AbortSignal;
      /** Monotonic milliseconds after which nothing is begun any more. */
      deadline: number;
      /** Whether a further attempt does no harm, asked after each failure; always, if absent. */
      repeatable?: () => boolean;
    },
  ): Promise<T>;
}

/**
 * Makes an upstream: retry(bulkhead(breaker(timeout(attempt)))), within the caller's deadline. `name` is a metrics
 * label; `timeoutMs` bounds one attempt.
 */
export function createUpstream(
  options: Pick<Kit, "config" | "clock" | "random" | "metrics"> & { name: string; timeoutMs: number },
): Upstream {
  const { timeoutMs, clock } = options;
  const breaker = createBreaker(options);
  const retry = createRetry(options);
  const bulkhead = createBulkhead(options);

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
 * Settles with `attempt`, or rejects with the signal's reason, or after `timeoutMs` with what `late` makes, whether or
 * not the attempt heeds its own signal.
 */
export async function withTimeout<T>(
  clock: Clock,
  timeoutMs: number,
  signal: AbortSignal,
  attempt: (signal: AbortSignal) => Promise<T>,
  late: () => Error = () => new UpstreamError("timeout"),
): Promise<T> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const controller = new AbortController();
  const abort = (reason: unknown) => {
    reject(reason);
    controller.abort(reason);
  };
  const relay = () => abort(signal.reason);
  const cancel = clock.after(timeoutMs, () => abort(late()));
  signal.addEventListener("abort", relay);
  try {
    attempt(controller.signal).then(resolve, reject);
    return await promise;
  } finally {
    cancel();
    signal.removeEventListener("abort", relay);
  }
}
