import { z } from "zod";
import { createCache } from "../../../src/cache/cache.ts";
import type { Random } from "../../../src/runtime.ts";
import { createClock, metrics } from "../../kit.ts";
import { type Case, type Outcome, outcome } from "../suite.ts";

const optionsSchema = z.object({
  max_entries: z.int().default(100),
  ttl_ms: z.number().default(60_000),
  negative_ttl_ms: z.number().default(0),
  /** The bound of the jitter: 0 draws none. */
  jitter: z.number().default(0),
});
const stepSchema = z.object({
  at: z.number().default(0),
  do: z.literal("get"),
  key: z.string(),
  load: z.unknown().optional(),
  expect: z.unknown(),
  loads: z.int(),
});

/** Runs one case, with jitter at both of its ends; got is what each step returned, and the loads so far. */
export async function run(vector: Case): Promise<Outcome> {
  const options = optionsSchema.parse(vector.options);
  const steps = z.array(stepSchema).parse(vector.steps);
  const expected = steps.map(({ expect, loads }) => [expect, loads]);
  const shortest = outcome(await play(options, steps, options.jitter === 0 ? 0.5 : 0), expected);
  return shortest.ok && options.jitter > 0
    ? outcome(await play(options, steps, 1 - Number.EPSILON), expected)
    : shortest;
}

async function play(
  options: z.output<typeof optionsSchema>,
  steps: readonly z.output<typeof stepSchema>[],
  draw: number,
): Promise<unknown[]> {
  const clock = createClock();
  const random: Random = { hex: () => "", fraction: () => draw };
  const cache = createCache({
    name: "vector",
    maxEntries: options.max_entries,
    maxBytes: 1_048_576,
    negativeTtlMs: options.negative_ttl_ms,
    parse: (value) => value,
    clock,
    random,
    metrics,
  });
  const { signal } = new AbortController();
  const got: unknown[] = [];
  let loads = 0;

  for (const { at, key, load: value } of steps) {
    await clock.advance(at - clock.monotonic());
    const load = async () => {
      loads += 1;
      if (value === "error") {
        throw new Error("the load failed");
      }
      return value === "missing" ? undefined : value;
    };
    const seen = await cache.get(key, { ttlMs: options.ttl_ms, signal, load }).then(
      (found) => (found === undefined ? "missing" : found),
      () => "error",
    );
    got.push([seen, loads]);
  }
  return got;
}
