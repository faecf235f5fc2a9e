import { createHmac } from "node:crypto";
import type { z } from "zod";
import { UpstreamError } from "../resilience/failure.ts";
import type { Random } from "../runtime.ts";
import type { ModelReply, ModelRequest } from "./model.ts";
import type { SseEvent } from "./sse.ts";

const MAX_NAME = 64;

/** How a request is written. */
export interface WireOptions {
  readonly model: string;
  readonly stream: boolean;
  /** What the provider calls the most tokens that an answer may have. */
  readonly limitField: "max_tokens" | "max_completion_tokens";
  /** Whether the provider knows what may have come with earlier calls; they may be another one's. */
  readonly takesExtra: boolean;
  readonly mark: MarkUntrusted;
}

/** A provider's protocol, without effects. What it reads comes from outside: it throws `UpstreamError`. */
export interface Wire {
  /** Comes after the base URL. */
  readonly path: string;
  /** The body of a request. */
  write(request: ModelRequest, options: WireOptions): object;
  /** Reads an answer that came in one piece. */
  read(body: unknown): ModelReply;
  /** Reads an answer that comes as events. */
  reader(): ReplyReader;
}

/** Puts an answer together from its events. */
export interface ReplyReader {
  /** Takes an event and returns the text that came with it. */
  take(event: SseEvent): string;
  /** The whole answer, once the event that ends it has come. */
  reply(): ModelReply | undefined;
}

/** Parses JSON from outside. A text that breaks off counts as truncated, as not every framing shows that. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const cut = text.trimStart().startsWith("{") && !text.trimEnd().endsWith("}");
    throw new UpstreamError(cut ? "truncated" : "malformed");
  }
}

/** Checks what came from outside. */
export function checked<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
  if (!result.success) {
    throw new UpstreamError("malformed");
  }
  return result.data;
}

/** The arguments of a call as the model wrote them; what is no JSON stays a text, which the tool's schema refuses. */
export function parseArguments(json: string): unknown {
  try {
    return json.trim() === "" ? {} : JSON.parse(json);
  } catch {
    return json;
  }
}

/** The arguments of an earlier call, told to the model again: providers take nothing there but an object. */
export function argumentsObject(args: unknown): object {
  return typeof args === "object" && args !== null && !Array.isArray(args) ? args : { invalid: args };
}

/** The name of a tool that was called, told to the model again: it may have made up one that providers refuse. */
export function calledName(tool: string): string {
  return tool.replaceAll(/[^\w-]/g, "_").slice(0, MAX_NAME);
}

/** Marks text that came from outside, so that the model can tell it from what it is asked. */
export type MarkUntrusted = (source: string, content: string) => string;

const KEY_BYTES = 32;
const ID_DIGITS = 16;

/**
 * Makes the marks that the prompt tells the model of. Their id is keyed and follows from the content, so that nothing
 * can hold its own closing mark, not even after it saw another one, while a conversation that goes on keeps its
 * beginning, which a provider may have cached.
 */
export function createMarkUntrusted(random: Random): MarkUntrusted {
  const key = random.hex(KEY_BYTES);
  return (source, content) => {
    // A model may have made the name of a tool up.
    const name = source.replaceAll(/[^\w.-]/g, "_");
    const id = createHmac("sha256", key).update(`${name}\n${content}`).digest("hex").slice(0, ID_DIGITS);
    return `<untrusted source="${name}" id="${id}">\n${content}\n</untrusted id="${id}">`;
  };
}
