import { STATUS_CODES } from "node:http";
import { AuditError } from "../audit/trail.ts";
import { BudgetError } from "../cost/budget.ts";
import { UpstreamError } from "../resilience/failure.ts";
import { StoreError } from "../state/store.ts";
import type { Approval, RunProblem, RunRecord } from "./record.ts";

// What a client is asked to wait where nobody said how long it takes.
const RETRY_AFTER_MS = 5_000;

/** A run as its client sees it. */
export function answerOf(record: RunRecord) {
  const { id, status, reason, output, steps, tokens } = record;
  const usage = { input_tokens: tokens.input, output_tokens: tokens.output, cost_usd: record.costNanoDollars / 1e9 };
  const waiting = record.approvals.filter(({ decision }) => decision === undefined).map(approvalAnswer);
  const approvals = status === "awaiting_approval" ? { approvals: waiting } : {};
  return {
    id,
    session_id: record.sessionId,
    status,
    ...(reason ? { reason } : {}),
    ...approvals,
    output,
    steps,
    usage,
    trace_id: record.traceId,
  };
}

/** A problem as a client sees it: RFC 9457 details, of which the type says no more than the status. */
export function problemDetails({ status, code }: RunProblem, traceId: string, detail?: string) {
  return { type: "about:blank", title: STATUS_CODES[status] ?? "Unknown", status, detail, code, trace_id: traceId };
}

/** An approval as a client sees it. */
export function approvalAnswer({ id, tool, arguments: args, expiresAt }: Approval) {
  return { approval_id: id, tool, arguments: args, expires_at: new Date(expiresAt).toISOString() };
}

/** What a client is told of the error that a run failed with; undefined for a defect of ours. */
export function problemOfFailure(error: unknown): RunProblem | undefined {
  if (error instanceof BudgetError) {
    return { status: 429, code: "budget_spent", retryAfterMs: error.retryAfterMs };
  }
  if (error instanceof AuditError || error instanceof StoreError) {
    return { status: 503, code: "storage_unavailable", retryAfterMs: RETRY_AFTER_MS };
  }
  if (error instanceof UpstreamError) {
    const { kind, status, retryAfterMs = RETRY_AFTER_MS } = error;
    const overloaded = kind === "open" || kind === "full" || status === 429;
    return overloaded ? { status: 503, code: "model_overloaded", retryAfterMs } : { status: 502, code: "model_failed" };
  }
  return undefined;
}
