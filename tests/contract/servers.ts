import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runProgram } from "./service.ts";

const script = join(import.meta.dirname, "../servers");

/** Servers of a test's own, which it may kill. */
export class Servers {
  readonly #folder: string;
  /** What `tests/servers start` prints. */
  readonly env: Readonly<Record<string, string>>;

  private constructor(folder: string, env: Readonly<Record<string, string>>) {
    this.#folder = folder;
    this.env = env;
  }

  static async start(): Promise<Servers> {
    const folder = join(tmpdir(), `servers-${randomBytes(6).toString("hex")}`);
    const printed = await run("start", folder);
    const lines = printed.trimEnd().split("\n");
    return new Servers(folder, Object.fromEntries(lines.map((line) => line.split(/=(.*)/).slice(0, 2))));
  }

  async kill(server: "postgres" | "redis"): Promise<void> {
    await run("kill", this.#folder, server);
  }

  async revive(server: "postgres" | "redis"): Promise<void> {
    await run("revive", this.#folder, server);
  }

  async stop(): Promise<void> {
    await run("stop", this.#folder);
  }
}

async function run(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runProgram(script, args);
  assert.equal(code, 0, stderr);
  return stdout;
}
