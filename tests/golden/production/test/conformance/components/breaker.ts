import { z } from "zod";
import { createBreaker } from "../../../src/resilience/breaker.ts";
import { createClock, metrics } from "../../kit.ts";
import { type Case, type Outcome, outcome } from "../suite.ts";

const optionsSchema = z.object({
  window_ms: z.number().default(10_000),
  min_calls: z.int().default(10),
  failure_rate: z.number().default(0.5),
  open_ms: z.number().default(5_000),
  max_open_ms: z.number().default(60_000),
  probes: z.int().default(2),
});
const at = z.number();
const id = z.string();
const stepSchema = z.discriminatedUnion("do", [
  z.object({ at, do: z.literal("start"), id, expect: z.enum(["admitted", "rejected"]) }),
  z.object({ at, do: z.literal("finish"), id, outcome: z.enum(["success", "failure", "ignored"]) }),
  z.object({ at, do: z.literal("state"), expect: z.enum(["closed", "open", "half_open"]) }),
]);

/** Runs one case; got is what was seen at each step that expects something. */
export async function run(vector: Case): Promise<Outcome> {
  const options = optionsSchema.parse(vector.options);
  const steps = z.array(stepSchema).parse(vector.steps);
  const clock = createClock();
  const config = {
    BREAKER_WINDOW_MS: options.window_ms,
    BREAKER_MIN_CALLS: options.min_calls,
    BREAKER_FAILURE_RATE: options.failure_rate,
    BREAKER_OPEN_MS: options.open_ms,
    BREAKER_MAX_OPEN_MS: options.max_open_ms,
    BREAKER_PROBES: options.probes,
  };
  const breaker = createBreaker({ name: "vector", config, clock, metrics });
  const epochs = new Map<string, number>();
  const got: string[] = [];

  function start(call: string): string {
    try {
      epochs.set(call, breaker.enter());
      return "admitted";
    } catch {
      return "rejected";
    }
  }

  for (const step of steps) {
    await clock.advance(step.at - clock.monotonic());
    if (step.do === "start") {
      got.push(start(step.id));
    } else if (step.do === "state") {
      got.push(breaker.state());
    } else {
      const began = epochs.get(step.id);
      if (began === undefined) {
        throw new Error(`the call ${step.id} was not admitted and cannot finish`);
      }
      breaker.leave(began, step.outcome);
    }
  }
  return outcome(
    got,
    steps.flatMap((step) => ("expect" in step ? [step.expect] : [])),
  );
}
