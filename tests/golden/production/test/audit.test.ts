import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, hash } from "node:crypto";
import fs, { appendFileSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { runVerify } from "../commands/audit-verify.ts";
import { digest } from "../src/audit/key.ts";
import { AuditError } from "../src/audit/trail.ts";
import { SetupError } from "../src/config.ts";
import { EVENT, newKey, passUntil, place } from "./audit-support.ts";

test("an entry is on the disk when record returns, and chains of several processes hang together", async (t) => {
  const { start, lines, verified, file } = place(t);
  const first = start();
  first.record(3);
  assert.equal(lines().length, 3);
  assert.equal(await first.valueOf("auditEvents"), 3);
  assert.equal(await first.valueOf("auditOutboxDepth"), 0);
  const closed = first.trail.close(first.clock.monotonic() + 1_000);
  await first.clock.advance(1_000);
  await closed;
  start().record(2);
  assert.equal(await verified(), "0 ok: 5 entries, 2 chains");
  assert.equal(await verified(lines().slice(3)), "1 line 1: link", "a whole chain cannot vanish");
  assert.equal(statSync(file).mode & 0o777, 0o600);
});

test("whatever is done to the log is found, and the command says how it is called", async (t) => {
  const { start, lines, verified, file } = place(t);
  start().record(5);
  const [one = "", two = "", three = "", four = "", five = ""] = lines();
  const { hash: head }: { hash: string } = JSON.parse(five);
  assert.equal(await verified(undefined, undefined, head), "0 ok: 5 entries, 1 chains");
  const cases: [string, string[], string][] = [
    ["edited", [one, two.replace("acme", "acne"), three], "1 line 2: hash"],
    ["deleted", [one, three], "1 line 2: sequence"],
    ["reordered", [one, three, two], "1 line 2: sequence"],
    ["torn", [one, two.slice(0, -9)], "1 line 2: malformed"],
    ["too long", [one, `"${"x".repeat(3_000_000)}"`], "1 line 2: malformed"],
    ["cut off", [one, two, three, four], "1 line 4: truncated"],
  ];
  for (const [what, changed, found] of cases) {
    assert.equal(await verified(changed, undefined, head), found, what);
  }
  assert.equal(await verified(lines(), [newKey()]), "1 line 1: key");

  const key = file.replace("audit.jsonl", "key-0");
  const misuses = [
    [],
    [file],
    [file, "--keys"],
    [file, "--keys", file],
    [file, "--keys", key, "--head", "latest"],
    [file, "--keys", key, "--fast"],
    [`${file}.not`, "--keys", key],
    [tmpdir(), "--keys", key],
  ];
  for (const args of misuses) {
    let hint = "";
    const code = await runVerify(args, { write: () => assert.fail() }, { write: (text) => (hint += text) });
    assert.equal(code, 2, args.join(" "));
    assert.match(hint, /^.+\nusage: /, args.join(" "));
  }
});

test("a last line that a crash left half written is cut off, whole ones stay", async (t) => {
  const { start, lines, verified, file } = place(t);
  start().record(2);
  appendFileSync(file, lines()[0]?.slice(0, 100) ?? "");
  const { record, logged } = start();
  assert.match(logged.join(), /torn last line/);
  record(1);
  assert.equal(await verified(), "0 ok: 3 entries, 2 chains");
});

test("a new signing key is announced by the old one", async (t) => {
  const { start, lines, verified, put, pem } = place(t);
  const { clock, record } = start();
  record(1);
  const next = newKey();
  put("audit_signing_key", next);
  await passUntil(clock, () => {
    record(1);
    return lines().some((line) => line.includes("audit.key_rotated"));
  });
  const rotated = lines().findIndex((line) => line.includes("audit.key_rotated"));
  assert.match(await verified(undefined, [pem, next]), /^0 ok: \d+ entries, 1 chains$/);
  assert.equal(await verified(undefined, [pem]), `1 line ${rotated + 2}: key`);
  const kids = [rotated, rotated + 1].map((index) => /"kid":"(\w+)","prev"/.exec(lines()[index] ?? "")?.[1]);
  assert.equal(new Set(kids).size, 2);
  assert.ok(lines()[rotated]?.includes(`"metadata":{"kid":"${kids[1]}"}`));
});

test("a full disk refuses effects, and leaves no half line when there is room again", async (t) => {
  const { start, lines, verified } = place(t);
  const { trail, clock, record, logged, valueOf } = start();
  record(1);
  const { writeSync } = fs;
  const failures = [
    (fd: number, bytes: Buffer) => writeSync(fd, bytes.subarray(0, 100)),
    (fd: number, bytes: Buffer) => {
      writeSync(fd, bytes.subarray(0, 50));
      throw new Error("ENOSPC");
    },
  ];
  for (const [index, failing] of failures.entries()) {
    const { mock } = t.mock.method(fs, "writeSync", failing);
    syncBuiltinESMExports();
    assert.throws(() => trail.record(EVENT), AuditError);
    assert.throws(() => trail.record(EVENT), AuditError);
    mock.restore();
    syncBuiltinESMExports();
    record(1);
    assert.equal(lines().length, index + 2);
  }
  assert.equal(await verified(), "0 ok: 3 entries, 1 chains");
  assert.equal(await valueOf("auditWriteFailures"), 4);
  assert.equal(logged.filter((message) => message.includes("not writable")).length, 2);
  assert.equal(logged.filter((message) => message.includes("writable again")).length, 2);
  await clock.settle();
});

test("a file that is taken away is made anew, and noticed", async (t) => {
  const takers = {
    removed: (file: string) => rmSync(file),
    rotated: (file: string) => {
      renameSync(file, `${file}.1`);
      writeFileSync(file, "");
    },
  };
  for (const [how, take] of Object.entries(takers)) {
    const { start, lines, file, verified } = place(t);
    const { clock, record, logged } = start();
    record(2);
    take(file);
    await passUntil(clock, () => logged.some((message) => message.includes("not flushed")));
    record(1);
    assert.equal(lines().length, 1, how);
    assert.match(logged.join(), /replaced while it was in use/);
    assert.equal(await verified(), "1 line 1: sequence");
  }
});

test("no key, no other kind of key and no other file will do", (t) => {
  const { start, put, file, dir } = place(t);
  const refused = (about: RegExp, env: Record<string, string> = {}) =>
    assert.throws(
      () => start({ env }),
      (error) => error instanceof SetupError && about.test(error.message),
    );
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2_048 }).privateKey;
  put("audit_signing_key", rsa.export({ type: "pkcs8", format: "pem" }).toString());
  refused(/audit_signing_key: expected a private key as `openssl/);
  put("audit_signing_key", "hunter2");
  refused(/^(?!.*hunter2).*audit_signing_key/);
  put("audit_signing_key", "");
  refused(/audit_signing_key/);
  assert.match(start({ env: { ENVIRONMENT: "development" } }).logged.join(), /one is made/);
  put("audit_signing_key", newKey());
  writeFileSync(file, "a shopping list\n");
  refused(/AUDIT_FILE: expected audit entries/);
  assert.equal(readFileSync(file, "utf8"), "a shopping list\n");
  refused(/AUDIT_FILE: expected a writable place/, { AUDIT_FILE: dir });
});

test("an entry names its key, holds no content, no text without end and no broken text", (t) => {
  const { start, lines, pem } = place(t);
  const { trail } = start();
  trail.record({
    ...EVENT,
    resource: `tool:\ud800${"x".repeat(100_000)}`,
    metadata: { text: digest("key", "hunter2") },
  });
  const [line = ""] = lines();
  const publicKey = createPublicKey(pem).export({ type: "spki", format: "der" });
  assert.ok(line.includes(`"kid":"${hash("sha256", publicKey).slice(0, 16)}"`));
  assert.ok(line.length < 2_000);
  assert.ok(line.includes("tool:\ufffdxx"));
  assert.ok(line.includes(digest("key", "hunter2")));
  assert.notEqual(digest("key", "hunter2"), digest("another", "hunter2"));
});
