import type { Message } from "../model/model.ts";
import type { RunEvent, RunRecord } from "../run/record.ts";

/** A conversation over several runs. */
export interface Session {
  readonly id: string;
  /** Unix milliseconds. */
  readonly createdAt: number;
  readonly messages: readonly Message[];
  /** Its content is gone for good, and nothing may be added. */
  readonly erased: boolean;
}

/** Something that the agent was allowed to write down in a session. */
export interface Note {
  /** Unix milliseconds. */
  readonly createdAt: number;
  readonly text: string;
}

/** What an idempotency key stands for. */
export interface KeyClaim {
  /** Whether the key was free and is now this run's; otherwise the rest tells of whose it is. */
  readonly claimed: boolean;
  /** SHA-256 of the body that the key came with, in hexadecimal. */
  readonly bodyHash: string;
  readonly runId: string;
}

/** How a decision on an approval went; a decision counts once. */
export type Decided = "decided" | "used" | "expired" | "unknown";

/** The store could not serve; the message never holds content. */
export class StoreError extends Error {
  override readonly name = "StoreError";
}

/** The runs, sessions and spending of all tenants; whatever is asked for under another tenant is not there. */
export interface Store {
  /** Whether other replicas see the same. */
  readonly shared: boolean;

  /**
   * Keeps a run, new or changed, together with what happened since it was last kept. Its session is made if it is
   * new; if it has been erased, nothing is kept.
   */
  saveRun(run: RunRecord, events: readonly RunEvent[]): Promise<void>;
  findRun(tenant: string, id: string): Promise<RunRecord | undefined>;
  /** What happened in a run after the event with this id; empty for a run that is not there. */
  eventsAfter(tenant: string, runId: string, id: number): Promise<readonly RunEvent[]>;
  /** Decides on an approval of a run that awaits it, and keeps the decision in the run's record, both or neither. */
  decide(
    tenant: string,
    runId: string,
    approvalId: string,
    decision: "approve" | "deny",
    now: number,
  ): Promise<Decided>;
  /** Takes a run from `awaiting_approval` to `running`, for the one caller, here or elsewhere, that gets `true`. */
  resumeRun(tenant: string, runId: string): Promise<boolean>;
  /** Marks a run that another replica works on, which asks for the marks of its own runs. */
  requestCancel(tenant: string, runId: string): Promise<void>;
  /** Which of these runs were marked. */
  cancelRequested(runIds: readonly string[]): Promise<readonly string[]>;

  findSession(tenant: string, id: string): Promise<Session | undefined>;
  /** Adds to a session, which is made if it is new; `false` if it has been erased. */
  appendToSession(tenant: string, id: string, messages: readonly Message[], now: number): Promise<boolean>;
  /** Removes all content of a session, its runs, events, notes and idempotency keys; `false` if it is not there. */
  eraseSession(tenant: string, id: string, now: number): Promise<boolean>;

  addNote(tenant: string, sessionId: string, note: Note): Promise<void>;
  notes(tenant: string, sessionId: string): Promise<readonly Note[]>;

  /** Ties a key to a run until `expiresAt` (Unix milliseconds), unless it is tied to another one. */
  claimKey(
    tenant: string,
    key: string,
    claim: { bodyHash: string; runId: string; now: number; expiresAt: number },
  ): Promise<KeyClaim>;
  /** Keeps a key that is still this run's until `expiresAt`, or frees it if that is undefined. */
  keepKey(tenant: string, key: string, runId: string, expiresAt: number | undefined): Promise<void>;

  /**
   * Adds to what was spent in every one of these periods, or in none if one would go over its limit. A negative
   * amount gives back, and is always taken.
   */
  spend(amountNanoDollars: number, periods: readonly SpendPeriod[]): Promise<Spending>;
  /** Nano-dollars spent in a period so far. */
  spent(period: Pick<SpendPeriod, "scope" | "period">): Promise<number>;

  /** Rejects if the store cannot serve now; bounded in time. */
  check(): Promise<void>;
  close(): Promise<void>;
}

/** A budget: whose, of when, and how much. */
export interface SpendPeriod {
  /** `month`, or `tenant:NAME`. */
  readonly scope: string;
  /** A day or a month in UTC, as `2026-11-24` or `2026-11`. */
  readonly period: string;
  readonly limitNanoDollars: number;
}

/** What became of an amount. */
export interface Spending {
  /** The first period that would have gone over its limit, so that nothing was added. */
  readonly over: SpendPeriod | undefined;
  /** Nano-dollars spent in each of the periods now, in their order. */
  readonly spent: readonly number[];
}

/** The run with a decision on one of its approvals at that moment (Unix milliseconds), or why it counts for nothing. */
export function decideOn(
  run: RunRecord | undefined,
  approvalId: string,
  decision: "approve" | "deny",
  now: number,
): RunRecord | Exclude<Decided, "decided"> {
  const approval = run?.approvals.find(({ id }) => id === approvalId);
  if (run === undefined || approval === undefined) {
    return "unknown";
  }
  if (approval.decision !== undefined || run.status !== "awaiting_approval") {
    return "used";
  }
  if (approval.expiresAt <= now) {
    return "expired";
  }
  return { ...run, approvals: run.approvals.map((each) => (each === approval ? { ...each, decision } : each)) };
}
