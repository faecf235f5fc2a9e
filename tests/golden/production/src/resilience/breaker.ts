import type { Config } from "../config.ts";
import type { Kit } from "../kit.ts";
import { UpstreamError, type Verdict, verdictOn } from "./failure.ts";

/** `half_open`: a few probes decide whether it closes or opens again. */
export type BreakerState = "closed" | "open" | "half_open";

/** When a breaker opens, and for how long. */
export type BreakerConfig = Pick<Config, Extract<keyof Config, `BREAKER_${string}`>>;

const STATES: readonly BreakerState[] = ["closed", "open", "half_open"];

/** Keeps calls from an upstream that fails, and finds out when it is well again; closed at first. */
export function createBreaker(options: Pick<Kit, "clock" | "metrics"> & { name: string; config: BreakerConfig }) {
  const { name: upstream, config, clock, metrics } = options;
  const { BREAKER_MIN_CALLS: minCalls, BREAKER_FAILURE_RATE: failureRateLimit, BREAKER_PROBES: probes } = config;
  const window = createWindow(config.BREAKER_WINDOW_MS);
  let state: BreakerState = "closed";
  // Grows with every change of state, so that a result can be told from one of an earlier state.
  let epoch = 0;
  let openMs = config.BREAKER_OPEN_MS;
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
    if (calls >= minCalls && failureRate >= failureRateLimit) {
      open();
    }
  }

  function countProbe(failed: boolean): void {
    if (failed) {
      openMs = Math.min(2 * openMs, config.BREAKER_MAX_OPEN_MS);
      open();
    } else if (++probesPassed === probes) {
      change("closed");
      window.clear();
      openMs = config.BREAKER_OPEN_MS;
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
        if (probesOut === probes) {
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

interface Tally {
  readonly at: number;
  calls: number;
  failures: number;
}

/**
 * Counts the outcomes of the last `windowMs`. They are counted by whole milliseconds, so its memory is bounded by its length
 * and not by the traffic.
 */
function createWindow(windowMs: number) {
  let tallies: Tally[] = [];
  let calls = 0;
  let failures = 0;

  function expire(now: number): void {
    for (let tally = tallies[0]; tally !== undefined && now - tally.at >= windowMs; tally = tallies[0]) {
      calls -= tally.calls;
      failures -= tally.failures;
      tallies.shift();
    }
  }

  return {
    /** Counts an outcome at `now` (monotonic milliseconds) and tells what the window holds then. */
    add(now: number, failed: boolean): { calls: number; failureRate: number } {
      const at = Math.floor(now);
      expire(at);
      let tally = tallies.at(-1);
      if (tally?.at !== at) {
        tally = { at, calls: 0, failures: 0 };
        tallies.push(tally);
      }
      tally.calls += 1;
      calls += 1;
      if (failed) {
        tally.failures += 1;
        failures += 1;
      }
      return { calls, failureRate: failures / calls };
    },

    clear(): void {
      tallies = [];
      calls = 0;
      failures = 0;
    },
  };
}
