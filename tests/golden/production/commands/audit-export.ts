import { once } from "node:events";
import type { Writable } from "node:stream";
import { SetupError } from "../src/config.ts";
import { connectionOf, withConnection } from "../src/state/pool.ts";
import { runCommand } from "./command.ts";

const PAGE = 1_000;

/**
 * Writes the audit table as JSON lines, chain after chain in the order in which they began, so that the file can be
 * verified. Resolves to the exit code: 0, 1 or 78.
 */
export function runAuditExport(env: NodeJS.ProcessEnv, output: Writable): Promise<number> {
  return runCommand(env, ["DATABASE_URL", "SECRETS_DIR", "ENVIRONMENT"], async ({ config, secrets }) => {
    const url = config.DATABASE_URL;
    if (url === undefined) {
      throw new SetupError("DATABASE_URL: expected the postgres URL of the database that holds the audit table");
    }
    // One state of the table, however much is added meanwhile; the rows come a page at a time.
    await withConnection(connectionOf(url, { config, secrets, password: "postgres_password" }), async (query) => {
      await query("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY");
      await query(`
        DECLARE entries NO SCROLL CURSOR FOR
        SELECT line FROM audit_entries JOIN (
          SELECT chain, min(position) AS began FROM audit_entries GROUP BY chain
        ) AS chains USING (chain)
        ORDER BY began, seq`);
      let rows: { line: string }[];
      do {
        rows = await query<{ line: string }>(`FETCH ${PAGE} FROM entries`);
        if (!output.write(rows.map(({ line }) => `${line}\n`).join(""))) {
          await once(output, "drain");
        }
      } while (rows.length === PAGE);
    });
  });
}
