import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { readConfig } from "../src/config.ts";
import { createTracedModel } from "../src/model/configured.ts";
import type { ModelCall, ModelRequest } from "../src/model/model.ts";
import { createRemoteModel } from "../src/model/remote.ts";
import { UpstreamError } from "../src/resilience/failure.ts";
import { createUpstream, type Upstream } from "../src/resilience/upstream.ts";
import { type Clock, systemClock, systemRandom } from "../src/runtime.ts";
import { type Attributes, createLocalTracer, type Tracer } from "../src/traces/tracer.ts";
import { type FakeModelControl, startFakeModel } from "./fake-model.ts";
import { createClock, metrics, until } from "./kit.ts";

const trace = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", sampled: true };
const ask: ModelRequest = { system: "s", messages: [{ role: "user", content: "hi" }], tools: [], maxTokens: 9 };
const once: Upstream = { call: (attempt, { signal }) => attempt(signal) };
const ignored = () => undefined;

const callOf = (rest: Partial<ModelCall> = {}): ModelCall => ({
  signal: AbortSignal.timeout(10_000),
  deadline: Number.POSITIVE_INFINITY,
  trace,
  ...rest,
});

/** A remote model whose provider is a fake one. */
async function remote(
  t: TestContext,
  control: FakeModelControl = {},
  parts: {
    provider?: string;
    key?: () => string;
    refresh?: () => Promise<void>;
    upstream?: Upstream;
    tracer?: Tracer;
    clock?: Clock;
  } = {},
) {
  const fake = await startFakeModel(control);
  const { provider: MODEL_PROVIDER = "openai" } = parts;
  const { config } = readConfig({ MODEL_PROVIDER, MODEL_NAME: "m", MODEL_BASE_URL: `${fake.url}/v1/` });
  const model = createRemoteModel({
    config,
    upstream: parts.upstream ?? once,
    key: parts.key ?? (() => "key"),
    refreshSecrets: parts.refresh ?? (async () => undefined),
    clock: parts.clock ?? systemClock,
    random: systemRandom,
    tracer: parts.tracer ?? createLocalTracer(systemRandom),
  });
  t.after(async () => {
    await model.close();
    await fake.close();
  });
  return { fake, model };
}

