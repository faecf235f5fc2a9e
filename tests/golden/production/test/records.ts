import { randomUUID } from "node:crypto";
import type { RunRecord } from "../src/run/record.ts";

/** What any model may write: NUL and a lone surrogate, which text in a database cannot hold. */
export const TEXT = "\u0000 \ud800 'quoted' \\ 🙂";

const NOW = Date.UTC(2026, 0, 1);

/** A run of tenant `a` in session `s`. */
export const runOf = (more: Partial<RunRecord> = {}): RunRecord => ({
  id: randomUUID(),
  tenant: "a",
  sessionId: "s",
  traceId: "0".repeat(32),
  createdAt: NOW,
  startedAt: NOW,
  digestKey: "k",
  tools: ["calculator"],
  limits: { maxSteps: 1, maxToolCalls: 1, maxTokens: 1, maxCostNanoDollars: 1 },
  status: "running",
  output: TEXT,
  steps: 0,
  toolCalls: 0,
  tokens: { input: 0, output: 0 },
  costNanoDollars: 0,
  messages: [{ role: "user", content: TEXT }],
  historyLength: 0,
  approvals: [],
  lastEventId: 1,
  ...more,
});
