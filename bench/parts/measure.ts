// Measures a generated, built project beside variants of itself and a bare forwarder, in rounds that take turns, and
// prints the figures as a section of a page: node measure.ts PROJECT [ROUNDS]
// With DATABASE_URL and REDIS_URL, as `tests/servers start` prints them, it measures the service with its stores too.
import { generateKeyPairSync, sign } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import type { Order, Result } from "./load.ts";
import { Process } from "./process.ts";
import { type Figures, report, type Sample } from "./report.ts";
import { KEY, launch, type Launched, type Variant } from "./service.ts";
import { bundle, bundleForwarder } from "./variants.ts";

const CONNECTIONS = 32;
/** What a quick model takes; with one that takes no time at all, only processor time is left. */
const MODEL_MS = 50;
const ROUND_MS = 3_000;
const WARM_UP_MS = 4_000;
const IDLE_MS = 5_000;
const STARTS = 9;

/** What was measured of a variant in one round. */
interface Round {
  readonly at0: Sample;
  readonly slow: Sample;
}

/** A variant that takes its turns. */
interface Running extends Launched {
  readonly name: string;
  readonly idleMiB: number;
  readonly rounds: Round[];
}

const [project = "", rounds = "7"] = process.argv.slice(2);
const root = resolve(project);
const work = mkdtempSync(join(tmpdir(), "bench-"));
process.once("exit", () => rmSync(work, { recursive: true }));

const model = new Process([join(import.meta.dirname, "model.ts")], { stdio: "pipe" });
const modelPort = Number(await linesOf(model)());
const load = new Process([join(import.meta.dirname, "load.ts")], { stdio: "pipe" });
const nextResult = linesOf(load);

const service: Variant = { name: "the service", file: join(root, "dist/main.cjs") };
const variants: Variant[] = [
  { name: "a bare Fastify forwarder", file: join(work, "forwarder.mjs"), isForwarder: true },
  service,
  { name: "without resilience, audit and metrics", file: join(work, "bare.cjs") },
  { name: "without audit", file: join(work, "unaudited.cjs") },
  ...("DATABASE_URL" in process.env ? [{ ...service, name: "with Postgres and Redis", hasStores: true }] : []),
];
await bundleForwarder(root, join(work, "forwarder.mjs"));
await bundle(root, join(work, "bare.cjs"), ["resilience", "audit", "metrics"]);
await bundle(root, join(work, "unaudited.cjs"), ["audit"]);

const startMs: number[] = [];
for (let start = 0; start < STARTS; start++) {
  const started = await launch(service, { root, work, modelPort });
  startMs.push(started.readyMs);
  await started.process.end();
}

const running: Running[] = [];
for (const variant of variants) {
  const launched = await launch(variant, { root, work, modelPort });
  await sleep(IDLE_MS);
  running.push({ ...launched, name: variant.name, idleMiB: launched.process.residentMiB(), rounds: [] });
}
for (const { port } of running) {
  await drive(port, WARM_UP_MS);
}
for (let round = 0; round < Number(rounds); round++) {
  for (const variant of running) {
    variant.rounds.push({ at0: await sample(variant, 0), slow: await sample(variant, MODEL_MS) });
  }
}

const figures = running.map(figuresOf);
const [forwarder, whole, bare, unaudited] = running;
if (forwarder === undefined || whole === undefined || bare === undefined || unaudited === undefined) {
  throw new Error("the forwarder, the service and the service without its parts are needed");
}
const ratios = {
  cpu: ratio(whole, bare, ({ at0 }) => at0.cpuUs),
  unaudited: ratio(unaudited, bare, ({ at0 }) => at0.cpuUs),
  at0: ratio(whole, forwarder, ({ at0 }) => at0.perSecond),
  slow: ratio(whole, forwarder, ({ slow }) => slow.perSecond),
};
const conditions = { rounds: Number(rounds), connections: CONNECTIONS, modelMs: MODEL_MS, starts: STARTS };
const own = { startMs: median(startMs), signatureUs: signatureUs() };
process.stdout.write(report(figuresOf(whole), figures, ratios, { ...conditions, ...own }));
await Promise.all([...running.map((variant) => variant.process.end()), model.end(), load.end()]);
process.exit(0);

async function sample(variant: Launched, modelMs: number): Promise<Sample> {
  model.child.stdin?.write(`${modelMs}\n`);
  const before = variant.process.cpuMs();
  const { answers, ms, p50, p99 } = await drive(variant.port, ROUND_MS);
  const cpuUs = ((variant.process.cpuMs() - before) * 1_000) / answers;
  return { perSecond: (answers * 1_000) / ms, cpuUs, p50, p99 };
}

function figuresOf({ name, process: measured, idleMiB, rounds: all }: Running): Figures {
  const [at0, slow] = [medians(all.map((round) => round.at0)), medians(all.map((round) => round.slow))];
  return { name, at0, slow, idleMiB, loadedMiB: measured.residentMiB() };
}

/** Microseconds of processor time for one signature of an audit entry. */
function signatureUs(): number {
  const { privateKey } = generateKeyPairSync("ed25519");
  const text = Buffer.alloc(79);
  const times = Array.from({ length: 21 }, () => {
    const before = process.cpuUsage();
    for (let count = 0; count < 500; count++) {
      sign(null, text, privateKey);
    }
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 500;
  });
  return median(times);
}

/** The median of what one variant had beside the other in the same round. */
function ratio(one: Running, other: Running, figure: (round: Round) => number): number {
  const theirs = other.rounds.map(figure);
  return median(one.rounds.map((round, index) => figure(round) / (theirs[index] ?? Number.NaN)));
}

async function drive(port: number, ms: number): Promise<Result> {
  const order: Order = { port, key: KEY, connections: CONNECTIONS, ms };
  load.child.stdin?.write(`${JSON.stringify(order)}\n`);
  return JSON.parse(await nextResult());
}

/** Returns what gives the next line that a process prints. */
function linesOf({ child }: Process): () => Promise<string> {
  if (child.stdout === null) {
    throw new Error("nothing is heard of this process");
  }
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return async () => {
    const { value, done } = await lines.next();
    if (done === true) {
      throw new Error("a process of the bench ended early");
    }
    return value;
  };
}

function medians(samples: readonly Sample[]): Sample {
  const of = (figure: keyof Sample) => median(samples.map((each) => each[figure]));
  return { perSecond: of("perSecond"), cpuUs: of("cpuUs"), p50: of("p50"), p99: of("p99") };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
