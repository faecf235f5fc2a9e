import assert from "node:assert/strict";
import { test } from "node:test";
import { type Outcome, readCases, score } from "../evals/cases.ts";

const met: Outcome = {
  http: 200,
  status: "completed",
  output: "It is 42.",
  calls: ["calculator"],
  steps: 2,
  costUsd: 0.01,
};
const none = { http: 200, status: "completed", contains: [], not_contains: [], calls_tool: [] };

test("an outcome is scored by every expectation", () => {
  const cases: [expect: Partial<Parameters<typeof score>[0]>, failed: RegExp | undefined][] = [
    [{}, undefined],
    [{ equals: "It is 42." }, undefined],
    [{ equals: "42" }, /exactly "42"/],
    [{ contains: ["42", "it"] }, undefined],
    [{ contains: ["42", "43"] }, /expected "43"/],
    [{ not_contains: ["43"] }, undefined],
    [{ not_contains: ["IT IS"] }, /did not expect/],
    [{ matches: "^it .*\\d" }, undefined],
    [{ matches: "^\\d" }, /expected a match/],
    [{ calls_tool: ["calculator"] }, undefined],
    [{ calls_tool: ["fetch"] }, /expected a call of fetch/],
    [{ calls_only: ["calculator", "fetch"] }, undefined],
    [{ calls_only: [] }, /calls calculator/],
    [{ max_steps: 2 }, undefined],
    [{ max_steps: 1 }, /2 steps/],
    [{ max_cost_usd: 0.01 }, undefined],
    [{ max_cost_usd: 0.009 }, /costs 0.01/],
    [{ status: "stopped" }, /status is completed/],
    [{ http: 422 }, /http is 200/],
  ];
  for (const [expect, failed] of cases) {
    const unmet = score({ ...none, ...expect }, met);
    assert.equal(unmet.length, failed === undefined ? 0 : 1, JSON.stringify([expect, unmet]));
    assert.match(unmet.join(), failed ?? /^$/);
  }
  assert.deepEqual(score({ ...none, http: 422 }, { ...met, http: 422, status: "refused" }), []);
});

test("the file of cases is as it should be", () => {
  const { cases } = readCases(new URL("../evals/cases.json", import.meta.url));
  assert.ok(cases.filter(({ name }) => name.startsWith("injection")).length >= 3);
  assert.equal(new Set(cases.map(({ name }) => name)).size, cases.length);
});
