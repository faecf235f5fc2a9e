import type { Metrics } from "../metrics/metrics.ts";
import type { Clock } from "../runtime.ts";
import { UpstreamError } from "./failure.ts";
import { type Verdict, verdictOn } from "./verdict.ts";
import { createWindow } from "./window.ts";

/** Keeps calls from an upstream that fails, and finds out when it is well again. */
export type Breaker = ReturnType<typeof createBreaker>;

/** `half_open`: a few probes decide whether it closes or opens again. */
export type BreakerState = "closed" | "open" | "half_open";

/** When a breaker opens, and for how long; times in milliseconds. */
export interface BreakerConfig {
  /** How long an outcome counts. */
  readonly windowMs: number;
  /** Below this many calls in the window it stays closed. */
  readonly minCalls: number;
  /** The share of failures, above 0 and up to 1, at which it opens. */
  readonly failureRate: number;
  readonly openMs: number;
  /** Limit of the open time, which doubles with every failed probe. */
  readonly maxOpenMs: number;
  /** How many calls are let through half-open, and must all succeed. */
  readonly probes: number;
}

const STATES: readonly BreakerState[] = ["closed", "open", "half_open"];

/** Makes a breaker, closed. */
export function createBreaker(options: { name: string; config: BreakerConfig; clock: Clock; metrics: Metrics }) {
  const { name: upstream, config, clock, metrics } = options;
  const window = createWindow(config.windowMs);
  let state: BreakerState = "closed";
  // Grows with every change of state, so that a result can be told from one of an earlier state.
  let epoch = 0;
  let openMs = config.openMs;
  let openUntil = 0;
  let probesOut = 0;
  let probesPassed = 0;

  function change(to: BreakerState): void {
    state = to;
    epoch += 1;
    metrics.breakerTransitions.inc({ upstream, to });
  }

  function open(): void {
    change("open");
    openUntil = clock.monotonic() + openMs;
  }

  function current(): BreakerState {
    if (state === "open" && clock.monotonic() >= openUntil) {
      change("half_open");
      probesOut = 0;
      probesPassed = 0;
    }
    return state;
  }

  function countClosed(failed: boolean): void {
    const { calls, failureRate } = window.add(clock.monotonic(), failed);
    if (calls >= config.minCalls && failureRate >= config.failureRate) {
      open();
    }
  }

  function countProbe(failed: boolean): void {
    if (failed) {
      openMs = Math.min(2 * openMs, config.maxOpenMs);
      open();
    } else if (++probesPassed === config.probes) {
      change("closed");
      window.clear();
      openMs = config.openMs;
    }
  }

  for (const to of STATES) {
    metrics.breakerTransitions.inc({ upstream, to }, 0);
  }
  metrics.beforeScrape(() => {
    const now = current();
    for (const each of STATES) {
      metrics.breakerState.set({ upstream, state: each }, each === now ? 1 : 0);
    }
  });

  const breaker = {
    state: current,

    /** Lets a call begin and returns its epoch, to be given back to `leave`; throws `UpstreamError` (`open`). */
    enter(): number {
      const now = current();
      if (now === "open") {
        throw new UpstreamError("open", { retryAfterMs: openUntil - clock.monotonic() });
      }
      if (now === "half_open") {
        if (probesOut === config.probes) {
          throw new UpstreamError("open");
        }
        probesOut += 1;
      }
      return epoch;
    },

    /** Tells how a call ended; without effect if the state has changed since it began. */
    leave(began: number, outcome: Verdict["breaker"]): void {
      if (began !== epoch) {
        return;
      }
      if (outcome === "ignored") {
        probesOut -= state === "half_open" ? 1 : 0;
      } else if (state === "half_open") {
        countProbe(outcome === "failure");
      } else {
        countClosed(outcome === "failure");
      }
    },

    /** Does the work if it may begin; how it fails is counted unless the signal has aborted. */
    async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
      const began = breaker.enter();
      try {
        const result = await work();
        breaker.leave(began, "success");
        return result;
      } catch (error) {
        breaker.leave(began, signal.aborted ? "ignored" : verdictOn(error).breaker);
        throw error;
      }
    },
  };
  return breaker;
}
