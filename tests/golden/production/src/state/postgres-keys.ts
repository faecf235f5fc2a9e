import type { Database } from "./pool.ts";
import type { Store } from "./store.ts";

// Always a change, so that the answer is the row as it then is, whoever else asks at the same moment.
const CLAIM = `
  INSERT INTO idempotency_keys AS kept (tenant, key, body_hash, run_id, expires_at) VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (tenant, key) DO UPDATE SET
    body_hash = CASE WHEN kept.expires_at <= $6 THEN excluded.body_hash ELSE kept.body_hash END,
    run_id = CASE WHEN kept.expires_at <= $6 THEN excluded.run_id ELSE kept.run_id END,
    expires_at = CASE WHEN kept.expires_at <= $6 THEN excluded.expires_at ELSE kept.expires_at END
  RETURNING body_hash, run_id`;

/** The idempotency keys of a store in Postgres. */
export function createPostgresKeys({ query }: Database) {
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
