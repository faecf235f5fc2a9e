/** Something that somebody did, or let the agent do. Content appears in it as keyed digests only. */
export interface AuditEvent {
  /** Who: `tenant:NAME`, `agent`, `operator` or `service`. */
  readonly actor: string;
  readonly tenant: string;
  /** What, as `noun.verb`, such as `run.created` or `tool.called`. */
  readonly action: string;
  /** On what, such as `run:ID` or `tool:NAME`. */
  readonly resource: string;
  /** An effect is `started` before it happens, and has its outcome in an entry of its own. */
  readonly result: "started" | "success" | "failure";
  readonly metadata?: Readonly<Record<string, string | number | boolean>>;
}

/** The record of what was done; append-only. */
export interface AuditTrail {
  /** Returns once the entry is kept; throws `AuditError` if it cannot be, and then the effect must not happen. */
  record(event: AuditEvent): void;
  /** Throws `AuditError` as long as no entry can be kept, so that no work is sent here. */
  check(): void;
  /** Sends what still waits for its store, until `deadline` (monotonic milliseconds) at the latest; never rejects. */
  close(deadline: number): Promise<void>;
}

/** An entry could not be kept. */
export class AuditError extends Error {
  override readonly name = "AuditError";
}

/** An entry on its way to a store. */
export interface AuditLine {
  readonly chain: string;
  readonly seq: number;
  /** SHA-256 of its canonical form, in hexadecimal. */
  readonly hash: string;
  /** The entry as it was written, without the line end; to be kept byte for byte. */
  readonly text: string;
}

/** The table that is the store of all replicas' entries; nothing in it is ever changed. */
export interface AuditTable {
  /** The entry that was inserted last, if there is any. */
  newest(): Promise<{ readonly hash: string } | undefined>;
  /** Inserts entries in this order, all or none; one that is there already, by chain and seq, stays as it is. */
  insert(lines: readonly AuditLine[]): Promise<void>;
}
