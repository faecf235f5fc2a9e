import type { AuditTable } from "../audit/trail.ts";
import type { Config } from "../config.ts";
import type { Logger } from "../logs/logger.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Clock, Random } from "../runtime.ts";
import type { SecretStore } from "../secrets/store.ts";
import { createAuditTable } from "./audit-table.ts";
import { plainCodec } from "./codec.ts";
import { createMemoryStore } from "./memory.ts";
import { createDatabase } from "./pool.ts";
import { createPostgresStore } from "./postgres.ts";
import { connectRedis, createRedis, type Redis } from "./redis.ts";
import type { Store } from "./store.ts";

interface StateOptions {
  readonly config: Config;
  readonly secrets: SecretStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
}

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
