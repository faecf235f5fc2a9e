import assert from "node:assert/strict";
import { test } from "node:test";
import { createMemoryStore } from "../src/state/memory.ts";
import { calculator } from "../src/tools/calculator.ts";
import { createNoteTools } from "../src/tools/notes.ts";
import { createClock } from "./kit.ts";

const CONTEXT = {
  tenant: "a",
  sessionId: "s",
  idempotencyKey: "k",
  trace: { traceId: "0".repeat(32), spanId: "0".repeat(16), sampled: false },
  signal: new AbortController().signal,
  deadline: 1_000,
};

const evaluate = (expression: unknown) => calculator.run({ expression }, CONTEXT);

test("the calculator evaluates arithmetic and nothing else", async () => {
  const cases: [expression: string, result: string][] = [
    ["1 + 2 * 3", "7"],
    ["(1 + 2) * 3", "9"],
    ["10 - 4 - 3", "3"],
    ["-2 * -(3 - 5)", "-4"],
    ["7 % 4 / 3", "1"],
    ["0.1 + 0.2", "0.3"],
    ["  2  ", "2"],
  ];
  for (const [expression, result] of cases) {
    assert.equal(await evaluate(expression), result, expression);
  }
  for (const expression of [
    "",
    " ",
    "1 +",
    "(1",
    "1)",
    "1 2",
    "1 / 0",
    "2 ** 3",
    "process.exit()",
    "x",
    "1e5",
    7,
    "1".repeat(201),
  ]) {
    await assert.rejects(evaluate(expression), { name: "ToolError" }, String(expression));
  }
  assert.equal(calculator.risk, "read");
});

test("a note is found again in its own session alone, and writing one needs a human", async () => {
  const clock = createClock();
  const [save, list] = createNoteTools(createMemoryStore(), clock);
  assert.ok(save !== undefined && list !== undefined);
  assert.deepEqual([save.risk, list.risk], ["write", "read"]);
  assert.equal(await list.run({}, CONTEXT), "[]");
  await save.run({ text: "first" }, CONTEXT);
  await clock.advance(1_000);
  await save.run({ text: "second" }, CONTEXT);
  assert.deepEqual(JSON.parse(await list.run({}, CONTEXT)), [
    { created_at: "2026-01-01T00:00:00.000Z", text: "first" },
    { created_at: "2026-01-01T00:00:01.000Z", text: "second" },
  ]);
  assert.equal(await list.run({}, { ...CONTEXT, tenant: "b" }), "[]");
  assert.equal(await list.run({}, { ...CONTEXT, sessionId: "other" }), "[]");
  await assert.rejects(save.run({ text: "" }, CONTEXT), /bad arguments/);
  for (let count = 2; count < 100; count += 1) {
    await save.run({ text: "more" }, CONTEXT);
  }
  await assert.rejects(save.run({ text: "too much" }, CONTEXT), /100 notes already/);
});
