import { LRUCache } from "lru-cache";
import type { RunEvent, RunRecord } from "../run/record.ts";
import { decideOn, type KeyClaim, type Note, type Session, type SpendPeriod, type Store } from "./store.ts";

// The least recently used goes first; a run that is going on is also held by whoever works on it.
const MAX_RUNS = 2_000;
const MAX_RUN_BYTES = 32 * 1024 * 1024;
const MAX_SESSIONS = 1_000;
const MAX_SESSION_BYTES = 16 * 1024 * 1024;
// What a run or a session takes beside its parts.
const FIXED_BYTES = 1_024;
const MAX_KEYS = 10_000;
const MAX_PERIODS = 10_000;

interface KeptRun {
  readonly record: RunRecord;
  readonly events: readonly RunEvent[];
}

interface KeptSession {
  readonly session: Session;
  readonly notes: readonly Note[];
}

// Names hold no line feed.
const under = (tenant: string, id: string) => `${tenant}\n${id}`;
const periodKey = ({ scope, period }: Pick<SpendPeriod, "scope" | "period">) => under(period, scope);

/** A store that forgets: for one replica without a database. All of it is bounded. */
export function createMemoryStore(): Store {
  const sizes = new WeakMap<object, number>();
  /** Bytes of parts as JSON, about; a part is measured once, as it never changes. */
  function bytesOf(...lists: readonly (readonly object[])[]): number {
    let bytes = FIXED_BYTES;
    for (const part of lists.flat()) {
      const size = sizes.get(part) ?? Buffer.byteLength(JSON.stringify(part));
      sizes.set(part, size);
      bytes += size;
    }
    return bytes;
  }
  const runs = new LRUCache<string, KeptRun>({
    max: MAX_RUNS,
    maxSize: MAX_RUN_BYTES,
    sizeCalculation: ({ record, events }) => bytesOf(record.messages, record.approvals, events),
  });
  const sessions = new LRUCache<string, KeptSession>({
    max: MAX_SESSIONS,
    maxSize: MAX_SESSION_BYTES,
    sizeCalculation: ({ session, notes }) => bytesOf(session.messages, notes),
  });
  const keys = new LRUCache<string, KeyClaim & { expiresAt: number }>({ max: MAX_KEYS });
  const spending = new LRUCache<string, number>({ max: MAX_PERIODS });

  function openSession(tenant: string, id: string, now: number): KeptSession {
    return (
      sessions.get(under(tenant, id)) ?? { session: { id, createdAt: now, messages: [], erased: false }, notes: [] }
    );
  }

  return {
    shared: false,

    async saveRun(record, events) {
      const key = under(record.tenant, record.id);
      const kept = openSession(record.tenant, record.sessionId, record.createdAt);
      if (kept.session.erased) {
        return;
      }
      sessions.set(under(record.tenant, record.sessionId), kept);
      runs.set(key, { record, events: [...(runs.peek(key)?.events ?? []), ...events] });
    },
    findRun: async (tenant, id) => runs.get(under(tenant, id))?.record,
    eventsAfter: async (tenant, id, after) =>
      (runs.get(under(tenant, id))?.events ?? []).filter((event) => event.id > after),

    async decide(tenant, runId, approvalId, decision, now) {
      const kept = runs.get(under(tenant, runId));
      const decided = decideOn(kept?.record, approvalId, decision, now);
      if (typeof decided === "string") {
        return decided;
      }
      runs.set(under(tenant, runId), { record: decided, events: kept?.events ?? [] });
      return "decided";
    },
    async resumeRun(tenant, runId) {
      const kept = runs.get(under(tenant, runId));
      if (kept?.record.status !== "awaiting_approval") {
        return false;
      }
      runs.set(under(tenant, runId), { ...kept, record: { ...kept.record, status: "running" } });
      return true;
    },
    requestCancel: async () => undefined,
    cancelRequested: async () => [],

    findSession: async (tenant, id) => sessions.get(under(tenant, id))?.session,
    async appendToSession(tenant, id, messages, now) {
      const { session, notes } = openSession(tenant, id, now);
      if (session.erased) {
        return false;
      }
      const longer = { ...session, messages: [...session.messages, ...messages] };
      sessions.set(under(tenant, id), { session: longer, notes });
      return true;
    },
    async eraseSession(tenant, id, now) {
      const owned = [...runs.entries()].filter(([, { record }]) => record.tenant === tenant && record.sessionId === id);
      if (owned.length === 0 && sessions.get(under(tenant, id)) === undefined) {
        return false;
      }
      const erasedRuns = new Set(owned.map(([, { record }]) => record.id));
      for (const [key] of owned) {
        runs.delete(key);
      }
      for (const [key, { runId }] of keys.entries()) {
        if (erasedRuns.has(runId)) {
          keys.delete(key);
        }
      }
      sessions.set(under(tenant, id), { session: { id, createdAt: now, messages: [], erased: true }, notes: [] });
      return true;
    },

    async addNote(tenant, sessionId, note) {
      const { session, notes } = openSession(tenant, sessionId, note.createdAt);
      if (!session.erased) {
        sessions.set(under(tenant, sessionId), { session, notes: [...notes, note] });
      }
    },
    notes: async (tenant, sessionId) => sessions.get(under(tenant, sessionId))?.notes ?? [],

    async claimKey(tenant, key, { bodyHash, runId, now, expiresAt }) {
      const kept = keys.get(under(tenant, key));
      if (kept !== undefined && kept.expiresAt > now) {
        return { ...kept, claimed: false };
      }
      keys.set(under(tenant, key), { claimed: true, bodyHash, runId, expiresAt });
      return { claimed: true, bodyHash, runId };
    },
    async keepKey(tenant, key, runId, expiresAt) {
      const kept = keys.get(under(tenant, key));
      if (kept?.runId === runId && expiresAt !== undefined) {
        keys.set(under(tenant, key), { ...kept, expiresAt });
      } else if (kept?.runId === runId) {
        keys.delete(under(tenant, key));
      }
    },

    async spend(amount, periods) {
      const spent = periods.map((period) => spending.get(periodKey(period)) ?? 0);
      const over = periods.find(
        (period, index) => amount > 0 && (spent[index] ?? 0) + amount > period.limitNanoDollars,
      );
      if (over !== undefined) {
        return { over, spent };
      }
      const sums = spent.map((sum) => Math.max(0, sum + amount));
      for (const [index, period] of periods.entries()) {
        spending.set(periodKey(period), sums[index] ?? 0);
      }
      return { over, spent: sums };
    },
    spent: async (period) => spending.get(periodKey(period)) ?? 0,

    check: async () => undefined,
    close: async () => undefined,
  };
}
