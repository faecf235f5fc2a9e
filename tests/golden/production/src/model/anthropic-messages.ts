import { z } from "zod";
import type { Tokens } from "../cost/prices.ts";
import { UpstreamError } from "../resilience/failure.ts";
import type { Message, ModelReply } from "./model.ts";
import {
  argumentsObject,
  calledName,
  checked,
  type MarkUntrusted,
  parseArguments,
  parseJson,
  type Wire,
} from "./wire.ts";

const count = z.int().min(0).nullish();
const usageSchema = z.object({
  input_tokens: count,
  output_tokens: count,
  cache_creation_input_tokens: count,
  cache_read_input_tokens: count,
});

const typed = z.looseObject({ type: z.string() });
const textBlock = z.object({ text: z.string() });
const thoughtBlock = z.looseObject({
  type: z.enum(["thinking", "redacted_thinking"]),
  thinking: z.string().optional(),
  signature: z.string().optional(),
});
const thoughtDelta = z.object({ thinking: z.string().default(""), signature: z.string().default("") });
const toolBlock = z.object({ id: z.string().min(1), name: z.string().min(1), input: z.unknown().default({}) });
const metaSchema = z.object({ model: z.string().nullish(), usage: usageSchema.nullish() });
const replySchema = metaSchema.extend({ content: z.array(typed) });
const startSchema = z.object({ message: metaSchema });
const blockStartSchema = z.object({ index: z.int(), content_block: typed });
const blockDeltaSchema = z.object({ index: z.int(), delta: typed });
const jsonDelta = z.object({ partial_json: z.string() });
const endSchema = z.object({ usage: usageSchema.nullish() });

type Usage = z.output<typeof usageSchema> | null | undefined;

/** The Messages API of Anthropic. Events and blocks of other types than it knows are passed over, as more may come. */
export const anthropicMessages: Wire = {
  path: "/v1/messages",

  write: ({ system, messages, tools, maxTokens }, { model, stream, limitField, mark }) => ({
    model,
    system,
    messages: turnsOf(messages, mark),
    [limitField]: maxTokens,
    ...(tools.length > 0
      ? { tools: tools.map(({ name, description, parameters }) => ({ name, description, input_schema: parameters })) }
      : {}),
    ...(stream ? { stream } : {}),
  }),

  read(body) {
    const { model, usage, content } = checked(replySchema, body);
    const answer = createAnswer();
    for (const [index, block] of content.entries()) {
      answer.open(index, block);
    }
    return answer.reply(model, tokensOf(usage));
  },

  reader() {
    const answer = createAnswer();
    let started: z.output<typeof metaSchema> | undefined;
    let final: Usage;
    let ended = false;

    return {
      take({ data }) {
        const event = parseJson(data);
        switch (checked(typed, event).type) {
          case "message_start":
            started = checked(startSchema, event).message;
            break;
          case "content_block_start": {
            const { index, content_block } = checked(blockStartSchema, event);
            return answer.open(index, content_block);
          }
          case "content_block_delta": {
            const { index, delta } = checked(blockDeltaSchema, event);
            return answer.extend(index, delta);
          }
          case "message_delta":
            final = checked(endSchema, event).usage;
            break;
          case "message_stop":
            ended = true;
            break;
          case "error":
            throw new UpstreamError("truncated");
        }
        return "";
      },
      reply: () => (ended ? answer.reply(started?.model, tokensOf(final, started?.usage)) : undefined),
    };
  },
};

/** Puts an answer together from its blocks, whole or in pieces. */
function createAnswer() {
  const calls = new Map<number, { id: string; tool: string; input: unknown; json: string }>();
  const thoughts = new Map<number, z.output<typeof thoughtBlock>>();
  let text = "";

  function say(block: unknown): string {
    const added = checked(textBlock, block).text;
    text += added;
    return added;
  }

  return {
    /** Begins a block and returns its text. */
    open(index: number, block: z.output<typeof typed>): string {
      if (block.type === "tool_use") {
        const { id, name: tool, input } = checked(toolBlock, block);
        calls.set(index, { id, tool, input, json: "" });
      }
      const { data: thought } = thoughtBlock.safeParse(block);
      if (thought !== undefined) {
        thoughts.set(index, thought);
      }
      return block.type === "text" ? say(block) : "";
    },

    /** Adds to a block and returns the text that came. */
    extend(index: number, delta: z.output<typeof typed>): string {
      const call = calls.get(index);
      if (delta.type === "input_json_delta" && call !== undefined) {
        call.json += checked(jsonDelta, delta).partial_json;
      }
      const thought = thoughts.get(index);
      if (thought !== undefined) {
        const { thinking, signature } = checked(thoughtDelta, delta);
        thought.thinking = (thought.thinking ?? "") + thinking;
        thought.signature = (thought.signature ?? "") + signature;
      }
      return delta.type === "text_delta" ? say(delta) : "";
    },

    reply: (model: string | null | undefined, counted: { tokens?: Tokens }): ModelReply => ({
      text,
      calls: [...calls.values()].map(({ id, tool, input, json }, index) =>
        Object.assign(
          { id, tool, arguments: json === "" ? input : parseArguments(json) },
          // They are signed, and wanted back with the result of a call.
          index === 0 && thoughts.size > 0 ? { extra: [...thoughts.values()] } : {},
        ),
      ),
      ...counted,
      ...(model ? { model } : {}),
    }),
  };
}

/** The conversation in turns: results of tools belong to the user, and all results of one answer into one turn. */
function turnsOf(messages: readonly Message[], mark: MarkUntrusted): object[] {
  const turns: { role: "user" | "assistant"; content: object[] }[] = [];
  for (const message of messages) {
    const role = message.role === "assistant" ? "assistant" : "user";
    const content = blocksOf(message, mark);
    const last = turns.at(-1);
    if (last?.role === role) {
      last.content.push(...content);
    } else if (content.length > 0) {
      turns.push({ role, content });
    }
  }
  return turns;
}

function blocksOf(message: Message, mark: MarkUntrusted): object[] {
  if (message.role === "tool") {
    const content = mark(message.tool, message.content);
    return [{ type: "tool_result", tool_use_id: message.callId, content }];
  }
  const calls = message.role === "assistant" ? (message.calls ?? []) : [];
  return [
    // A turn that has thoughts must begin with them.
    ...(z.array(thoughtBlock).safeParse(calls[0]?.extra).data ?? []),
    // An empty block of text is refused.
    ...(message.content === "" ? [] : [{ type: "text", text: message.content }]),
    ...calls.map(({ id, tool, arguments: args }) => ({
      type: "tool_use",
      id,
      name: calledName(tool),
      input: argumentsObject(args),
    })),
  ];
}

/**
 * Tokens as they were counted at the end of an answer; what a stream told at its start alone comes from there. What
 * was read from a cache, or written to one, is input too.
 */
function tokensOf(last: Usage, first: Usage = last): { tokens?: Tokens } {
  const input = last?.input_tokens ?? first?.input_tokens;
  const output = last?.output_tokens;
  if (typeof input !== "number" || typeof output !== "number") {
    return {};
  }
  const written = last?.cache_creation_input_tokens ?? first?.cache_creation_input_tokens ?? 0;
  const read = last?.cache_read_input_tokens ?? first?.cache_read_input_tokens ?? 0;
  return { tokens: { input: input + written + read, output } };
}
