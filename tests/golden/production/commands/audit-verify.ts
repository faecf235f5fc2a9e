import { createPublicKey, type KeyObject } from "node:crypto";
import { accessSync, constants, createReadStream, readFileSync, statSync } from "node:fs";
import { parseArgs } from "node:util";
import { type Entry, hashOf, isSignedBy, NO_HASH, readEntry } from "../src/audit/entry.ts";
import { keyId } from "../src/audit/key.ts";
import { READ_BYTES } from "../src/audit/outbox.ts";

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

const USAGE = `usage: audit:verify FILE --keys PUBLIC_KEY… [--head HASH]
  PUBLIC_KEY  a file with an Ed25519 public key, as \`openssl pkey -pubout -in audit_signing_key\` makes it
  HASH        the hash of an entry that is known to have been written, such as the head of an earlier verification
`;

/** Where a command writes. */
interface Output {
  write(text: string): unknown;
}

/** The command `audit:verify`; resolves to its exit code: 1 at the first bad line, 2 if it was called wrongly. */
export async function runVerify(args: readonly string[], stdout: Output, stderr: Output): Promise<number> {
  let request: ReturnType<typeof readArguments>;
  try {
    request = readArguments(args);
  } catch (error) {
    stderr.write(`${error instanceof Error ? error.message : "wrong arguments"}\n${USAGE}`);
    return 2;
  }
  const { file, size, keys, head } = request;
  const verdict = await verify(() => readLines(file, size), keys, head);
  if (verdict.ok) {
    stdout.write(`ok: ${verdict.entries} entries, ${verdict.chains} chains, head ${verdict.head}\n`);
    return 0;
  }
  stdout.write(`line ${verdict.line}: ${verdict.why}\n`);
  stderr.write(`${FAULTS[verdict.why]}\n`);
  return 1;
}

function readArguments(args: readonly string[]) {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { keys: { type: "string", multiple: true }, head: { type: "string" } },
    allowPositionals: true,
  });
  const { keys = [], head } = values;
  // An option takes one value: what follows the first key counts as positional.
  const [file, ...moreKeys] = positionals;
  if (file === undefined || keys.length === 0) {
    throw new Error("expected a FILE, and public keys after --keys");
  }
  if (head !== undefined && !/^[0-9a-f]{64}$/.test(head)) {
    throw new Error("expected 64 hexadecimal digits after --head");
  }
  accessSync(file, constants.R_OK);
  const status = statSync(file);
  if (!status.isFile()) {
    throw new Error(`expected a file, not ${file}`);
  }
  return { file, size: status.size, head, keys: new Map([...keys, ...moreKeys].map(readPublicKey)) };
}

function readPublicKey(path: string): [kid: string, KeyObject] {
  try {
    const key = createPublicKey(readFileSync(path));
    if (key.asymmetricKeyType === "ed25519") {
      return [keyId(key), key];
    }
  } catch {
    // Not there, or not a key: it comes to the same.
  }
  throw new Error(`expected an Ed25519 public key in ${path}`);
}

/** The lines within the first `size` bytes, as a service may be adding more; one that is too long comes in pieces. */
async function* readLines(path: string, size: number): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of size === 0 ? [] : createReadStream(path, { encoding: "utf8", end: size - 1 })) {
    const lines = `${rest}${String(chunk)}`.split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
    if (rest.length > READ_BYTES) {
      yield rest;
      rest = "";
    }
  }
  if (rest !== "") {
    yield rest;
  }
}
