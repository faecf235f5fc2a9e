/** Counts of the outcomes of the last so many milliseconds. */
export type RollingWindow = ReturnType<typeof createWindow>;

interface Tally {
  readonly at: number;
  calls: number;
  failures: number;
}

// Below this, moving what is left to the front costs more than the space is worth.
const COMPACT_FROM = 512;

/**
 * Makes a window of `windowMs`. Outcomes are counted by whole milliseconds, so its memory is bounded by its length
 * and not by the traffic.
 */
export function createWindow(windowMs: number) {
  let tallies: Tally[] = [];
  let oldest = 0;
  let calls = 0;
  let failures = 0;

  function expire(now: number): void {
    for (let tally = tallies[oldest]; tally !== undefined && now - tally.at >= windowMs; tally = tallies[oldest]) {
      calls -= tally.calls;
      failures -= tally.failures;
      oldest += 1;
    }
    if (oldest > COMPACT_FROM && oldest > tallies.length / 2) {
      tallies = tallies.slice(oldest);
      oldest = 0;
    }
  }

  return {
    /** Counts an outcome at `now` (monotonic milliseconds) and tells what the window holds then. */
    add(now: number, failed: boolean): { calls: number; failureRate: number } {
      const at = Math.floor(now);
      expire(at);
      let tally = tallies.at(-1);
      if (tally?.at !== at || oldest === tallies.length) {
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
      oldest = 0;
      calls = 0;
      failures = 0;
    },
  };
}
