import { z } from "zod";
import { createBatcher } from "../../../src/batch/batcher.ts";
import { createClock, metrics } from "../../kit.ts";
import { type Case, type Outcome, outcome } from "../suite.ts";

const optionsSchema = z.object({ max_size: z.int().default(10), max_wait_ms: z.number().default(100) });
const at = z.number().default(0);
const stepSchema = z.discriminatedUnion("do", [
  z.object({ at, do: z.literal("add"), id: z.string() }),
  z.object({ at, do: z.literal("batches"), expect: z.array(z.array(z.string())) }),
]);

/** Runs one case; got is what was seen at each step that expects something. */
export async function run(vector: Case): Promise<Outcome> {
  const { max_size: maxSize, max_wait_ms: maxWaitMs } = optionsSchema.parse(vector.options);
  const steps = z.array(stepSchema).parse(vector.steps);
  const clock = createClock();
  const batches: (readonly string[])[] = [];
  const send = async (items: readonly string[]) => {
    batches.push(items);
    return items;
  };
  const bounds = { maxSize, maxWaitMs, concurrency: 1, maxWaiting: 1_000 };
  const batcher = createBatcher({ name: "vector", send, ...bounds, clock, metrics });
  const got: unknown[] = [];
  const added: Promise<string>[] = [];

  for (const step of steps) {
    await clock.advance(step.at - clock.monotonic());
    if (step.do === "add") {
      added.push(batcher.add(step.id));
      await clock.settle();
    } else {
      got.push([...batches]);
    }
  }
  await batcher.flush();
  await Promise.all(added);
  return outcome(
    got,
    steps.flatMap((step) => ("expect" in step ? [step.expect] : [])),
  );
}
