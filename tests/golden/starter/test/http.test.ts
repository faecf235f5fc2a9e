import assert from "node:assert/strict";
import { test } from "node:test";
import { readConfig } from "../src/config.ts";
import { createLogger } from "../src/logs/logger.ts";
import { systemClock } from "../src/runtime.ts";
import { exchange, serve } from "./support.ts";

const HEX = /"trace_id":"([\da-f]{32})"/;

test("errors are problem details that name every field at fault", async (t) => {
  const { post, get } = await serve(t, { REQUEST_MAX_BYTES: "1000" });
  const invalid = await post({ input: [{ role: "system", content: "" }], max_steps: 99, stream: "yes", tools: ["rm"] });
  assert.equal(invalid.status, 422);
  assert.equal(invalid.headers.get("content-type")?.split(";")[0], "application/problem+json");
  assert.equal(invalid.headers.get("cache-control"), "no-store");
  assert.equal(invalid.headers.get("x-content-type-options"), "nosniff");
  const text = await invalid.text();
  for (const pointer of ["/input/0/role", "/input/0/content", "/max_steps", "/stream", "/tools/0"]) {
    assert.ok(text.includes(`"pointer":"${pointer}"`), `${pointer} in ${text}`);
  }

  const cases: [Response, number, string][] = [
    [await post("{"), 400, "malformed_request"],
    [await post('{"input":NaN}'), 400, "malformed_request"],
    [await post('{"input":"x","__proto__":{}}'), 400, "malformed_request"],
    [await post('{"input":"\\ud800"}'), 422, "invalid_request"],
    [await post('{"input":"x","max_steps":1e999}'), 422, "invalid_request"],
    [await post("[".repeat(900)), 400, "malformed_request"],
    [await post("x", { "content-type": "text/plain" }), 415, "unsupported_media_type"],
    [await post({ input: "x".repeat(1_000) }), 413, "body_too_large"],
    [await get("/v1/runs"), 405, "method_not_allowed"],
    [await get("/v1/runs?x=1", { method: "PROPFIND", body: "<x" }), 405, "method_not_allowed"],
    [await get("/nowhere"), 404, "not_found"],
    [await get("/%zz"), 400, "malformed_request"],
  ];
  for (const [response, status, code] of cases) {
    const body = await response.text();
    assert.equal(response.status, status, body);
    assert.ok(body.includes(`"code":"${code}"`), body);
    assert.match(body, HEX);
  }
  assert.equal((await get("/v1/runs")).headers.get("allow"), "POST");
  assert.match(await (await post("{")).text(), /"detail":"expected [^"]* JSON object/);
  assert.match(await (await post({})).text(), /"pointer":"\/input","detail":"required: a text or a list of messages"/);
});

test("a trace is continued, an invalid one replaced", async (t) => {
  const { post, lines } = await serve(t);
  const trace = async (traceparent: string): Promise<string | undefined> =>
    HEX.exec(await (await post({ input: "x" }, { traceparent })).text())?.[1];
  const id = "4bf92f3577b34da6a3ce929d0e0e4736";
  assert.equal(await trace(`00-${id}-00f067aa0ba902b7-01`), id);
  assert.ok(lines.some((line) => line.includes(`"trace_id":"${id}"`) && /"span_id":"[\da-f]{16}"/.test(line)));
  for (const invalid of [
    `00-${"0".repeat(32)}-00f067aa0ba902b7-01`,
    `ff-${id}-00f067aa0ba902b7-01`,
    `00-${id}-00f067aa0ba902b7-01-more`,
    "nonsense",
  ]) {
    assert.notEqual(await trace(invalid), id, invalid);
  }
});

test("what is not clean HTTP is refused and the connection closed", async (t) => {
  const limits = { HEADERS_TIMEOUT_MS: "300", REQUEST_TIMEOUT_MS: "600", REQUEST_MAX_BYTES: "1000" };
  const { port } = await serve(t, limits);
  const post = "POST /v1/runs HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";
  const cases = {
    "400 duplicate Host": "GET /openapi.json HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "400 no Host": "GET /openapi.json HTTP/1.1\r\n\r\n",
    "400 two framings": `${post}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    "400 two lengths": `${post}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`,
    "400 bare LF": "GET /openapi.json HTTP/1.1\nHost: a\n\n",
    "400 bare LF in a chunk": `${post}Transfer-Encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n`,
    "400 nonsense": "\u0016\u0003\u0001\r\n\r\n",
    "431 headers": `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(20_000)}\r\n\r\n`,
    "408 slow headers": "GET / HTTP/1.1\r\nHost: a\r\n",
    "408 slow body": `${post}Content-Length: 9\r\n\r\n{`,
    "413 announced": `${post}Content-Length: 1001\r\n\r\n`,
  };
  const answers = Object.entries(cases).map(async ([name, bytes]) => {
    const answer = await exchange(port, bytes);
    assert.equal(answer.slice(9, 12), name.slice(0, 3), `${name}: ${answer}`);
    assert.match(answer, /connection: close/i, name);
    assert.match(answer, /application\/problem\+json/, name);
  });
  await Promise.all(answers);
});

test("each listener serves its own routes", async (t) => {
  const { get, admin } = await serve(t);
  const description: unknown = await (await get("/openapi.json")).json();
  assert.partialDeepStrictEqual(description, { openapi: "3.1.0", paths: { "/v1/runs": {} } });
  for (const path of ["/livez", "/readyz", "/startupz", "/metrics"]) {
    assert.equal((await admin(path)).status, 200, path);
    assert.equal((await get(path)).status, 404, path);
  }
});

test("a port that is taken is named by its setting", async (t) => {
  const { port } = await serve(t);
  await assert.rejects(serve(t, { PORT: String(port) }), /cannot listen on HOST and PORT: .*EADDRINUSE/);
  await assert.rejects(serve(t, { ADMIN_PORT: String(port) }), /on ADMIN_HOST and ADMIN_PORT: .*EADDRINUSE/);
});

test("an event's fields never overwrite the standard ones, whatever they hold", () => {
  const lines: string[] = [];
  const { config } = readConfig({ SERVICE_NAME: "demo" });
  const log = createLogger({ config, clock: systemClock }, { write: (line) => lines.push(line) });
  const circular: Record<string, unknown> = {};
  circular["self"] = circular;
  const trace = { traceId: "a", spanId: "b" };
  log.within(trace, { service: "x" }).warn("hello", { level: "x", message: "x", trace_id: "x", circular, big: 1n });
  const line: unknown = JSON.parse(lines[0] ?? "");
  const standard = { level: "warn", message: "hello", service: "demo", trace_id: "a", span_id: "b" };
  assert.partialDeepStrictEqual(line, { ...standard, field_level: "x", field_service: "x" });
  assert.equal(lines[0]?.match(/"(level|message|service|trace_id)":/g)?.length, 4);
});
