import assert from "node:assert/strict";
import { smoke, test } from "./contract.ts";
import { exchange, open, statuses } from "./raw.ts";
import { type Scene, scene } from "./scene.ts";
import { sleep } from "./waiting.ts";

const fresh = scene({ env: { HEADERS_TIMEOUT_MS: "1000", REQUEST_TIMEOUT_MS: "2000" } });
const BODY = '{"input":"hello"}';

/** A request of a tenant, line by line, with what is wrong with it. */
function request({ client }: Scene, ...lines: string[]): string {
  const common = ["POST /v1/runs HTTP/1.1", `authorization: ${client.headers["authorization"]}`];
  return [...common, "content-type: application/json", ...lines].join("\r\n");
}

const GET = "GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n";
const SMUGGLING: [what: string, lines: string[], body: string][] = [
  [
    "Content-Length and Transfer-Encoding",
    ["host: a", "content-length: 5", "transfer-encoding: chunked"],
    `0\r\n\r\n${GET}`,
  ],
  ["two Content-Lengths", ["host: a", "content-length: 17", "content-length: 5"], BODY],
  ["a list of Content-Lengths", ["host: a", "content-length: 17, 5"], BODY],
  ["two Hosts", ["host: a", "host: b", "content-length: 17"], BODY],
  ["no Host", ["content-length: 17"], BODY],
  ["an unknown coding", ["host: a", "transfer-encoding: xchunked"], `0\r\n\r\n${GET}`],
  ["chunked twice", ["host: a", "transfer-encoding: chunked", "transfer-encoding: identity"], `0\r\n\r\n${GET}`],
  ["a negative length", ["host: a", "content-length: -1"], BODY],
  ["a length with a sign", ["host: a", "content-length: +17"], BODY],
  ["a length in hexadecimal", ["host: a", "content-length: 0x11"], BODY],
  ["a blank before a colon", ["host: a", "content-length : 17"], BODY],
  ["a folded header", ["host: a", "x-folded: a", " b: c", "content-length: 17"], BODY],
  ["a NUL in a header", ["host: a", "x-nul: a\0b", "content-length: 17"], BODY],
  ["a chunk size that is none", ["host: a", "transfer-encoding: chunked"], `zz\r\n${BODY}\r\n0\r\n\r\n`],
  ["a chunk size with an underscore", ["host: a", "transfer-encoding: chunked"], `1_1\r\n${BODY}\r\n0\r\n\r\n`],
  ["a bare LF after a chunk size", ["host: a", "transfer-encoding: chunked"], `11\n${BODY}\r\n0\r\n\r\n`],
  ["a bare LF after a chunk", ["host: a", "transfer-encoding: chunked"], `11\r\n${BODY}\n0\r\n\r\n`],
];

for (const [what, lines, body] of SMUGGLING) {
  smoke(`${what}: refused, and the connection closed`, async () => {
    const set = await fresh();
    const { text, closed } = await exchange(set.world.service.port, `${request(set, ...lines)}\r\n\r\n${body}`);
    assert.ok(closed, "the connection stays open");
    assert.ok(
      statuses(text).every((status) => status >= 400 && status < 500),
      text,
    );
    assert.ok(statuses(text).length <= 1, text);
    assert.equal(set.model.got.length, 0);
  });
}

test("bare LFs instead of line breaks are refused", async () => {
  const set = await fresh();
  const lines = `${request(set, "host: a", "content-length: 17")}\r\n\r\n`.replaceAll("\r\n", "\n");
  const { text, closed } = await exchange(set.world.service.port, lines + BODY);
  assert.ok(closed, "the connection stays open");
  assert.ok(!statuses(text).includes(200), text);
  assert.equal(set.model.got.length, 0);
});

smoke("headers that are too large are refused, and the connection closed", async () => {
  const set = await fresh();
  const { port } = set.world.service;
  const large = await exchange(port, `${request(set, "host: a", `x-large: ${"a".repeat(70_000)}`)}\r\n\r\n`);
  assert.ok(large.closed);
  assert.deepEqual(statuses(large.text), [431]);
  const many = Array.from({ length: 5_000 }, (_, index) => `x-${index}: a`);
  const lot = await exchange(port, `${request(set, "host: a", ...many)}\r\n\r\n`);
  assert.ok(lot.closed);
  assert.ok(!statuses(lot.text).includes(200), lot.text);
});

smoke("headers that are slow are given up after HEADERS_TIMEOUT", async () => {
  const { world } = await fresh();
  const connection = await open(world.service.port);
  connection.write("GET /openapi.json HTTP/1.1\r\nhost: a\r\nx-slow: ");
  const drip = setInterval(() => connection.write("a"), 100);
  const { closed, ms } = await connection.closed(6_000);
  clearInterval(drip);
  assert.ok(closed, "the connection stays open");
  assert.ok(ms >= 900 && ms < 4_000, `${ms} ms`);
});

smoke("a body that is slow is given up after REQUEST_TIMEOUT", async () => {
  const set = await fresh();
  const connection = await open(set.world.service.port);
  connection.write(`${request(set, "host: a", "content-length: 1000")}\r\n\r\n{"input":"`);
  const drip = setInterval(() => connection.write("a"), 100);
  const { closed, ms } = await connection.closed(8_000);
  clearInterval(drip);
  assert.ok(closed, "the connection stays open");
  assert.ok(ms >= 1_800 && ms < 6_000, `${ms} ms`);
  assert.equal(set.model.got.length, 0);
});

test("many slow connections at once keep nobody out", async () => {
  const { world, client } = await fresh();
  const slow = await Promise.all(Array.from({ length: 200 }, () => open(world.service.port)));
  for (const connection of slow) {
    connection.write("POST /v1/runs HTTP/1.1\r\nhost: a\r\n");
  }
  (await client.run("hello")).run("completed");
  assert.ok((await Promise.all(slow.map((connection) => connection.closed(6_000)))).every(({ closed }) => closed));
});

smoke("bytes that are no HTTP are refused, and the service goes on", async () => {
  const { world, client } = await fresh();
  const noise = [
    "\r\n\r\n\r\n",
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "GET",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  ];
  for (const bytes of noise) {
    const { text } = await exchange(world.service.port, Buffer.from(bytes, "latin1"), 2_500);
    assert.ok(!statuses(text).includes(200), text);
  }
  (await client.run("hello")).run("completed");
});

test("requests behind one another on a connection are answered in order", async () => {
  const set = await fresh();
  const { port } = set.world.service;
  const whole = `${request(set, "host: a", "content-length: 17")}\r\n\r\n${BODY}`;
  const connection = await open(port);
  connection.write(whole + whole + GET);
  await sleep(1_500);
  assert.deepEqual(statuses(connection.text), [200, 200, 404]);
  connection.socket.destroy();
  assert.equal(set.model.got.length, 2);
});
