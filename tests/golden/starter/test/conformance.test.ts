import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { runFile } from "./conformance/suite.ts";

const folder = join(import.meta.dirname, "conformance/vectors");

for (const file of readdirSync(folder)) {
  test(`conformance: ${file}`, async (t) => {
    for await (const { name, ok, got } of runFile(join(folder, file))) {
      await t.test(name, () => assert.ok(ok, `got ${JSON.stringify(got)}`));
    }
  });
}

test("the conformance runner tells a failed case from a file that it cannot run", (t) => {
  const dir = mkdtempSync(join(tmpdir(), "vectors-"));
  t.after(() => rmSync(dir, { recursive: true }));
  const run = (content: string) => {
    const file = join(dir, "vectors.json");
    writeFileSync(file, content);
    const script = join(import.meta.dirname, "conformance/run.ts");
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, file], { encoding: "utf8" });
    return { status, stdout, stderr };
  };
  const steps = [{ do: "running", expect: ["nobody"] }];
  const failed = run(JSON.stringify({ component: "bulkhead", cases: [{ name: "wrong", options: {}, steps }] }));
  assert.deepEqual(failed, { status: 1, stdout: '{"name":"wrong","ok":false,"got":[[]]}\n', stderr: "" });

  const unknown = run(JSON.stringify({ component: "nothing", cases: [{ name: "x" }] }));
  assert.equal(unknown.status, 2);
  assert.match(unknown.stderr, /unknown component nothing/);
  const malformed = run(JSON.stringify({ component: "bulkhead", cases: [{ name: "bad", steps: [{ do: "jump" }] }] }));
  assert.equal(malformed.status, 2);
  assert.match(malformed.stderr, /case bad/);
  assert.equal(run("{").status, 2);
});
