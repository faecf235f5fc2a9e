import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { Folder } from "./folder.ts";
import { npmRun, runProgram } from "./service.ts";

/** How a process of the project reaches a server. */
export interface Access {
  readonly env: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, string>>;
}

/** A Postgres server, of which `url` is an administrator's way in, password included. */
export class Databases {
  readonly #admin: URL;
  readonly #ca: string;
  readonly #suffix = randomBytes(4).toString("hex");
  readonly #password = `canary-${randomBytes(6).toString("hex")}`;
  #template: Promise<string> | undefined;
  #count = 0;

  /** `ca` is the file of the certificate that the server shows. */
  constructor(url: string, ca: string) {
    this.#admin = new URL(url);
    this.#ca = ca;
  }

  /** A new database, migrated by its owner, with the service's role beside. */
  async create(): Promise<Access & { readonly name: string }> {
    const template = await (this.#template ??= this.#migrate());
    const name = `contract_${this.#suffix}_${++this.#count}`;
    await this.query("postgres", `CREATE DATABASE ${name} TEMPLATE ${template} OWNER owner_${this.#suffix}`);
    return { name, ...this.#access(name) };
  }

  /** Runs statements as the administrator and returns what they print, unaligned. */
  async query(database: string, sql: string): Promise<string> {
    const { code, stdout, stderr } = await psql(this.#url(database), sql);
    assert.equal(code, 0, stderr);
    return stdout.trimEnd();
  }

  /** Runs a statement as the service's role, and returns what Postgres has against it. */
  async refusal(database: string, sql: string): Promise<string> {
    const url = this.#url(database);
    url.username = `agent_${this.#suffix}`;
    url.password = this.#password;
    const { code, stderr } = await psql(url, sql);
    return code === 0 ? "" : stderr;
  }

  /** All that stands in a database, as text. */
  async dump(database: string): Promise<string> {
    const { code, stdout, stderr } = await runProgram("pg_dump", [
      "--data-only",
      "--inserts",
      this.#url(database).href,
    ]);
    assert.equal(code, 0, stderr);
    return stdout;
  }

  /** Runs the project's migration on a database, again. */
  async migrate(database: string): Promise<void> {
    const { code, stdout, stderr } = await migrate(this.#access(database));
    assert.equal(code, 0, `npm run migrate\n${stdout}${stderr}`);
  }

  #url(database: string): URL {
    const url = new URL(this.#admin);
    url.pathname = database;
    return url;
  }

  async #migrate(): Promise<string> {
    const name = `template_${this.#suffix}`;
    for (const role of [`owner_${this.#suffix}`, `agent_${this.#suffix}`]) {
      await this.query("postgres", `CREATE ROLE ${role} LOGIN PASSWORD '${this.#password}'`);
    }
    await this.query("postgres", `CREATE DATABASE ${name} OWNER owner_${this.#suffix}`);
    await this.migrate(name);
    return name;
  }

  #access(name: string): Access {
    const url = (role: string) => `postgres://${role}_${this.#suffix}@${this.#admin.host}/${name}?sslmode=verify-full`;
    return {
      env: { DATABASE_URL: url("agent"), MIGRATE_DATABASE_URL: url("owner"), NODE_EXTRA_CA_CERTS: this.#ca },
      secrets: { postgres_password: this.#password, postgres_migrator_password: this.#password },
    };
  }
}

async function migrate(access: Access): ReturnType<typeof npmRun> {
  const folder = new Folder(access.secrets);
  try {
    return await npmRun("migrate", [], { ...access.env, SECRETS_DIR: folder.secrets, STATE_DIR: folder.state });
  } finally {
    folder.delete();
  }
}

function psql(url: URL, sql: string): ReturnType<typeof runProgram> {
  const options = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"];
  return runProgram("psql", [...options, "--command", sql, url.href]);
}
