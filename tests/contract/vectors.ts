// Cases of every component, worked out by hand from the contract. The service's own vectors have many more; these
// hold its runner to account: each `wrong` expects what must not come out, and has to be told.

/** A component with what is right and, in the same case, what is not. */
export interface Sample {
  readonly component: string;
  readonly options?: object;
  readonly steps?: readonly object[];
  readonly input?: unknown;
  readonly expect?: unknown;
  /** Takes the place of `steps` or of `expect`. */
  readonly wrong: { readonly steps?: readonly object[]; readonly expect?: unknown };
}

const BREAKER = { window_ms: 1_000, min_calls: 2, failure_rate: 0.5, open_ms: 100, max_open_ms: 300, probes: 1 };
const start = (at: number, id: string, expect: string) => ({ at, do: "start", id, expect });
const finish = (at: number, id: string, outcome: string) => ({ at, do: "finish", id, outcome });
const state = (at: number, expect: string) => ({ at, do: "state", expect });
const opened = [
  start(0, "a", "admitted"),
  start(0, "b", "admitted"),
  finish(10, "a", "failure"),
  state(10, "closed"),
  finish(20, "b", "failure"),
  state(20, "open"),
];

const RETRY = { max_attempts: 3, base_ms: 100, cap_ms: 1_000, deadline_ms: 10_000, budget: 10, random: [0.5, 0.5] };

