// The two wires that a model can speak, as far as a test has to tell and be told.

/** A call of a tool that the model asks for; a text as arguments is sent as it is. */
export interface Call {
  readonly tool: string;
  readonly arguments: unknown;
}

/** What a model says. */
export interface Speech {
  readonly text: string;
  readonly calls: readonly Call[];
  /** Tokens as the model counts them; absent: it does not say. */
  readonly usage: { readonly input: number; readonly output: number } | undefined;
  /** Under which name it answers. */
  readonly model: string;
}

/** A tool as the model was told of it. */
export interface ToolDescription {
  readonly name: string;
  readonly parameters: JsonSchema;
}

/** As much of JSON Schema as the tests read. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
}

/** What the model was asked, whatever the wire. */
export interface Asked {
  readonly streaming: boolean;
  readonly model: string;
  readonly key: string;
  readonly tools: readonly ToolDescription[];
  /** Roles and texts, as far as there are some, in order; the result of a tool has the role `tool`. */
  readonly turns: readonly { readonly role: string; readonly text: string }[];
  readonly maxTokens: number;
}

/** How a wire reads requests and writes answers. */
export interface Wire {
  readonly path: RegExp;
  read(headers: Readonly<Record<string, unknown>>, body: Body): Asked;
  whole(speech: Speech): object;
  /** Server-sent events, in pieces that may be sent one by one. */
  pieces(speech: Speech): string[];
}

// Read as it comes: a wrong shape fails the test that meets it.
type Body = any;

const data = (value: object, event?: string) =>
  `${event === undefined ? "" : `event: ${event}\n`}data: ${JSON.stringify(value)}\n\n`;
const words = (text: string) => text.match(/\S+\s*|\s+/g) ?? [];
const written = (call: Call) => (typeof call.arguments === "string" ? call.arguments : JSON.stringify(call.arguments));
let calls = 0;

const openai: Wire = {
  path: /\/chat\/completions(\?|$)/,
  read: (headers, body) => ({
    streaming: body.stream === true,
    model: body.model,
    key: String(headers["authorization"] ?? headers["api-key"] ?? "").replace(/^Bearer /, ""),
    tools: (body.tools ?? []).map((tool: Body) => tool.function),
    turns: body.messages.map((message: Body) => ({ role: message.role, text: textOf(message.content) })),
    maxTokens: body.max_completion_tokens ?? body.max_tokens,
  }),
  whole: (speech) => ({
    id: "chatcmpl-1",
    object: "chat.completion",
    model: speech.model,
    choices: [
      {
        index: 0,
        finish_reason: speech.calls.length > 0 ? "tool_calls" : "stop",
        message: { role: "assistant", content: speech.text, ...openaiCalls(speech) },
      },
    ],
    ...openaiUsage(speech),
  }),
  pieces(speech) {
    const chunk = (delta: object, finish: string | null = null) =>
      data({
        object: "chat.completion.chunk",
        model: speech.model,
        choices: [{ index: 0, delta, finish_reason: finish }],
      });
    const { tool_calls: asked = [] } = openaiCalls(speech);
    return [
      chunk({ role: "assistant", content: "" }),
      ...words(speech.text).map((content) => chunk({ content })),
      // Arguments come in parts, of which the first alone names the call.
      ...asked.flatMap(({ function: { name, arguments: text }, ...call }, index) => [
        chunk({ tool_calls: [{ ...call, index, function: { name, arguments: text.slice(0, 3) } }] }),
        chunk({ tool_calls: [{ index, function: { arguments: text.slice(3) } }] }),
      ]),
      chunk({}, speech.calls.length > 0 ? "tool_calls" : "stop"),
      ...(speech.usage === undefined ? [] : [data({ model: speech.model, choices: [], ...openaiUsage(speech) })]),
      "data: [DONE]\n\n",
    ];
  },
};

