import { createPublicKey } from "node:crypto";
import { z } from "zod";
import { verify } from "../../../commands/audit-verify.ts";
import { type Case, type Outcome, outcome } from "../suite.ts";

const optionsSchema = z.object({ keys: z.record(z.string(), z.string()) });
const inputSchema = z.object({ lines: z.array(z.string()), head: z.string().optional() });

/** Runs one case; got is `{"ok":true}`, or the first bad line and what is wrong with it. */
export async function run(vector: Case): Promise<Outcome> {
  const { keys } = optionsSchema.parse(vector.options);
  const { lines, head } = inputSchema.parse(vector.input);
  const publicKeys = Object.entries(keys).map(([kid, pem]) => [kid, createPublicKey(pem)] as const);
  async function* read() {
    yield* lines;
  }
  const verdict = await verify(read, new Map(publicKeys), head);
  const { ok } = verdict;
  return outcome(ok ? { ok } : { line: verdict.line, why: verdict.why }, vector.expect);
}
