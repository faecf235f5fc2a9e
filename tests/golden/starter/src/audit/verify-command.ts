import { createPublicKey, type KeyObject } from "node:crypto";
import { accessSync, constants, createReadStream, readFileSync, statSync } from "node:fs";
import { parseArgs } from "node:util";
import { keyId } from "./key.ts";
import { READ_BYTES } from "./outbox.ts";
import { FAULTS, verify } from "./verify.ts";

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
