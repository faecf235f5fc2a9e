import type { Message } from "../model/model.ts";
import type { Codec } from "./codec.ts";
import type { Database } from "./pool.ts";
import type { Note, Store } from "./store.ts";

/** Under what the messages of a session are sealed. */
export const sessionName = (tenant: string, id: string) => JSON.stringify(["session", tenant, id]);

/** Under what the notes of a session are sealed. */
export const noteName = (tenant: string, sessionId: string) => JSON.stringify(["note", tenant, sessionId]);

/**
 * The session $1, $2 as it stands at the moment $3, made if it is new, and locked until the statement's end: whoever
 * erases it waits, and whoever comes after that finds it closed.
 */
export const OPEN_SESSION = `session AS (
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
