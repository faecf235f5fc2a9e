import type { RunRecord } from "../run/record.ts";
import type { Decided } from "./store.ts";

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
