import { z } from "zod";
import { UpstreamError } from "../../../src/resilience/failure.ts";
import { createRetry } from "../../../src/resilience/retry.ts";
import { sleep } from "../../../src/runtime.ts";
import { createClock, fixedRandom, metrics } from "../../kit.ts";
import { type Case, type Outcome, outcome } from "../suite.ts";

const optionsSchema = z.object({
  max_attempts: z.int().default(3),
  base_ms: z.number().default(200),
  cap_ms: z.number().default(5_000),
  deadline_ms: z.number().default(120_000),
  budget: z.number().default(10),
  random: z.array(z.number()).default([]),
  idempotent: z.boolean().default(true),
});
const attemptSchema = z.union([
  z.object({ status: z.int(), retry_after: z.number().optional(), took_ms: z.number().default(0) }),
  z.object({ error: z.enum(["timeout", "connect", "reset", "cancelled"]), took_ms: z.number().default(0) }),
]);
const inputSchema = z.object({ attempts: z.array(attemptSchema) });

/** Runs one case: one call whose attempts end as the input says. */
export async function run(vector: Case): Promise<Outcome> {
  const options = optionsSchema.parse(vector.options);
  const attempts = inputSchema.parse(vector.input).attempts.values();
  const clock = createClock();
  const caller = new AbortController();
  const timeUp = new Error("the deadline has passed");
  const config = {
    RETRY_MAX_ATTEMPTS: options.max_attempts,
    RETRY_BASE_MS: options.base_ms,
    RETRY_CAP_MS: options.cap_ms,
    RETRY_BUDGET: options.budget,
  };
  const retry = createRetry({ name: "vector", config, clock, random: fixedRandom(...options.random), metrics });
  clock.after(options.deadline_ms, () => caller.abort(timeUp));
  const delays: number[] = [];
  let calls = 0;
  let ended = 0;

  async function attempt(): Promise<void> {
    if (calls++ > 0) {
      delays.push(clock.monotonic() - ended);
    }
    const next = attempts.next().value;
    if (next === undefined) {
      throw new Error("called more often than the case says");
    }
    await sleep(clock, next.took_ms, caller.signal);
    ended = clock.monotonic();
    if ("error" in next) {
      if (next.error === "cancelled") {
        caller.abort();
      }
      throw new UpstreamError(next.error);
    }
    const { status, retry_after: seconds } = next;
    if (status >= 400) {
      throw new UpstreamError("status", { status, retryAfterMs: seconds && seconds * 1_000 });
    }
  }

  const call = { signal: caller.signal, deadline: options.deadline_ms, repeatable: () => options.idempotent };
  const result = retry.run(attempt, call).then(
    () => "success",
    (error: unknown) => {
      if (error === timeUp) {
        return "deadline";
      }
      if (error instanceof UpstreamError || caller.signal.aborted) {
        return "gave_up";
      }
      throw error;
    },
  );
  // Settled either way when the deadline has passed.
  const [, settled] = await Promise.all([clock.advance(options.deadline_ms), result]);
  return outcome({ result: settled, calls, delays_ms: delays }, vector.expect);
}
