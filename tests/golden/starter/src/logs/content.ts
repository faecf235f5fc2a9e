import type { Config } from "../config.ts";
import type { Redact } from "../privacy/redact.ts";
import type { RunRecord } from "../run/record.ts";
import type { Fields } from "./logger.ts";

/** What of a run's content is logged: nothing unless `LOG_CONTENT` asks for it, and then redacted. */
export function contentOf(config: Config, redact: Redact): (record: RunRecord) => Fields {
  if (config.LOG_CONTENT === "false") {
    return () => ({});
  }
  return ({ messages, historyLength, output }) => ({
    input: redact(messages[historyLength]?.content ?? ""),
    output: redact(output),
  });
}
