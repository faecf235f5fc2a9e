import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "@prometheus-io/client";
import type { Config } from "../config.ts";

/** The service's metrics. */
export type Metrics = ReturnType<typeof createMetrics>;

// A model may take two minutes to answer.
const LATENCY_BUCKETS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];
const STEP_BUCKETS = [1, 2, 3, 5, 8, 13, 21];
const BATCH_BUCKETS = [1, 2, 5, 10, 20, 50, 100];

/** Declares every metric in a registry of its own. */
export function createMetrics(config: Config) {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });

  const counter = <T extends string>(name: string, help: string, labelNames: readonly T[] = []) =>
    new Counter<T>({ name, help, labelNames, registers });
  const gauge = <T extends string>(name: string, help: string, labelNames: readonly T[] = []) =>
    new Gauge<T>({ name, help, labelNames, registers });
  const histogram = <T extends string>(name: string, help: string, labelNames: readonly T[] = []) =>
    new Histogram<T>({ name, help, labelNames, buckets: LATENCY_BUCKETS, registers });

  const info = {
    environment: config.ENVIRONMENT,
    version: config.SERVICE_VERSION,
    provider: config.MODEL_PROVIDER,
    model: config.MODEL_NAME,
    auth_mode: config.AUTH_MODE,
  };
  gauge("agent_config_info", "Settings to join on.", Object.keys(info)).set(info, 1);

  const samplers: (() => void)[] = [];
  return {
    registry,
    /** Has `sample` called before every scrape, for what changes by the clock alone. */
    beforeScrape: (sample: () => void) => samplers.push(sample),
    httpRequests: counter("agent_http_requests_total", "Answers of the public API.", ["method", "route", "status"]),
    httpDuration: histogram("agent_http_request_duration_seconds", "Time to a whole answer.", ["method", "route"]),
    httpInFlight: gauge("agent_http_in_flight", "Requests being answered."),
    runs: counter("agent_runs_total", "Runs that ended.", ["status", "reason"]),
    runDuration: histogram("agent_run_duration_seconds", "Time from a run's start to its end."),
    runSteps: new Histogram({ name: "agent_run_steps", help: "Steps of a run.", buckets: STEP_BUCKETS, registers }),
    approvals: counter("agent_approvals_total", "Decisions on risky calls.", ["decision"]),
    modelRequests: counter("agent_model_requests_total", "Calls of the model.", ["provider", "model", "outcome"]),
    modelDuration: histogram("agent_model_request_duration_seconds", "Time of a model call.", ["provider", "model"]),
    unknownModels: counter("agent_unknown_model_total", "Answers of a model that has no price."),
    tokens: counter("agent_tokens_total", "Tokens sent and received.", ["model", "direction"]),
    cost: counter("agent_cost_usd_total", "Cost of model calls in US dollars.", ["model"]),
    budgetRemaining: gauge("agent_budget_remaining_ratio", "What is left of a budget.", ["scope"]),
    rateLimited: counter("agent_rate_limited_total", "Requests answered 429.", ["reason"]),
    toolCalls: counter("agent_tool_calls_total", "Calls of tools.", ["tool", "outcome"]),
    toolDuration: histogram("agent_tool_duration_seconds", "Time of a tool call.", ["tool"]),
    breakerState: new Gauge({
      name: "agent_breaker_state",
      help: "1 for the state that a breaker is in.",
      labelNames: ["upstream", "state"],
      registers,
      collect: () => samplers.forEach((sample) => sample()),
    }),
    breakerTransitions: counter("agent_breaker_transitions_total", "Changes of a breaker's state.", ["upstream", "to"]),
    retries: counter("agent_retries_total", "Repeated calls.", ["upstream", "reason"]),
    retryBudget: gauge("agent_retry_budget_tokens", "Tokens left; retries stop at half.", ["upstream"]),
    bulkheadInFlight: gauge("agent_bulkhead_in_flight", "Calls going on.", ["upstream"]),
    bulkheadQueued: gauge("agent_bulkhead_queued", "Calls that wait for a place.", ["upstream"]),
    bulkheadRejected: counter("agent_bulkhead_rejected_total", "Calls without a place.", ["upstream"]),
    cacheRequests: counter("agent_cache_requests_total", "Look-ups.", ["cache", "level", "outcome"]),
    batchSize: new Histogram({
      name: "agent_batch_size",
      help: "Items of a batch.",
      labelNames: ["batch"],
      buckets: BATCH_BUCKETS,
      registers,
    }),
    auditEvents: counter("agent_audit_events_total", "Entries of the audit log."),
    auditOutboxDepth: gauge("agent_audit_outbox_depth", "Entries that wait for their store."),
    auditWriteFailures: counter(
      "agent_audit_write_failures_total",
      "Failed writes of the audit log to its file or a destination.",
    ),
    redactions: counter("agent_redactions_total", "Finds that were replaced.", ["kind"]),
    spansDropped: counter("agent_spans_dropped_total", "Spans that no collector took."),
    secretFailures: counter("agent_secret_refresh_failures_total", "Unusable readings of a secret.", ["secret"]),
    shuttingDown: gauge("agent_shutting_down", "1 from the first signal on."),
  };
}
