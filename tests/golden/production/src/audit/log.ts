import { join } from "node:path";
import { SetupError } from "../config.ts";
import type { Kit } from "../kit.ts";
import type { Logger } from "../logs/logger.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { createDelivery, createPersistence, createSiem, type Destination } from "./delivery.ts";
import { NO_HASH, readEntry, sealEntry } from "./entry.ts";
import { openSigningKey } from "./key.ts";
import { createOutbox, type Outbox, READ_BYTES } from "./outbox.ts";
import { AuditError, type AuditEvent, type AuditLine, type AuditTable, type AuditTrail } from "./trail.ts";

/**
 * Opens the audit log and begins a chain of this process in it. With a table the table is the store, and the file what
 * has not arrived there yet; without one the file is the store. Throws `SetupError` where key or file are unusable.
 *
 * The chain needs the hash of the newest entry of the store. If only the table knows it, and does not answer, nothing
 * can be recorded until it does.
 */
export function createAuditTrail(options: Omit<Kit, "tracer"> & { table?: AuditTable | undefined }): AuditTrail {
  const { config, secrets, clock, random, log, metrics, table } = options;
  const key = openSigningKey(config, secrets, log);
  const path = config.AUDIT_FILE ?? join(config.STATE_DIR, "audit.jsonl");
  const outbox = onDisk(path, () => createOutbox(path, options));
  const last = hashOfLast(outbox);
  const destinations: Destination[] = [];
  if (table !== undefined) {
    destinations.push({ name: "table", send: (lines) => table.insert(readLines(lines, log, metrics)) });
  }
  if (config.SIEM_URL !== undefined) {
    destinations.push({ name: "siem", send: createSiem(config.SIEM_URL, secrets) });
  }
  const reclaim = table !== undefined;
  const persistence = createPersistence(options);
  const delivery = onDisk(path, () =>
    createDelivery({ path, outbox, destinations, reclaim, persistence, clock, metrics }),
  );

  const chain = random.hex(16);
  let seq = 0;
  let signer = key();
  // What the file still holds for the table will be the newest there.
  let prev = table === undefined || delivery.awaits("table") ? last : undefined;
  if (table !== undefined && prev === undefined) {
    persistence
      .persist("table", () => persistence.limited(() => table.newest()))
      .then(
        (newest) => (prev = newest?.hash ?? NO_HASH),
        () => undefined,
      );
  }

  function begun(): string {
    if (prev === undefined) {
      throw new AuditError("audit log not begun: its table has not told the newest entry yet");
    }
    return prev;
  }

  function append(event: AuditEvent): void {
    const ts = clock.date().toISOString();
    const line = sealEntry(signer, { chain, seq: seq + 1, ts, prev: begun(), event });
    outbox.append(line.text);
    seq = line.seq;
    prev = line.hash;
    metrics.auditEvents.inc();
    delivery.added();
  }

  return {
    record(event) {
      const current = key();
      if (current.kid !== signer.kid) {
        append({
          actor: "service",
          tenant: "",
          action: "audit.key_rotated",
          resource: `key:${signer.kid}`,
          result: "success",
          metadata: { kid: current.kid },
        });
        signer = current;
      }
      append(event);
    },
    check: () => void begun(),
    async close(deadline) {
      await delivery.close(deadline);
      await outbox.close();
    },
  };
}

function onDisk<T>(path: string, open: () => T): T {
  try {
    return open();
  } catch (cause) {
    throw new SetupError(`AUDIT_FILE: expected a writable place for ${path}`, { cause });
  }
}

function hashOfLast(outbox: Outbox): string {
  const line = outbox.read(outbox.end() - READ_BYTES, Infinity).lines.at(-1);
  const entry = line === undefined ? { hash: NO_HASH } : readEntry(line);
  if (entry === undefined) {
    throw new SetupError("AUDIT_FILE: expected audit entries; keep the file that is there elsewhere and verify it");
  }
  return entry.hash;
}

/** The lines that are entries: what was damaged on the disk must not keep the rest from the table. */
function readLines(texts: readonly string[], log: Logger, metrics: Metrics): AuditLine[] {
  return texts.flatMap((text) => {
    const entry = readEntry(text);
    if (entry === undefined) {
      log.error("audit line unreadable and left out of the table");
      metrics.auditWriteFailures.inc();
      return [];
    }
    return [{ chain: entry.chain, seq: entry.seq, hash: entry.hash, text }];
  });
}
