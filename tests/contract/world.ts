import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as canaries from "./canaries.ts";
import { Client } from "./client.ts";
import { has } from "./contract.ts";
import { type Access, Databases } from "./database.ts";
import { FakeModel } from "./fake-model.ts";
import { Folder } from "./folder.ts";
import { type Environment, Service } from "./service.ts";

/** How a world differs from the usual one. */
export interface Settings {
  /** A setting that is undefined is not set. */
  readonly env?: Environment;
  readonly secrets?: Readonly<Record<string, string>>;
  /** Options of the runtime. */
  readonly options?: readonly string[];
  /** Where state is kept: in memory, or as the preset has it; absent: as the preset has it. */
  readonly state?: "memory" | "preset";
  /** The servers to use instead of the shared ones. */
  readonly servers?: Readonly<Record<string, string>>;
  /** Whether the log may hold content. */
  readonly logsContent?: boolean;
}

/** The model's price, in nano-dollars for a million tokens; crooked, so that rounding shows. */
export const PRICE = { input: 3_000_000_007, output: 15_000_000_011 };

/** What one call costs, in nano-dollars: rounded up. */
export const costOf = (input: number, output: number) =>
  Math.ceil((input * PRICE.input + output * PRICE.output) / 1_000_000);

export const MODEL_NAME = "contract-model";

/** Settings that keep one test out of the way of another; a test of a limit sets its own. */
const AMPLE = {
  TENANT_REQUESTS_PER_MINUTE: "100000",
  TENANT_CONCURRENCY: "1000",
  TENANT_DAILY_COST_USD: "100000",
  MONTHLY_COST_USD: "100000",
  BREAKER_MIN_CALLS: "10000",
  RETRY_BUDGET: "10000",
  RETRY_BASE_MS: "20",
  SHUTDOWN_DELAY_MS: "0",
};

const { DATABASE_URL, REDIS_TLS_URL, SERVERS_CA } = process.env;
const shared = { DATABASE_URL, REDIS_TLS_URL, SERVERS_CA };
const databases = new Map<string, Databases>();

/** A service with its model, its folders and its clients. */
export class World {
  readonly folder: Folder;
  readonly model: FakeModel;
  readonly env: Environment;
  /** The name of its database, if it has one. */
  readonly database: string | undefined;
  service: Service;
  readonly #settings: Settings;
  readonly #passwords: readonly string[];

  private constructor(parts: Pick<World, "folder" | "model" | "env" | "service">, settings: Settings, access: Access) {
    this.folder = parts.folder;
    this.model = parts.model;
    this.env = parts.env;
    this.service = parts.service;
    this.database = parts.env["DATABASE_URL"]?.replace(/^.*\/|\?.*$/g, "");
    this.#settings = settings;
    this.#passwords = Object.values(access.secrets);
  }

  /** Starts all of it and waits until the service is ready. */
  static async start(settings: Settings = {}): Promise<World> {
    const world = await World.prepare(settings);
    try {
      await world.service.ready();
    } catch (error) {
      await world.#clear();
      throw error;
    }
    return world;
  }

  /** Starts all of it, with a service that may refuse to. */
  static async prepare(settings: Settings = {}): Promise<World> {
    const access = settings.state === "memory" ? MEMORY : await storage(settings.servers);
    const folder = new Folder({ ...access.secrets, ...settings.secrets });
    const model = await FakeModel.start();
    writeFileSync(folder.prices, JSON.stringify({ as_of: "2026-11-01", models: { [MODEL_NAME]: PRICE } }));
    const env = {
      ENVIRONMENT: "production",
      AUTH_MODE: "api-key",
      MODEL_NAME,
      MODEL_PROVIDER: "openai-compatible",
      MODEL_BASE_URL: `http://127.0.0.1:${model.port}/v1`,
      PRICES_FILE: folder.prices,
      SECRETS_DIR: folder.secrets,
      STATE_DIR: folder.state,
      AGENT_DISABLED_FILE: folder.disabled,
      ...AMPLE,
      ...access.env,
      ...settings.env,
    };
    const service = await Service.spawn(env, settings.options);
    return new World({ folder, model, env, service }, settings, access);
  }

