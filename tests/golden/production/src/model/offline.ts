import type { Message, Model, ModelReply, ModelRequest, ToolCall, ToolDescription } from "./model.ts";

const WORDS = /[\w-]+/g;
const ARITHMETIC = /[\d(][-+*/%().\d\s]*/g;
const OPERATION = /\d\)*\s*[-+*/%]\s*[-(]*\d/;
const MAX_EXPRESSION = 200;
const CHARACTERS_PER_TOKEN = 4;
const PIECE = /\S*\s*/g;

/**
 * A deterministic model that needs no key and no network. It calls every tool that the last input names, with the JSON
 * object in the input as arguments or else with the rest of the input as each that is required, and the calculator for
 * arithmetic; then it answers with what the tools returned. Without a call it repeats the input.
 */
export function createOfflineModel(name: string): Model {
  return {
    provider: "offline",
    name,
    async complete(request, { signal, onText }) {
      signal.throwIfAborted();
      const reply = replyTo(request);
      for (const piece of reply.text.match(PIECE) ?? []) {
        if (piece !== "") {
          onText?.(piece);
        }
      }
      return reply;
    },
  };
}

function replyTo({ system, messages, tools, maxTokens }: ModelRequest): ModelReply {
  const asked = messages.findLastIndex((message) => message.role === "user");
  const input = inputOf(messages[asked]?.content ?? "");
  const results = messages.slice(asked).filter((message) => message.role === "tool");
  const calls = results.length === 0 ? tools.flatMap((tool) => callsOf(tool, input)) : [];
  const answer = results.map(({ tool, content }) => `${tool}: ${content}`).join("\n");
  const whole = calls.length > 0 ? "" : answer || `You said: ${input.text}`;
  const text = whole.slice(0, maxTokens * CHARACTERS_PER_TOKEN).toWellFormed();
  const read = [system, ...messages.map(({ content }: Message) => content)].join("");
  const written = calls.length > 0 ? JSON.stringify(calls) : text;
  return { text, calls, tokens: { input: tokensIn(read), output: tokensIn(written) } };
}

interface Input {
  readonly text: string;
  /** What is in it beside the arguments that it spells out as a JSON object, if it does. */
  readonly words: string;
  readonly args?: unknown;
}

function inputOf(text: string): Input {
  const [start, end] = [text.indexOf("{"), text.lastIndexOf("}") + 1];
  try {
    return { text, words: `${text.slice(0, start)} ${text.slice(end)}`, args: JSON.parse(text.slice(start, end)) };
  } catch {
    return { text, words: text };
  }
}

function callsOf({ name: tool, parameters }: ToolDescription, { words, args }: Input): ToolCall[] {
  const call = (given: unknown, index = 0): ToolCall => ({ id: `${tool}_${index + 1}`, tool, arguments: given });
  const expressions = tool === "calculator" ? expressionsIn(words) : [];
  if (expressions.length > 0) {
    return expressions.map((expression, index) => call({ expression }, index));
  }
  return words.match(WORDS)?.includes(tool) ? [call(args ?? spoken(parameters, words, tool))] : [];
}

function spoken(parameters: object, words: string, tool: string): Record<string, string> {
  const required = "required" in parameters && Array.isArray(parameters.required) ? parameters.required : [];
  const rest = words.replace(tool, "").trim() || words;
  return Object.fromEntries(required.map((name) => [String(name), rest]));
}

function expressionsIn(input: string): string[] {
  return (input.match(ARITHMETIC) ?? [])
    .filter((candidate) => candidate.length <= MAX_EXPRESSION && OPERATION.test(candidate))
    .map((candidate) => candidate.replace(/[^\d)]+$/, ""));
}

function tokensIn(text: string): number {
  return Math.ceil(text.length / CHARACTERS_PER_TOKEN);
}
