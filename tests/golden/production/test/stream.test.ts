import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { defineTool } from "../src/tools/tool.ts";
import { eventsOf, until } from "./kit.ts";
import { scripted, serve } from "./support.ts";

const tokens = { input: 3, output: 5 };
const SSE = { accept: "text/event-stream" };
const answer = z.looseObject({ id: z.string(), session_id: z.string(), status: z.string(), output: z.string() });
const awaiting = answer.extend({ approvals: z.array(z.object({ approval_id: z.string(), tool: z.string() })) });
const write = defineTool({
  name: "write",
  description: "Writes.",
  version: "1",
  risk: "write",
  arguments: z.strictObject({ text: z.string() }),
  run: async ({ text }) => `wrote ${text}`,
});
/** Asks for one risky call, then says what came of it. */
const writer = scripted(async ({ messages }) => {
  const last = messages.at(-1);
  return last?.role === "tool"
    ? { text: last.content, calls: [], tokens }
    : { text: "", calls: [{ id: "1", tool: "write", arguments: { text: "it" } }], tokens };
});

test("a run is told as events with increasing ids, and again from any of them on", async (t) => {
  const { post, get } = await serve(t);
  const response = await post({ input: "1 + 1", tools: ["calculator"] }, SSE);
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  const events = eventsOf(await response.text());
  assert.deepEqual(
    events.map(({ event }) => event).filter((event, index, all) => event !== all[index - 1]),
    ["run.started", "step.started", "tool.started", "tool.finished", "step.started", "text.delta", "run.finished"],
  );
  assert.deepEqual(
    events.map(({ id }) => id),
    events.map((_, index) => index + 1),
  );
  const { id } = answer.parse(events.at(-1)?.data);
  const resumed = await get(`/v1/runs/${id}/events`, { headers: { "last-event-id": "5" } });
  assert.deepEqual(eventsOf(await resumed.text()), events.slice(5));
  assert.partialDeepStrictEqual(await (await get(`/v1/runs/${id}`)).json(), events.at(-1)?.data);
  assert.equal((await get("/v1/runs/run_none/events")).status, 404);
  assert.equal((await get(`/v1/runs/${id}/events`, { headers: { "last-event-id": "x" } })).status, 400);
});

test("text comes as the model says it", async (t) => {
  const release = Promise.withResolvers<void>();
  const model = scripted(async (_request, { onText }) => {
    onText?.("one ");
    await release.promise;
    onText?.("two");
    return { text: "one two", calls: [], tokens };
  });
  const { post } = await serve(t, {}, { model });
  const response = await post({ input: "x", stream: true });
  const reader = response.body?.getReader();
  let seen = "";
  while (!seen.includes("one")) {
    seen += Buffer.from((await reader?.read())?.value ?? []).toString();
  }
  release.resolve();
  for (let chunk = await reader?.read(); chunk?.done === false; chunk = await reader?.read()) {
    seen += Buffer.from(chunk.value).toString();
  }
  const deltas = eventsOf(seen).filter(({ event }) => event === "text.delta");
  assert.deepEqual(
    deltas.map(({ data }) => data),
    [{ text: "one " }, { text: "two" }],
  );
});

test("a risky call waits for a human, who decides once and for these arguments", async (t) => {
  const { post, get, lines } = await serve(t, { APPROVAL_TTL_MS: "60000" }, { model: writer, tools: [write] });
  const stream = eventsOf(await (await post({ input: "x" }, SSE)).text());
  assert.equal(stream.at(-1)?.event, "approval.required");
  for (const [decision, output] of Object.entries({ approve: "wrote it", deny: "error: a human denied this call" })) {
    const waiting = awaiting.parse(await (await post({ input: "x" })).json());
    assert.equal(waiting.status, "awaiting_approval");
    const approval_id = waiting.approvals[0]?.approval_id;
    const path = `/v1/runs/${waiting.id}/approvals`;
    const decide = (body: object) =>
      get(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    assert.equal((await decide({ approval_id: "apr_none", decision })).status, 404);
    assert.equal((await decide({ approval_id, decision })).status, 202);
    assert.equal((await decide({ approval_id, decision })).status, 409);
    const events = eventsOf(await (await get(`/v1/runs/${waiting.id}/events`)).text());
    assert.partialDeepStrictEqual(events.at(-1), { event: "run.finished", data: { status: "completed", output } });
  }
  assert.ok(!lines.some((line) => line.includes("wrote it")));
});

test("an approval expires, and its run with it", async (t) => {
  const { post, get } = await serve(t, { APPROVAL_TTL_MS: "1" }, { model: writer, tools: [write] });
  const waiting = awaiting.parse(await (await post({ input: "x" })).json());
  await until(async () => answer.parse(await (await get(`/v1/runs/${waiting.id}`)).json()).status === "stopped");
  const decide = await get(`/v1/runs/${waiting.id}/approvals`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ approval_id: waiting.approvals[0]?.approval_id, decision: "approve" }),
  });
  assert.equal(decide.status, 409);
});

