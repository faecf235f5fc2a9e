import assert from "node:assert/strict";
import { has, smoke, test } from "./contract.ts";
import type { Settings } from "./world.ts";
import { World } from "./world.ts";
import { within } from "./waiting.ts";

/** Wrong values of every kind, each with something in it that must not be told. */
const WRONG: Readonly<Record<string, string>> = {
  PORT: "http-4711",
  ADMIN_PORT: "70000",
  LOG_LEVEL: "shout-4711",
  AUTH_MODE: "password-4711",
  MODEL_PROVIDER: "magic-4711",
  MODEL_BASE_URL: "no-url-4711",
  MODEL_ATTEMPT_TIMEOUT_MS: "-1",
  RUN_DEADLINE_MS: "2 minutes 4711",
  TOOL_TIMEOUT_MS: "0x4711",
  RUN_MAX_STEPS: "no-4711",
  RUN_MAX_TOOL_CALLS: "1.5",
  RUN_MAX_TOKENS: "NaN",
  RUN_MAX_COST_USD: "$4711",
  TENANT_DAILY_COST_USD: "-4711",
  MONTHLY_COST_USD: "much-4711",
  TENANT_REQUESTS_PER_MINUTE: "no-4711",
  TENANT_CONCURRENCY: "all-4711",
  APPROVAL_TTL_MS: "soon-4711",
  SIEM_URL: "siem-4711",
  ...(has("postgres") ? { DATABASE_POOL_MAX: "no-4711" } : {}),
  BREAKER_WINDOW_MS: "no-4711",
  BREAKER_MIN_CALLS: "no-4711",
  BREAKER_FAILURE_RATE: "1.5",
  BREAKER_OPEN_MS: "4711s",
  BREAKER_MAX_OPEN_MS: "-4711",
  BREAKER_PROBES: "no-4711",
  RETRY_MAX_ATTEMPTS: "no-4711",
  RETRY_BASE_MS: "no-4711",
  RETRY_CAP_MS: "no-4711",
  RETRY_BUDGET: "-4711",
  BULKHEAD_MAX: "no-4711",
  BULKHEAD_QUEUE: "-1",
  SHUTDOWN_DELAY_MS: "-1",
  SHUTDOWN_DRAIN_MS: "never-4711",
  REQUEST_MAX_BYTES: "1MB",
  HEADERS_TIMEOUT_MS: "ten-4711",
  REQUEST_TIMEOUT_MS: "ten-4711",
  OTEL_EXPORTER_OTLP_ENDPOINT: "collector-4711",
};

type Wrong = [variable: string, url: string];

/** Starts a service that must refuse to, and returns what it said. */
async function refused(settings: Settings): Promise<string> {
  const world = await World.prepare({ state: "memory", ...settings });
  try {
    const { code } = await within("the refusal", 15_000, world.service.ended);
    assert.equal(code, 78, world.service.stdout);
    assert.ok(world.service.log().length > 0, "nothing was said");
    return world.service.stdout;
  } finally {
    await world.end();
  }
}

smoke("every wrong setting is named at once, with no value", async () => {
  const said = await refused({ env: WRONG });
  const unnamed = Object.keys(WRONG).filter((name) => !new RegExp(`\\b${name}\\b`).test(said));
  assert.deepEqual(unnamed, []);
  assert.ok(!said.includes("4711"), said);
});

smoke("a wrong setting and a missing secret are told together", async () => {
  const said = await refused({ env: { RUN_MAX_STEPS: "none" }, secrets: { model_api_key: "" } });
  assert.match(said, /\bRUN_MAX_STEPS\b/);
  assert.match(said, /\bmodel_api_key\b/);
});

for (const secret of ["model_api_key", "audit_signing_key", "api_keys"]) {
  smoke(`without ${secret} the service does not start`, async () => {
    assert.match(await refused({ secrets: { [secret]: "" } }), new RegExp(`\\b${secret}\\b`));
    assert.match(await refused({ secrets: { [secret]: " \n" } }), new RegExp(`\\b${secret}\\b`));
  });
}

