import { z } from "zod";
import { createRedactor } from "../../../src/privacy/redact.ts";
import { KINDS } from "../../../src/privacy/scan.ts";
import { metrics } from "../../kit.ts";
import { type Case, type Outcome, outcome } from "../suite.ts";

const optionsSchema = z.object({ kinds: z.array(z.enum(KINDS)).default([...KINDS]) });

/** Runs one case; what was redacted must stay as it is when it is redacted again. */
export async function run(vector: Case): Promise<Outcome> {
  const redact = createRedactor({ metrics, ...optionsSchema.parse(vector.options) });
  const once = redact(z.string().parse(vector.input));
  const { ok } = outcome([once, redact(once)], [vector.expect, vector.expect]);
  return { ok, got: once };
}