for (const provider of ["openai", "anthropic"]) {
  test(`${provider}: an answer in one piece, and as it comes`, async (t) => {
    const tool = { tool: "add", arguments: { a: 1 } };
    const { fake, model } = await remote(
      t,
      { key: "key", script: [{}, {}, { usage: null }, { calls: [tool] }, { calls: [tool] }] },
      { provider },
    );
    const whole = { text: "hello from the model", calls: [], tokens: { input: 10, output: 5 } };
    assert.deepEqual(await model.complete(ask, callOf()), whole);

    const pieces: string[] = [];
    const onText = (text: string) => pieces.push(text);
    assert.deepEqual(await model.complete(ask, callOf({ onText })), whole);
    assert.deepEqual(pieces, ["hello ", "from ", "the ", "model"]);

    assert.equal((await model.complete(ask, callOf())).tokens, undefined);
    for (const call of [callOf(), callOf({ onText })]) {
      const { calls } = await model.complete(ask, call);
      assert.partialDeepStrictEqual(calls, [tool]);
    }
    for (let count = 0; count < 10; count += 1) {
      await model.complete(ask, callOf({ onText }));
    }
    assert.ok(fake.connections() <= 2, "a connection serves again once the rest of its stream has come");
    const { headers } = fake.requests()[0] ?? {};
    assert.match(String(headers?.["traceparent"]), /^00-0af7651916cd43dd8448eb211c80319c-[\da-f]{16}-01$/);
  });

  test(`${provider}: every failure has its kind, and none of the provider's words`, async (t) => {
    const { fake, model } = await remote(t, {}, { provider });
    const cases: [control: NonNullable<FakeModelControl["answer"]>, whole: object, streamed?: object][] = [
      [{ status: 500 }, { kind: "status", status: 500, retryAfterMs: undefined }],
      [{ status: 404 }, { kind: "status", status: 404 }],
      [
        { status: 429, headers: { "retry-after": "7" } },
        { kind: "status", status: 429, retryAfterMs: 7_000 },
      ],
      [
        { status: 307, headers: { location: "http://elsewhere/" } },
        { kind: "status", status: 307 },
      ],
      [{ fault: "reset" }, { kind: "reset" }],
      [{ fault: "reset_body" }, { kind: "truncated" }],
      [{ fault: "close_body" }, { kind: "truncated" }],
      [{ fault: "cut" }, { kind: "truncated" }],
      [{ fault: "malformed" }, { kind: "malformed" }],
      [{ fault: "error_event" }, { kind: "malformed" }, { kind: "truncated" }],
      [{ fault: "endless" }, { kind: "malformed" }],
    ];
    for (const [answer, whole, streamed = whole] of cases) {
      for (const [expected, call] of [
        [whole, callOf()],
        [streamed, callOf({ onText: ignored })],
      ] as const) {
        fake.control({ answer });
        const error: unknown = await model.complete(ask, call).catch((reason: unknown) => reason);
        assert.ok(error instanceof UpstreamError, String(error));
        const { kind, status, retryAfterMs } = error;
        assert.partialDeepStrictEqual({ kind, status, retryAfterMs }, expected, JSON.stringify(answer));
        assert.doesNotMatch(JSON.stringify([error, String(error)]), /upstream words/);
      }
    }
    const inOneMinute = new Date(Date.now() + 60_000).toUTCString();
    fake.control({ answer: { status: 503, headers: { "retry-after": inOneMinute } } });
    const error: unknown = await model.complete(ask, callOf()).catch((reason: unknown) => reason);
    assert.ok(error instanceof UpstreamError && Math.abs((error.retryAfterMs ?? 0) - 60_000) < 5_000);
  });
}

test("whoever cannot be reached is a failure to connect", async (t) => {
  const { fake, model } = await remote(t);
  await fake.close();
  await assert.rejects(model.complete(ask, callOf()), { name: "UpstreamError", kind: "connect" });
});

test("a signal that aborts ends the call with its reason, and the connection with it", async (t) => {
  const { fake, model } = await remote(t, { answer: { fault: "hang" } });
  for (const fault of ["hang", "hang_body"] as const) {
    fake.control({ answer: { fault } });
    const controller = new AbortController();
    const answer = model.complete(ask, callOf({ signal: controller.signal, onText: ignored }));
    setTimeout(() => controller.abort(), 50);
    await assert.rejects(answer, { name: "AbortError" });
  }
  fake.control({});
  assert.equal((await model.complete(ask, callOf())).text, "hello from the model");
});

test("an answer that nobody reads does not hold its connection", async (t) => {
  const clock = createClock();
  const { fake, model } = await remote(t, { answer: { status: 500, fault: "hang_body" } }, { clock });
  await assert.rejects(model.complete(ask, callOf()), { status: 500 });
  assert.equal(fake.open(), 1);
  await clock.advance(1_000);
  await until(() => fake.open() === 0);
  assert.equal(clock.timers(), 0);
});

test("a key that is refused is read again, and used once if it is another one", async (t) => {
  let key = "old";
  let next = "new";
  const refresh = async () => {
    key = next;
  };
  const { fake, model } = await remote(t, { key: "new" }, { key: () => key, refresh });
  assert.equal((await model.complete(ask, callOf())).text, "hello from the model");
  assert.equal(fake.calls(), 2);
  await model.complete(ask, callOf());
  assert.equal(fake.calls(), 3);

  fake.control({ key: "another" });
  await assert.rejects(model.complete(ask, callOf()), { kind: "status", status: 401 });
  assert.equal(fake.calls(), 1, "the same key is not tried again");
  next = "newer";
  await assert.rejects(model.complete(ask, callOf()), { kind: "status", status: 401 });
  assert.equal(fake.calls(), 3, "another key is tried once");
});

