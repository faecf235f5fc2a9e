import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test, type TestContext } from "node:test";
import { z } from "zod";
import { readConfig } from "../src/config.ts";
import { createLogger } from "../src/logs/logger.ts";
import { createMetrics } from "../src/metrics/metrics.ts";
import { systemClock, systemRandom } from "../src/runtime.ts";
import { createOtlpTracer } from "../src/traces/otlp.ts";
import { parseTraceparent, traceparent } from "../src/traces/tracer.ts";

const attribute = z.object({ key: z.string(), value: z.record(z.string(), z.unknown()) });
const span = z.object({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().optional(),
  name: z.string(),
  kind: z.int(),
  startTimeUnixNano: z.string(),
  endTimeUnixNano: z.string(),
  attributes: z.array(attribute),
  status: z.object({ code: z.int(), message: z.string().optional() }),
});
const request = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes: z.array(attribute) }),
      scopeSpans: z.array(z.object({ spans: z.array(span) })),
    }),
  ),
});

/** A collector that keeps what it gets; it answers when `answer` lets it. */
async function collector(t: TestContext, answer: () => Promise<number> = async () => 200) {
  const bodies: string[] = [];
  const server = createServer((incoming, response) => {
    let body = `${incoming.url} ${incoming.headers["content-type"]} `;
    incoming.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
    incoming.on("end", () => {
      bodies.push(body);
      void answer().then((status) => response.writeHead(status, { "content-type": "application/json" }).end("{}"));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  const requests = () => bodies.map((body) => request.parse(JSON.parse(body.slice(body.indexOf("{")))));
  return {
    endpoint: `http://127.0.0.1:${port}`,
    bodies,
    requests,
    spans: () =>
      requests().flatMap((each) => each.resourceSpans.flatMap((part) => part.scopeSpans.flatMap((s) => s.spans))),
  };
}

function tracing(env: Record<string, string>) {
  const { config, problems } = readConfig({
    ENVIRONMENT: "development",
    AUTH_MODE: "none",
    SERVICE_NAME: "demo",
    ...env,
  });
  assert.deepEqual(problems, []);
  const metrics = createMetrics(config);
  const lines: string[] = [];
  const log = createLogger({ config, clock: systemClock }, { write: (line) => lines.push(line) });
  const tracer = createOtlpTracer({ config, random: systemRandom, clock: systemClock, log, metrics });
  const dropped = async () => (await metrics.spansDropped.get()).values[0]?.value ?? 0;
  return { tracer, lines, dropped, close: (ms: number) => tracer.close(systemClock.monotonic() + ms) };
}

test("spans reach the collector with their parents, attributes and the class of an error alone", async (t) => {
  const { endpoint, bodies, requests, spans } = await collector(t);
  const { tracer, dropped, close } = tracing({ OTEL_EXPORTER_OTLP_ENDPOINT: `${endpoint}/` });
  const before = Date.now();
  const remote = { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7", sampled: true };
  const server = tracer.start("POST /v1/runs", "server", remote, { "http.request.method": "POST", absent: undefined });
  const chat = tracer.start("chat", "client", server);
  chat.set({ "gen_ai.usage.input_tokens": 12, long: "x".repeat(5_000) });
  chat.end(new TypeError("a canary in the message"));
  server.end();
  const root = tracer.start("alone", "internal");
  root.end();
  await close(5_000);

  assert.match(bodies[0] ?? "", /^\/v1\/traces application\/json \{/);
  assert.doesNotMatch(bodies.join(""), /canary/);
  const attributes = requests()[0]?.resourceSpans[0]?.resource.attributes;
  assert.ok(attributes?.some(({ key, value }) => key === "service.name" && value["stringValue"] === "demo"));
  const [first, second, third] = spans();
  assert.partialDeepStrictEqual(first, {
    name: "chat",
    kind: 3,
    traceId: remote.traceId,
    spanId: chat.spanId,
    parentSpanId: server.spanId,
    status: { code: 2 },
    attributes: [
      { key: "gen_ai.usage.input_tokens", value: { intValue: 12 } },
      { key: "long", value: { stringValue: "x".repeat(1_024) } },
      { key: "error.type", value: { stringValue: "TypeError" } },
    ],
  });
  assert.partialDeepStrictEqual(second, { name: "POST /v1/runs", kind: 2, parentSpanId: remote.spanId });
  assert.partialDeepStrictEqual(second?.attributes, [{ key: "http.request.method", value: { stringValue: "POST" } }]);
  assert.equal(second?.attributes.length, 1);
  assert.partialDeepStrictEqual(third, { name: "alone", kind: 1, traceId: root.traceId, status: { code: 0 } });
  assert.equal(third?.parentSpanId, undefined);
  const [start = 0, end = 0] = [first?.startTimeUnixNano, first?.endTimeUnixNano].map((time) => Number(time) / 1e6);
  assert.ok(before <= start && start <= end && end <= Date.now() + 1, `${before} ${start} ${end}`);
  assert.equal(await dropped(), 0);
});

test("all that waits is sent at the end", async (t) => {
  const { endpoint, spans } = await collector(t);
  const { tracer, dropped, close } = tracing({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint });
  for (let i = 0; i < 1_500; i += 1) {
    tracer.start("x", "internal").end();
  }
  await close(5_000);
  assert.deepEqual([spans().length, await dropped()], [1_500, 0]);
});

test("whether a trace is sampled is its parent's decision, else the sampler's", async (t) => {
  const { endpoint, spans } = await collector(t);
  const parent = { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7" };
  const cases: [sampler: string, sampledParent: boolean | undefined, sampled: boolean][] = [
    ["parentbased_always_on", undefined, true],
    ["parentbased_always_on", true, true],
    ["parentbased_always_on", false, false],
    ["parentbased_always_off", undefined, false],
    ["parentbased_always_off", true, true],
    ["parentbased_traceidratio", undefined, false],
    ["parentbased_traceidratio", true, true],
    ["always_on", false, true],
    ["always_off", true, false],
    ["traceidratio", true, false],
  ];
  for (const [OTEL_TRACES_SAMPLER, sampled, expected] of cases) {
    const OTEL_TRACES_SAMPLER_ARG = "0.000001";
    const env = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${endpoint}/x`, OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG };
    const { tracer, close } = tracing(env);
    const started = tracer.start("x", "server", sampled === undefined ? undefined : { ...parent, sampled });
    const child = tracer.start("y", "client", started);
    assert.deepEqual([started.sampled, child.sampled], [expected, expected], `${OTEL_TRACES_SAMPLER} ${sampled}`);
    assert.match(started.traceId + started.spanId, /^[\da-f]{48}$/);
    const before = spans().length;
    child.end();
    started.end();
    await close(5_000);
    assert.equal(spans().length - before, expected ? 2 : 0);
  }
});

test("a collector that is out of reach costs a counter and one log line, and no time beyond the deadline", async (t) => {
  const { endpoint } = await collector(t, () => new Promise(() => undefined));
  // How long the exporter itself goes on trying, which would keep this process.
  process.env["OTEL_EXPORTER_OTLP_TIMEOUT"] = "500";
  t.after(() => delete process.env["OTEL_EXPORTER_OTLP_TIMEOUT"]);
  for (const OTEL_EXPORTER_OTLP_ENDPOINT of [endpoint, "http://127.0.0.1:9"]) {
    const { tracer, lines, dropped, close } = tracing({ OTEL_EXPORTER_OTLP_ENDPOINT });
    for (let i = 0; i < 3_000; i += 1) {
      tracer.start("x", "internal").end();
    }
    assert.equal(await dropped(), 3_000 - 512 - 2_048);
    const started = systemClock.monotonic();
    await close(200);
    assert.ok(systemClock.monotonic() - started < 1_000);
    assert.equal(await dropped(), 3_000);
    assert.ok(lines.length <= 1, lines.join(""));
    tracer.start("late", "internal").end();
    await new Promise((resolve) => setTimeout(resolve, 600));
    assert.equal(await dropped(), 3_001);
  }
});

test("a collector that refuses is told of once for each outage", async (t) => {
  let status = 400;
  const { endpoint } = await collector(t, async () => status);
  const { tracer, lines, dropped, close } = tracing({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint });
  const batch = async (): Promise<void> => {
    const before = await dropped();
    for (let i = 0; i < 512; i += 1) {
      tracer.start("x", "internal").end();
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal((await dropped()) - before, status === 200 ? 0 : 512);
  };
  await batch();
  await batch();
  status = 200;
  await batch();
  await batch();
  await close(1_000);
  assert.deepEqual(
    lines.map((line) => /"level":"(\w+)"/.exec(line)?.[1]),
    ["warn", "info"],
  );
});

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";

test("a valid traceparent is read, whatever its flags and later versions add", () => {
  const cases: [header: string, sampled: boolean][] = [
    [`00-${TRACE}-${SPAN}-01`, true],
    [`00-${TRACE}-${SPAN}-00`, false],
    [`00-${TRACE}-${SPAN}-03`, true],
    [`00-${TRACE}-${SPAN}-fe`, false],
    [`00-${TRACE}-${SPAN}-ff`, true],
    [`01-${TRACE}-${SPAN}-01`, true],
    [`cc-${TRACE}-${SPAN}-01-what-the-future-will-be-like`, true],
    [`fe-${TRACE}-${SPAN}-00-`, false],
  ];
  for (const [header, sampled] of cases) {
    assert.deepEqual(parseTraceparent(header), { traceId: TRACE, spanId: SPAN, sampled }, header);
  }
  const context = { traceId: TRACE, spanId: SPAN, sampled: true };
  assert.deepEqual(parseTraceparent(traceparent(context)), context);
});

test("an invalid traceparent is none", () => {
  const cases: unknown[] = [
    undefined,
    "",
    "nonsense",
    42,
    [`00-${TRACE}-${SPAN}-01`],
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${TRACE}-${SPAN}-01-`,
    `cc-${TRACE}-${SPAN}-01.more`,
    `0-${TRACE}-${SPAN}-01`,
    `000-${TRACE}-${SPAN}-01`,
    `00-${"0".repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${"0".repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE}-${SPAN.toUpperCase()}-01`,
    `00-${TRACE.slice(1)}-${SPAN}-01`,
    `00-${TRACE}0-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-1`,
    `00-${TRACE}-${SPAN}-0x`,
    `00-${TRACE}-${SPAN}`,
    ` 00-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01\n`,
    `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`,
  ];
  for (const value of cases) {
    assert.equal(parseTraceparent(value), undefined, String(value));
  }
});
