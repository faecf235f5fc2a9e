// Shows that the conformance vectors notice defects: plants each of mutants.json into a copy of a generated project, one
// at a time, and runs the vectors of its component.
//
// usage: node run.mjs PROJECT [COMPONENT…]      PROJECT has its dependencies installed
// exit code: 0 if every mutant was killed, 1 if one survived or could not be planted, 2 if the project cannot be checked
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";

// A mutant may wait, or loop, for ever.
const TIMEOUT_MS = 20_000;
// What Node ends with if nothing is left that could settle what it waits for.
const UNSETTLED = 13;

const [path, ...only] = process.argv.slice(2);
if (path === undefined) {
  process.stderr.write("usage: node run.mjs PROJECT [COMPONENT…]\n");
  process.exit(2);
}

const project = resolve(path);
const scratch = mkdtempSync(join(tmpdir(), "mutants-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));
const left = new Set(["node_modules", "dist", ".git", ".data"]);
cpSync(project, scratch, { recursive: true, filter: (source) => source === project || !left.has(basename(source)) });
symlinkSync(join(project, "node_modules"), join(scratch, "node_modules"));

const all = JSON.parse(readFileSync(new URL("mutants.json", import.meta.url), "utf8"));
const vectorsOf = (component) => `test/conformance/vectors/${component}.json`;
// What the answers left out of the project cannot be mutated.
const present = all.filter(({ component }) => existsSync(join(scratch, vectorsOf(component))));
const mutants = present.filter(({ component }) => only.length === 0 || only.includes(component));

function runVectors(component) {
  const args = ["test/conformance/run.ts", vectorsOf(component)];
  const options = { cwd: scratch, encoding: "utf8", timeout: TIMEOUT_MS, killSignal: "SIGKILL" };
  const { status, error, stdout, stderr } = spawnSync(process.execPath, args, options);
  if (error?.code === "ETIMEDOUT" || status === UNSETTLED) {
    return { verdict: "hangs" };
  }
  const cases = stdout.split("\n").filter((line) => line !== "");
  const failed = cases.map((line) => JSON.parse(line)).filter(({ ok }) => !ok);
  if (failed.length > 0) {
    return { verdict: "fails", detail: failed[0].name };
  }
  return status === 0 ? { verdict: "passes" } : { verdict: "crashes", detail: stderr.trim().split("\n").at(-1) };
}

function plant({ file, from, to, component }) {
  const target = join(scratch, file);
  const source = readFileSync(target, "utf8");
  const places = source.split(from).length - 1;
  if (places !== 1) {
    return { verdict: "unplanted", detail: `found ${places} times in ${file}` };
  }
  writeFileSync(target, source.replace(from, () => to));
  try {
    return runVectors(component);
  } finally {
    writeFileSync(target, source);
  }
}

for (const component of new Set(mutants.map((mutant) => mutant.component))) {
  const { verdict, detail } = runVectors(component);
  if (verdict !== "passes") {
    process.stderr.write(`${component}: the vectors have to pass without a mutant: ${verdict}: ${detail}\n`);
    process.exit(2);
  }
}

// A mutant that crashes shows nothing about the vectors, so it does not count.
const KILLED = new Set(["fails", "hangs"]);
const width = (texts) => Math.max(...texts.map((text) => text.length));
const components = width(mutants.map(({ component }) => component));
const names = width(mutants.map(({ name }) => name));
let killed = 0;
for (const mutant of mutants) {
  const { verdict, detail = "" } = plant(mutant);
  const dead = KILLED.has(verdict);
  killed += dead ? 1 : 0;
  const result = dead ? "killed" : verdict === "passes" ? "SURVIVED" : verdict.toUpperCase();
  const by = verdict === "hangs" ? "(hangs)" : detail;
  process.stdout.write(`${mutant.component.padEnd(components)}  ${mutant.name.padEnd(names)}  ${result}  ${by}\n`);
}
process.stdout.write(`${mutants.length} mutants, ${killed} killed\n`);
process.exitCode = killed === mutants.length && killed > 0 ? 0 : 1;
