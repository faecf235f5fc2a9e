import { z } from "zod";
import { canonical, parseStrictJson } from "../../../src/audit/json.ts";
import { type Case, type Outcome, outcome } from "../suite.ts";

/** Runs one case; got is the canonical text, or the word `refused`. */
export async function run(vector: Case): Promise<Outcome> {
  return outcome(canonicalText(z.string().parse(vector.input)), vector.expect);
}

function canonicalText(text: string): string {
  try {
    return canonical(parseStrictJson(text));
  } catch {
    return "refused";
  }
}
