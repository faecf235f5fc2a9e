import { Client, type ClientBase, type ClientConfig, DatabaseError, Pool, type QueryResultRow } from "pg";
import type { Kit } from "../kit.ts";
import { StoreError } from "./store.ts";

/** Runs one statement; rejects with `StoreError`. */
export type Query = <Row extends QueryResultRow>(statement: string, values?: readonly unknown[]) => Promise<Row[]>;

/** A database that may be gone at any time: every statement is answered or rejected within 3.5 seconds. */
export interface Database {
  readonly query: Query;
  /** Runs statements that count all or not at all. */
  readonly transaction: <T>(work: (query: Query) => Promise<T>) => Promise<T>;
  close(): Promise<void>;
}

// To wait for a free or a new connection, then for the server, and for a server that says nothing any more.
const CONNECT_MS = 1_500;
const STATEMENT_MS = 1_500;
const QUERY_MS = 2_000;
const IDLE_MS = 60_000;
// So that connections spread again after a failover.
const LIFETIME_SECONDS = 1_800;
// Classes of SQLSTATE whose messages quote no value: connection, authorization, syntax and access, resources, state.
const SAFE_CLASSES = /^(08|25|28|3D|42|53|55|57|58)/;

const trimmed = (text: string) => text.trim();

/** How to connect to a database: TLS as the URL's `sslmode` says, the password as the secret stands at that moment. */
export function connectionOf(
  url: string,
  options: Pick<Kit, "config" | "secrets"> & { password: string },
): ClientConfig {
  const { config, secrets } = options;
  const { hostname, port, username, pathname, searchParams } = new URL(url);
  const optional = config.ENVIRONMENT === "development" && !secrets.has(options.password);
  const user = decodeURIComponent(username);
  const database = decodeURIComponent(pathname.slice(1));
  return {
    host: searchParams.get("host") ?? hostname.replace(/^\[(.*)\]$/, "$1"),
    port: port === "" ? 5432 : Number(port),
    ...(user === "" ? {} : { user }),
    ...(database === "" ? {} : { database }),
    ...(optional ? {} : { password: secrets.open(options.password, trimmed) }),
    ssl: tlsOf(
      searchParams.get("sslmode"),
      secrets.has("postgres_ca.pem") ? secrets.open("postgres_ca.pem", trimmed) : undefined,
    ),
    application_name: config.SERVICE_NAME,
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_MS,
  };
}

/** TLS as libpq's `sslmode` means it, and none for other modes: with an authority `require` is what `verify-ca` is. */
function tlsOf(mode: string | null, ca: (() => string) | undefined): ClientConfig["ssl"] {
  if (mode === null || !/^(require|verify-ca|verify-full)$/.test(mode)) {
    return false;
  }
  return {
    // Read at each connection, as the authority may change.
    get ca() {
      return ca?.();
    },
    rejectUnauthorized: mode !== "require" || ca !== undefined,
    ...(mode === "verify-full" ? {} : { checkServerIdentity: () => undefined }),
  };
}

/** Opens a pool of connections, each made when it is needed. */
export function createDatabase(options: Pick<Kit, "config" | "secrets" | "log" | "metrics">): Database {
  const { config, log, metrics } = options;
  const pool = new Pool({
    ...connectionOf(config.DATABASE_URL ?? "postgres://localhost", { ...options, password: "postgres_password" }),
    max: config.DATABASE_POOL_MAX,
    statement_timeout: STATEMENT_MS,
    query_timeout: QUERY_MS,
    idle_in_transaction_session_timeout: QUERY_MS,
    idleTimeoutMillis: IDLE_MS,
    maxLifetimeSeconds: LIFETIME_SECONDS,
  });
  const count = () => {
    const { totalCount, idleCount, waitingCount } = pool;
    metrics.poolConnections.set({ pool: "postgres", state: "active" }, totalCount - idleCount);
    metrics.poolConnections.set({ pool: "postgres", state: "idle" }, idleCount);
    metrics.poolConnections.set({ pool: "postgres", state: "waiting" }, waitingCount);
  };
  count();
  for (const event of ["connect", "acquire", "release", "remove"] as const) {
    // Some are told of before they have happened.
    pool.on(event, () => queueMicrotask(count));
  }
  pool.on("error", (error) => log.warn("idle database connection lost", { error: asStoreError(error) }));
  // While a connection is in use, whoever waits for its answer hears of the loss.
  pool.on("connect", (client) => client.on("error", () => undefined));

  let closed: Promise<void> | undefined;
  return {
    query: queryOn(pool),
    async transaction(work) {
      const client = await pool.connect().catch((error: unknown) => {
        throw asStoreError(error);
      });
      const query = queryOn(client);
      try {
        await query("BEGIN");
        const result = await work(query);
        await query("COMMIT");
        client.release();
        return result;
      } catch (error) {
        // The connection's end is the transaction's end.
        client.release(true);
        throw error;
      }
    },
    close: () => (closed ??= pool.end()),
  };
}

/** Opens one connection for as long as the work takes, which may be long. */
export async function withConnection<T>(config: ClientConfig, work: (query: Query) => Promise<T>): Promise<T> {
  const client = new Client(config);
  client.on("error", () => undefined);
  try {
    await client.connect().catch((error: unknown) => {
      throw asStoreError(error);
    });
    return await work(queryOn(client));
  } finally {
    await client.end();
  }
}

function queryOn(source: Pool | ClientBase): Query {
  return async (statement, values = []) => {
    try {
      return (await source.query(statement, [...values])).rows;
    } catch (error) {
      throw asStoreError(error);
    }
  };
}

/** What went wrong, without what a statement held. */
function asStoreError(error: unknown): StoreError {
  const code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
  if (error instanceof DatabaseError) {
    return new StoreError(`database: ${code}${SAFE_CLASSES.test(code ?? "") ? ` ${error.message}` : ""}`);
  }
  return new StoreError(`database: ${code ?? (error instanceof Error ? error.message : "unknown failure")}`);
}
