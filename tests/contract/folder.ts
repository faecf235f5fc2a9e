import { createHash, generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** How many tenants a world has at most. */
const TENANTS = 200;

/** The folders of one service: its secrets, its state, and the files that it is pointed at. */
export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), "contract-"));
  readonly secrets = join(this.path, "secrets");
  readonly state = join(this.path, "state");
  readonly disabled = join(this.path, "disabled");
  readonly prices = join(this.path, "prices.json");
  /** Key of the audit log. */
  auditKey: KeyObject;
  /** Begins every secret: nothing that the service tells may hold it. */
  readonly canary = `canary${randomBytes(6).toString("hex")}`;
  readonly modelKey = `${this.canary}-model`;
  #tenants = 0;

  constructor(secrets: Readonly<Record<string, string>>) {
    mkdirSync(this.secrets);
    mkdirSync(this.state);
    this.auditKey = this.newAuditKey();
    this.put("model_api_key", this.modelKey);
    this.put("field_encryption_key", randomBytes(32).toString("base64"));
    this.put("api_keys", this.apiKeys());
    for (const [name, text] of Object.entries(secrets)) {
      this.put(name, text);
    }
  }

  /** Replaces a secret the way an orchestrator does, by renaming. */
  put(name: string, text: string): void {
    const next = join(this.path, "next");
    writeFileSync(next, text);
    renameSync(next, join(this.secrets, name));
  }

  remove(name: string): void {
    rmSync(join(this.secrets, name));
  }

  /** Makes a new signing key and puts it in place. */
  newAuditKey(): KeyObject {
    const { privateKey } = generateKeyPairSync("ed25519");
    this.put("audit_signing_key", String(privateKey.export({ type: "pkcs8", format: "pem" })));
    this.auditKey = privateKey;
    return privateKey;
  }

  /** The secret `api_keys`, with a key for every tenant. */
  apiKeys(): string {
    const line = (_: unknown, index: number) =>
      `${this.#tenant(index)}:${createHash("sha256").update(this.apiKey(index)).digest("hex")}\n`;
    return Array.from({ length: TENANTS }, line).join("");
  }

  apiKey(index: number): string {
    return `${this.canary}-tenant-${index}`;
  }

  /** A tenant that nobody has been yet. */
  newTenant(): { name: string; key: string } {
    const index = this.#tenants++;
    if (index >= TENANTS) {
      throw new Error(`more than ${TENANTS} tenants in one world`);
    }
    return { name: this.#tenant(index), key: this.apiKey(index) };
  }

  // Servers are shared by worlds, so no two worlds have a tenant in common.
  #tenant(index: number): string {
    return `tenant-${this.canary.slice(-12)}-${index}`;
  }

  delete(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
