import { z } from "zod";
import { createBulkhead } from "../../../src/resilience/bulkhead.ts";
import { createClock, metrics } from "../../kit.ts";
import { type Case, type Outcome, outcome } from "../suite.ts";

const optionsSchema = z.object({ max: z.int().default(1), queue: z.int().default(0) });
const at = z.number().default(0);
const stepSchema = z.discriminatedUnion("do", [
  z.object({ at, do: z.literal("start"), id: z.string(), expect: z.enum(["admitted", "queued", "rejected"]) }),
  z.object({ at, do: z.enum(["finish", "cancel"]), id: z.string() }),
  z.object({ at, do: z.literal("running"), expect: z.array(z.string()).transform((ids) => ids.toSorted()) }),
]);

/** Runs one case; got is what was seen at each step that expects something. */
export async function run(vector: Case): Promise<Outcome> {
  const steps = z.array(stepSchema).parse(vector.steps);
  const clock = createClock();
  const { max, queue } = optionsSchema.parse(vector.options);
  const bulkhead = createBulkhead({ name: "vector", metrics, config: { BULKHEAD_MAX: max, BULKHEAD_QUEUE: queue } });
  const calls = new Map<string, { controller: AbortController; finish: () => void }>();
  const running = new Set<string>();
  const got: unknown[] = [];

  async function start(id: string): Promise<string> {
    const controller = new AbortController();
    const { promise, resolve } = Promise.withResolvers<void>();
    let seen = "queued";
    calls.set(id, { controller, finish: resolve });
    const work = async () => {
      seen = "admitted";
      running.add(id);
      await promise;
    };
    bulkhead
      .run(controller.signal, work)
      .catch(() => (seen = "rejected"))
      .finally(() => running.delete(id));
    await clock.settle();
    return seen;
  }

  for (const step of steps) {
    await clock.advance(step.at - clock.monotonic());
    if (step.do === "start") {
      got.push(await start(step.id));
    } else if (step.do === "running") {
      got.push([...running].toSorted());
    } else if (step.do === "finish") {
      calls.get(step.id)?.finish();
    } else {
      calls.get(step.id)?.controller.abort();
    }
    await clock.settle();
  }
  return outcome(
    got,
    steps.flatMap((step) => ("expect" in step ? [step.expect] : [])),
  );
}
