import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Entry, forged, GENESIS } from "./audit.ts";
import { preset, SERVICE_DIR, smoke, test } from "./contract.ts";
import { npmRun, runProgram } from "./service.ts";
import { type Sample, SAMPLES } from "./vectors.ts";

interface Verdict {
  readonly name: string;
  readonly ok: boolean;
  readonly got: unknown;
}

/** Runs cases of a component, and returns the exit code and what was said of each. */
async function run(component: string, cases: readonly object[]): Promise<{ code: number | null; verdicts: Verdict[] }> {
  return withVectors(component, cases, async (file) => {
    const { code, stdout, stderr } = await npmRun("conformance", [file]);
    assert.ok(stdout !== "", stderr);
    return {
      code,
      verdicts: stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line)),
    };
  });
}

/** Runs cases of a component, and returns the seconds of processor time that took: the machine may be busy. */
function secondsFor(component: string, cases: readonly object[]): Promise<number> {
  return withVectors(component, cases, async (file) => {
    const script = 'TIMEFORMAT=%U; time npm run -s conformance -- "$0" >/dev/null';
    const { stderr } = await runProgram("bash", ["-c", script, file]);
    return Number(stderr.trim().split("\n").at(-1));
  });
}

async function withVectors<T>(component: string, cases: readonly object[], use: (file: string) => Promise<T>) {
  const folder = mkdtempSync(join(tmpdir(), "vectors-"));
  try {
    const file = join(folder, `${component}.json`);
    writeFileSync(file, JSON.stringify({ component, cases }));
    return await use(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const only: Readonly<Record<string, "privacy">> = { k_anonymity: "privacy" };

for (const component of new Set(SAMPLES.map((sample) => sample.component))) {
  const samples = SAMPLES.filter((sample) => sample.component === component);
  const needs = only[component];
  smoke(`conformance: ${component}`, () => holds(component, samples), ...(needs === undefined ? [] : [needs]));
}

async function holds(component: string, samples: readonly Sample[]): Promise<void> {
  const cases = samples.flatMap(({ wrong, ...right }, index) => [
    { ...right, name: `${index} right` },
    { ...right, ...wrong, name: `${index} wrong` },
  ]);
  const { code, verdicts } = await run(component, cases);
  assert.deepEqual(
    verdicts.map(({ name, ok }) => ({ name, ok })),
    cases.map(({ name }) => ({ name, ok: name.endsWith("right") })),
    JSON.stringify(verdicts),
  );
  assert.equal(code, 1);
  const sound = await run(
    component,
    cases.filter(({ name }) => name.endsWith("right")),
  );
  assert.equal(sound.code, 0);
}

smoke("conformance: audit", async () => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const pem = String(publicKey.export({ type: "spki", format: "pem" }));
  const event = { actor: "service", tenant: "acme", action: "run.created", resource: "run:1", result: "success" };
  const base = { v: 1, chain: "c", ts: "2026-11-24T12:00:00.000Z", kid: "k", event, hash: "", sig: "" };
  const log: Entry[] = [];
  for (const seq of [1, 2, 3]) {
    const entry = { ...base, seq, prev: log.at(-1)?.hash ?? GENESIS };
    log.push(forged(entry, {}, privateKey));
  }
  const [one, two, three] = log;
  assert.ok(one !== undefined && two !== undefined && three !== undefined);
  const vector = (name: string, entries: readonly (Entry | string)[], expect: object, head?: string) => ({
    name,
    options: { keys: { k: pem } },
    input: {
      lines: entries.map((entry) => (typeof entry === "string" ? entry : JSON.stringify(entry))),
      ...(head === undefined ? {} : { head }),
    },
    expect,
  });
  const { code, verdicts } = await run("audit", [
    vector("sound", log, { ok: true }),
    vector("sound, with the head", log, { ok: true }, three.hash),
    vector("malformed", [one, "{", three], { line: 2, why: "malformed" }),
    vector("hash", [one, { ...two, ts: base.ts.replace("12", "13") }, three], { line: 2, why: "hash" }),
    vector("key", [one, forged(two, { kid: "other" }, privateKey), three], { line: 2, why: "key" }),
    vector("signature", [one, { ...two, sig: one.sig }, three], { line: 2, why: "signature" }),
    vector("sequence", [one, three], { line: 2, why: "sequence" }),
    vector("link", [one, forged(two, { prev: GENESIS }, privateKey), three], { line: 2, why: "link" }),
    vector("truncated", [one, two], { line: 2, why: "truncated" }, three.hash),
    vector("another chain", [one, forged(one, { chain: "d", prev: one.hash }, privateKey)], { ok: true }),
  ]);
  assert.deepEqual(
    verdicts.filter(({ ok }) => !ok),
    [],
  );
  assert.equal(code, 0);
});

test("detectors take linear time: ten times the text takes at most fifteen times as long", async () => {
  const kinds = ["card", "iban", "ssn", "email", "phone", "ip", "secret"];
  const hostile = ["4", "1-", "a@", "DE8", "1.", "::", "eyJ.", "-----BEGIN ", "+1 ", "a.", "@a.b-", " 4111", "AKIA"];
  const timeOf = (length: number) => {
    const inputs = hostile.map((piece) => piece.repeat(Math.ceil(length / piece.length)));
    return secondsFor(
      "redact",
      inputs.map((input) => ({ name: "hostile", options: { kinds }, input, expect: "" })),
    );
  };
  const idle = await timeOf(10);
  const small = (await timeOf(100_000)) - idle;
  const large = (await timeOf(1_000_000)) - idle;
  // The least time is there for what the runtime does only once.
  assert.ok(large <= 15 * Math.max(0.1, small), `${small} s, ${large} s`);
});

smoke("the project's own vectors have at least 15 cases a component, and all hold", async () => {
  const folder = "test/conformance/vectors";
  const files = readdirSync(join(SERVICE_DIR, folder)).map((name) => `${folder}/${name}`);
  const { code, stdout } = await npmRun("conformance", files);
  const verdicts: Verdict[] = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    verdicts.filter(({ ok }) => !ok),
    [],
  );
  assert.equal(code, 0);
  assert.ok(verdicts.length >= 15 * files.length && files.length >= (preset.suite === "whole" ? 9 : 1));
});