test("a call may be repeated until text was handed on", async (t) => {
  let repeatable: (() => boolean) | undefined;
  const upstream: Upstream = {
    call: (attempt, options) => {
      ({ repeatable } = options);
      return attempt(options.signal);
    },
  };
  const { fake, model } = await remote(t, { answer: { fault: "reset" } }, { upstream });
  await assert.rejects(model.complete(ask, callOf({ onText: ignored })), { kind: "reset" });
  assert.equal(repeatable?.(), true);
  fake.control({ answer: { fault: "cut", text: "one two three four five six" } });
  await assert.rejects(model.complete(ask, callOf({ onText: ignored })), { kind: "truncated" });
  assert.equal(repeatable?.(), false);
});

test("what may fare better is tried again, and a hanging provider is left", async (t) => {
  const { config } = readConfig({ RETRY_BASE_MS: "1" });
  const parts = { config, clock: systemClock, random: systemRandom, metrics };
  const upstream = createUpstream({ ...parts, name: "model", timeoutMs: 150 });
  const { fake, model } = await remote(t, {}, { upstream });
  const calls = async (control: FakeModelControl, call = callOf()) => {
    fake.control(control);
    const outcome = await model.complete(ask, call).then(
      ({ text }) => text,
      (error: unknown) => (error instanceof UpstreamError ? error.message : error),
    );
    return [fake.calls(), outcome];
  };
  assert.deepEqual(await calls({ script: [{ status: 503 }, { fault: "reset" }] }), [3, "hello from the model"]);
  assert.deepEqual(await calls({ script: [{ fault: "hang" }] }), [2, "hello from the model"]);
  assert.deepEqual(await calls({ answer: { status: 400 } }), [1, "upstream: status 400"]);
  assert.deepEqual(await calls({ answer: { fault: "malformed" } }), [1, "upstream: malformed"]);
  assert.deepEqual(await calls({ answer: { status: 429, headers: { "retry-after": "60" } } }), [
    1,
    "upstream: status 429",
  ]);
  const text = "one two three four five six";
  assert.deepEqual(await calls({ script: [{ fault: "cut", text }] }), [2, "hello from the model"]);
  assert.deepEqual(
    await calls({ answer: { fault: "cut", text } }, callOf({ onText: ignored })),
    [1, "upstream: truncated"],
    "what the client has seen is not said again",
  );
});

test("a call is a span, each of its requests another in it, and neither has content", async (t) => {
  const spans: { name: string; kind: string; parent: unknown; attributes: Attributes; error?: unknown }[] = [];
  const tracer: Tracer = {
    start(name, kind, parent, attributes = {}) {
      const span = { name, kind, parent: parent?.spanId, attributes: { ...attributes }, error: undefined as unknown };
      const spanId = `span ${spans.push(span)}`;
      return {
        traceId: trace.traceId,
        spanId,
        sampled: true,
        set: (more) => Object.assign(span.attributes, more),
        end: (error) => (span.error = error),
      };
    },
    close: async () => undefined,
  };
  let key = "old";
  const refresh = async () => {
    key = "new";
  };
  const { model } = await remote(t, { key: "new" }, { tracer, key: () => key, refresh });
  await createTracedModel(model, tracer).complete(ask, callOf());
  assert.partialDeepStrictEqual(spans, [
    {
      name: "chat m",
      kind: "client",
      parent: trace.spanId,
      attributes: {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "m",
        "gen_ai.request.max_tokens": 9,
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
      },
    },
    { name: "POST", kind: "client", parent: "span 1", attributes: { "http.response.status_code": 401 } },
    {
      name: "POST",
      parent: "span 1",
      attributes: { "http.response.status_code": 200, "http.request.resend_count": 1, "server.address": "127.0.0.1" },
    },
  ]);
  assert.match(String(spans[1]?.error), /401/);
  assert.doesNotMatch(JSON.stringify(spans), /hello/);
});