test("a secret that makes no sense is refused, and not told", async () => {
  const nonsense = "nonsense-4711";
  for (const secret of ["audit_signing_key", "api_keys"]) {
    const said = await refused({ secrets: { [secret]: nonsense } });
    assert.match(said, new RegExp(`\\b${secret}\\b`));
    assert.ok(!said.includes(nonsense), said);
  }
});

test("an audit key of another kind is refused", async () => {
  const { generateKeyPairSync } = await import("node:crypto");
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const pem = String(privateKey.export({ type: "pkcs8", format: "pem" }));
  assert.match(await refused({ secrets: { audit_signing_key: pem } }), /\baudit_signing_key\b/);
});

smoke("nobody is let in unasked outside development", async () => {
  assert.match(await refused({ env: { AUTH_MODE: "none" } }), /\bAUTH_MODE\b/);
});

smoke("JWT needs an issuer, an audience and keys", async () => {
  const said = await refused({ env: { AUTH_MODE: "jwt" } });
  assert.match(said, /\bAUTH_ISSUER\b/);
  assert.match(said, /\bAUTH_AUDIENCE\b/);
  const issued = { AUTH_MODE: "jwt", AUTH_ISSUER: "https://a.example", AUTH_AUDIENCE: "a" };
  assert.match(await refused({ env: issued }), /jwks\.json/);
});

smoke("outside development there is a database, or STATE=memory said aloud", async () => {
  assert.match(await refused({ env: { STATE: undefined } }), /\bDATABASE_URL\b|\bSTATE\b/);
  assert.match(await refused({ env: { STATE: "disk" } }), /\bSTATE\b/);
});

smoke("ENVIRONMENT is production unless it is said", async () => {
  assert.match(await refused({ env: { ENVIRONMENT: undefined, AUTH_MODE: "none" } }), /\bAUTH_MODE\b|\bENVIRONMENT\b/);
});

test("a URL with a password, or without TLS outside development, is refused", async () => {
  const ssl = "sslmode=verify-full";
  const postgres: Wrong[] = [
    ["DATABASE_URL", `postgres://agent:hidden-4711@127.0.0.1:1/db?${ssl}`],
    ["DATABASE_URL", "postgres://agent@127.0.0.1:1/db?sslmode=disable"],
  ];
  const redis: Wrong[] = [
    ["REDIS_URL", "rediss://:hidden-4711@127.0.0.1:1"],
    ["REDIS_URL", "redis://127.0.0.1:1"],
  ];
  const wrong: Wrong[] = [
    ["SIEM_URL", "http://127.0.0.1:1/"],
    ...(has("postgres") ? postgres : []),
    ...(has("redis") ? redis : []),
  ];
  for (const [variable, url] of wrong) {
    const secrets = { postgres_password: "p", redis_password: "p" };
    const said = await refused({ env: { [variable]: url }, secrets });
    assert.match(said, new RegExp(`\\b${variable}\\b`), url);
    assert.ok(!said.includes("hidden-4711"), said);
  }
});

smoke("a model without a price is refused", async () => {
  assert.match(await refused({ env: { MODEL_NAME: "gratis" } }), /PRICES_FILE|MODEL_NAME|price/);
});

test("a table of prices that is not there is refused", async () => {
  assert.match(await refused({ env: { PRICES_FILE: "/nothing/here.json" } }), /\bPRICES_FILE\b/);
});

test("a refusal leaves within seconds, and serves nothing before", async () => {
  const world = await World.prepare({ state: "memory", env: { PORT: "wrong" } });
  const start = performance.now();
  await within("the refusal", 15_000, world.service.ended);
  assert.ok(performance.now() - start < 5_000);
  assert.ok(!(await world.service.answers("/livez", 200)));
  await world.end();
});
