import { readFileSync } from "node:fs";
import { z } from "zod";
import { type Config, SetupError } from "../config.ts";
import type { ModelRequest } from "../model/model.ts";

/** Integer nano-dollars for a million tokens. */
export type Price = Readonly<Record<"input" | "output", number>>;

/** Tokens of one or more model calls. */
export type Tokens = Readonly<Record<"input" | "output", number>>;

/** Finds the price of a model by the name that it was asked or answered under. */
export type Prices = (model: string) => Price | undefined;

const priceSchema = z.strictObject({ input: z.int().min(0), output: z.int().min(0) });
const schema = z.strictObject({ as_of: z.iso.date(), models: z.record(z.string(), priceSchema) });
// Providers answer as `NAME-2026-11-24` or `NAME-20261124` where `NAME` was asked.
const VERSION_DATE = /[-@]20\d{2}-?\d{2}-?\d{2}$/;

/** Prices from a table; a dated version of a model costs what the model does, unless it has a price of its own. */
export function createPrices(models: Readonly<Record<string, Price>>): Prices {
  const table = new Map(Object.entries(models));
  return (model) => table.get(model) ?? table.get(model.replace(VERSION_DATE, ""));
}

/** Reads the price table; the configured model must be in it. Throws `SetupError`. */
export function readPrices({ PRICES_FILE: file, MODEL_NAME: configured }: Config): Prices {
  let prices: Prices;
  try {
    prices = createPrices(schema.parse(JSON.parse(readFileSync(file, "utf8"))).models);
  } catch {
    throw new SetupError('PRICES_FILE: expected a JSON file of {"as_of", "models"}');
  }
  if (prices(configured) === undefined) {
    throw new SetupError("MODEL_NAME: expected a model with a price in PRICES_FILE");
  }
  return prices;
}

/** What a call costs in nano-dollars, rounded up. */
export function costNanoDollars(price: Price, tokens: Tokens): number {
  // The products outgrow what a double holds exactly.
  const millionths = BigInt(tokens.input) * BigInt(price.input) + BigInt(tokens.output) * BigInt(price.output);
  return Number((millionths + 999_999n) / 1_000_000n);
}

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
