import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { z } from "zod";
import { anthropicMessages } from "../src/model/anthropic-messages.ts";
import type { ModelReply } from "../src/model/model.ts";
import { openaiChat } from "../src/model/openai-chat.ts";
import { type FakeModelControl, startFakeModel } from "./fake-model.ts";
import { eventsOf } from "./kit.ts";
import { secretFolder, serve } from "./support.ts";

const MODELS = { openai: "gpt-6-luna", anthropic: "claude-haiku-4-5" };
const add = { tool: "calculator", arguments: { expression: "6 * 7" } };

/** A service in front of a fake provider. */
async function serveWith(t: TestContext, provider: keyof typeof MODELS, control: FakeModelControl) {
  const fake = await startFakeModel({ key: "canary-key", ...control });
  t.after(() => fake.close());
  const secrets = secretFolder(t, "model_api_key", "canary-key\n");
  const service = await serve(t, {
    MODEL_PROVIDER: provider,
    MODEL_NAME: MODELS[provider],
    MODEL_BASE_URL: `${fake.url}/v1`,
    SECRETS_DIR: secrets.dir,
    RETRY_BASE_MS: "1",
  });
  return { fake, secrets, ...service };
}

for (const provider of ["openai", "anthropic"] as const) {
  test(`${provider}: a run calls a tool and answers with what the provider makes of it`, async (t) => {
    const { fake, post, admin, lines } = await serveWith(t, provider, { answer: { text: "it is 42", calls: [add] } });
    assert.partialDeepStrictEqual(await (await post({ input: "canary-prompt" })).json(), {
      status: "completed",
      output: "it is 42",
      steps: 2,
      usage: { input_tokens: 20, output_tokens: 10 },
    });
    const [, second] = fake.requests().map(({ body }) => JSON.stringify(body));
    assert.match(
      second ?? "",
      /<untrusted source=\\"calculator\\" id=\\"(\w{16})\\">\\n42\\n<\/untrusted id=\\"\1\\">/,
    );

    const streamed = eventsOf(await (await post({ input: "canary-prompt", stream: true })).text());
    const text = streamed
      .filter(({ event }) => event === "text.delta")
      .map(({ data }) => z.object({ text: z.string() }).parse(data).text);
    assert.deepEqual(text, ["it ", "is ", "42"]);
    assert.deepEqual(
      streamed.map(({ event }) => event).filter((event) => event !== "text.delta"),
      ["run.started", "step.started", "tool.started", "tool.finished", "step.started", "run.finished"],
    );
    const metrics = await (await admin("/metrics")).text();
    assert.match(metrics, /agent_model_requests_total\{provider="\w+",model="[\w-]+",outcome="success"\} 4/);
    assert.doesNotMatch(metrics + lines.join(""), /canary|it is 42/);
  });

  test(`${provider}: what a client is told when the provider fails`, async (t) => {
    const { fake, post, lines } = await serveWith(t, provider, {});
    const cases: [answer: NonNullable<FakeModelControl["answer"]>, status: number, calls: number][] = [
      [{ status: 500 }, 502, 3],
      [{ status: 400 }, 502, 1],
      [{ status: 429, headers: { "retry-after": "60" } }, 503, 1],
      [{ fault: "malformed" }, 502, 1],
    ];
    for (const [answer, status, calls] of cases) {
      fake.control({ answer });
      const response = await post({ input: "canary-prompt" });
      assert.equal(response.status, status, JSON.stringify(answer));
      assert.equal(fake.calls(), calls, JSON.stringify(answer));
      assert.equal(response.headers.get("retry-after"), status === 503 ? "60" : null);
      assert.doesNotMatch(await response.text(), /upstream words|canary/);
    }
    assert.doesNotMatch(lines.join(""), /upstream words|canary/);
  });
}

test("a key that was rotated is picked up when the old one is refused", async (t) => {
  const { fake, secrets, post } = await serveWith(t, "openai", {});
  fake.control({ key: "canary-next" });
  secrets.put("canary-next");
  assert.equal((await post({ input: "hi" })).status, 200);
  assert.equal(fake.calls(), 2);
});

test("a provider that does not count costs the worst case", async (t) => {
  const { fake, post } = await serveWith(t, "anthropic", { answer: { usage: null } });
  const { usage } = z
    .object({ usage: z.object({ output_tokens: z.int(), cost_usd: z.number() }) })
    .parse(await (await post({ input: "hi" })).json());
  const { max_tokens: limit } = z.object({ max_tokens: z.int() }).parse(fake.requests()[0]?.body);
  assert.equal(usage.output_tokens, limit);
  assert.ok(usage.cost_usd > 0);
});

const options = {
  model: "m",
  limitField: "max_tokens",
  stream: false,
  takesExtra: true,
  mark: (_source: string, text: string) => text,
} as const;
const content = [
  { type: "thinking", thinking: "hm", signature: "signed", other: 1 },
  { type: "redacted_thinking", data: "sealed" },
  { type: "text", text: "so" },
  { type: "tool_use", id: "1", name: "add", input: { a: 1 } },
  { type: "tool_use", id: "2", name: "add", input: { a: 2 } },
];

const added = (delta: object) => ({ type: "content_block_delta", index: 0, delta });

/** What the conversation looks like to a provider after this answer. */
function told(wire: typeof anthropicMessages, { text, calls }: ModelReply): object {
  const answer = { role: "assistant", content: text, calls } as const;
  return wire.write({ system: "", tools: [], maxTokens: 1, messages: [answer] }, options);
}

test("signed thoughts go back as they came, in front of what followed from them", () => {
  const whole = anthropicMessages.read({ content });
  assert.partialDeepStrictEqual(told(anthropicMessages, whole), { messages: [{ role: "assistant", content }] });

  const reader = anthropicMessages.reader();
  const block = (index: number, rest: object = {}) => [
    { type: "content_block_start", index, content_block: { ...content[index], ...rest } },
  ];
  const events = [
    ...block(0, { thinking: "", signature: "" }),
    added({ type: "thinking_delta", thinking: "h" }),
    added({ type: "thinking_delta", thinking: "m" }),
    added({ type: "signature_delta", signature: "signed" }),
    ...[1, 2, 3, 4].flatMap((index) => block(index)),
    { type: "message_stop" },
  ];
  for (const event of events) {
    reader.take({ event: "message", data: JSON.stringify(event) });
  }
  assert.deepEqual(reader.reply(), whole);
});

test("thoughts are told to no other provider, and what other providers signed is no thought", () => {
  const whole = anthropicMessages.read({ content });
  assert.doesNotMatch(JSON.stringify(told(openaiChat, whole)), /sealed/);
  const call = { id: "1", tool: "add", arguments: {}, extra: { google: "signature" } };
  assert.doesNotMatch(JSON.stringify(told(anthropicMessages, { text: "", calls: [call] })), /signature/);
});
