import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";

const caseSchema = z.object({
  name: z.string(),
  options: z.unknown().default({}),
  steps: z.array(z.unknown()).optional(),
  input: z.unknown().optional(),
  expect: z.unknown().optional(),
});
const fileSchema = z.object({ component: z.string(), cases: z.array(caseSchema).min(1) });

/** One case as it stands in a file; its component checks what lies deeper, and throws `ZodError` if it is malformed. */
export type Case = z.output<typeof caseSchema>;

/** Whether a component did what a case expects, and what it did. */
export interface Outcome {
  ok: boolean;
  got: unknown;
}

/** What `components/COMPONENT.ts` exports: runs one case on a clock of its own. */
export interface Adapter {
  run(vector: Case): Promise<Outcome>;
}

/** A vector file that cannot be run. */
export class VectorError extends Error {
  override readonly name = "VectorError";
}

const folder = new URL("components/", import.meta.url);

/** Compares, for an adapter, what came with what was to come; objects without regard to the order of their members. */
export function outcome(got: unknown, expected: unknown): Outcome {
  return { ok: isDeepStrictEqual(got, expected), got };
}

/** Runs every case of one vector file, in order; throws `VectorError`. */
export async function* runFile(path: string): AsyncGenerator<Outcome & { name: string }> {
  const { component, cases } = await readVectors(path);
  const known = readdirSync(folder).map((name) => name.replace(/\.ts$/, ""));
  if (!known.includes(component)) {
    throw new VectorError(`${path}: unknown component ${component}, expected one of ${known.join(", ")}`);
  }
  const adapter: Adapter = await import(new URL(`${component}.ts`, folder).href);
  for (const vector of cases) {
    try {
      yield { name: vector.name, ...(await adapter.run(vector)) };
    } catch (error) {
      if (error instanceof z.ZodError) {
        throw new VectorError(`${path}: case ${vector.name}: ${z.prettifyError(error)}`);
      }
      yield { name: vector.name, ok: false, got: { error: String(error) } };
    }
  }
}

async function readVectors(path: string): Promise<z.output<typeof fileSchema>> {
  try {
    return fileSchema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw new VectorError(`${path}: expected a file of {"component", "cases"}: ${reason}`);
  }
}
