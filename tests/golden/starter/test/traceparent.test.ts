import assert from "node:assert/strict";
import { test } from "node:test";
import { traceparent } from "../src/traces/tracer.ts";
import { parseTraceparent } from "../src/traces/traceparent.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";

test("a valid traceparent is read, whatever its flags and later versions add", () => {
  const cases: [header: string, sampled: boolean][] = [
    [`00-${TRACE}-${SPAN}-01`, true],
    [`00-${TRACE}-${SPAN}-00`, false],
    [`00-${TRACE}-${SPAN}-03`, true],
    [`00-${TRACE}-${SPAN}-fe`, false],
    [`00-${TRACE}-${SPAN}-ff`, true],
    [`01-${TRACE}-${SPAN}-01`, true],
    [`cc-${TRACE}-${SPAN}-01-what-the-future-will-be-like`, true],
    [`fe-${TRACE}-${SPAN}-00-`, false],
  ];
  for (const [header, sampled] of cases) {
    assert.deepEqual(parseTraceparent(header), { traceId: TRACE, spanId: SPAN, sampled }, header);
  }
  const context = { traceId: TRACE, spanId: SPAN, sampled: true };
  assert.deepEqual(parseTraceparent(traceparent(context)), context);
});

test("an invalid traceparent is none", () => {
  const cases: unknown[] = [
    undefined,
    "",
    "nonsense",
    42,
    [`00-${TRACE}-${SPAN}-01`],
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${TRACE}-${SPAN}-01-`,
    `cc-${TRACE}-${SPAN}-01.more`,
    `0-${TRACE}-${SPAN}-01`,
    `000-${TRACE}-${SPAN}-01`,
    `00-${"0".repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${"0".repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE}-${SPAN.toUpperCase()}-01`,
    `00-${TRACE.slice(1)}-${SPAN}-01`,
    `00-${TRACE}0-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-1`,
    `00-${TRACE}-${SPAN}-0x`,
    `00-${TRACE}-${SPAN}`,
    ` 00-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01\n`,
    `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`,
  ];
  for (const value of cases) {
    assert.equal(parseTraceparent(value), undefined, String(value));
  }
});
