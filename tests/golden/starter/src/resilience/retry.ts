import type { Metrics } from "../metrics/metrics.ts";
import { type Clock, type Random, sleep } from "../runtime.ts";
import { UpstreamError } from "./failure.ts";
import { verdictOn } from "./verdict.ts";

/** Repeats calls that may fare better a moment later, as long as most of them do. */
export type Retry = ReturnType<typeof createRetry>;

/** How often and after how long to repeat a call. */
export interface RetryConfig {
  /** Attempts in all, the first one included. */
  readonly maxAttempts: number;
  /** Bound of the first wait in milliseconds; it doubles with every further one. */
  readonly baseMs: number;
  /** Bound of every wait in milliseconds. */
  readonly capMs: number;
  /** Failures that all callers together may have in a row; retries stop when half of them are spent. */
  readonly budget: number;
}

// The budget is counted in tenths, as a success gives a tenth back and sums of 0.1 are not exact.
const TENTHS = 10;

/** Makes a retry whose budget is full. */
export function createRetry(options: {
  name: string;
  config: RetryConfig;
  clock: Clock;
  random: Random;
  metrics: Metrics;
}) {
  const { name: upstream, config, clock, random, metrics } = options;
  const gauge = metrics.retryBudget.labels({ upstream });
  const ceiling = config.budget * TENTHS;
  let tenths = ceiling;
  gauge.set(config.budget);

  function settle(change: number): void {
    const before = tenths;
    tenths = Math.min(ceiling, Math.max(0, tenths + change));
    if (tenths !== before) {
      gauge.set(tenths / TENTHS);
    }
  }

  /** How long to wait before the next attempt, in milliseconds; undefined if there is to be none. */
  function waitAfter(error: UpstreamError, attempts: number, deadline: number): number | undefined {
    const { retryAfterMs = 0 } = error;
    if (attempts >= config.maxAttempts || tenths <= ceiling / 2 || retryAfterMs > config.capMs) {
      return undefined;
    }
    const jitter = random.fraction() * Math.min(config.capMs, config.baseMs * 2 ** (attempts - 1));
    const wait = Math.max(jitter, retryAfterMs);
    return clock.monotonic() + wait < deadline ? wait : undefined;
  }

  return {
    /** Calls `attempt` until it succeeds or a further one makes no sense; rejects with what the last one said. */
    async run<T>(
      attempt: () => Promise<T>,
      {
        signal,
        deadline,
        repeatable = () => true,
      }: { signal: AbortSignal; deadline: number; repeatable?: () => boolean },
    ): Promise<T> {
      for (let attempts = 1; ; attempts++) {
        signal.throwIfAborted();
        try {
          const result = await attempt();
          settle(1);
          return result;
        } catch (error) {
          signal.throwIfAborted();
          if (!(error instanceof UpstreamError && verdictOn(error).retryable)) {
            throw error;
          }
          settle(-TENTHS);
          const wait = repeatable() ? waitAfter(error, attempts, deadline) : undefined;
          if (wait === undefined) {
            throw error;
          }
          metrics.retries.inc({ upstream, reason: reasonOf(error) });
          await sleep(clock, wait, signal);
        }
      }
    },
  };
}

/** A label with few values, whatever an upstream says. */
function reasonOf({ kind, status }: UpstreamError): string {
  if (status === undefined) {
    return kind;
  }
  return status >= 500 ? "5xx" : String(status);
}
