import type { RunEvent, RunRecord, RunStatus } from "../run/record.ts";
import type { Codec } from "./codec.ts";
import { decideOn } from "./decision.ts";
import type { Database, Query } from "./pool.ts";
import { OPEN_SESSION } from "./postgres-sessions.ts";
import type { Store } from "./store.ts";

/** Under what the content of a run is sealed. */
export const runName = (tenant: string, id: string) => JSON.stringify(["run", tenant, id]);

/** Under what the content of a run's event is sealed. */
export const eventName = (runId: string, id: number | string) => JSON.stringify(["event", runId, String(id)]);

const SAVE = `
  WITH ${OPEN_SESSION}, saved AS (
    INSERT INTO runs (tenant, session_id, created_at, id, status, classification, consent_id, content)
    SELECT $1, $2, $4, $5, $6, $7, $8, $9 FROM session WHERE open
    ON CONFLICT (id) DO UPDATE SET status = excluded.status, content = excluded.content
      WHERE runs.tenant = excluded.tenant
    RETURNING id
  )
  INSERT INTO run_events (run_id, id, content)
  SELECT saved.id, event.id, event.content FROM saved, unnest($10::integer[], $11::text[]) AS event (id, content)
  ON CONFLICT DO NOTHING`;

interface RunRow {
  readonly status: RunStatus;
  readonly content: string;
}

/** The runs of a store in Postgres. */
export function createPostgresRuns({ query, transaction }: Database, codec: Codec) {
  const seal = (run: RunRecord) => codec.seal(runName(run.tenant, run.id), JSON.stringify(run));

  async function read(ask: Query, tenant: string, id: string, lock = ""): Promise<RunRecord | undefined> {
    const statement = `SELECT status, content FROM runs WHERE tenant = $1 AND id = $2 ${lock}`;
    const [row] = await ask<RunRow>(statement, [tenant, id]);
    if (row === undefined) {
      return undefined;
    }
    const content: RunRecord = JSON.parse(codec.open(runName(tenant, id), row.content));
    return { ...content, status: row.status };
  }

  return {
    async saveRun(run, events) {
      const { tenant, id } = run;
      await query(SAVE, [
        tenant,
        run.sessionId,
        new Date(run.startedAt),
        new Date(run.createdAt),
        id,
        run.status,
        run.classification,
        run.consentId,
        seal(run),
        events.map((event) => event.id),
        events.map((event) => codec.seal(eventName(id, event.id), JSON.stringify(event))),
      ]);
    },
    findRun: (tenant, id) => read(query, tenant, id),
    async eventsAfter(tenant, runId, after) {
      const statement = `
        SELECT run_events.id, run_events.content FROM run_events JOIN runs ON runs.id = run_id
        WHERE tenant = $1 AND run_id = $2 AND run_events.id > $3 ORDER BY run_events.id`;
      const rows = await query<{ id: number; content: string }>(statement, [tenant, runId, after]);
      return rows.map(({ id, content }): RunEvent => JSON.parse(codec.open(eventName(runId, id), content)));
    },
    decide: (tenant, runId, approvalId, decision, now) =>
      transaction(async (ask) => {
        const decided = decideOn(await read(ask, tenant, runId, "FOR UPDATE"), approvalId, decision, now);
        if (typeof decided === "string") {
          return decided;
        }
        await ask("UPDATE runs SET content = $2 WHERE id = $1", [runId, seal(decided)]);
        return "decided";
      }),
    async resumeRun(tenant, runId) {
      const statement = `
        UPDATE runs SET status = 'running' WHERE tenant = $1 AND id = $2 AND status = 'awaiting_approval' RETURNING id`;
      return (await query(statement, [tenant, runId])).length > 0;
    },
    async requestCancel(tenant, runId) {
      const statement = "UPDATE runs SET cancel_requested = true WHERE tenant = $1 AND id = $2 AND status = 'running'";
      await query(statement, [tenant, runId]);
    },
    async cancelRequested(runIds) {
      const statement = "SELECT id FROM runs WHERE id = ANY ($1) AND cancel_requested";
      return (await query<{ id: string }>(statement, [runIds])).map(({ id }) => id);
    },
  } satisfies Partial<Store>;
}
