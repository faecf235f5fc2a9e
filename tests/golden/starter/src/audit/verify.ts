import type { KeyObject } from "node:crypto";
import { type Entry, hashOf, isSignedBy, NO_HASH, readEntry } from "./entry.ts";

/** What can be wrong with a line, in the order in which it is looked for, and what that means. */
export const FAULTS = {
  malformed: "the line is not one entry",
  hash: "the entry was changed after it was written",
  key: "none of the keys given has its kid: give every key that was ever in use",
  signature: "the entry was not signed with the key that it names",
  sequence: "an entry of its chain is missing before it, repeated or out of place",
  link: "what should come before the entry is missing or was replaced",
  truncated: "the entry that is known to have been written is not there: the log was cut off, or this is another log",
} as const;

/** What came of it; lines are counted from 1. */
export type Verdict =
  | { readonly ok: true; readonly entries: number; readonly chains: number; readonly head: string }
  | { readonly ok: false; readonly line: number; readonly why: keyof typeof FAULTS };

/**
 * Verifies an audit log, which is read twice and never held in memory. `keys` are public keys by their id; `head` is
 * the hash of an entry that is known from elsewhere to have been written.
 */
export async function verify(
  lines: () => AsyncIterable<string>,
  keys: ReadonlyMap<string, KeyObject>,
  head?: string,
): Promise<Verdict> {
  // A chain may begin with any earlier hash. All hashes are too many to remember, those that chains begin with are not.
  const origins = new Set<string>();
  for await (const text of lines()) {
    const entry = readEntry(text);
    if (entry?.seq === 1) {
      origins.add(entry.prev);
    }
  }
  const seen = new Set([NO_HASH]);
  const tips = new Map<string, { seq: number; hash: string }>();
  let line = 0;
  let last = NO_HASH;
  let headSeen = head === undefined;

  function faultOf(entry: Entry | undefined): keyof typeof FAULTS | undefined {
    const expected = entry && hashOf(entry);
    if (entry === undefined || expected === undefined) {
      return "malformed";
    }
    if (entry.hash !== expected) {
      return "hash";
    }
    const key = keys.get(entry.kid);
    if (key === undefined) {
      return "key";
    }
    if (!isSignedBy(entry, key)) {
      return "signature";
    }
    const tip = tips.get(entry.chain);
    if (entry.seq !== (tip?.seq ?? 0) + 1) {
      return "sequence";
    }
    if (tip === undefined ? !seen.has(entry.prev) : entry.prev !== tip.hash) {
      return "link";
    }
    tips.set(entry.chain, { seq: entry.seq, hash: entry.hash });
    last = entry.hash;
    headSeen ||= entry.hash === head;
    if (origins.has(entry.hash)) {
      seen.add(entry.hash);
    }
    return undefined;
  }

  for await (const text of lines()) {
    line += 1;
    const why = faultOf(readEntry(text));
    if (why !== undefined) {
      return { ok: false, line, why };
    }
  }
  return headSeen ? { ok: true, entries: line, chains: tips.size, head: last } : { ok: false, line, why: "truncated" };
}
