import { readFileSync } from "node:fs";
import { z } from "zod";
import { SetupError } from "../config.ts";

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
export function readPrices(file: string, configured: string): Prices {
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