  /** Starts the service anew, after it has ended. */
  async restart(env: Environment = {}): Promise<void> {
    assert.ok(this.service.isOver, "the service is still running");
    this.#inspect();
    this.service = await Service.spawn({ ...this.env, ...env }, this.#settings.options);
    await this.service.ready();
  }

  /** Another process of the same service, with the same stores and a disk of its own. */
  async replica(env: Environment = {}): Promise<Service> {
    const STATE_DIR = mkdtempSync(join(this.folder.path, "replica-"));
    const replica = await Service.spawn({ ...this.env, STATE_DIR, ...env });
    await replica.ready();
    return replica;
  }

  /** A client of a tenant that nobody has been yet. */
  client(): Client {
    return this.tenant().client;
  }

  /** A tenant that nobody has been yet. */
  tenant(): { readonly name: string; readonly client: Client } {
    const { name, key } = this.folder.newTenant();
    return { name, client: new Client(this.service.port, { authorization: `Bearer ${key}` }) };
  }

  /** The metrics as they stand. */
  async metrics(): Promise<string> {
    const answer = await this.service.admin.get("/metrics");
    assert.equal(answer.status, 200);
    return answer.text;
  }

  /** The sum of a metric's samples whose labels are these, and maybe more. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
    const samples = (await this.metrics())
      .split("\n")
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .filter((line) => wanted.every((label) => line.includes(label)));
    return samples.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
  }

  /** Ends all of it; a service that still runs must end well. Then nothing that it told may hold what it must not. */
  async end(): Promise<void> {
    try {
      if (!this.service.isOver) {
        this.clean("the metrics", await this.metrics());
        assert.deepEqual(await this.service.end(), { code: 0, signal: null }, this.service.stdout.slice(-2_000));
      }
      this.#inspect();
    } finally {
      await this.#clear();
    }
  }

  async #clear(): Promise<void> {
    this.service.destroy();
    await this.model.stop();
    this.folder.delete();
  }

  /** Fails if a text holds a secret, a prompt or an upstream's body. */
  clean(what: string, text: string): void {
    const prompts = this.#settings.logsContent ? [] : [canaries.PROMPT];
    for (const canary of [this.folder.canary, canaries.UPSTREAM_BODY, ...this.#passwords, ...prompts]) {
      const at = text.indexOf(canary);
      assert.equal(at, -1, `${what}: ${text.slice(Math.max(0, at - 300), at + 100)}`);
    }
  }

  #inspect(): void {
    const { stdout, stderr } = this.service;
    this.clean("the log", stdout);
    this.clean("stderr", stderr);
    this.service.log();
  }
}

const MEMORY: Access = { env: { STATE: "memory" }, secrets: {} };

/** Where a preset's service keeps its state, and how it gets there. */
async function storage(servers: Readonly<Record<string, string | undefined>> = shared): Promise<Access> {
  const ca = servers["SERVERS_CA"] ?? "";
  const database = has("postgres") ? await databasesOf(given(servers, "DATABASE_URL"), ca).create() : MEMORY;
  if (!has("redis")) {
    return database;
  }
  const url = new URL(given(servers, "REDIS_TLS_URL"));
  const redis_password = url.password;
  url.password = "";
  return {
    env: { ...database.env, REDIS_URL: url.href, NODE_EXTRA_CA_CERTS: ca },
    secrets: { ...database.secrets, redis_password },
  };
}

/** How to speak with the Postgres server that a world's database is on. */
export function databasesOf(url = DATABASE_URL ?? "", ca = SERVERS_CA ?? ""): Databases {
  const known = databases.get(url) ?? new Databases(url, ca);
  databases.set(url, known);
  return known;
}

function given(servers: Readonly<Record<string, string | undefined>>, name: string): string {
  return servers[name] ?? assert.fail(`${name} is needed for this preset; \`tests/servers start\` prints it`);
}