export const SAMPLES: readonly Sample[] = [
  {
    component: "breaker",
    options: BREAKER,
    steps: [...opened, start(119, "c", "rejected"), start(120, "d", "admitted"), start(121, "e", "rejected")],
    wrong: { steps: [...opened, start(119, "c", "admitted")] },
  },
  {
    component: "breaker",
    options: BREAKER,
    steps: [
      ...opened,
      start(120, "d", "admitted"),
      finish(130, "d", "failure"),
      start(329, "e", "rejected"),
      start(330, "f", "admitted"),
      finish(340, "f", "success"),
      state(340, "closed"),
    ],
    wrong: {
      steps: [...opened, start(120, "d", "admitted"), finish(130, "d", "failure"), start(230, "e", "admitted")],
    },
  },
  {
    component: "retry",
    options: { ...RETRY, idempotent: true },
    input: {
      attempts: [
        { status: 503, took_ms: 10 },
        { error: "reset", took_ms: 10 },
        { status: 200, took_ms: 10 },
      ],
    },
    expect: { result: "success", calls: 3, delays_ms: [50, 100] },
    wrong: { expect: { result: "success", calls: 3, delays_ms: [50, 50] } },
  },
  {
    component: "retry",
    options: { ...RETRY, idempotent: true },
    input: { attempts: [{ status: 429, retry_after: 2, took_ms: 10 }] },
    expect: { result: "gave_up", calls: 1, delays_ms: [] },
    wrong: { expect: { result: "success", calls: 1, delays_ms: [] } },
  },
  {
    component: "bulkhead",
    options: { max: 1, queue: 1 },
    steps: [
      { at: 0, do: "start", id: "a", expect: "admitted" },
      { at: 0, do: "start", id: "b", expect: "queued" },
      { at: 0, do: "start", id: "c", expect: "rejected" },
      { at: 1, do: "cancel", id: "b" },
      { at: 2, do: "start", id: "d", expect: "queued" },
      { at: 3, do: "finish", id: "a" },
      { do: "running", expect: ["d"] },
    ],
    wrong: {
      steps: [
        { at: 0, do: "start", id: "a", expect: "admitted" },
        { at: 0, do: "start", id: "b", expect: "rejected" },
      ],
    },
  },
  {
    component: "cache",
    options: { max_entries: 2, ttl_ms: 100, negative_ttl_ms: 10, jitter: 0 },
    steps: [
      { at: 0, do: "get", key: "a", load: null, expect: null, loads: 1 },
      { at: 50, do: "get", key: "a", load: "other", expect: null, loads: 1 },
      { at: 50, do: "get", key: "b", load: "missing", expect: "missing", loads: 2 },
      { at: 55, do: "get", key: "b", load: "found", expect: "missing", loads: 2 },
      { at: 70, do: "get", key: "b", load: "found", expect: "found", loads: 3 },
      { at: 101, do: "get", key: "a", load: "error", expect: "error", loads: 4 },
      { at: 102, do: "get", key: "a", load: "again", expect: "again", loads: 5 },
    ],
    wrong: {
      steps: [
        { at: 0, do: "get", key: "a", load: 1, expect: 1, loads: 1 },
        { at: 1, do: "get", key: "a", load: 2, expect: 2, loads: 2 },
      ],
    },
  },
  {
    component: "batch",
    options: { max_size: 2, max_wait_ms: 50 },
    steps: [
      { at: 0, do: "add", id: "a" },
      { at: 10, do: "batches", expect: [] },
      { at: 10, do: "add", id: "b" },
      { at: 11, do: "add", id: "c" },
      { at: 12, do: "batches", expect: [["a", "b"]] },
      { at: 100, do: "batches", expect: [["a", "b"], ["c"]] },
    ],
    wrong: {
      steps: [
        { at: 0, do: "add", id: "a" },
        { at: 10, do: "batches", expect: [["a"]] },
      ],
    },
  },
  {
    component: "canonical_json",
    input: '{"b":1.0,"a":[1e3,"\\u20ac",{"\\u00e9":null}], "\\ud83d\\ude00":true}',
    expect: '{"a":[1000,"€",{"é":null}],"b":1,"😀":true}',
    wrong: { expect: '{"b":1,"a":[1000,"€",{"é":null}],"😀":true}' },
  },
  { component: "canonical_json", input: '{"a":1,"a":2}', expect: "refused", wrong: { expect: '{"a":2}' } },
  { component: "canonical_json", input: '"\\ud800"', expect: "refused", wrong: { expect: '"\\ud800"' } },
  { component: "canonical_json", input: "1e400", expect: "refused", wrong: { expect: "null" } },
  {
    component: "redact",
    options: { kinds: ["card", "iban", "ssn", "email", "phone", "ip", "secret"] },
    input: "4111 1111 1111 1111 is mine, 4111 1111 1111 1112 is none; write to ada@example.com",
    expect: "[CARD] is mine, 4111 1111 1111 1112 is none; write to [EMAIL]",
    wrong: { expect: "[CARD] is mine, [CARD] is none; write to [EMAIL]" },
  },
  {
    component: "redact",
    options: { kinds: ["iban"] },
    input: "DE89370400440532013000 but not DE88370400440532013000, nor ada@example.com",
    expect: "[IBAN] but not DE88370400440532013000, nor ada@example.com",
    wrong: { expect: "[IBAN] but not [IBAN], nor ada@example.com" },
  },
  {
    component: "k_anonymity",
    options: { k: 2, quasi_identifiers: ["age"] },
    input: { rows: [{ age: 30 }] },
    expect: { ok: true, suppressed: 1 },
    wrong: { expect: { ok: true, suppressed: 0 } },
  },
  {
    component: "cost",
    options: { prices: { m: { input: 3_000_000_007, output: 15_000_000_011 } } },
    input: { model: "m", input_tokens: 100, output_tokens: 7 },
    expect: Math.ceil((100 * 3_000_000_007 + 7 * 15_000_000_011) / 1_000_000),
    wrong: { expect: Math.floor((100 * 3_000_000_007 + 7 * 15_000_000_011) / 1_000_000) },
  },
  {
    component: "cost",
    options: { prices: { m: { input: 1, output: 1 } } },
    input: { model: "other", input_tokens: 1, output_tokens: 1 },
    expect: "unknown_model",
    wrong: { expect: 0 },
  },
];
