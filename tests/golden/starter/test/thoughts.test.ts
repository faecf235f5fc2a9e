import assert from "node:assert/strict";
import { test } from "node:test";
import { anthropicMessages } from "../src/model/anthropic-messages.ts";
import type { ModelReply } from "../src/model/model.ts";
import { openaiChat } from "../src/model/openai-chat.ts";

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
