import assert from "node:assert/strict";
import { test } from "node:test";
import { anthropicMessages } from "../src/model/anthropic-messages.ts";
import type { ModelReply, ModelRequest } from "../src/model/model.ts";
import { openaiChat } from "../src/model/openai-chat.ts";
import type { SseEvent } from "../src/model/sse.ts";
import type { Wire } from "../src/model/wire.ts";

const message = (data: string): SseEvent => ({ event: "message", data });
const options = {
  model: "m",
  limitField: "max_tokens",
  takesExtra: false,
  mark: (source: string, text: string) => `<${source}>${text}`,
} as const;

const conversation: ModelRequest = {
  system: "be good",
  maxTokens: 7,
  tools: [{ name: "add", description: "adds", parameters: { $schema: "x", type: "object" } }],
  messages: [
    { role: "user", content: "hi" },
    {
      role: "assistant",
      content: "",
      calls: [
        { id: "1", tool: "add", arguments: { a: 1 }, extra: { google: "signature" } },
        { id: "2", tool: "add it!", arguments: "{oops" },
      ],
    },
    { role: "tool", callId: "1", tool: "add", content: "2" },
    { role: "tool", callId: "2", tool: "add it!", content: "error: no such tool" },
    { role: "assistant", content: "two" },
    { role: "user", content: "thanks" },
  ],
};

const written = (id: string, name: string, args: string, rest: object = {}) => ({
  id,
  type: "function",
  function: { name, arguments: args },
  ...rest,
});

test("openai-chat: a request", () => {
  const write = (stream: boolean, takesExtra = true): unknown =>
    JSON.parse(
      JSON.stringify(
        openaiChat.write(conversation, { ...options, limitField: "max_completion_tokens", stream, takesExtra }),
      ),
    );
  assert.deepEqual(write(false), {
    model: "m",
    max_completion_tokens: 7,
    tools: [{ type: "function", function: { name: "add", description: "adds", parameters: { type: "object" } } }],
    messages: [
      { role: "system", content: "be good" },
      { role: "user", content: "hi" },
      {
        role: "assistant",
        content: null,
        tool_calls: [
          written("1", "add", '{"a":1}', { extra_content: { google: "signature" } }),
          written("2", "add_it_", '{"invalid":"{oops"}'),
        ],
      },
      { role: "tool", tool_call_id: "1", content: "<add>2" },
      { role: "tool", tool_call_id: "2", content: "<add it!>error: no such tool" },
      { role: "assistant", content: "two" },
      { role: "user", content: "thanks" },
    ],
  });
  assert.partialDeepStrictEqual(write(true), { stream: true, stream_options: { include_usage: true } });
  assert.doesNotMatch(JSON.stringify(write(true, false)), /signature/, "not for a provider that does not know it");
  assert.equal("tools" in openaiChat.write({ ...conversation, tools: [] }, { ...options, stream: false }), false);
});

test("anthropic-messages: a request", () => {
  assert.deepEqual(anthropicMessages.write(conversation, { ...options, stream: true }), {
    model: "m",
    system: "be good",
    max_tokens: 7,
    stream: true,
    tools: [{ name: "add", description: "adds", input_schema: { $schema: "x", type: "object" } }],
    messages: [
      { role: "user", content: [{ type: "text", text: "hi" }] },
      {
        role: "assistant",
        content: [
          { type: "tool_use", id: "1", name: "add", input: { a: 1 } },
          { type: "tool_use", id: "2", name: "add_it_", input: { invalid: "{oops" } },
        ],
      },
      {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: "1", content: "<add>2" },
          { type: "tool_result", tool_use_id: "2", content: "<add it!>error: no such tool" },
        ],
      },
      { role: "assistant", content: [{ type: "text", text: "two" }] },
      { role: "user", content: [{ type: "text", text: "thanks" }] },
    ],
  });
});

const openaiMessage = (rest: object, usage?: object) => ({
  choices: [{ index: 0, message: rest, finish_reason: "stop" }],
  usage,
});
const openaiCall = (id: string | undefined, args: string) => ({
  id,
  type: "function",
  function: { name: "add", arguments: args },
});

