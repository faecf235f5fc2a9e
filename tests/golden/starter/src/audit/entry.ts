import { hash, type KeyObject, sign, verify } from "node:crypto";
import { z } from "zod";
import { canonical, parseStrictJson } from "./json.ts";
import type { SigningKey } from "./key.ts";
import type { AuditEvent, AuditLine } from "./trail.ts";

/** What the first entry of an empty store has for its predecessor's hash. */
export const NO_HASH = "0".repeat(64);

// Names come from callers and models, and must not make an entry of any size.
const MAX_CHARACTERS = 1_024;

// Strict where no hash protects it; within the event a later version may say more.
const schema = z.strictObject({
  v: z.literal(1),
  /** Names the writer: one process. */
  chain: z.string(),
  /** Counts from 1 in its chain. */
  seq: z.int(),
  /** RFC 3339 in UTC; other writers may count. */
  ts: z.union([z.string(), z.number()]),
  /** Hash of the chain's previous entry. */
  prev: z.string(),
  /** Of the key that signed. */
  kid: z.string(),
  event: z.looseObject({
    actor: z.string(),
    tenant: z.string(),
    action: z.string(),
    resource: z.string(),
    result: z.enum(["started", "success", "failure"]),
    metadata: z.looseObject({}).optional(),
  }),
  /** Hexadecimal SHA-256 of the canonical form of all of the above. */
  hash: z.string(),
  /** Base64 of the Ed25519 signature of the hash. */
  sig: z.string(),
});

/** One line of the audit log. */
export type Entry = z.output<typeof schema>;

/** Reads a line; `undefined` if it is not exactly one entry, whether or not it is authentic. */
export function readEntry(text: string): Entry | undefined {
  try {
    return schema.parse(parseStrictJson(text));
  } catch {
    return undefined;
  }
}

/** Makes the line of an event; what is too long in the event is cut, what is no Unicode replaced. */
export function sealEntry(
  key: SigningKey,
  { event, ...place }: { chain: string; seq: number; ts: string; prev: string; event: AuditEvent },
): AuditLine {
  const { metadata = {}, ...rest } = event;
  const body = canonical({ v: 1, ...place, kid: key.kid, event: { ...bounded(rest), metadata: bounded(metadata) } });
  const digest = hash("sha256", body);
  const sig = sign(null, signed(digest), key.privateKey).toString("base64");
  const text = `${body.slice(0, -1)},"hash":"${digest}","sig":"${sig}"}`;
  return { chain: place.chain, seq: place.seq, hash: digest, text };
}

/** The hash that an entry should have; `undefined` if it has no canonical form. */
export function hashOf({ hash: _hash, sig: _sig, ...body }: Entry): string | undefined {
  try {
    return hash("sha256", canonical(body));
  } catch {
    return undefined;
  }
}

/** Whether the entry's signature is this key's. */
export function isSignedBy(entry: Entry, publicKey: KeyObject): boolean {
  return verify(null, signed(entry.hash), publicKey, Buffer.from(entry.sig, "base64"));
}

function signed(digest: string): Buffer {
  return Buffer.from(`audit-entry-v1:${digest}`);
}

function bounded(members: NonNullable<AuditEvent["metadata"]>): Record<string, string | number | boolean> {
  const result: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(members)) {
    result[name] = typeof value === "string" ? value.slice(0, MAX_CHARACTERS).toWellFormed() : value;
  }
  return result;
}
