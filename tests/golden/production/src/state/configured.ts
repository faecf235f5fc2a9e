import type { AuditTable } from "../audit/trail.ts";
import type { Kit } from "../kit.ts";
import { createMemoryStore } from "./memory.ts";
import { createDatabase } from "./pool.ts";
import { plainCodec } from "./postgres-runs.ts";
import { createAuditTable, createPostgresStore } from "./postgres.ts";
import { connectRedis, createRedis, type Redis } from "./redis.ts";
import type { Store } from "./store.ts";

type StateOptions = Pick<Kit, "config" | "secrets" | "clock" | "random" | "log" | "metrics">;

/** Where everything is kept that outlives a request; throws `SetupError`. */
export function openState(options: StateOptions): { store: Store; table?: AuditTable } {
  if (options.config.DATABASE_URL === undefined) {
    return { store: createMemoryStore() };
  }
  const database = createDatabase(options);
  return { store: createPostgresStore({ ...options, database, codec: plainCodec }), table: createAuditTable(database) };
}

/** What replicas share but can do without, if the settings name it; throws `SetupError`. */
export function openRedis(options: StateOptions): Redis | undefined {
  return options.config.REDIS_URL === undefined ? undefined : createRedis(connectRedis(options), options);
}
