import type { Config } from "../config.ts";
import type { Kit } from "../kit.ts";
import { sleep } from "../runtime.ts";
import { UpstreamError, verdictOn } from "./failure.ts";

/** How often and after how long to repeat a call. */
export type RetryConfig = Pick<Config, Extract<keyof Config, `RETRY_${string}`>>;

// The budget is counted in tenths, as a success gives a tenth back and sums of 0.1 are not exact.
const TENTHS = 10;

/** Repeats calls that may fare better a moment later, as long as most of them do; the budget is full at first. */
export function createRetry(
  options: Pick<Kit, "clock" | "random" | "metrics"> & {
    name: string;
    config: RetryConfig;
  },
) {
  const { name: upstream, config, clock, random, metrics } = options;
  const { RETRY_MAX_ATTEMPTS: maxAttempts, RETRY_BASE_MS: baseMs, RETRY_CAP_MS: capMs, RETRY_BUDGET: budget } = config;
  const gauge = metrics.retryBudget.labels({ upstream });
  const ceiling = budget * TENTHS;
  let tenths = ceiling;
  gauge.set(budget);

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
    if (attempts >= maxAttempts || tenths <= ceiling / 2 || retryAfterMs > capMs) {
      return undefined;
    }
    const jitter = random.fraction() * Math.min(capMs, baseMs * 2 ** (attempts - 1));
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
