import type { Message, Model, ModelReply, ModelRequest, ToolCall } from "./model.ts";

const WORDS = /[\w-]+/g;
const ARITHMETIC = /[\d(][-+*/%().\d\s]*/g;
const OPERATION = /\d\)*\s*[-+*/%]\s*[-(]*\d/;
const MAX_EXPRESSION = 200;
const CHARACTERS_PER_TOKEN = 4;

/**
 * A deterministic model that needs no key and no network. It calls every tool that the input names, and the
 * calculator for arithmetic; then it answers with what the tools returned. Without a call it repeats the input.
 */
export function createOfflineModel(name: string): Model {
  return { provider: "offline", name, complete: async (request) => reply(request) };
}

function reply({ messages, tools }: ModelRequest): ModelReply {
  const asked = messages.findLastIndex((message) => message.role === "user");
  const input = messages[asked]?.content ?? "";
  const results = messages.slice(asked).filter((message) => message.role === "tool");
  const calls = results.length === 0 ? tools.flatMap((tool) => callsOf(tool.name, input)) : [];
  const answer = results.map(({ tool, content }) => `${tool}: ${content}`).join("\n");
  const text = calls.length > 0 ? "" : answer || `You said: ${input}`;
  return {
    text,
    calls,
    tokens: {
      input: tokensIn(messages.map(({ content }: Message) => content).join("")),
      output: tokensIn(text + JSON.stringify(calls)),
    },
  };
}

function callsOf(tool: string, input: string): ToolCall[] {
  const call = (args: unknown, index = 0): ToolCall => ({ id: `${tool}_${index + 1}`, tool, arguments: args });
  const expressions = tool === "calculator" ? expressionsIn(input) : [];
  if (expressions.length > 0) {
    return expressions.map((expression, index) => call({ expression }, index));
  }
  return input.match(WORDS)?.includes(tool) ? [call(objectIn(input))] : [];
}

function expressionsIn(input: string): string[] {
  return (input.match(ARITHMETIC) ?? [])
    .filter((candidate) => candidate.length <= MAX_EXPRESSION && OPERATION.test(candidate))
    .map((candidate) => candidate.replace(/[^\d)]+$/, ""));
}

/** The arguments that the input spells out as a JSON object. */
function objectIn(input: string): unknown {
  try {
    return JSON.parse(input.slice(input.indexOf("{"), input.lastIndexOf("}") + 1));
  } catch {
    return {};
  }
}

function tokensIn(text: string): number {
  return Math.ceil(text.length / CHARACTERS_PER_TOKEN);
}
