import assert from "node:assert/strict";
import * as canaries from "./canaries.ts";
import { smoke, test } from "./contract.ts";
import { scene, sceneFor } from "./scene.ts";
import type { LogLine } from "./service.ts";
import { exchange } from "./raw.ts";

const fresh = scene({ env: { LOG_LEVEL: "debug", SERVICE_NAME: "contract-agent", SERVICE_VERSION: "1.2.3" } });
const RESERVED = ["timestamp", "level", "message", "service", "version", "environment"];

smoke("a line is one JSON object with the reserved fields", async () => {
  const { world, client } = await fresh();
  (await client.run("hello")).run("completed");
  const lines = world.service.log();
  assert.ok(lines.length >= 2);
  for (const line of lines) {
    for (const field of RESERVED) {
      assert.equal(typeof line[field], "string", `${field} of ${JSON.stringify(line)}`);
    }
    assert.equal(line["service"], "contract-agent");
    assert.equal(line["version"], "1.2.3");
    assert.equal(line["environment"], "production");
    assert.ok(Math.abs(Date.parse(String(line["timestamp"])) - Date.now()) < 60_000, String(line["timestamp"]));
    assert.match(String(line["level"]), /^(trace|debug|info|warn|error|fatal)$/);
  }
});

smoke("lines of a request carry its trace and span", async () => {
  const { world, client, model } = await fresh();
  model.always({ status: 400 });
  const { trace_id } = (await client.run("fail")).problem(502);
  const line = await world.service.logged("of the trace", (each) => each["trace_id"] === trace_id);
  assert.match(String(line["span_id"]), /^[\da-f]{16}$/);
});

test("no field of a request overwrites a reserved one", async () => {
  const { world, client } = await fresh();
  const names = ["timestamp", "level", "message", "service", "trace_id", "span_id"];
  const body = Object.fromEntries([["input", "hello"], ...names.map((name) => [name, "overwritten-8731"])]);
  (await client.run(body)).problem(422);
  const headers = Object.fromEntries(names.map((name) => [name.replace("_", "-"), "overwritten-8731"]));
  (await client.run("hello", { headers })).run("completed");
  const overwritten = world.service
    .log()
    .filter((line) => [...RESERVED, "trace_id", "span_id"].some((field) => line[field] === "overwritten-8731"));
  assert.deepEqual(overwritten, []);
});

smoke("neither prompts, outputs, headers nor bodies of the model are in the log, whatever goes wrong", async () => {
  const { world, client, model, tools } = await fresh();
  const output = "canary-of-an-output";
  const header = "canary-of-a-header";
  const argument = "canary-of-an-argument";
  model.reply({ text: output, calls: [tools.write(argument)] });
  const wary = client.with({ "x-canary": header, cookie: header });
  (await wary.run("hello")).run("awaiting_approval");
  for (const reply of [{ status: 500 }, { status: 400 }, { fault: "malformed" }, { fault: "truncate" }] as const) {
    model.always(reply);
    (await wary.run("hello")).problem(502);
    (await wary.post("/v1/runs", `{"input": ${canaries.PROMPT}`)).problem(400);
    (await wary.run({ input: 5, [canaries.PROMPT]: canaries.PROMPT })).problem(422);
  }
  (await wary.with({ authorization: `Bearer ${world.folder.canary}` }).run("hello")).problem(401);
  await exchange(world.service.port, `GET /${canaries.PROMPT} HTTP/1.1\r\nhost: a\r\nx y: z\r\n\r\n`, 1_000);
  for (const canary of [output, header, argument, canaries.PROMPT, canaries.UPSTREAM_BODY, world.folder.canary]) {
    const line = world.service.log().find((each) => JSON.stringify(each).includes(canary));
    assert.equal(line, undefined, canary);
  }
});

test("a line break in what is logged makes no second line", async () => {
  const { world, client } = await fresh();
  const path = `/${encodeURIComponent('\n{"level":"fatal","message":"forged-8731"}')}`;
  (await client.get(path)).problem(404);
  assert.ok(!world.service.log().some(({ message }) => message === "forged-8731"));
});

test("LOG_LEVEL is the least that is told", async (t) => {
  const { world, client } = await sceneFor(t, { state: "memory", env: { LOG_LEVEL: "error" } });
  (await client.run("hello")).run("completed");
  assert.deepEqual(
    world.service.log().filter(({ level }) => level === "info" || level === "debug"),
    [],
  );
});

smoke("LOG_CONTENT=true tells of prompts and outputs, with secrets and personal data taken out", async (t) => {
  const env = { LOG_CONTENT: "true", LOG_LEVEL: "debug" };
  const { world, client, model } = await sceneFor(t, { state: "memory", env, logsContent: true });
  const personal = "4111 1111 1111 1111 and ada@example.com";
  model.reply({ text: "The answer is walnut, DE89370400440532013000." });
  (await client.run(`my word is chestnut, my card ${personal}`)).run("completed");
  const text = () => JSON.stringify(world.service.log());
  await world.service.logged("the prompt", (line) => JSON.stringify(line).includes("chestnut"));
  await world.service.logged("the output", (line) => JSON.stringify(line).includes("walnut"));
  for (const found of ["4111 1111", "ada@example.com", "DE89370400440532013000"]) {
    assert.ok(!text().includes(found), found);
  }
  assert.match(text(), /\[CARD\]/);
  assert.match(text(), /\[EMAIL\]/);
  assert.match(text(), /\[IBAN\]/);
  assert.ok((await world.metric("agent_redactions_total")) >= 3);
});

test("an error of ours is logged with what helps: its message and where", async () => {
  const { world, client, model } = await fresh();
  model.always({ fault: "malformed" });
  const { trace_id } = (await client.run("fail")).problem(502);
  const isError = (line: LogLine) => line["trace_id"] === trace_id && /^(error|warn)$/.test(String(line["level"]));
  const line = await world.service.logged("the error", isError);
  assert.ok(String(line["message"]).length > 0);
});
