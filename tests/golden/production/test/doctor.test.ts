import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { test, type TestContext } from "node:test";
import { skewFinding } from "../commands/checks.ts";
import { runDoctor } from "../commands/doctor.ts";
import { runMigrate } from "../commands/migrate.ts";
import { createScratchDatabase, noDatabase } from "./database.ts";
import { until } from "./kit.ts";
import { scratch } from "./support.ts";

// How long the exporter of traces tries, in milliseconds; it reads the process' own environment.
process.env["OTEL_EXPORTER_OTLP_TIMEOUT"] = "500";

/** What the doctor says of a service with these settings and secrets, and its exit code. */
async function examine(t: TestContext, env: Record<string, string> = {}, secrets: Record<string, string> = {}) {
  const dir = mkdtempSync(join(tmpdir(), "doctor-"));
  t.after(() => rmSync(dir, { recursive: true }));
  for (const [name, text] of Object.entries(secrets)) {
    writeFileSync(join(dir, name), text);
  }
  let lines = "";
  const output = new Writable({
    write(chunk, _encoding, done) {
      lines += String(chunk);
      done();
    },
  });
  const development = {
    ENVIRONMENT: "development",
    AUTH_MODE: "none",
    MODEL_PROVIDER: "offline",
    SECRETS_DIR: dir,
    STATE_DIR: dir,
  };
  const code = await runDoctor({ ...development, AGENT_DISABLED_FILE: join(dir, "disabled"), ...env }, output);
  return { code, lines };
}

/** A model provider and a collector that answer everything the same. */
async function answering(t: TestContext, status: number, date = new Date()) {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(status, { "content-type": "application/json", date: date.toUTCString() }).end("{}");
  });
  t.after(() => server.close());
  server.listen(0, "127.0.0.1");
  await until(() => server.listening);
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return `http://127.0.0.1:${address.port}`;
}

test("a service that has all it needs is well", async (t) => {
  const { code, lines } = await examine(t, { OTEL_EXPORTER_OTLP_ENDPOINT: await answering(t, 200) });
  assert.equal(code, 0, lines);
  assert.match(lines, /^ok {4}model: offline of offline answered in \d+ ms$/m);
  assert.match(lines, /^ok {4}collector: took the trace [\da-f]{32}$/m);
  assert.doesNotMatch(lines, /^(fail|warn)/m);
});

test("every wrong setting and secret is named, what follows from it is not, and the exit code is 78", async (t) => {
  const { code, lines } = await examine(t, { PORT: "x", REDIS_URL: "canary", AUTH_MODE: "api-key" });
  assert.equal(code, 78);
  assert.match(lines, /^fail {2}configuration: PORT: expected an integer/m);
  assert.match(lines, /^fail {2}configuration: REDIS_URL: expected a redis/m);
  assert.match(lines, /^fail {2}authentication: secret api_keys: expected a file/m);
  assert.doesNotMatch(lines, /canary|cache:/);
});

test("what does not answer is told with the next step, and the exit code is 1", async (t) => {
  const { code, lines } = await examine(
    t,
    {
      REDIS_URL: "redis://127.0.0.1:1",
      DATABASE_URL: "postgres://agent@127.0.0.1:1/agent",
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1",
    },
    {
      postgres_password: "canary",
      redis_password: "canary",
      field_encryption_key: Buffer.alloc(32).toString("base64"),
    },
  );
  assert.equal(code, 1, lines);
  assert.match(lines, /^fail {2}database: ECONNREFUSED, expected an answer: look at host and port/m);
  assert.match(lines, /^fail {2}cache: redis: unreachable \(.*ECONNREFUSED.*\), .*: look at REDIS_URL/m);
  assert.match(lines, /^fail {2}collector: took no span/m);
  assert.doesNotMatch(lines, /canary/);
});

test("a key that the model's provider refuses is told of", async (t) => {
  const MODEL_BASE_URL = await answering(t, 401);
  const PRICES_FILE = join(scratch(t), "prices.json");
  writeFileSync(PRICES_FILE, JSON.stringify({ as_of: "2026-01-01", models: { m: { input: 1, output: 1 } } }));
  const env = { MODEL_PROVIDER: "openai-compatible", MODEL_NAME: "m", MODEL_BASE_URL, PRICES_FILE };
  const { code, lines } = await examine(t, env, { model_api_key: "canary" });
  assert.equal(code, 1, lines);
  assert.match(lines, /^fail {2}model: upstream: status 401, expected an answer: look at the secret model_api_key$/m);
  assert.doesNotMatch(lines, /canary/);
});

test("a clock may be off by two seconds, and by half a minute before nothing can be trusted", () => {
  const levels = [0, 2_000, -2_001, 30_000, -30_001].map((ahead) => skewFinding(ahead, "x").level);
  assert.deepEqual(levels, ["ok", "ok", "warn", "warn", "fail"]);
});

test("the database's schema and rights are looked at", { skip: noDatabase }, async (t) => {
  const { env } = await createScratchDatabase(t, "empty");
  const password = join(env.SECRETS_DIR, "postgres_password");
  const secrets = {
    field_encryption_key: Buffer.alloc(32).toString("base64"),
    ...(existsSync(password) ? { postgres_password: readFileSync(password, "utf8") } : {}),
  };
  const before = await examine(t, { DATABASE_URL: env.DATABASE_URL }, secrets);
  assert.equal(before.code, 1, before.lines);
  assert.match(before.lines, /^fail {2}database schema: version 0, expected 1 or newer: run `npm run migrate`$/m);
  assert.equal(await runMigrate(env), 0);
  const after = await examine(t, { DATABASE_URL: env.DATABASE_URL }, secrets);
  assert.equal(after.code, 0, after.lines);
  assert.match(after.lines, /^ok {4}database schema: version 1$/m);
  assert.match(after.lines, /^ok {4}clock: \d\.\d s off the database's$/m);
  // Whoever may create databases is no user for a service.
  assert.match(after.lines, /^warn {2}audit table: this user may lift what guards the entries/m);
});
