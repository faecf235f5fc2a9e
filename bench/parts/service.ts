import { execFileSync } from "node:child_process";
import { createHash, generateKeyPairSync } from "node:crypto";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort, Process, ready } from "./process.ts";

/** A key that every variant takes. */
export const KEY = "key-of-the-bench";

/** A bundle that is measured. */
export interface Variant {
  readonly name: string;
  readonly file: string;
  readonly isForwarder?: boolean;
  /** Whether it keeps its state in the servers of the environment. */
  readonly hasStores?: boolean;
}

/** A variant that runs. */
export interface Launched {
  readonly process: Process;
  readonly port: number;
  /** From its start until it said that it was ready. */
  readonly readyMs: number;
}

/** Where the project is, where there is room for folders, and where the model listens. */
export interface Place {
  readonly root: string;
  readonly work: string;
  readonly modelPort: number;
}

/** Starts a variant with folders and ports of its own, and waits until it is ready. */
export async function launch(variant: Variant, { root, work, modelPort }: Place): Promise<Launched> {
  const [port, adminPort] = [await freePort(), await freePort()];
  const folder = mkdtempSync(join(work, "variant-"));
  const env = { ...settings(folder, modelPort), PORT: String(port), ADMIN_PORT: String(adminPort) };
  const stores = variant.hasStores === true ? withStores(env, root) : {};
  const runtime = ["--max-old-space-size-percentage=75"];
  const started = new Process([...runtime, variant.file], { cwd: root, env: { ...env, ...stores } });
  const readyMs = await ready(variant.isForwarder === true ? port : adminPort, "/readyz");
  return { process: started, port, readyMs };
}

function settings(folder: string, modelPort: number) {
  const secrets = join(folder, "secrets");
  mkdirSync(secrets);
  const { privateKey } = generateKeyPairSync("ed25519");
  writeFileSync(join(secrets, "model_api_key"), "key-of-the-model");
  writeFileSync(join(secrets, "audit_signing_key"), privateKey.export({ type: "pkcs8", format: "pem" }));
  writeFileSync(join(secrets, "field_encryption_key"), Buffer.alloc(32, 1).toString("base64"));
  writeFileSync(join(secrets, "api_keys"), `bench:${createHash("sha256").update(KEY).digest("hex")}\n`);
  const prices = join(folder, "prices.json");
  const price = { input: 3_000_000_000, output: 15_000_000_000 };
  writeFileSync(prices, JSON.stringify({ as_of: "2026-11-01", models: { "bench-model": price } }));
  return {
    HOST: "127.0.0.1",
    ADMIN_HOST: "127.0.0.1",
    STATE: "memory",
    STATE_DIR: folder,
    SECRETS_DIR: secrets,
    AUTH_MODE: "api-key",
    MODEL_PROVIDER: "openai-compatible",
    MODEL_NAME: "bench-model",
    MODEL_BASE_URL: `http://127.0.0.1:${modelPort}/v1`,
    PRICES_FILE: prices,
    AGENT_DISABLED_FILE: join(folder, "disabled"),
    // Nothing of what is measured is to be refused.
    TENANT_REQUESTS_PER_MINUTE: "1000000",
    TENANT_CONCURRENCY: "1000",
    TENANT_DAILY_COST_USD: "100000",
    MONTHLY_COST_USD: "100000",
    BULKHEAD_MAX: "64",
    SHUTDOWN_DELAY_MS: "0",
  };
}

/** The servers of the environment as the service reaches them; its tables are made. */
function withStores(env: ReturnType<typeof settings>, root: string): Record<string, string> {
  const { PATH = "", DATABASE_URL = "", REDIS_URL = "" } = process.env;
  const [database, redis] = [new URL(DATABASE_URL), new URL(REDIS_URL)];
  writeFileSync(join(env.SECRETS_DIR, "postgres_password"), database.password);
  writeFileSync(join(env.SECRETS_DIR, "postgres_migrator_password"), database.password);
  writeFileSync(join(env.SECRETS_DIR, "redis_password"), redis.password);
  database.password = "";
  redis.password = "";
  // On loopback, and so without TLS, which is for development.
  const stores = { ENVIRONMENT: "development", DATABASE_URL: database.href, REDIS_URL: redis.href };
  execFileSync("npm", ["run", "-s", "migrate"], { cwd: root, env: { PATH, ...env, ...stores }, stdio: "pipe" });
  return stores;
}
