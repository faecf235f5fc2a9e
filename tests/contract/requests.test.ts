import assert from "node:assert/strict";
import type { Answer } from "./client.ts";
import { smoke, test } from "./contract.ts";
import { exchange, open, statuses } from "./raw.ts";
import { scene } from "./scene.ts";

const fresh = scene({ env: { REQUEST_MAX_BYTES: "100000" } });
const ID = "00000000-0000-4000-8000-000000000000";

smoke("a wrong method is 405, and Allow says which are right", async () => {
  const { client } = await fresh();
  const routes: [path: string, wrong: string[], right: string[]][] = [
    ["/v1/runs", ["GET", "PUT", "PATCH", "DELETE"], ["POST"]],
    [`/v1/runs/${ID}`, ["POST", "PUT", "PATCH"], ["GET", "DELETE"]],
    [`/v1/runs/${ID}/events`, ["POST", "DELETE"], ["GET"]],
    [`/v1/runs/${ID}/approvals`, ["GET", "DELETE"], ["POST"]],
    [`/v1/sessions/${ID}`, ["POST", "PUT"], ["GET", "DELETE"]],
    ["/openapi.json", ["POST", "DELETE"], ["GET"]],
  ];
  for (const [path, wrong, right] of routes) {
    for (const method of wrong) {
      const answer = await client.send(path, { method });
      answer.problem(405);
      const allowed = String(answer.headers["allow"]).split(/,\s*/);
      assert.ok(
        right.every((name) => allowed.includes(name)),
        `${method} ${path}: Allow: ${allowed}`,
      );
      assert.ok(!allowed.includes(method), `${method} ${path}: Allow: ${allowed}`);
    }
  }
});

smoke("a route that is not there is 404", async () => {
  const { client } = await fresh();
  for (const path of ["/", "/v1", "/v2/runs", "/v1/runs/a/b", "/admin", "/.env"]) {
    (await client.get(path)).problem(404);
  }
});

smoke("the public listener has no admin routes, and the admin listener no API", async () => {
  const { client, world } = await fresh();
  for (const path of ["/livez", "/readyz", "/startupz", "/metrics"]) {
    (await client.get(path)).problem(404);
    assert.equal((await world.service.admin.get(path)).status, 200, path);
  }
  assert.equal((await world.service.admin.run("hello")).status, 404);
});

smoke("a body that is no JSON is 415 or 400", async () => {
  const { client, model } = await fresh();
  const post = (body: string, type: string) =>
    client.send("/v1/runs", { method: "POST", body, headers: { "content-type": type } });
  (await post("input=hello", "application/x-www-form-urlencoded")).problem(415);
  (await post("hello", "text/plain")).problem(415);
  (await post("<input/>", "application/xml")).problem(415);
  for (const body of [
    "",
    "{",
    '{"input": "hello"',
    "{'input': 'hello'}",
    '{"input": NaN}',
    '{"input":"a"} {}',
    "nul",
  ]) {
    (await post(body, "application/json")).problem(400);
  }
  assert.equal(model.got.length, 0);
});

test("a parameter of the media type does no harm", async () => {
  const { client } = await fresh();
  const headers = { "content-type": "application/json; charset=utf-8" };
  (await client.run("hello", { headers })).run("completed");
});

smoke("a body of the wrong shape is 422, with every field at fault", async () => {
  const { client, model } = await fresh();
  faults(await client.run({ input: 7, max_steps: "many", stream: "yes" }), "input", "max_steps", "stream");
  faults(await client.run({}), "input");
  faults(await client.run({ input: "hello", tools: "calculator" }), "tools");
  faults(await client.run({ input: "hello", session_id: 5 }), "session_id");
  faults(await client.run({ input: [{ role: "robot", content: "hello" }] }), "role");
  faults(await client.run({ input: [] }), "input");
  for (const body of [[], "text", 5, null, true]) {
    const answer = await client.send("/v1/runs", { method: "POST", body: JSON.stringify(body) });
    assert.ok([400, 422].includes(answer.status), `${JSON.stringify(body)}: ${answer.status}`);
  }
  assert.equal(model.got.length, 0);
});

smoke("a body that is too large is 413, before it is read", async () => {
  const { client, world, model } = await fresh();
  const { port } = world.service;
  const head = (length: string) =>
    `POST /v1/runs HTTP/1.1\r\nhost: a\r\nauthorization: ${client.headers["authorization"]}\r\ncontent-type: application/json\r\n${length}\r\n\r\n`;
  const announced = await exchange(port, head("content-length: 100001"));
  assert.deepEqual(statuses(announced.text), [413], announced.text);
  const chunked = await open(port);
  chunked.write(head("transfer-encoding: chunked"));
  const chunk = `8000\r\n${" ".repeat(0x8000)}\r\n`;
  chunked.write(chunk.repeat(4));
  assert.deepEqual(statuses((await chunked.closed(3_000)).text), [413]);
  const large = JSON.stringify({ input: "hello" }).padEnd(100_000);
  (await client.post("/v1/runs", large)).run("completed");
  assert.equal(model.got.length, 1);
});

test("an error never tells what was sent", async () => {
  const { client } = await fresh();
  const bodies = [{ input: "x", "<script>": 1 }, { input: "x", tools: ["<script>"] }, '{"input": <script>'];
  for (const body of bodies) {
    const answer = await client.post("/v1/runs", body);
    assert.ok(answer.status === 400 || answer.status === 422, String(answer.status));
    assert.match(String(answer.headers["content-type"]), /^application\/problem\+json/);
    assert.equal(answer.headers["x-content-type-options"], "nosniff");
  }
});

smoke("every answer carries the headers of caution, and no banner", async () => {
  const { client, world } = await fresh();
  const anonymous = client.with({ authorization: "Bearer wrong" });
  const answers = await Promise.all([
    client.run("hello"),
    client.get("/openapi.json"),
    client.get("/nothing"),
    anonymous.run("hello"),
    client.post("/v1/runs", "{"),
    world.service.admin.get("/readyz"),
  ]);
  for (const { headers, status } of answers) {
    assert.equal(headers["x-content-type-options"], "nosniff", String(status));
    assert.match(String(headers["cache-control"]), /no-store/, String(status));
    assert.equal(headers["server"], undefined);
    assert.equal(headers["x-powered-by"], undefined);
  }
});

smoke("openapi.json describes every route", async () => {
  const { client } = await fresh();
  const answer = await client.get("/openapi.json");
  assert.equal(answer.status, 200);
  const { openapi, paths } = answer.json() as { openapi: string; paths: Record<string, object> };
  assert.match(openapi, /^3\./);
  const named = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path.replaceAll(/\{[^}]+\}/g, "{}")}`),
  );
  for (const route of [
    "post /v1/runs",
    "get /v1/runs/{}",
    "delete /v1/runs/{}",
    "get /v1/runs/{}/events",
    "post /v1/runs/{}/approvals",
    "get /v1/sessions/{}",
    "delete /v1/sessions/{}",
  ]) {
    assert.ok(named.includes(route), `${route} is not among ${named.join(", ")}`);
  }
});

function faults(answer: Answer, ...fields: string[]): void {
  answer.problem(422);
  for (const field of fields) {
    assert.ok(answer.text.includes(field), `${field} is not named: ${answer.text}`);
  }
}