test("a session carries the conversation on, and leaves nothing once it is erased", async (t) => {
  const model = scripted(async ({ messages }) => ({ text: `${messages.length}`, calls: [], tokens }));
  const { post, get } = await serve(t, {}, { model });
  const run = async (): Promise<unknown> => (await post({ input: "x", session_id: "mine" })).json();
  assert.partialDeepStrictEqual(await run(), { output: "1", session_id: "mine" });
  const second = answer.parse(await run());
  assert.equal(second.output, "3");
  const messages = [
    { role: "user", content: "x" },
    { role: "assistant", content: "1" },
  ];
  assert.partialDeepStrictEqual(await (await get("/v1/sessions/mine")).json(), { id: "mine", messages });
  assert.equal((await get("/v1/sessions/mine", { method: "DELETE" })).status, 204);
  assert.equal((await get(`/v1/runs/${second.id}`)).status, 404);
  assert.equal((await get("/v1/sessions/mine")).status, 410);
  assert.equal((await post({ input: "x", session_id: "mine" })).status, 410);
  assert.equal((await get("/v1/sessions/other", { method: "DELETE" })).status, 404);
});

test("a key stands for one body, and its answer comes again", async (t) => {
  const gate = Promise.withResolvers<void>();
  let calls = 0;
  const model = scripted(async ({ messages }) => {
    calls += 1;
    await (messages[0]?.content === "wait" ? gate.promise : undefined);
    return { text: `${calls}`, calls: [], tokens };
  });
  const { post, get } = await serve(t, {}, { model });
  const keyed = (input: string, key: string, more: object = {}) => post({ input, ...more }, { "idempotency-key": key });
  const first = await keyed("x", "a");
  const again = await keyed("x", "a");
  assert.equal(await again.text(), await first.text());
  assert.equal(again.headers.get("idempotency-replayed"), "true");
  assert.equal((await keyed("y", "a")).status, 422);
  assert.equal(calls, 1);

  const cut = new AbortController();
  const left = post({ input: "wait" }, { "idempotency-key": "b" }, cut.signal);
  await until(() => calls === 2);
  const busy = await keyed("wait", "b");
  const { run_id } = z.object({ run_id: z.string() }).parse(await busy.json());
  assert.equal(busy.status, 409);
  cut.abort();
  await assert.rejects(left);
  gate.resolve();
  const events = eventsOf(await (await get(`/v1/runs/${run_id}/events`)).text());
  assert.equal(events.at(-1)?.event, "run.finished");
});

test("a run is ended by its client, by the kill switch, and by nobody else", async (t) => {
  const model = scripted((_request, { signal }) => {
    const { promise, reject } = Promise.withResolvers<never>();
    signal.addEventListener("abort", () => reject(signal.reason));
    return promise;
  });
  const { post, get } = await serve(t, {}, { model });
  const pending = post({ input: "x" }, SSE);
  const [, id = ""] =
    /"id":"(run_\w+)"/.exec(Buffer.from((await (await pending).body?.getReader().read())?.value ?? []).toString()) ??
    [];
  assert.partialDeepStrictEqual(await (await get(`/v1/runs/${id}`, { method: "DELETE" })).json(), {
    status: "cancelled",
  });
  const disabled = await serve(t, { AGENT_DISABLED_FILE: "package.json" });
  const refused = await disabled.post({ input: "x" });
  assert.equal(refused.status, 503);
  assert.ok(refused.headers.has("retry-after"));
});

test("what a tenant may do at once and in a minute is bounded", async (t) => {
  const { post } = await serve(t, { TENANT_REQUESTS_PER_MINUTE: "2" });
  const statuses = [];
  for (let index = 0; index < 3; index += 1) {
    statuses.push((await post({ input: "x" })).status);
  }
  assert.deepEqual(statuses, [200, 200, 429]);
  const model = scripted(() => new Promise(() => undefined));
  const busy = await serve(t, { TENANT_CONCURRENCY: "1", RUN_DEADLINE_MS: "300" }, { model });
  const first = busy.post({ input: "x" });
  await until(async () => (await (await busy.admin("/metrics")).text()).includes("agent_http_in_flight 1"));
  assert.equal((await busy.post({ input: "x" })).status, 429);
  assert.equal((await first).status, 504);
});
