import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { readConfig } from "../src/config.ts";
import { createLogger } from "../src/logs/logger.ts";
import type { Model } from "../src/model/model.ts";
import { type Clock, systemClock, systemRandom } from "../src/runtime.ts";
import { compose } from "../src/service.ts";
import type { Tool } from "../src/tools/tool.ts";

/** Settings of a service on loopback that lets everyone in. */
export const DEVELOPMENT = {
  ENVIRONMENT: "development",
  AUTH_MODE: "none",
  MODEL_PROVIDER: "offline",
  HOST: "127.0.0.1",
  ADMIN_HOST: "127.0.0.1",
  PORT: "0",
  ADMIN_PORT: "0",
  TENANT_REQUESTS_PER_MINUTE: "100000",
  SHUTDOWN_DELAY_MS: "0",
  SHUTDOWN_DRAIN_MS: "1000",
};

/** A folder that the test removes. */
export function scratch(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), "agent-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Starts a service; the test ends it. */
export async function serve(
  t: TestContext,
  env: Record<string, string> = {},
  parts: { model?: Model; tools?: Tool[]; clock?: Clock } = {},
) {
  const lines: string[] = [];
  const { config, problems } = readConfig({ ...DEVELOPMENT, STATE_DIR: scratch(t), ...env });
  const stream = { write: (line: string) => lines.push(line) };
  const log = createLogger({ config, clock: systemClock }, stream);
  const composed = await compose(config, { clock: systemClock, random: systemRandom, log, ...parts });
  if (composed.service === undefined || problems.length > 0) {
    throw new Error(JSON.stringify([problems, composed]));
  }
  const { service } = composed;
  let ended: Promise<boolean> | undefined;
  const shutDown = () => (ended ??= service.shutDown());
  t.after(shutDown);
  const { port, adminPort } = await service.start();
  const base = `http://127.0.0.1:${port}`;
  return {
    port,
    lines,
    shutDown,
    get: (path: string, init: RequestInit = {}) => fetch(base + path, init),
    admin: (path: string) => fetch(`http://127.0.0.1:${adminPort}${path}`),
    post: (body: unknown, headers: Record<string, string> = {}, signal: AbortSignal | null = null) =>
      fetch(`${base}/v1/runs`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: typeof body === "string" ? body : JSON.stringify(body),
        signal,
      }),
  };
}

/** Sends bytes on a connection of its own and returns all that comes back until it is closed. */
export function exchange(port: number, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    socket.on("data", (data) => (answer += data.toString()));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => resolve(answer));
  });
}

/** A folder with one secret; `put` replaces it the way an orchestrator does, by renaming. */
export function secretFolder(t: TestContext, name: string, text: string) {
  const dir = scratch(t);
  const put = (next: string): void => {
    writeFileSync(join(dir, "next"), next);
    renameSync(join(dir, "next"), join(dir, name));
  };
  put(text);
  return { dir, put };
}

/** A model that does as it is told. */
export function scripted(complete: Model["complete"]): Model {
  return { provider: "offline", name: "offline", complete };
}
