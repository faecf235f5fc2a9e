import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { get } from "node:http";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

// What the kernel counts processor time in; the same on every Linux that Node runs on.
const TICK_MS = 10;
const READY_WITHIN_MS = 20_000;

// Nothing that was started is left behind, however this ends.
const started = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of started) {
    child.kill("SIGKILL");
  }
});

interface ProcessOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Of stdin and stdout; `ignore` unless it is said. */
  readonly stdio?: "ignore" | "pipe";
}

/** A process that is measured, or takes part in measuring. */
export class Process {
  readonly child: ChildProcess;

  constructor(args: readonly string[], options: ProcessOptions = {}) {
    const { cwd, env = {}, stdio = "ignore" } = options;
    const { PATH = "" } = process.env;
    this.child = spawn(process.execPath, args, { cwd, env: { PATH, ...env }, stdio: [stdio, stdio, "inherit"] });
    started.add(this.child);
  }

  /** Processor time that it has used so far, in milliseconds. */
  cpuMs(): number {
    const stat = readFileSync(`/proc/${this.child.pid}/stat`, "utf8");
    // Counted from behind the name, which may hold anything: utime and stime are the 14th and 15th fields.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  }

  /** Resident memory, in MiB. */
  residentMiB(): number {
    const status = readFileSync(`/proc/${this.child.pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1_024;
  }

  async end(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.kill("SIGTERM");
    await ended;
  }
}

/** Asks until a path is answered with 200, and returns how long that took in milliseconds. */
export async function ready(port: number, path: string): Promise<number> {
  const start = performance.now();
  while (!(await answers(port, path))) {
    if (performance.now() - start > READY_WITHIN_MS) {
      throw new Error(`nothing answers on port ${port}`);
    }
    await sleep(3);
  }
  return performance.now() - start;
}

function answers(port: number, path: string): Promise<boolean> {
  return new Promise((resolve) => {
    get({ host: "127.0.0.1", port, path, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    }).on("error", () => resolve(false));
  });
}

/** A port that nothing listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}
