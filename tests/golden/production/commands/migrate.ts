import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ClientConfig } from "pg";
import { SetupError } from "../src/config.ts";
import type { Logger } from "../src/logs/logger.ts";
import { sleep } from "../src/runtime.ts";
import { connectionOf, type Query, withConnection } from "../src/state/pool.ts";
import { SCHEMA_VERSION } from "../src/state/postgres.ts";
import { StoreError } from "../src/state/store.ts";
import { runCommand } from "./command.ts";

/** Where the migrations are, from the folder that the service runs in. */
const DIR = "migrations";
// Any number, as long as everybody who migrates takes the same one.
const LOCK = 7_203_194_605;
// Whoever waits longer for a table holds up the service, whose statements queue behind.
const TABLE_LOCK_MS = 5_000;
const TURN_MS = 120_000;
const WAIT_MS = 2_000;
const WAIT_AT_MOST_MS = 600_000;

/** A file of SQL that brings the schema to its version. */
export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
  /** SHA-256 of the file, in hexadecimal. */
  readonly checksum: string;
}

/**
 * Brings the database's schema up to date, each migration once and in a transaction of its own, however many try at
 * the same time, and grants the service what it needs. Resolves to the exit code: 0, 1 or 78.
 */
export function runMigrate(env: NodeJS.ProcessEnv): Promise<number> {
  const uses = ["MIGRATE_DATABASE_URL", "DATABASE_URL", "SECRETS_DIR", "ENVIRONMENT"] as const;
  return runCommand(env, uses, async ({ config, secrets, log }) => {
    const url = config.MIGRATE_DATABASE_URL ?? config.DATABASE_URL;
    if (url === undefined) {
      throw new SetupError("MIGRATE_DATABASE_URL: expected a postgres URL here or in DATABASE_URL");
    }
    const own = secrets.has("postgres_migrator_password");
    const password = own ? "postgres_migrator_password" : "postgres_password";
    const migrations = await readMigrations(DIR);
    const grants = await readFile(join(DIR, "grants.sql"), "utf8");
    const role = decodeURIComponent(new URL(config.DATABASE_URL ?? url).username);
    await withConnection(connectionOf(url, { config, secrets, password }), async (query) => {
      await query(`SET lock_timeout = ${TURN_MS}`);
      await query("SELECT pg_advisory_lock($1)", [LOCK]);
      await query(`SET lock_timeout = ${TABLE_LOCK_MS}`);
      await migrate(query, migrations, log);
      await query("SELECT set_config('agent.role', $1, false)", [role]);
      await query(grants);
    });
  });
}

/**
 * Waits until the database's schema is one that this version of the service works with, for ten minutes at most.
 * Resolves to the exit code: 0, 1 or 78.
 */
export function runSchemaWait(env: NodeJS.ProcessEnv): Promise<number> {
  const uses = ["DATABASE_URL", "SECRETS_DIR", "ENVIRONMENT"] as const;
  return runCommand(env, uses, async ({ config, secrets, clock, log }) => {
    if (config.DATABASE_URL === undefined) {
      throw new SetupError("DATABASE_URL: expected a postgres URL");
    }
    const how = connectionOf(config.DATABASE_URL, { config, secrets, password: "postgres_password" });
    const connection = { ...how, query_timeout: WAIT_MS };
    const deadline = clock.monotonic() + WAIT_AT_MOST_MS;
    let why = await schemaProblem(connection);
    while (why !== undefined) {
      if (clock.monotonic() >= deadline) {
        throw new StoreError(why);
      }
      log.info("waiting for the migrations", { problem: why });
      await sleep(clock, WAIT_MS);
      why = await schemaProblem(connection);
    }
  });
}

/** Why the service could not work with the schema yet, if so; a database that is not there may still come. */
async function schemaProblem(connection: ClientConfig): Promise<string | undefined> {
  try {
    return await withConnection(connection, async (query) => {
      const [row] = await query<{ version: number | null }>("SELECT max(version) AS version FROM schema_versions");
      const version = row?.version ?? 0;
      return version < SCHEMA_VERSION ? `database: schema ${version}, expected ${SCHEMA_VERSION}` : undefined;
    });
  } catch (error) {
    if (error instanceof StoreError) {
      return error.message;
    }
    throw error;
  }
}

/** Reads the migrations of a folder in their order; throws `SetupError` if their numbers are not 1, 2, 3 and so on. */
export async function readMigrations(dir: string): Promise<Migration[]> {
  const files = (await readdir(dir)).filter((name) => /^\d{4}_\w+\.sql$/.test(name)).toSorted();
  return Promise.all(
    files.map(async (name, index) => {
      const version = Number(name.slice(0, 4));
      if (version !== index + 1) {
        throw new SetupError(`${dir}/${name}: expected a file numbered ${index + 1} here`);
      }
      const sql = await readFile(join(dir, name), "utf8");
      return { version, name, sql, checksum: createHash("sha256").update(sql).digest("hex") };
    }),
  );
}

/** Applies what is missing; throws `StoreError` if what was applied is not what the files say. */
export async function migrate(query: Query, migrations: readonly Migration[], log: Logger): Promise<void> {
  await query(`
    CREATE TABLE IF NOT EXISTS schema_versions (
      version integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL,
      applied_at timestamptz NOT NULL DEFAULT now()
    )`);
  const applied = await query<{ version: number; checksum: string }>(
    "SELECT version, checksum FROM schema_versions ORDER BY version",
  );
  const checksums = new Map(applied.map(({ version, checksum }) => [version, checksum]));
  for (const { version, name, sql, checksum } of migrations) {
    const before = checksums.get(version);
    if (before === undefined) {
      log.info("applying migration", { migration: name });
      await query("BEGIN");
      await query(sql);
      const row = [version, name, checksum];
      await query("INSERT INTO schema_versions (version, name, checksum) VALUES ($1, $2, $3)", row);
      await query("COMMIT");
    } else if (before !== checksum) {
      throw new StoreError(`database: ${name} is not what was applied: restore the file, and add a new one`);
    }
  }
  const newest = Math.max(0, ...checksums.keys(), migrations.length);
  log.info("schema up to date", { schema_version: newest });
}
