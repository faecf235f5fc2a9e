import type { ModelRequest } from "../model/model.ts";
import type { Tokens } from "./prices.ts";

// No vendor's tokenizer is at hand. English is at about four bytes a token and Chinese, Japanese and Korean at two or
// more, so half the bytes is on the safe side for all text that is not made to be hard.
const BYTES_PER_TOKEN = 2;

/** The most tokens that a text is likely to have. */
export function tokensOf(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN);
}

/** The most tokens that a call is likely to take: all that is sent, and the longest answer that is allowed. */
export function worstCaseTokens({ system, messages, tools, maxTokens }: ModelRequest): Tokens {
  // As JSON, whose names and brackets stand for what the provider's own framing adds.
  return { input: tokensOf(JSON.stringify({ system, messages, tools })), output: maxTokens };
}
