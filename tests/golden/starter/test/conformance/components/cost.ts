import { z } from "zod";
import { costNanoDollars, createPrices } from "../../../src/cost/prices.ts";
import { type Case, type Outcome, outcome } from "../suite.ts";

const amount = z.int().min(0);
const optionsSchema = z.object({ prices: z.record(z.string(), z.object({ input: amount, output: amount })) });
const inputSchema = z.object({ model: z.string(), input_tokens: amount, output_tokens: amount });

/** Runs one case; got is nano-dollars, or `unknown_model`. */
export async function run(vector: Case): Promise<Outcome> {
  const prices = createPrices(optionsSchema.parse(vector.options).prices);
  const { model, input_tokens: input, output_tokens: output } = inputSchema.parse(vector.input);
  const price = prices(model);
  return outcome(price === undefined ? "unknown_model" : costNanoDollars(price, { input, output }), vector.expect);
}