function openaiCalls(speech: Speech) {
  const asked = speech.calls.map((call) => ({
    id: `call_${++calls}`,
    type: "function",
    function: { name: call.tool, arguments: written(call) },
  }));
  return asked.length > 0 ? { tool_calls: asked } : {};
}

function openaiUsage({ usage }: Speech): object {
  return usage === undefined
    ? {}
    : {
        usage: {
          prompt_tokens: usage.input,
          completion_tokens: usage.output,
          total_tokens: usage.input + usage.output,
        },
      };
}

const anthropic: Wire = {
  path: /\/messages(\?|$)/,
  read: (headers, body) => ({
    streaming: body.stream === true,
    model: body.model,
    key: String(headers["x-api-key"] ?? headers["authorization"] ?? "").replace(/^Bearer /, ""),
    tools: (body.tools ?? []).map((tool: Body) => ({ name: tool.name, parameters: tool.input_schema })),
    turns: [{ role: "system", text: textOf(body.system) }, ...body.messages.flatMap(anthropicTurns)],
    maxTokens: body.max_tokens,
  }),
  whole: (speech) => ({
    id: "msg_1",
    type: "message",
    role: "assistant",
    model: speech.model,
    content: anthropicBlocks(speech),
    stop_reason: speech.calls.length > 0 ? "tool_use" : "end_turn",
    ...(speech.usage === undefined
      ? {}
      : { usage: { input_tokens: speech.usage.input, output_tokens: speech.usage.output } }),
  }),
  pieces(speech) {
    const { usage } = speech;
    const event = (type: string, value: object) => data({ type, ...value }, type);
    return [
      event("message_start", {
        message: {
          id: "msg_1",
          type: "message",
          role: "assistant",
          model: speech.model,
          content: [],
          ...(usage === undefined ? {} : { usage: { input_tokens: usage.input, output_tokens: 1 } }),
        },
      }),
      ...anthropicBlocks(speech).flatMap((block, index) => {
        const delta = (value: object) => event("content_block_delta", { index, delta: value });
        const stop = event("content_block_stop", { index });
        if (block.type === "text") {
          const start = event("content_block_start", { index, content_block: { type: "text", text: "" } });
          return [start, ...words(block.text).map((text) => delta({ type: "text_delta", text })), stop];
        }
        const { id, name, json } = block;
        const start = event("content_block_start", { index, content_block: { type: "tool_use", id, name, input: {} } });
        const parts = [json.slice(0, 3), json.slice(3)];
        return [start, ...parts.map((part) => delta({ type: "input_json_delta", partial_json: part })), stop];
      }),
      event("message_delta", {
        delta: { stop_reason: speech.calls.length > 0 ? "tool_use" : "end_turn" },
        ...(usage === undefined ? {} : { usage: { output_tokens: usage.output } }),
      }),
      event("message_stop", {}),
    ];
  },
};

type Block =
  | { type: "text"; text: string }
  | { type: "tool_use"; id: string; name: string; input: unknown; json: string };

function anthropicBlocks(speech: Speech): Block[] {
  const text: Block[] = speech.text === "" ? [] : [{ type: "text", text: speech.text }];
  const uses = speech.calls.map((call): Block => {
    const id = `toolu_${++calls}`;
    return { type: "tool_use", id, name: call.tool, input: call.arguments, json: written(call) };
  });
  return [...text, ...uses];
}

function anthropicTurns(message: Body): { role: string; text: string }[] {
  if (typeof message.content === "string") {
    return [{ role: message.role, text: message.content }];
  }
  return message.content.map((block: Body) =>
    block.type === "tool_result"
      ? { role: "tool", text: textOf(block.content) }
      : { role: message.role, text: block.text ?? "" },
  );
}

function textOf(content: Body): string {
  const parts = Array.isArray(content) ? content : [content];
  return parts.map((part) => (typeof part === "string" ? part : (part?.text ?? ""))).join("");
}

export const WIRES: readonly Wire[] = [openai, anthropic];
