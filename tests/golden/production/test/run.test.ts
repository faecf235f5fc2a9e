import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { UpstreamError } from "../src/resilience/failure.ts";
import { defineTool } from "../src/tools/tool.ts";
import { until } from "./kit.ts";
import { scripted, serve } from "./support.ts";

const tokens = { input: 3, output: 5 };
const callOf = (tool: string, args: unknown = {}) => ({ id: "call", tool, arguments: args });
const never = () => new Promise<never>(() => undefined);

test("the offline model calls the calculator for arithmetic and repeats anything else", async (t) => {
  const { post } = await serve(t);
  const run = async (body: object): Promise<unknown> => (await post(body)).json();
  assert.partialDeepStrictEqual(await run({ input: "What is (2 + 3) * 4, and 7/2?" }), {
    status: "completed",
    output: "calculator: 20\ncalculator: 3.5",
    steps: 2,
    usage: { cost_usd: 0 },
  });
  assert.partialDeepStrictEqual(await run({ input: "hello" }), { output: "You said: hello", steps: 1 });
  assert.partialDeepStrictEqual(await run({ input: "1 + 1", tools: [] }), { output: "You said: 1 + 1" });
  assert.partialDeepStrictEqual(await run({ input: 'calculator {"expression": 1}' }), { status: "completed" });
});

test("a run stops at its limits", async (t) => {
  const model = scripted(async () => ({ text: "more", calls: [callOf("calculator")], tokens }));
  const { post, admin } = await serve(t, { RUN_MAX_STEPS: "3", RUN_MAX_TOOL_CALLS: "2" }, { model });
  const stopped = async (body: object): Promise<unknown> => (await post({ input: "x", ...body })).json();
  assert.partialDeepStrictEqual(await stopped({}), { status: "stopped", reason: "max_tool_calls", steps: 3 });
  assert.partialDeepStrictEqual(await stopped({ max_steps: 1 }), { reason: "max_steps", steps: 1 });
  assert.equal((await post({ input: "x", max_steps: 4 })).status, 422);
  const metrics = await (await admin("/metrics")).text();
  assert.match(metrics, /agent_runs_total\{status="stopped",reason="max_steps"\} 1/);
  assert.match(metrics, /agent_tokens_total\{model="offline",direction="output"\} 20/);
});

test("a deadline is 504 before the first answer of the model, and a stopped run after it", async (t) => {
  let answers = 0;
  const model = scripted(async () =>
    answers++ === 0 ? { text: "so far", calls: [callOf("calculator")], tokens } : never(),
  );
  const { post } = await serve(t, { RUN_DEADLINE_MS: "100" }, { model });
  const first = await post({ input: "x" });
  assert.partialDeepStrictEqual(await first.json(), { reason: "deadline", output: "so far", steps: 1 });
  const second = await post({ input: "x" });
  assert.equal(second.status, 504);
});

test("what goes wrong in a tool goes back to the model, and no more of it than is safe", async (t) => {
  const run = { name: "", description: "", version: "1", risk: "read" as const, arguments: z.strictObject({}) };
  const slow = defineTool({ ...run, name: "slow", run: never });
  const broken = defineTool({ ...run, name: "broken", run: () => Promise.reject(new Error("hunter2")) });
  const model = scripted(async ({ messages }) => {
    const results = messages.filter((message) => message.role === "tool").map(({ content }) => content);
    const calls = [callOf("slow"), callOf("broken"), callOf("missing"), callOf("slow", { no: 1 })];
    return { text: results.join("\n"), calls: results.length === 0 ? calls : [], tokens };
  });
  const { post } = await serve(t, { TOOL_TIMEOUT_MS: "50" }, { model, tools: [slow, broken] });
  const answer: unknown = await (await post({ input: "x" })).json();
  const { output } = z.object({ output: z.string() }).parse(answer);
  assert.match(output, /^error: no result within 50 ms\nerror: the tool failed\nerror: there is no such tool\n/);
  assert.match(output, /bad arguments: .*"no"/s);
  assert.doesNotMatch(output, /hunter2/);
});

test("a failing model is 502 without its words, a client that leaves cancels its run", async (t) => {
  const model = scripted(async ({ messages }, { signal }) => {
    if (messages[0]?.content === "fail") {
      throw new UpstreamError("malformed", { cause: new Error("hunter2") });
    }
    return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("gone"))));
  });
  const { post, admin } = await serve(t, {}, { model });
  const failed = await post({ input: "fail" });
  assert.equal(failed.status, 502);
  assert.doesNotMatch(await failed.text(), /hunter2/);

  await assert.rejects(post({ input: "wait" }, {}, AbortSignal.timeout(100)));
  const cancelled = /agent_runs_total\{status="cancelled",reason="none"\} 1/;
  await until(async () => cancelled.test(await (await admin("/metrics")).text()));
});
