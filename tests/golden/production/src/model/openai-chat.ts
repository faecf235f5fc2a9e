import { z } from "zod";
import type { Tokens } from "../cost/prices.ts";
import { UpstreamError } from "../resilience/failure.ts";
import type { Message, ModelReply, ToolCall, ToolDescription } from "./model.ts";
import {
  argumentsObject,
  calledName,
  checked,
  type MarkUntrusted,
  parseArguments,
  parseJson,
  type Wire,
} from "./wire.ts";

const count = z.int().min(0);
const usageSchema = z.object({ prompt_tokens: count, completion_tokens: count, total_tokens: count.optional() });
const callSchema = z.object({
  index: z.int().nullish(),
  id: z.string().nullish(),
  function: z.object({ name: z.string().nullish(), arguments: z.string().nullish() }).nullish(),
  extra_content: z.unknown().optional(),
});
const partSchema = z.object({
  content: z.string().nullish(),
  refusal: z.string().nullish(),
  tool_calls: z.array(callSchema).nullish(),
});
const metaSchema = z.object({ model: z.string().nullish(), usage: usageSchema.nullish() });
const replySchema = metaSchema.extend({ choices: z.array(z.object({ message: partSchema })).min(1) });
const chunkSchema = metaSchema.extend({ choices: z.array(z.object({ delta: partSchema.nullish() })) });

/** The Chat Completions API of OpenAI, and of the many who speak it. */
export const openaiChat: Wire = {
  path: "/chat/completions",

  write: ({ system, messages, tools, maxTokens }, { model, stream, limitField, takesExtra, mark }) => ({
    model,
    messages: [{ role: "system", content: system }, ...messages.map((message) => written(message, mark, takesExtra))],
    [limitField]: maxTokens,
    ...(tools.length > 0 ? { tools: tools.map(described) } : {}),
    ...(stream ? { stream, stream_options: { include_usage: true } } : {}),
  }),

  read(body) {
    const { choices, ...meta } = checked(replySchema, body);
    const answer = createAnswer();
    answer.add(choices[0]?.message, meta);
    return answer.reply();
  },

  reader() {
    const answer = createAnswer();
    let ended = false;
    return {
      take({ data }) {
        if (data.trim() === "[DONE]") {
          ended = true;
          return "";
        }
        const event = parseJson(data);
        if (typeof event === "object" && event !== null && "error" in event) {
          throw new UpstreamError("truncated");
        }
        const { choices, ...meta } = checked(chunkSchema, event);
        return answer.add(choices[0]?.delta, meta);
      },
      reply: () => (ended ? answer.reply() : undefined),
    };
  },
};

interface PendingCall {
  readonly index: number;
  readonly id: string;
  tool: string;
  json: string;
  extra: unknown;
}

/** Puts an answer together from its parts, be it one or many. */
function createAnswer() {
  const calls: PendingCall[] = [];
  let text = "";
  let model: string | undefined;
  let usage: z.output<typeof usageSchema> | undefined;

  return {
    /** Adds a part and returns its text. */
    add(part: z.output<typeof partSchema> | null | undefined, meta: z.output<typeof metaSchema>): string {
      model ||= meta.model ?? undefined;
      usage = meta.usage ?? usage;
      for (const [position, { id, function: called, ...piece }] of (part?.tool_calls ?? []).entries()) {
        const index = piece.index ?? position;
        let call = calls.findLast((each) => each.index === index);
        // Gemini gives all calls that it makes at once the same index, and each an id of its own.
        if (call === undefined || (id && call.id !== id)) {
          call = { index, id: id ?? "", tool: "", json: "", extra: undefined };
          calls.push(call);
        }
        call.tool ||= called?.name ?? "";
        call.json += called?.arguments ?? "";
        call.extra ??= piece.extra_content;
      }
      const added = part?.content || part?.refusal || "";
      text += added;
      return added;
    },

    reply(): ModelReply {
      if (calls.some(({ tool }) => tool === "")) {
        throw new UpstreamError("malformed");
      }
      return { text, calls: calls.map(toolCall), ...tokensOf(usage), ...(model ? { model } : {}) };
    },
  };
}

function written(message: Message, mark: MarkUntrusted, takesExtra: boolean): object {
  if (message.role === "tool") {
    return { role: "tool", tool_call_id: message.callId, content: mark(message.tool, message.content) };
  }
  if (message.role === "user" || message.calls === undefined) {
    return { role: message.role, content: message.content };
  }
  return {
    role: "assistant",
    content: message.content === "" ? null : message.content,
    tool_calls: message.calls.map(({ id, tool, arguments: args, extra }) => ({
      id,
      type: "function",
      function: { name: calledName(tool), arguments: JSON.stringify(argumentsObject(args)) },
      // A list is another wire's.
      extra_content: takesExtra && !Array.isArray(extra) ? extra : undefined,
    })),
  };
}

function described({ name, description, parameters }: ToolDescription): object {
  // Gemini refuses a tool whose schema names its own dialect.
  return { type: "function", function: { name, description, parameters: { ...parameters, $schema: undefined } } };
}

function toolCall({ id, tool, json, extra }: PendingCall): ToolCall {
  const call = { id, tool, arguments: parseArguments(json) };
  return extra === undefined || extra === null ? call : { ...call, extra };
}

function tokensOf(usage: z.output<typeof usageSchema> | undefined): { tokens?: Tokens } {
  if (!usage) {
    return {};
  }
  const { prompt_tokens: input, completion_tokens: completion, total_tokens: total = 0 } = usage;
  // Gemini bills tokens of thought that it counts in the total alone.
  return { tokens: { input, output: Math.max(completion, total - input) } };
}
