import type { Logger } from "../logs/logger.ts";
import type { Clock } from "../runtime.ts";
import type { Codec } from "./codec.ts";
import type { Database } from "./pool.ts";
import { createPostgresKeys } from "./postgres-keys.ts";
import { createPostgresRuns } from "./postgres-runs.ts";
import { createPostgresSessions } from "./postgres-sessions.ts";
import { createPostgresSpending } from "./postgres-spending.ts";
import { type Store, StoreError } from "./store.ts";

/** The oldest schema that this version of the service works with; newer ones suit older services. */
export const SCHEMA_VERSION = 1;

const SWEEP_MS = 3_600_000;
const SPENDING_KEPT_DAYS = 400;

/** A store in Postgres, which all replicas share. Every call is one round trip, but for decisions and erasure. */
export function createPostgresStore(options: { database: Database; codec: Codec; clock: Clock; log: Logger }): Store {
  const { database, codec, clock, log } = options;
  const { query } = database;
  let closed = false;
  let cancelSweep = clock.after(SWEEP_MS, sweep);

  /** Removes what nobody asks for any more. */
  async function sweep(): Promise<void> {
    const now = clock.date();
    const oldest = new Date(now.getTime() - SPENDING_KEPT_DAYS * 86_400_000).toISOString().slice(0, 10);
    try {
      await query("DELETE FROM idempotency_keys WHERE expires_at <= $1", [now]);
      await query("DELETE FROM spending WHERE period < $1", [oldest]);
    } catch (error) {
      log.warn("old rows not removed, next try in an hour", { error });
    }
    if (!closed) {
      cancelSweep = clock.after(SWEEP_MS, sweep);
    }
  }

  return {
    shared: true,
    ...createPostgresRuns(database, codec),
    ...createPostgresSessions(database, codec),
    ...createPostgresKeys(database),
    ...createPostgresSpending(database),

    async check() {
      const [row] = await query<{ version: number | null }>("SELECT max(version) AS version FROM schema_versions");
      if ((row?.version ?? 0) < SCHEMA_VERSION) {
        throw new StoreError(`database: schema ${row?.version ?? 0}, expected ${SCHEMA_VERSION}: run the migrations`);
      }
    },
    async close() {
      closed = true;
      cancelSweep();
      await database.close();
    },
  };
}
