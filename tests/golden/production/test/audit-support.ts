import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { runVerify } from "../commands/audit-verify.ts";
import { createAuditTrail } from "../src/audit/log.ts";
import type { AuditEvent, AuditLine, AuditTable } from "../src/audit/trail.ts";
import { readConfig } from "../src/config.ts";
import { createMetrics } from "../src/metrics/metrics.ts";
import { systemRandom } from "../src/runtime.ts";
import { createSecretStore } from "../src/secrets/store.ts";
import { createClock, type VirtualClock } from "./kit.ts";

/** Something to record. */
export const EVENT = {
  actor: "agent",
  tenant: "acme",
  action: "tool.called",
  resource: "tool:notes",
  result: "success",
} as const;

/** A signing key in PEM. */
export function newKey(): string {
  return generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

/**
 * A folder for the log and a signing key. `start` opens a trail there as a process would, on a clock of its own: one
 * that is not advanced any more is as good as a crash.
 */
export function place(t: TestContext) {
  const pem = newKey();
  const dir = mkdtempSync(join(tmpdir(), "audit-"));
  const put = (secret: string, text: string): void => writeFileSync(join(dir, secret), text);
  put("audit_signing_key", pem);
  t.after(() => rmSync(dir, { recursive: true }));
  const file = join(dir, "audit.jsonl");

  function start(parts: { table?: AuditTable; siem?: string; env?: Record<string, string> } = {}) {
    const { config } = readConfig({
      ENVIRONMENT: "production",
      STATE_DIR: dir,
      SECRETS_DIR: dir,
      ...(parts.siem === undefined ? {} : { SIEM_URL: parts.siem }),
      ...parts.env,
    });
    const clock = createClock();
    const logged: string[] = [];
    const write = (message: string) => void logged.push(message);
    const log = { info: write, warn: write, error: write, fatal: write, within: () => log };
    const metrics = createMetrics(config);
    const secrets = createSecretStore({ config, clock, log, metrics });
    const random = { ...systemRandom, fraction: () => 0.5 };
    const { table } = parts;
    const trail = createAuditTrail({ config, secrets, clock, random, log, metrics, table });
    const valueOf = async (metric: "auditEvents" | "auditOutboxDepth" | "auditWriteFailures") =>
      (await metrics[metric].get()).values[0]?.value;
    const record = (count: number, event: AuditEvent = EVENT): void => {
      for (let done = 0; done < count; done += 1) {
        trail.record(event);
      }
    };
    return { trail, clock, logged, valueOf, record };
  }

  /** Verifies lines, or the file, with the public halves of these keys. */
  async function verified(lines?: readonly string[], pems = [pem], head?: string) {
    const path = lines === undefined ? file : join(dir, "lines");
    if (lines !== undefined) {
      writeFileSync(path, lines.map((line) => `${line}\n`).join(""));
    }
    const keys = pems.map((key, index) => {
      const keyFile = join(dir, `key-${index}`);
      writeFileSync(keyFile, createPublicKey(key).export({ type: "spki", format: "pem" }));
      return keyFile;
    });
    let output = "";
    const stdout = { write: (text: string) => (output += text) };
    const code = await runVerify([path, "--keys", ...keys, ...(head ? ["--head", head] : [])], stdout, {
      write: () => 0,
    });
    return `${code} ${output.trim()}`.replace(/, head .*/, "");
  }

  const lines = (): string[] => readFileSync(file, "utf8").split("\n").slice(0, -1);
  return { dir, file, put, pem, start, lines, verified };
}

/** A table that can be down, or lose the answer to an insertion that it made. */
export function createTable() {
  const rows = new Map<string, AuditLine>();
  const state: { mode: "up" | "down" | "mute" } = { mode: "up" };
  const table: AuditTable = {
    async newest() {
      assert.equal(state.mode, "up");
      return [...rows.values()].at(-1);
    },
    async insert(lines) {
      assert.notEqual(state.mode, "down");
      for (const line of lines) {
        const id = `${line.chain}/${line.seq}`;
        rows.set(id, rows.get(id) ?? line);
      }
      await (state.mode === "mute" ? new Promise(() => undefined) : undefined);
    },
  };
  return { table, state, texts: () => [...rows.values()].map(({ text }) => text) };
}

/** A collector of audit entries over HTTP, which answers as it is told. */
export async function createCollector(t: TestContext) {
  const state = { status: 204 };
  // At least once means that a line may come again.
  const taken = new Set<string>();
  const headers: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    headers.push(request.headers.authorization);
    let body = "";
    request.on("data", (chunk) => (body += String(chunk)));
    request.on("end", () => {
      if (state.status < 300) {
        const lines = body.split("\n").slice(0, -1);
        lines.forEach((line) => taken.add(line));
      }
      response.writeHead(state.status).end("a body that nobody reads");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close().closeAllConnections());
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return { url: `http://127.0.0.1:${address.port}/`, state, taken, headers };
}

/** Lets virtual time pass until something holds; network and disk take the real time they need. */
export async function passUntil(
  clock: VirtualClock,
  holds: () => boolean | Promise<boolean>,
  stepMs = 50,
): Promise<void> {
  for (let turns = 0; !(await holds()); turns += 1) {
    assert.ok(turns < 5_000, "it never came");
    await clock.advance(stepMs);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
