import type { AuditTable } from "../audit/trail.ts";
import type { Kit } from "../kit.ts";
import type { Database } from "./pool.ts";
import { type Codec, createPostgresRuns, createPostgresSessions } from "./postgres-runs.ts";
import { type Store, StoreError } from "./store.ts";

/** The oldest schema that this version of the service works with; newer ones suit older services. */
export const SCHEMA_VERSION = 1;

const SWEEP_MS = 3_600_000;
const SPENDING_KEPT_DAYS = 400;

/** A store in Postgres, which all replicas share. Every call is one round trip, but for decisions and erasure. */
export function createPostgresStore(options: Pick<Kit, "clock" | "log"> & { database: Database; codec: Codec }): Store {
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

// Always a change, so that the answer is the row as it then is, whoever else asks at the same moment.
const CLAIM = `
  INSERT INTO idempotency_keys AS kept (tenant, key, body_hash, run_id, expires_at) VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (tenant, key) DO UPDATE SET
    body_hash = CASE WHEN kept.expires_at <= $6 THEN excluded.body_hash ELSE kept.body_hash END,
    run_id = CASE WHEN kept.expires_at <= $6 THEN excluded.run_id ELSE kept.run_id END,
    expires_at = CASE WHEN kept.expires_at <= $6 THEN excluded.expires_at ELSE kept.expires_at END
  RETURNING body_hash, run_id`;

/** The idempotency keys of a store in Postgres. */
function createPostgresKeys({ query }: Database) {
  return {
    async claimKey(tenant, key, { bodyHash, runId, now, expiresAt }) {
      const values = [tenant, key, bodyHash, runId, new Date(expiresAt), new Date(now)];
      const [row] = await query<{ body_hash: string; run_id: string }>(CLAIM, values);
      const { body_hash = bodyHash, run_id = runId } = row ?? {};
      return { claimed: run_id === runId, bodyHash: body_hash, runId: run_id };
    },
    async keepKey(tenant, key, runId, expiresAt) {
      const own = "WHERE tenant = $1 AND key = $2 AND run_id = $3";
      if (expiresAt === undefined) {
        await query(`DELETE FROM idempotency_keys ${own}`, [tenant, key, runId]);
      } else {
        const values = [tenant, key, runId, new Date(expiresAt)];
        await query(`UPDATE idempotency_keys SET expires_at = $4 ${own}`, values);
      }
    },
  } satisfies Partial<Store>;
}

/** What was spent, in a store in Postgres; 64-bit integers come as text. */
function createPostgresSpending({ query }: Database) {
  return {
    async spend(amountNanoDollars, periods) {
      const [row] = await query<{ exceeded: number | null; totals: string[] | null }>(
        "SELECT exceeded, totals FROM add_spending($1, $2, $3, $4)",
        [
          amountNanoDollars,
          periods.map(({ scope }) => scope),
          periods.map(({ period }) => period),
          periods.map(({ limitNanoDollars }) => limitNanoDollars),
        ],
      );
      // Counted from 1, as arrays are there.
      return { over: periods[(row?.exceeded ?? 0) - 1], spent: (row?.totals ?? []).map(Number) };
    },
    async spent({ scope, period }) {
      const statement = "SELECT nano_dollars FROM spending WHERE scope = $1 AND period = $2";
      const [row] = await query<{ nano_dollars: string }>(statement, [scope, period]);
      return Number(row?.nano_dollars ?? 0);
    },
  } satisfies Partial<Store>;
}

/** The table of the audit log in Postgres, which the service may only add to. */
export function createAuditTable({ query }: Database): AuditTable {
  return {
    async newest() {
      const [row] = await query<{ hash: string }>("SELECT hash FROM audit_entries ORDER BY position DESC LIMIT 1");
      return row;
    },
    async insert(lines) {
      const statement = `
        INSERT INTO audit_entries (chain, seq, hash, line)
        SELECT chain, seq, hash, line
        FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[]) WITH ORDINALITY
          AS entry (chain, seq, hash, line, position)
        ORDER BY position
        ON CONFLICT DO NOTHING`;
      const column = <Name extends keyof (typeof lines)[number]>(name: Name) => lines.map((line) => line[name]);
      await query(statement, [column("chain"), column("seq"), column("hash"), column("text")]);
    },
  };
}
