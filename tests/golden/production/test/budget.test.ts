import assert from "node:assert/strict";
import { test } from "node:test";
import { readConfig } from "../src/config.ts";
import { createBudget, type Refusal, type Reservation } from "../src/cost/budget.ts";
import { createPrices, readPrices, tokensOf, worstCaseTokens } from "../src/cost/prices.ts";
import { createLogger } from "../src/logs/logger.ts";
import { anthropicMessages } from "../src/model/anthropic-messages.ts";
import { openaiChat } from "../src/model/openai-chat.ts";
import { UpstreamError } from "../src/resilience/failure.ts";
import { createMemoryStore } from "../src/state/memory.ts";
import { type Store, StoreError } from "../src/state/store.ts";
import { createClock, metricOf, metrics } from "./kit.ts";

const DOLLAR = 1e9;
const DAY_MS = 86_400_000;

/** A budget of 10 dollars a day for each tenant and 100 a month, at midnight of the first of January. */
function open(store: Pick<Store, "spend"> = createMemoryStore(), env: Record<string, string> = {}) {
  const { config } = readConfig({ TENANT_DAILY_COST_USD: "10", MONTHLY_COST_USD: "100", ...env });
  const clock = createClock();
  const lines: Record<string, unknown>[] = [];
  const stream = { write: (line: string) => lines.push(JSON.parse(line)) };
  const log = createLogger({ config, clock }, stream);
  const prices = createPrices({ known: { input: 1, output: 1 } });
  const budget = createBudget({ config, prices, store, clock, metrics, log });
  return {
    budget,
    clock,
    lines,
    alerts: () =>
      lines.filter(({ message }) => message === "budget alert").map(({ scope, percent }) => [scope, percent]),
    spend: async (tenant: string, dollars: number) => {
      await budget.settle(reserved(await budget.reserve(tenant, dollars * DOLLAR)), dollars * DOLLAR);
    },
  };
}

function reserved(answer: Reservation | Refusal): Reservation {
  assert.ok("periods" in answer, `refused: ${JSON.stringify(answer)}`);
  return answer;
}

const eventOf = (data: string) => ({ event: "message", data });
const left = (scope: string) => metricOf(`agent_budget_remaining_ratio{scope="${scope}"}`);

test("a tenant's day is refused when it is spent, until midnight, and nobody else's", async () => {
  const { budget, clock, spend } = open();
  await spend("a", 10);
  await clock.advance(DAY_MS / 4);
  assert.deepEqual(await budget.reserve("a", 1), { refused: "tenant_day", retryAfterMs: (DAY_MS * 3) / 4 });
  reserved(await budget.reserve("b", DOLLAR));
  await clock.advance((DAY_MS * 3) / 4);
  reserved(await budget.reserve("a", 10 * DOLLAR));
});

test("the month is refused when it is spent, until the next, and what was refused is not counted", async () => {
  const { budget, clock, spend } = open();
  for (let tenant = 0; tenant < 10; tenant += 1) {
    await spend(`tenant${tenant}`, 9.5);
  }
  assert.deepEqual(await budget.reserve("a", 6 * DOLLAR), { refused: "month", retryAfterMs: 31 * DAY_MS });
  reserved(await budget.reserve("a", 5 * DOLLAR));
  await clock.advance(31 * DAY_MS);
  reserved(await budget.reserve("a", 10 * DOLLAR));
});

test("what was set aside and not used is given back, once", async () => {
  const { budget } = open();
  const reservation = reserved(await budget.reserve("a", 10 * DOLLAR));
  assert.ok("refused" in (await budget.reserve("a", 1)));
  await budget.settle(reservation, 4 * DOLLAR);
  await budget.settle(reservation, 0);
  const second = reserved(await budget.reserve("a", 6 * DOLLAR));
  assert.ok("refused" in (await budget.reserve("a", 1)));
  await budget.settle(second, 6 * DOLLAR);
  assert.ok("refused" in (await budget.reserve("a", 1)));
});

test("a call that cost more than its worst case counts in full, and in the day it was begun in", async () => {
  const store = createMemoryStore();
  const { budget, clock } = open(store);
  const reservation = reserved(await budget.reserve("a", DOLLAR));
  await clock.advance(DAY_MS);
  await budget.settle(reservation, 12 * DOLLAR);
  assert.equal(await store.spent({ scope: "tenant:a", period: "2026-01-01" }), 12 * DOLLAR);
  assert.equal(await store.spent({ scope: "tenant:a", period: "2026-01-02" }), 0);
  assert.equal(await store.spent({ scope: "month", period: "2026-01" }), 12 * DOLLAR);
});

test("calls at the same time stay within the budget together", async () => {
  const { budget } = open();
  const answers = await Promise.all(Array.from({ length: 50 }, () => budget.reserve("a", DOLLAR)));
  assert.equal(answers.filter((answer) => "periods" in answer).length, 10);
});

test("a store that fails refuses a call, and leaves one that is over at its worst case", async () => {
  const store = createMemoryStore();
  let failing = false;
  const spend: Store["spend"] = async (...args) => {
    if (failing) {
      throw new StoreError("down");
    }
    return store.spend(...args);
  };
  const { budget, lines } = open({ spend });
  const reservation = reserved(await budget.reserve("a", 8 * DOLLAR));
  failing = true;
  await assert.rejects(budget.reserve("a", 1), StoreError);
  await budget.settle(reservation, 0);
  assert.equal(lines.at(-1)?.["level"], "error");
  assert.equal(await store.spent({ scope: "month", period: "2026-01" }), 8 * DOLLAR);
});

