import assert from "node:assert/strict";
import * as canaries from "./canaries.ts";
import { Collector, type Span } from "./collector.ts";
import { smoke, test } from "./contract.ts";
import { type Scene, sceneFor } from "./scene.ts";
import { sleep, timed, until } from "./waiting.ts";

type Test = Parameters<typeof sceneFor>[0];

async function begin(t: Test, env = {}): Promise<Scene & { collector: Collector }> {
  const collector = await Collector.start();
  const set = await sceneFor(t, { state: "memory", env: { ...collector.env, ...env } });
  t.after(() => {
    set.world.clean("the traces", collector.text);
    return collector.stop();
  });
  return { ...set, collector };
}

const named = (spans: readonly Span[], pattern: RegExp) => spans.filter(({ name }) => pattern.test(name));

smoke(
  "a run is a trace: server, invoke_agent, chat, execute_tool and client spans, each under the right one",
  async (t) => {
    const { client, model, tools, collector } = await begin(t);
    model.reply({ calls: [tools.calculate("6 * 7")], usage: { input: 11, output: 3 } }, { text: "It is 42." });
    const { trace_id } = (await client.run("compute")).run("completed");
    const spans = await collector.trace(trace_id);
    const server = spans.find(({ kind }) => kind === "server");
    const [agent] = named(spans, /^invoke_agent/);
    const chats = named(spans, /^chat/);
    const [tool] = named(spans, /^execute_tool/);
    const clients = spans.filter(({ kind, name }) => kind === "client" && !/^(chat|invoke_agent)/.test(name));
    assert.ok(server !== undefined && agent !== undefined && tool !== undefined, spans.map(({ name }) => name).join());
    assert.equal(agent.parentSpanId, server.spanId);
    assert.equal(chats.length, 2);
    assert.ok(chats.every(({ parentSpanId }) => parentSpanId === agent.spanId));
    assert.equal(tool.parentSpanId, agent.spanId);
    assert.equal(clients.length, 2);
    assert.deepEqual(
      clients.map(({ parentSpanId }) => parentSpanId).toSorted(),
      chats.map(({ spanId }) => spanId).toSorted(),
    );
  },
);

test("spans follow the GenAI conventions", async (t) => {
  const { client, model, tools, collector } = await begin(t, { SERVICE_NAME: "contract-agent" });
  model.reply({ calls: [tools.calculate("6 * 7")], usage: { input: 11, output: 3 } }, { text: "It is 42." });
  const { trace_id } = (await client.run("compute")).run("completed");
  const spans = await collector.trace(trace_id);
  const [agent] = named(spans, /^invoke_agent/);
  const chat = named(spans, /^chat/).find(({ attributes }) => Number(attributes["gen_ai.usage.input_tokens"]) === 11);
  const [tool] = named(spans, /^execute_tool/);
  assert.equal(agent?.attributes["gen_ai.operation.name"], "invoke_agent");
  assert.equal(chat?.attributes["gen_ai.operation.name"], "chat");
  assert.equal(chat?.attributes["gen_ai.request.model"], "contract-model");
  assert.equal(Number(chat?.attributes["gen_ai.usage.output_tokens"]), 3);
  assert.equal(typeof chat?.attributes["gen_ai.provider.name"], "string");
  assert.equal(tool?.attributes["gen_ai.operation.name"], "execute_tool");
  assert.equal(tool?.attributes["gen_ai.tool.name"], "calculator");
  assert.equal(collector.resource["service.name"], "contract-agent");
});

smoke("a traceparent is continued, and handed on to the model", async (t) => {
  const { client, model, collector } = await begin(t);
  const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
  const parent = "00f067aa0ba902b7";
  const headers = { traceparent: `00-${traceId}-${parent}-01` };
  assert.equal((await client.run("hello", { headers })).run("completed").trace_id, traceId);
  const spans = await collector.trace(traceId);
  assert.equal(spans.find(({ kind }) => kind === "server")?.parentSpanId, parent);
  const [, sent, span, flags] = String(model.got[0]?.headers["traceparent"]).split("-");
  assert.equal(sent, traceId);
  assert.equal(flags, "01");
  assert.ok(spans.some(({ spanId, kind }) => spanId === span && kind === "client"));
});

