import type { Message } from "../model/model.ts";
import type { RunEvent, RunRecord, RunStatus } from "../run/record.ts";
import type { Database, Query } from "./pool.ts";
import { decideOn, type Note, type Store } from "./store.ts";

/** What a record's content goes through on its way into a store and back. */
export interface Codec {
  /** The content as it is stored; `identity` names the record, and its content opens under no other name. */
  seal(identity: string, plain: string): string;
  /** The content again; throws if it was changed, belongs to another record, or its key is gone. */
  open(identity: string, sealed: string): string;
  /** The same content under the current key, to be stored instead; `sealed` itself if it is under that already. */
  rewrap(identity: string, sealed: string): string;
}

/** Stores content as it is. */
export const plainCodec: Codec = {
  seal: (_identity, plain) => plain,
  open: (_identity, sealed) => sealed,
  rewrap: (_identity, sealed) => sealed,
};

/** Under what the messages of a session are sealed. */
export const sessionName = (tenant: string, id: string) => JSON.stringify(["session", tenant, id]);

/** Under what the notes of a session are sealed. */
export const noteName = (tenant: string, sessionId: string) => JSON.stringify(["note", tenant, sessionId]);

/**
 * The session $1, $2 as it stands at the moment $3, made if it is new, and locked until the statement's end: whoever
 * erases it waits, and whoever comes after that finds it closed.
 */
const OPEN_SESSION = `session AS (
    INSERT INTO sessions (tenant, id, created_at, changed_at) VALUES ($1, $2, $3, $3)
    ON CONFLICT (tenant, id) DO UPDATE SET changed_at = greatest(sessions.changed_at, excluded.changed_at)
    RETURNING erased_at IS NULL AS open
  )`;

/** The sessions of a store in Postgres, and the notes in them. */
export function createPostgresSessions({ query, transaction }: Database, codec: Codec) {
  return {
    async findSession(tenant, id) {
      const statement = `
        SELECT created_at, erased_at IS NOT NULL AS erased, ARRAY(
          SELECT content FROM session_messages WHERE tenant = $1 AND session_id = $2 ORDER BY position
        ) AS contents
        FROM sessions WHERE tenant = $1 AND id = $2`;
      const [row] = await query<{ created_at: Date; erased: boolean; contents: string[] }>(statement, [tenant, id]);
      if (row === undefined) {
        return undefined;
      }
      const messages = row.contents.flatMap((content): Message[] =>
        JSON.parse(codec.open(sessionName(tenant, id), content)),
      );
      return { id, createdAt: row.created_at.getTime(), messages, erased: row.erased };
    },
    async appendToSession(tenant, id, messages, now) {
      const statement = `
        WITH ${OPEN_SESSION}, added AS (
          INSERT INTO session_messages (tenant, session_id, content) SELECT $1, $2, $4 FROM session WHERE open
        )
        SELECT open FROM session`;
      const content = codec.seal(sessionName(tenant, id), JSON.stringify(messages));
      const [row] = await query<{ open: boolean }>(statement, [tenant, id, new Date(now), content]);
      return row?.open ?? false;
    },
    eraseSession: (tenant, id, now) =>
      transaction(async (ask) => {
        // First, as it waits for whoever is adding to the session, whose additions are there to be erased then.
        const close = `
          UPDATE sessions SET erased_at = coalesce(erased_at, $3) WHERE tenant = $1 AND id = $2 RETURNING id`;
        if ((await ask(close, [tenant, id, new Date(now)])).length === 0) {
          return false;
        }
        const owned = "SELECT id FROM runs WHERE tenant = $1 AND session_id = $2";
        await ask(`DELETE FROM idempotency_keys WHERE tenant = $1 AND run_id IN (${owned})`, [tenant, id]);
        for (const table of ["session_messages", "notes", "runs"]) {
          await ask(`DELETE FROM ${table} WHERE tenant = $1 AND session_id = $2`, [tenant, id]);
        }
        return true;
      }),

    async addNote(tenant, sessionId, { createdAt, text }) {
      const statement = `
        WITH ${OPEN_SESSION}
        INSERT INTO notes (tenant, session_id, created_at, content) SELECT $1, $2, $3, $4 FROM session WHERE open`;
      const content = codec.seal(noteName(tenant, sessionId), JSON.stringify(text));
      await query(statement, [tenant, sessionId, new Date(createdAt), content]);
    },
    async notes(tenant, sessionId) {
      const statement = "SELECT created_at, content FROM notes WHERE tenant = $1 AND session_id = $2 ORDER BY position";
      const rows = await query<{ created_at: Date; content: string }>(statement, [tenant, sessionId]);
      return rows.map(
        ({ created_at, content }): Note => ({
          createdAt: created_at.getTime(),
          text: JSON.parse(codec.open(noteName(tenant, sessionId), content)),
        }),
      );
    },
  } satisfies Partial<Store>;
}

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
