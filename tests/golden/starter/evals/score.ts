import type { EvalCase } from "./cases.ts";

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
