import assert from "node:assert/strict";
import { createHash, createPublicKey, type KeyObject, sign, verify } from "node:crypto";

/** An entry of the audit log, as the contract has it. */
export interface Entry {
  readonly v: number;
  readonly chain: string;
  readonly seq: number;
  readonly ts: string;
  readonly prev: string;
  readonly kid: string;
  readonly event: {
    readonly actor: string;
    readonly tenant: string;
    readonly action: string;
    readonly resource: string;
    readonly result: string;
    readonly metadata?: Readonly<Record<string, unknown>>;
  };
  readonly hash: string;
  readonly sig: string;
}

export const GENESIS = "0".repeat(64);

/** The entries of a log; every line must be one. */
export function parseLog(text: string): Entry[] {
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

/** RFC 8785, for what an entry consists of: texts, integers and objects. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) {
    return `[${value.map(canonical).join()}]`;
  }
  if (typeof value === "object" && value !== null) {
    // Sorted by UTF-16 code units, as the default order is.
    const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([name, each]) => `${JSON.stringify(name)}:${canonical(each)}`).join()}}`;
  }
  return JSON.stringify(value);
}

function hashOf({ v, chain, seq, ts, prev, kid, event }: Entry): string {
  return createHash("sha256").update(canonical({ v, chain, seq, ts, prev, kid, event })).digest("hex");
}

/** The id of a key. */
export function kidOf(key: KeyObject): string {
  const der = createPublicKey(key).export({ type: "spki", format: "der" });
  return createHash("sha256").update(der).digest("hex").slice(0, 16);
}

/** Holds a log against the contract, entry by entry; `keys` are private or public ones. */
export function assertSound(entries: readonly Entry[], keys: readonly KeyObject[]): void {
  const known = new Map(keys.map((key) => [kidOf(key), createPublicKey(key)]));
  const chains = new Map<string, Entry>();
  const hashes = new Set([GENESIS]);
  for (const [index, entry] of entries.entries()) {
    const where = `line ${index + 1}: ${JSON.stringify(entry)}`;
    const key = known.get(entry.kid) ?? assert.fail(`unknown kid in ${where}`);
    assert.equal(entry.v, 1, where);
    assert.equal(entry.hash, hashOf(entry), where);
    assert.ok(verify(null, Buffer.from(`audit-entry-v1:${entry.hash}`), key, Buffer.from(entry.sig, "base64")), where);
    const before = chains.get(entry.chain);
    assert.equal(entry.seq, (before?.seq ?? 0) + 1, where);
    if (before === undefined) {
      assert.ok(hashes.has(entry.prev), where);
    } else {
      assert.equal(entry.prev, before.hash, where);
    }
    const { actor, tenant, action, resource, result } = entry.event;
    assert.ok(
      [actor, tenant, action, resource].every((each) => typeof each === "string"),
      where,
    );
    assert.match(result, /^(started|success|failure)$/, where);
    assert.ok(!Number.isNaN(Date.parse(entry.ts)), where);
    chains.set(entry.chain, entry);
    hashes.add(entry.hash);
  }
}

/** The entry with changes, hashed and signed anew, as whoever has the key could forge it. */
export function forged(entry: Entry, changes: Partial<Entry>, key: KeyObject): Entry {
  const changed = { ...entry, ...changes };
  const hash = hashOf(changed);
  const sig = sign(null, Buffer.from(`audit-entry-v1:${hash}`), key).toString("base64");
  return { ...changed, hash, sig };
}