test("an invalid traceparent is replaced", async (t) => {
  const { client, model } = await begin(t);
  const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
  const invalid = [
    `00-${"0".repeat(32)}-00f067aa0ba902b7-01`,
    `00-${traceId}-${"0".repeat(16)}-01`,
    `ff-${traceId}-00f067aa0ba902b7-01`,
    `00-${traceId.toUpperCase()}-00f067aa0ba902b7-01`,
    `00-${traceId}-00f067aa0ba902b7`,
    `00-${traceId}-00f067aa0ba902b7-01-extra`,
    "garbage",
  ];
  for (const traceparent of invalid) {
    const { trace_id } = (await client.run("hello", { headers: { traceparent } })).run("completed");
    assert.match(trace_id, /^(?!0{32})[\da-f]{32}$/);
    assert.notEqual(trace_id, traceId, traceparent);
    assert.match(String(model.got.at(-1)?.headers["traceparent"]), new RegExp(`^00-${trace_id}-`));
  }
});

test("a call that fails is a failed span, without what the model said of it", async (t) => {
  const { client, model, collector } = await begin(t);
  model.always({ status: 400 });
  const { trace_id } = (await client.run("fail")).problem(502);
  const spans = await collector.trace(trace_id);
  assert.ok(named(spans, /^chat/).every(({ failed }) => failed));
  assert.ok(spans.find(({ kind }) => kind === "server")?.failed);
  assert.ok(!collector.text.includes(canaries.UPSTREAM_BODY));
});

smoke("the last spans are sent at the end", async (t) => {
  const { world, client, collector } = await begin(t, { OTEL_BSP_SCHEDULE_DELAY: "60000" });
  const { trace_id } = (await client.run("hello")).run("completed");
  assert.deepEqual(await world.service.end(), { code: 0, signal: null });
  const spans = collector.spans.filter(({ traceId }) => traceId === trace_id);
  assert.ok(spans.some(({ kind }) => kind === "server"));
  assert.ok(named(spans, /^invoke_agent/).length === 1 && named(spans, /^chat/).length === 1);
});

smoke("a collector that cannot be reached costs nothing but a counter", async (t) => {
  const { world, client, collector } = await begin(t);
  await collector.stop();
  for (let request = 0; request < 20; request++) {
    const { ms, value } = await timed(() => client.run("hello"));
    value.run("completed");
    assert.ok(ms < 1_000, `${ms} ms`);
  }
  assert.equal((await world.service.admin.get("/readyz")).status, 200);
  const counted = async () => {
    const samples = (await world.metrics())
      .split("\n")
      .filter((line) => /^agent_\w*(span|trace|export|otlp)\w*/.test(line));
    return samples.some((line) => Number(line.slice(line.lastIndexOf(" ") + 1)) > 0);
  };
  await until("the counter", counted, 30_000);
  const { ms, value } = await timed(() => world.service.end());
  assert.deepEqual(value, { code: 0, signal: null });
  assert.ok(ms < 12_000, `${ms} ms`);
});

test("a collector that refuses costs nothing either", async (t) => {
  const { world, client, collector } = await begin(t);
  collector.status = 503;
  (await client.run("hello")).run("completed");
  await until("an attempt", () => collector.asked > 0);
  (await client.run("hello")).run("completed");
  const { ms, value } = await timed(() => world.service.end());
  assert.deepEqual(value, { code: 0, signal: null });
  assert.ok(ms < 12_000, `${ms} ms`);
});

test("the standard variables of OpenTelemetry are heeded", async (t) => {
  const env = { OTEL_EXPORTER_OTLP_HEADERS: "x-team=blue", OTEL_RESOURCE_ATTRIBUTES: "cloud.region=nowhere-1" };
  const { client, collector } = await begin(t, env);
  const { trace_id } = (await client.run("hello")).run("completed");
  // The delay between batches is 200 ms here, and 5 s unless it is said.
  const { ms } = await timed(() => collector.trace(trace_id));
  assert.ok(ms < 3_000, `${ms} ms`);
  assert.equal(collector.headers["x-team"], "blue");
  assert.equal(collector.resource["cloud.region"], "nowhere-1");
});

test("a sampler that takes none sends none", async (t) => {
  const { client, collector } = await begin(t, { OTEL_TRACES_SAMPLER: "always_off" });
  const { trace_id } = (await client.run("hello")).run("completed");
  assert.match(trace_id, /^[\da-f]{32}$/);
  await sleep(1_500);
  assert.equal(collector.spans.length, 0);
});