test("openai-chat: an answer", () => {
  const usage = { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 };
  const cases: [body: object, expected: ModelReply][] = [
    [openaiMessage({ content: "hi" }, usage), { text: "hi", calls: [], tokens: { input: 3, output: 5 } }],
    // Gemini counts its thoughts in the total alone.
    [
      openaiMessage({ content: "hi" }, { ...usage, total_tokens: 20 }),
      { text: "hi", calls: [], tokens: { input: 3, output: 17 } },
    ],
    [openaiMessage({ content: null, refusal: "no" }), { text: "no", calls: [] }],
    [
      openaiMessage({
        content: null,
        tool_calls: [openaiCall("1", '{"a":1}'), openaiCall("2", ""), openaiCall(undefined, "{oops")],
      }),
      {
        text: "",
        calls: [
          { id: "1", tool: "add", arguments: { a: 1 } },
          { id: "2", tool: "add", arguments: {} },
          { id: "", tool: "add", arguments: "{oops" },
        ],
      },
    ],
    [
      openaiMessage({ tool_calls: [{ ...openaiCall("1", "{}"), extra_content: { google: "s" } }] }),
      { text: "", calls: [{ id: "1", tool: "add", arguments: {}, extra: { google: "s" } }] },
    ],
  ];
  for (const [body, expected] of cases) {
    assert.deepEqual(openaiChat.read(body), expected);
  }
  const bad = [
    null,
    [],
    {},
    { choices: [] },
    { choices: [{ message: null }] },
    openaiMessage({ content: 1 }),
    openaiMessage({ content: "a" }, { ...usage, prompt_tokens: -1 }),
  ];
  for (const body of [...bad, openaiMessage({ tool_calls: [{ id: "1", function: { arguments: "{}" } }] })]) {
    assert.throws(() => openaiChat.read(body), { kind: "malformed" }, JSON.stringify(body));
  }
});

test("anthropic-messages: an answer", () => {
  const usage = { input_tokens: 3, output_tokens: 5, cache_creation_input_tokens: 10, cache_read_input_tokens: 100 };
  const content = [
    { type: "thinking", thinking: "hm" },
    { type: "text", text: "a" },
    { type: "tool_use", id: "1", name: "add", input: { a: 1 } },
    { type: "text", text: "b" },
  ];
  const calls = [{ id: "1", tool: "add", arguments: { a: 1 }, extra: [{ type: "thinking", thinking: "hm" }] }];
  assert.deepEqual(anthropicMessages.read({ content, usage }), {
    text: "ab",
    calls,
    tokens: { input: 113, output: 5 },
  });
  assert.deepEqual(anthropicMessages.read({ content: [] }), { text: "", calls: [] });
  for (const body of [
    null,
    {},
    { content: [{ type: "text" }] },
    { content: [{ type: "tool_use", id: "1" }] },
    { content: [{}] },
  ]) {
    assert.throws(() => anthropicMessages.read(body), { kind: "malformed" }, JSON.stringify(body));
  }
});

/** What comes of the events of a stream: the pieces of text, and the answer if it ended. */
function collect(wire: Wire, events: readonly (object | string)[]) {
  const reader = wire.reader();
  const pieces = events.map((event) => reader.take(message(typeof event === "string" ? event : JSON.stringify(event))));
  return { pieces: pieces.filter((piece) => piece !== ""), reply: reader.reply() };
}

const delta = (content: object) => ({ choices: [{ index: 0, delta: content, finish_reason: null }], usage: null });
const part = (
  index: number | undefined,
  id: string | undefined,
  name: string | undefined,
  args: string,
  rest: object = {},
) => delta({ tool_calls: [{ index, id, function: { name, arguments: args }, ...rest }] });

