import type { ClientConfig } from "pg";
import { openState } from "../src/state/configured.ts";
import { connectionOf, type Query, withConnection } from "../src/state/pool.ts";
import { SCHEMA_VERSION } from "../src/state/postgres.ts";
import { StoreError } from "../src/state/store.ts";
import { type Check, type Finding, skewFinding } from "./checks.ts";

const ADVICE: readonly (readonly [failure: RegExp, next: string])[] = [
  [/28P01|28000|password/, "look at the secret postgres_password and the user in DATABASE_URL"],
  [/3D000/, "create the database that DATABASE_URL names"],
  [/53300/, "lower DATABASE_POOL_MAX or raise the server's max_connections"],
  [/CERT|TLS|SSL|ALTNAME/i, "look at sslmode in DATABASE_URL and at the secret postgres_ca.pem"],
];
const UNREACHABLE = "look at host and port in DATABASE_URL, at the server, and at what lets this machine reach it";
const QUERY_MS = 5_000;
const MIGRATE = "run `npm run migrate`";

/** The database: reachable, over TLS, with the schema and the rights that the service needs. */
export const database: Check = {
  about: "database",
  uses: ["DATABASE_URL", "DATABASE_POOL_MAX", "SECRETS_DIR", "ENVIRONMENT"],
  async run(kit) {
    const { config } = kit;
    if (config.DATABASE_URL === undefined) {
      return "none: state is in memory, and ends with the process";
    }
    // The store as the service opens it, for what it needs besides.
    await openState(kit).store.close();
    const how = connectionOf(config.DATABASE_URL, { ...kit, password: "postgres_password" });
    const connection = { ...how, query_timeout: QUERY_MS };
    try {
      return await withConnection(connection, async (query) => [
        await server(query, connection, config.DATABASE_POOL_MAX),
        await clock(query, () => kit.clock.date().getTime()),
        ...(await schema(query)),
      ]);
    } catch (error) {
      if (!(error instanceof StoreError)) {
        throw error;
      }
      const found = error.message.replace(/^database: /, "");
      const next = ADVICE.find(([failure]) => failure.test(found))?.[1] ?? UNREACHABLE;
      throw new Error(`${found}, expected an answer: ${next}`, { cause: error });
    }
  },
};

async function server(query: Query, { host, port, ssl }: ClientConfig, pool: number): Promise<Finding> {
  const [row] = await query<{ most: number; tls: string | null }>(
    `SELECT current_setting('max_connections')::integer AS most,
      (SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl) AS tls`,
  );
  const { most = 0, tls = null } = row ?? {};
  const found = `${host}:${port} answers over ${tls ?? "an unencrypted connection"}, ${most} connections at most`;
  if (pool >= most) {
    const next = `expected more than the ${pool} of one replica: lower DATABASE_POOL_MAX`;
    return { level: "fail", text: `${found}, ${next}` };
  }
  const checked = typeof ssl === "object" && ssl.rejectUnauthorized === true;
  const next = checked ? "" : ", its certificate is not checked: set sslmode=verify-full";
  return { level: checked ? "ok" : "warn", text: `${found}${next}` };
}

async function clock(query: Query, now: () => number): Promise<Finding> {
  const asked = now();
  const [row] = await query<{ at: Date }>("SELECT clock_timestamp() AS at");
  const here = (asked + now()) / 2;
  return skewFinding((row?.at.getTime() ?? here) - here, "the database's");
}

async function schema(query: Query): Promise<Finding[]> {
  const [present] = await query<{ versions: string | null }>("SELECT to_regclass('schema_versions') AS versions");
  const [newest] =
    present?.versions === null
      ? []
      : await query<{ version: number | null }>("SELECT max(version) AS version FROM schema_versions");
  const version = newest?.version ?? 0;
  if (version < SCHEMA_VERSION) {
    const text = `version ${version}, expected ${SCHEMA_VERSION} or newer: ${MIGRATE}`;
    return [{ level: "fail", about: "database schema", text }];
  }
  return [{ level: "ok", about: "database schema", text: `version ${version}` }, await auditRights(query)];
}

async function auditRights(query: Query): Promise<Finding> {
  const about = "audit table";
  const [may] = await query<{ add: boolean; change: boolean }>(
    `SELECT has_table_privilege('audit_entries', 'INSERT') AS add,
      has_table_privilege('audit_entries', 'UPDATE, DELETE, TRUNCATE') OR pg_has_role(relowner, 'MEMBER') AS change
    FROM pg_class WHERE oid = 'audit_entries'::regclass`,
  );
  if (may?.add !== true) {
    return { level: "fail", about, text: `this user may not add entries: ${MIGRATE} with this DATABASE_URL` };
  }
  if (may.change) {
    const next = "expected to add only: migrate as another user, named in MIGRATE_DATABASE_URL";
    return { level: "warn", about, text: `this user may lift what guards the entries, ${next}` };
  }
  return { level: "ok", about, text: "entries can only be added" };
}
