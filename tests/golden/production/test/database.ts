import { randomBytes } from "node:crypto";
import type { TestContext } from "node:test";
import { migrate, readMigrations } from "../commands/migrate.ts";
import { readConfig } from "../src/config.ts";
import { systemClock } from "../src/runtime.ts";
import { createSecretStore } from "../src/secrets/store.ts";
import { connectionOf, createDatabase, type Query, withConnection } from "../src/state/pool.ts";
import { metrics } from "./kit.ts";

const { DATABASE_URL, SECRETS_DIR = "/nowhere" } = process.env;

/** Why a test with a real Postgres does not run, if it does not. */
export const noDatabase =
  DATABASE_URL === undefined && "DATABASE_URL is not set: a postgres URL whose user may create databases and roles";

/** A logger that keeps its messages. */
export function createMemoryLog() {
  const messages: string[] = [];
  const write = (message: string) => void messages.push(message);
  const log = { info: write, warn: write, error: write, fatal: write, within: () => log };
  return { log, messages };
}

/** A pool of connections to a URL, until the test ends. */
export function openDatabase(t: TestContext, url: string) {
  const { log, messages } = createMemoryLog();
  const env = { ENVIRONMENT: "development", SECRETS_DIR, DATABASE_URL: url, LOG_LEVEL: "fatal" };
  const { config } = readConfig(env);
  const secrets = createSecretStore({ config, clock: systemClock, log, metrics });
  const database = createDatabase({ config, secrets, log, metrics });
  const connection = connectionOf(url, { config, secrets, password: "postgres_password" });
  t.after(async () => {
    await database.close();
    secrets.close();
  });
  /** Works on a connection of its own. */
  const connected = <T>(work: (query: Query) => Promise<T>) => withConnection(connection, work);
  return { env, database, log, messages, connected };
}

/** A database of the test's own, until the test ends; `empty` leaves out the service's schema. */
export async function createScratchDatabase(t: TestContext, empty?: "empty") {
  const name = `test_${randomBytes(6).toString("hex")}`;
  const server = openDatabase(t, DATABASE_URL ?? "");
  await server.connected((query) => query(`CREATE DATABASE ${name}`));
  const url = new URL(server.env.DATABASE_URL);
  url.pathname = name;
  const scratch = openDatabase(t, url.href);
  t.after(() => server.connected((query) => query(`DROP DATABASE ${name} WITH (FORCE)`)));
  if (empty === undefined) {
    const migrations = await readMigrations("migrations");
    await scratch.connected((query) => migrate(query, migrations, scratch.log));
  }
  return { ...scratch, name };
}