test("openai-chat: a stream", () => {
  const usage = { choices: [], usage: { prompt_tokens: 3, completion_tokens: 5 } };
  const filtered = { choices: [], prompt_filter_results: [] };
  assert.deepEqual(
    collect(openaiChat, [
      filtered,
      delta({ role: "assistant", content: "" }),
      delta({ content: "a" }),
      delta({ content: "b" }),
      usage,
      "[DONE]",
    ]),
    {
      pieces: ["a", "b"],
      reply: { text: "ab", calls: [], tokens: { input: 3, output: 5 } },
    },
  );
  const calls = [
    part(0, "1", "add", ""),
    part(0, undefined, undefined, '{"a"'),
    part(1, "2", "sub", "{oops"),
    part(0, "1", undefined, ":1}"),
  ];
  assert.deepEqual(collect(openaiChat, [...calls, "[DONE]"]).reply, {
    text: "",
    calls: [
      { id: "1", tool: "add", arguments: { a: 1 } },
      { id: "2", tool: "sub", arguments: "{oops" },
    ],
  });
  const gemini = [part(0, "1", "add", '{"a":1}', { extra_content: { google: "s" } }), part(0, "2", "add", '{"a":2}')];
  assert.deepEqual(collect(openaiChat, [...gemini, "[DONE]"]).reply?.calls, [
    { id: "1", tool: "add", arguments: { a: 1 }, extra: { google: "s" } },
    { id: "2", tool: "add", arguments: { a: 2 } },
  ]);
  assert.equal(collect(openaiChat, [delta({ content: "a" })]).reply, undefined, "without its end it is no answer");
  assert.throws(() => collect(openaiChat, [{ error: { message: "x" } }]), { kind: "truncated" });
  assert.throws(() => collect(openaiChat, [delta({ content: 1 })]), { kind: "malformed" });
  assert.throws(() => collect(openaiChat, ["what"]), { kind: "malformed" });
  assert.throws(() => collect(openaiChat, [part(0, "1", undefined, "{}"), "[DONE]"]), { kind: "malformed" });
});

const started = (usage?: object) => ({ type: "message_start", message: { usage } });
const block = (index: number, content_block: object) => ({ type: "content_block_start", index, content_block });
const added = (index: number, change: object) => ({ type: "content_block_delta", index, delta: change });
const ended = (usage?: object) => [
  { type: "message_delta", delta: { stop_reason: "end_turn" }, usage },
  { type: "message_stop" },
];

test("anthropic-messages: a stream", () => {
  const text = [
    started({ input_tokens: 3, output_tokens: 1, cache_read_input_tokens: 100 }),
    { type: "ping" },
    block(0, { type: "thinking", thinking: "" }),
    added(0, { type: "thinking_delta", thinking: "hm" }),
    block(1, { type: "text", text: "" }),
    added(1, { type: "text_delta", text: "a" }),
    added(1, { type: "text_delta", text: "b" }),
    { type: "content_block_stop", index: 1 },
    { type: "something_new" },
  ];
  const reply = { text: "ab", calls: [] };
  const cases: [usage: object | undefined, tokens: object][] = [
    [{ output_tokens: 5 }, { tokens: { input: 103, output: 5 } }],
    [{ output_tokens: 5, input_tokens: 9, cache_read_input_tokens: 0 }, { tokens: { input: 9, output: 5 } }],
    // The count of output at the start is not final, so there is none.
    [undefined, {}],
  ];
  for (const [usage, tokens] of cases) {
    assert.deepEqual(collect(anthropicMessages, [...text, ...ended(usage)]), {
      pieces: ["a", "b"],
      reply: { ...reply, ...tokens },
    });
  }
  assert.deepEqual(
    collect(anthropicMessages, [
      block(0, { type: "tool_use", id: "1", name: "add", input: {} }),
      block(1, { type: "tool_use", id: "2", name: "add", input: {} }),
      added(0, { type: "input_json_delta", partial_json: '{"a"' }),
      added(1, { type: "input_json_delta", partial_json: "{oops" }),
      added(0, { type: "input_json_delta", partial_json: ":1}" }),
      block(2, { type: "tool_use", id: "3", name: "add", input: {} }),
      ...ended(),
    ]).reply?.calls.map((call) => call.arguments),
    [{ a: 1 }, "{oops", {}],
  );
  assert.equal(collect(anthropicMessages, text).reply, undefined, "without its end it is no answer");
  assert.throws(() => collect(anthropicMessages, [{ type: "error", error: { type: "overloaded_error" } }]), {
    kind: "truncated",
  });
  assert.throws(() => collect(anthropicMessages, [{}]), { kind: "malformed" });
  assert.throws(() => collect(anthropicMessages, [added(0, { type: "text_delta" })]), { kind: "malformed" });
  assert.throws(() => collect(anthropicMessages, ["{"]), { kind: "truncated" });
});
