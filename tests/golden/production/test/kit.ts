import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { readConfig } from "../src/config.ts";
import { createMetrics } from "../src/metrics/metrics.ts";
import type { RunRecord } from "../src/run/record.ts";
import type { Clock, Random } from "../src/runtime.ts";

/** A clock that stands still until it is told to go on. */
export type VirtualClock = ReturnType<typeof createClock>;

// Where the day begins that every test lives in.
const EPOCH = Date.UTC(2026, 0, 1);

/** Makes a clock that stands at 0 monotonic milliseconds, midnight of 2026-01-01 UTC. */
export function createClock() {
  const timers = new Set<{ due: number; callback: () => unknown }>();
  let now = 0;

  const next = (limit: number) => {
    const due = [...timers].filter((timer) => timer.due <= limit);
    // Sorting is stable: timers that are due together fire in the order they were set.
    return due.toSorted((left, right) => left.due - right.due)[0];
  };

  const clock = {
    monotonic: () => now,
    date: () => new Date(EPOCH + now),
    after(ms, callback) {
      const timer = { due: now + Math.max(0, ms), callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },

    /** How many timers are set; 0 once all work has cleaned up behind itself. */
    timers: () => timers.size,

    /** Lets every promise settle that can without time passing. */
    settle: () => setImmediate(),

    /** Lets `ms` pass, if positive: fires what falls due, in order; promises settle before, in between and after. */
    async advance(ms: number) {
      const end = now + Math.max(0, ms);
      await clock.settle();
      for (let timer = next(end); timer !== undefined; timer = next(end)) {
        timers.delete(timer);
        now = Math.max(now, timer.due);
        timer.callback();
        await clock.settle();
      }
      now = end;
    },
  } satisfies Clock & Record<string, unknown>;
  return clock;
}

/** Chance that was decided beforehand: hands out the given fractions in order, and throws when there are no more. */
export function fixedRandom(...fractions: number[]): Random {
  const draws = fractions.values();
  let serial = 0;
  return {
    hex: (bytes) => (++serial).toString(16).padStart(2 * bytes, "0"),
    fraction() {
      const { value } = draws.next();
      if (value === undefined) {
        throw new Error("the test drew more often than it said");
      }
      return value;
    },
  };
}

/** Metrics of default settings, for tests of parts that are handed some. */
export const metrics = createMetrics(readConfig({}).config);

/** The value of one series of a metric, such as `agent_retries_total{upstream="a",reason="reset"}`; 0 if absent. */
export async function metricOf(series: string): Promise<number> {
  const line = (await metrics.registry.metrics()).split("\n").find((text) => text.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1) ?? 0);
}

/** Waits until something holds, half a minute at most. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let turns = 0; !(await holds()); turns += 1) {
    assert.ok(turns < 1_500, "it never came");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The events of a stream that has ended. */
export function eventsOf(stream: string): { id: number; event: string; data: unknown }[] {
  return stream
    .split("\n\n")
    .filter((block) => block.startsWith("id: "))
    .map((block) => {
      const [id = "", event = "", data = ""] = block.split("\n").map((line) => line.replace(/^\w+: /, ""));
      return { id: Number(id), event, data: JSON.parse(data) as unknown };
    });
}

/** What any model may write: NUL and a lone surrogate, which text in a database cannot hold. */
export const TEXT = "\u0000 \ud800 'quoted' \\ 🙂";

/** A run of tenant `a` in session `s`. */
export const runOf = (more: Partial<RunRecord> = {}): RunRecord => ({
  id: randomUUID(),
  tenant: "a",
  sessionId: "s",
  traceId: "0".repeat(32),
  createdAt: EPOCH,
  startedAt: EPOCH,
  digestKey: "k",
  tools: ["calculator"],
  limits: { maxSteps: 1, maxToolCalls: 1, maxTokens: 1, maxCostNanoDollars: 1 },
  status: "running",
  output: TEXT,
  steps: 0,
  toolCalls: 0,
  tokens: { input: 0, output: 0 },
  costNanoDollars: 0,
  messages: [{ role: "user", content: TEXT }],
  historyLength: 0,
  approvals: [],
  lastEventId: 1,
  ...more,
});
