import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { SetupError } from "../config.ts";

/** What tells the model what it is. */
export interface Prompt {
  /** Raised by whoever changes the text. */
  readonly version: number;
  /** SHA-256 of the file in hexadecimal, as `sha256sum` prints it. */
  readonly digest: string;
  readonly text: string;
}

const FILE = /^---\r?\nversion: ([1-9]\d{0,8})\r?\n---\r?\n(.*)$/s;

/** Reads a prompt: front matter with its version, then the text. Throws `SetupError`. */
export function readPrompt(file: string): Prompt {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch {
    throw new SetupError(`PROMPT_FILE: expected a file at ${file} that is readable`);
  }
  const [, version, text = ""] = FILE.exec(bytes.toString("utf8")) ?? [];
  if (version === undefined || text.trim() === "") {
    throw new SetupError(`PROMPT_FILE: expected "---", "version: N", "---" and a text in ${file}`);
  }
  return { version: Number(version), digest: createHash("sha256").update(bytes).digest("hex"), text: text.trim() };
}
