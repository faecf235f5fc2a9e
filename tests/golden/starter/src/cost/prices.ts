import { readFileSync } from "node:fs";
import { z } from "zod";
import { SetupError } from "../config.ts";

/** Integer nano-dollars for a million tokens. */
export type Price = Readonly<Record<"input" | "output", number>>;

/** Tokens of one or more model calls. */
export type Tokens = Readonly<Record<"input" | "output", number>>;

const priceSchema = z.strictObject({ input: z.int().min(0), output: z.int().min(0) });
const schema = z.strictObject({ as_of: z.iso.date(), models: z.record(z.string(), priceSchema) });

/** Finds a model's price in a file; a model without one is refused, not free. Throws `SetupError`. */
export function readPrice(file: string, model: string): Price {
  let models: Record<string, Price>;
  try {
    ({ models } = schema.parse(JSON.parse(readFileSync(file, "utf8"))));
  } catch {
    throw new SetupError('PRICES_FILE: expected a JSON file of {"as_of", "models"}');
  }
  const price = models[model];
  if (price === undefined) {
    throw new SetupError("MODEL_NAME: expected a model with a price in PRICES_FILE");
  }
  return price;
}

/** What a call costs in nano-dollars, rounded up. */
export function costNanoDollars(price: Price, tokens: Tokens): number {
  // The products outgrow what a double holds exactly.
  const millionths = BigInt(tokens.input) * BigInt(price.input) + BigInt(tokens.output) * BigInt(price.output);
  return Number((millionths + 999_999n) / 1_000_000n);
}