test("half, four fifths and all of a budget alert once each, with where the period is heading", async () => {
  const { clock, lines, alerts, spend, budget } = open();
  await clock.advance(DAY_MS / 2);
  await spend("a", 4.9);
  assert.deepEqual(alerts(), []);
  await spend("a", 0.1);
  await spend("a", 0.1);
  assert.deepEqual(alerts(), [["tenant:a", 50]]);
  assert.partialDeepStrictEqual(lines[0], { level: "warn", limit_usd: 10, spent_usd: 5, projected_usd: 10 });
  await spend("a", 4.9);
  assert.deepEqual(alerts().at(-1), ["tenant:a", 100]);
  await budget.reserve("a", 1);
  assert.equal(alerts().length, 2);
  await clock.advance(DAY_MS);
  await spend("a", 8);
  assert.deepEqual(alerts().at(-1), ["tenant:a", 80]);
  for (let tenant = 0; tenant < 8; tenant += 1) {
    await spend(`tenant${tenant}`, 4);
  }
  assert.deepEqual(alerts().at(-1), ["month", 50]);
});

test("what is only set aside alerts nobody; a refusal does, as the budget is as good as spent", async () => {
  const { budget, alerts } = open();
  const reservation = reserved(await budget.reserve("a", 9 * DOLLAR));
  assert.deepEqual(alerts(), []);
  await budget.reserve("a", 2 * DOLLAR);
  assert.deepEqual(alerts(), [["tenant:a", 100]]);
  await budget.settle(reservation, 0);
});

test("the gauge shows the month, and the tenant with the least left today", async () => {
  const { clock, spend } = open();
  await spend("a", 2);
  await spend("b", 7);
  await spend("c", 1);
  assert.equal((await left("tenant_day")).toFixed(3), "0.300");
  assert.equal((await left("month")).toFixed(3), "0.900");
  await clock.advance(DAY_MS);
  await spend("c", 1);
  assert.equal((await left("tenant_day")).toFixed(3), "0.900");
});

test("no budget at all refuses everything that costs, and nothing that does not", async () => {
  const { budget } = open(undefined, { TENANT_DAILY_COST_USD: "0" });
  assert.partialDeepStrictEqual(await budget.reserve("a", 1), { refused: "tenant_day" });
  reserved(await budget.reserve("a", 0));
});

test("a model without a price is counted, logged and refused", async () => {
  const { budget, lines } = open();
  const before = await metricOf("agent_unknown_model_total");
  assert.equal(budget.costOf("known-2026-11-24", { input: 500_000, output: 500_001 }), 2);
  assert.throws(() => budget.costOf("other", { input: 0, output: 0 }), UpstreamError);
  assert.equal(await metricOf("agent_unknown_model_total"), before + 1);
  assert.partialDeepStrictEqual(lines.at(-1), { level: "error", model: "other" });
});

const pricesIn = (PRICES_FILE: string, MODEL_NAME: string) =>
  readPrices(readConfig({ PRICES_FILE, MODEL_NAME }).config);

test("the price table is read, with the configured model in it, or refused", () => {
  assert.deepEqual(pricesIn("config/prices.json", "offline")("offline"), { input: 0, output: 0 });
  assert.throws(() => pricesIn("config/prices.json", "unpriced"), /^SetupError: MODEL_NAME: expected a model/);
  assert.throws(() => pricesIn("package.json", "offline"), /^SetupError: PRICES_FILE: expected/);
  assert.throws(() => pricesIn("nowhere.json", "offline"), /^SetupError: PRICES_FILE: expected/);
});

test("the worst case counts all that is sent", () => {
  assert.equal(tokensOf(""), 0);
  assert.equal(tokensOf("abc"), 2);
  assert.equal(tokensOf("日本語"), 5);
  const request = { system: "s", messages: [{ role: "user", content: "m" }], tools: [], maxTokens: 7 } as const;
  const { input, output } = worstCaseTokens(request);
  assert.equal(output, 7);
  const grown = (more: object) => worstCaseTokens({ ...request, ...more }).input - input;
  assert.equal(grown({ system: "s".repeat(101) }), 50);
  assert.equal(grown({ messages: [{ role: "user", content: "m".repeat(101) }] }), 50);
  assert.ok(grown({ tools: [{ name: "n".repeat(50), description: "d".repeat(50), parameters: {} }] }) > 50);
});

test("the model that answered is told, as its price is the one that counts", () => {
  const model = "m-2026-11-24";
  const whole = openaiChat.read({ model, choices: [{ message: { content: "hi" } }] });
  const pieces = openaiChat.reader();
  pieces.take(eventOf(JSON.stringify({ model, choices: [] })));
  pieces.take(eventOf("[DONE]"));
  assert.deepEqual([whole.model, pieces.reply()?.model], [model, model]);

  const read = anthropicMessages.read({ model, content: [] });
  const reader = anthropicMessages.reader();
  reader.take(eventOf(JSON.stringify({ type: "message_start", message: { model } })));
  reader.take(eventOf(JSON.stringify({ type: "message_stop" })));
  assert.deepEqual([read.model, reader.reply()?.model], [model, model]);
});
