import { type Call, credential, type JsonSchema, type Speech, sse, type Wire, words, written } from "./wire.ts";

/** As much of a request as is read. */
interface Request {
  readonly model: string;
  readonly stream?: boolean;
  readonly messages: readonly { readonly role: string; readonly content?: string | null }[];
  readonly tools?: readonly { readonly function: { readonly name: string; readonly parameters: JsonSchema } }[];
  readonly max_tokens?: number;
  readonly max_completion_tokens?: number;
}

let made = 0;

/** The Chat Completions API. */
export const openai: Wire = {
  path: /\/chat\/completions(\?|$)/,

  read(headers, json) {
    const body: Request = JSON.parse(json);
    return {
      streaming: body.stream === true,
      model: body.model,
      key: credential(headers.authorization ?? headers["api-key"]),
      tools: (body.tools ?? []).map((tool) => tool.function),
      turns: body.messages.map(({ role, content }) => ({ role, text: content ?? "" })),
      maxTokens: body.max_completion_tokens ?? body.max_tokens ?? Number.NaN,
    };
  },

  whole(speech) {
    const { text, model } = speech;
    const calls = speech.calls.map(callOf);
    const message = { role: "assistant", content: text, ...(calls.length > 0 ? { tool_calls: calls } : {}) };
    const choices = [{ index: 0, finish_reason: reasonOf(speech), message }];
    return { id: "chatcmpl-1", object: "chat.completion", model, choices, ...usageOf(speech) };
  },

  pieces(speech) {
    const { model, text, usage } = speech;
    const chunk = (delta: object, finish_reason: string | null = null) =>
      sse({ object: "chat.completion.chunk", model, choices: [{ index: 0, delta, finish_reason }] });
    return [
      chunk({ role: "assistant", content: "" }),
      ...words(text).map((content) => chunk({ content })),
      // Arguments come in parts, of which the first alone names the call.
      ...speech.calls
        .map(callOf)
        .flatMap(({ id, type, function: { name, arguments: args } }, index) => [
          chunk({ tool_calls: [{ index, id, type, function: { name, arguments: args.slice(0, 3) } }] }),
          chunk({ tool_calls: [{ index, function: { arguments: args.slice(3) } }] }),
        ]),
      chunk({}, reasonOf(speech)),
      ...(usage === undefined ? [] : [sse({ model, choices: [], ...usageOf(speech) })]),
      "data: [DONE]\n\n",
    ];
  },
};

function callOf(call: Call) {
  return { id: `call_${++made}`, type: "function", function: { name: call.tool, arguments: written(call) } };
}

function reasonOf({ calls }: Speech): string {
  return calls.length > 0 ? "tool_calls" : "stop";
}

function usageOf({ usage }: Speech): object {
  if (usage === undefined) {
    return {};
  }
  const { input, output } = usage;
  return { usage: { prompt_tokens: input, completion_tokens: output, total_tokens: input + output } };
}
