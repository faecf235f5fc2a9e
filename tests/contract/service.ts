import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { createServer } from "node:net";
import { join } from "node:path";
import { Client } from "./client.ts";
import { SERVICE_DIR } from "./contract.ts";
import { sleep, until, within } from "./waiting.ts";

/** How the service's process ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Variables of a process; one that is undefined is not set. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A line of the log. */
export type LogLine = Readonly<Record<string, unknown>>;

/** Options of the runtime with which images start the service. */
const RUNTIME = ["--max-old-space-size-percentage=75"];
const READY_MS = 20_000;
const END_MS = 45_000;

/** A process of the service, and all that it printed. */
export class Service {
  readonly port: number;
  readonly adminPort: number;
  readonly admin: Client;
  stdout = "";
  stderr = "";
  readonly ended: Promise<Ending>;
  readonly #child: ChildProcess;
  #isOver = false;

  /** Starts the bundle as images do; `options` go to the runtime. */
  static spawn(env: Environment, options: readonly string[] = []): Promise<Service> {
    const own = { HOST: "127.0.0.1", ADMIN_HOST: "127.0.0.1", ...env };
    return Service.#launch(process.execPath, [...RUNTIME, ...options, "dist/main.cjs"], own);
  }

  /** Starts the service as its developers do, with `npm start`. */
  static npmStart(env: Environment): Promise<Service> {
    return Service.#launch("npm", ["start", "--silent"], env);
  }

  static async #launch(program: string, args: readonly string[], env: Environment): Promise<Service> {
    const [port, adminPort] = await freePorts();
    const child = spawn(program, args, {
      cwd: SERVICE_DIR,
      env: { ...inherited(), PORT: String(port), ADMIN_PORT: String(adminPort), ...env },
      stdio: ["ignore", "pipe", "pipe"],
      // With a group of its own, so that nothing is left of what npm starts.
      detached: true,
    });
    return new Service(child, port, adminPort);
  }

  private constructor(child: ChildProcess, port: number, adminPort: number) {
    this.#child = child;
    this.port = port;
    this.adminPort = adminPort;
    this.admin = new Client(adminPort);
    child.stdout?.setEncoding("utf8").on("data", (text) => (this.stdout += text));
    child.stderr?.setEncoding("utf8").on("data", (text) => (this.stderr += text));
    this.ended = new Promise((resolve) => {
      child.on("close", (code, signal) => {
        this.#isOver = true;
        resolve({ code, signal });
      });
    });
    // A test that fails half-way must not leave its service behind.
    process.once("exit", () => this.destroy());
  }

  get pid(): number {
    return this.#child.pid ?? assert.fail("the service did not start");
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Waits until the service says that it is ready. */
  async ready(): Promise<void> {
    const start = performance.now();
    while (!(await this.answers("/readyz", 200))) {
      assert.ok(!this.#isOver, `the service ended before it was ready\n${this.stdout}${this.stderr}`);
      assert.ok(performance.now() - start < READY_MS, `not ready within ${READY_MS} ms\n${this.stdout}${this.stderr}`);
      await sleep(25);
    }
  }

  /** Whether a path of the admin listener answers with this status now. */
  async answers(path: string, status: number): Promise<boolean> {
    return this.admin.get(path).then(
      (answer) => answer.status === status,
      () => false,
    );
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Kills whatever is left of it. */
  destroy(): void {
    try {
      process.kill(-this.pid, "SIGKILL");
    } catch {
      // There is nothing left.
    }
  }

  /** Sends a signal and waits for the end. */
  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<Ending> {
    this.kill(signal);
    return within("the end of the service", END_MS, this.ended);
  }

  /** All lines of the log, each of which must be a JSON object. */
  log(): LogLine[] {
    return this.stdout.trimEnd().split("\n").filter(Boolean).map(parseLine);
  }

  /** Waits for a line of the log. */
  logged(what: string, matches: (line: LogLine) => boolean): Promise<LogLine> {
    const whole = () => this.stdout.slice(0, this.stdout.lastIndexOf("\n") + 1);
    const lines = () => whole().split("\n").filter(Boolean).map(parseLine);
    return until(`a line of the log: ${what}`, () => lines().find(matches));
  }
}

function parseLine(line: string): LogLine {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return assert.fail(`a line of the log is no JSON: ${line}`);
  }
  assert.ok(typeof parsed === "object" && parsed !== null && !Array.isArray(parsed), `no object: ${line}`);
  return parsed as LogLine;
}

/** What every process gets, and no setting; the runtime of these tests comes before any other. */
function inherited(): Record<string, string> {
  const { PATH = "", HOME = "" } = process.env;
  return { PATH: `${join(process.execPath, "..")}:${PATH}`, HOME };
}

// Below those that systems give to outgoing connections: one of these could take a port before the service does.
const PORTS = { from: 10_000, to: 32_000 };

/** Two ports that nothing listens on. */
async function freePorts(): Promise<[number, number]> {
  const first = await freePort();
  return [first, await freePort(first)];
}

async function freePort(other = 0): Promise<number> {
  for (;;) {
    const port = randomInt(PORTS.from, PORTS.to);
    const server = createServer();
    const listens = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (listens) {
      await new Promise((resolve) => server.close(resolve));
    }
    if (listens && port !== other) {
      return port;
    }
  }
}

/** A program of the project, such as `npm run -s migrate`. */
export async function npmRun(
  script: string,
  args: readonly string[],
  env: Environment = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return runProgram("npm", ["run", "-s", script, "--", ...args], env);
}

/** Runs a program in the project's folder. */
export async function runProgram(
  program: string,
  args: readonly string[],
  env: Environment = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(program, args, { cwd: SERVICE_DIR, env: { ...inherited(), ...env } });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { code, stdout, stderr };
}
