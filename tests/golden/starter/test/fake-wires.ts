/** What a model says, whatever the wire. */
export interface Said {
  readonly text: string;
  readonly calls: readonly Call[];
  /** `null`: the provider does not count. */
  readonly usage: { readonly input: number; readonly output: number } | null;
}

interface Call {
  readonly tool: string;
  /** A text is sent as it is. */
  readonly arguments?: unknown;
}

/** How a provider puts it: whole, or in the events of a stream. */
interface FakeWire {
  whole(said: Said): object;
  stream(said: Said): string[];
}

/** The Chat Completions API. */
export const openai: FakeWire = {
  whole: ({ text, calls, usage }) => ({
    id: "chatcmpl-1",
    object: "chat.completion",
    choices: [
      {
        index: 0,
        finish_reason: calls.length > 0 ? "tool_calls" : "stop",
        message: {
          role: "assistant",
          content: calls.length > 0 ? null : text,
          tool_calls: calls.length > 0 ? calls.map((call, index) => openaiCall(call, index)) : undefined,
        },
      },
    ],
    usage: usage === null ? undefined : openaiUsage(usage),
  }),

  stream({ text, calls, usage }) {
    const parts = calls.flatMap((call, index) => {
      const whole = openaiCall(call, index);
      const [first = "", second = ""] = halves(whole.function.arguments);
      return [
        chunk({ tool_calls: [{ ...whole, index, function: { name: call.tool, arguments: "" } }] }),
        chunk({ tool_calls: [{ index, function: { arguments: first } }] }),
        chunk({ tool_calls: [{ index, function: { arguments: second } }] }),
      ];
    });
    return [
      chunk({ role: "assistant", content: "" }),
      ...(calls.length > 0 ? parts : words(text).map((content) => chunk({ content }))),
      chunk({}, calls.length > 0 ? "tool_calls" : "stop"),
      ...(usage === null ? [] : [`data: ${JSON.stringify({ choices: [], usage: openaiUsage(usage) })}\n\n`]),
      "data: [DONE]\n\n",
    ];
  },
};

/** The Messages API. */
export const anthropic: FakeWire = {
  whole: ({ text, calls, usage }) => ({
    id: "msg_1",
    type: "message",
    role: "assistant",
    content: [
      ...(calls.length > 0 ? [] : [{ type: "text", text }]),
      ...calls.map((call, index) => ({ ...anthropicCall(call, index), input: call.arguments })),
    ],
    stop_reason: calls.length > 0 ? "tool_use" : "end_turn",
    usage: usage === null ? undefined : { input_tokens: usage.input, output_tokens: usage.output },
  }),

  stream({ text, calls, usage }) {
    const said = words(text).map((word) => ({ type: "text_delta", text: word }));
    const input = usage === null ? undefined : { input_tokens: usage.input, output_tokens: 1 };
    return [
      event("message_start", {
        message: { id: "msg_1", type: "message", role: "assistant", content: [], usage: input },
      }),
      event("ping", {}),
      ...(calls.length > 0
        ? calls.flatMap((call, index) => {
            const deltas = halves(jsonOf(call.arguments)).map((part) => ({
              type: "input_json_delta",
              partial_json: part,
            }));
            return block(index, { ...anthropicCall(call, index), input: {} }, deltas);
          })
        : block(0, { type: "text", text: "" }, said)),
      event("message_delta", {
        delta: { stop_reason: calls.length > 0 ? "tool_use" : "end_turn" },
        usage: usage === null ? undefined : { output_tokens: usage.output },
      }),
      event("message_stop", {}),
    ];
  },
};

function chunk(delta: object, finish: string | null = null): string {
  const choices = [{ index: 0, delta, finish_reason: finish }];
  return `data: ${JSON.stringify({ object: "chat.completion.chunk", choices, usage: null })}\n\n`;
}

function event(type: string, data: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
}

function block(index: number, content_block: object, deltas: object[]): string[] {
  return [
    event("content_block_start", { index, content_block }),
    ...deltas.map((delta) => event("content_block_delta", { index, delta })),
    event("content_block_stop", { index }),
  ];
}

const jsonOf = (args: unknown) => (typeof args === "string" ? args : JSON.stringify(args));
const words = (text: string) => text.match(/\S+\s*/g) ?? [];
const halves = (text: string) => [text.slice(0, text.length / 2), text.slice(text.length / 2)];
const anthropicCall = ({ tool }: Call, index: number) => ({ type: "tool_use", id: `toolu_${index + 1}`, name: tool });

const openaiCall = (call: Call, index: number) => ({
  id: `call_${index + 1}`,
  type: "function",
  function: { name: call.tool, arguments: jsonOf(call.arguments) },
});

const openaiUsage = ({ input, output }: { input: number; output: number }) => ({
  prompt_tokens: input,
  completion_tokens: output,
  total_tokens: input + output,
});
