import { readFileSync } from "node:fs";
import { z } from "zod";

const expectations = z.strictObject({
  /** Status of the HTTP answer. */
  http: z.int().default(200),
  /** Status of the run. */
  status: z.string().default("completed"),
  equals: z.string().optional(),
  contains: z.array(z.string()).default([]),
  not_contains: z.array(z.string()).default([]),
  /** A regular expression; case does not matter. */
  matches: z.string().optional(),
  /** Each of these is called, or is waiting for approval. */
  calls_tool: z.array(z.string()).default([]),
  /** Nothing else is called. */
  calls_only: z.array(z.string()).optional(),
  max_steps: z.int().optional(),
  max_cost_usd: z.number().optional(),
});

const evalCase = z.strictObject({
  name: z.string(),
  /** The one kind of model that the case is about. */
  on: z.enum(["offline", "remote"]).optional(),
  /** As in the body of `POST /v1/runs`. */
  input: z.union([z.string(), z.array(z.strictObject({ role: z.enum(["user", "assistant"]), content: z.string() }))]),
  tools: z.array(z.string()).optional(),
  expect: expectations,
});

const file = z.strictObject({
  /** Raised with what is asked, so that results are compared only where they can be. */
  version: z.int(),
  /** The share of the cases that has to pass. */
  threshold: z.strictObject({ offline: z.number().min(0).max(1), remote: z.number().min(0).max(1) }),
  /** What the tool `read_document` finds, by name. */
  documents: z.record(z.string(), z.string()),
  cases: z.array(evalCase),
});

/** A question and what is expected of the answer. */
export type EvalCase = z.output<typeof evalCase>;

/** Reads the cases; throws if the file is not as it should be. */
export function readCases(path: string | URL): z.output<typeof file> {
  return file.parse(JSON.parse(readFileSync(path, "utf8")));
}

/** What came of a case. */
export interface Outcome {
  readonly http: number;
  readonly status: string;
  readonly output: string;
  /** Tools in the order in which they were called, or put before a human. */
  readonly calls: readonly string[];
  readonly steps: number;
  readonly costUsd: number;
}

/** The expectations that an outcome does not meet; none if it passes. */
export function score(expect: EvalCase["expect"], outcome: Outcome): string[] {
  const { output, calls } = outcome;
  if (outcome.http !== expect.http) {
    return [`http is ${outcome.http}, expected ${expect.http}`];
  }
  if (expect.http !== 200) {
    return [];
  }
  const said = output.toLowerCase();
  const holds = (text: string) => said.includes(text.toLowerCase());
  const { equals, matches, calls_only: only, max_steps: steps, max_cost_usd: cost } = expect;
  const checks: [met: boolean, otherwise: string][] = [
    [outcome.status === expect.status, `status is ${outcome.status}, expected ${expect.status}`],
    [equals === undefined || output === equals, `expected exactly ${JSON.stringify(equals)}`],
    ...expect.contains.map((text): [boolean, string] => [holds(text), `expected ${JSON.stringify(text)}`]),
    ...expect.not_contains.map((text): [boolean, string] => [!holds(text), `did not expect ${JSON.stringify(text)}`]),
    [matches === undefined || new RegExp(matches, "iu").test(output), `expected a match of ${matches}`],
    ...expect.calls_tool.map((tool): [boolean, string] => [calls.includes(tool), `expected a call of ${tool}`]),
    [only === undefined || calls.every((tool) => only.includes(tool)), `calls ${calls.join(", ")}`],
    [steps === undefined || outcome.steps <= steps, `${outcome.steps} steps, expected at most ${steps}`],
    [cost === undefined || outcome.costUsd <= cost, `costs ${outcome.costUsd} USD, expected at most ${cost}`],
  ];
  return checks.filter(([met]) => !met).map(([, otherwise]) => otherwise);
}
