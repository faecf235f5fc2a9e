import type { AuditTable } from "../audit/trail.ts";
import type { Database } from "./pool.ts";

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
