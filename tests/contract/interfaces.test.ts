import assert from "node:assert/strict";
import { Client } from "./client.ts";
import { has, smoke, test } from "./contract.ts";
import type { Feature } from "./presets.ts";
import { scene } from "./scene.ts";

const fresh = scene({ state: "memory" });

const ROUTES: [feature: Feature, method: string, path: string][] = [
  ["a2a", "GET", "/.well-known/agent-card.json"],
  ["agentcore", "GET", "/ping"],
  ["agentcore", "POST", "/invocations"],
  ["mcp", "POST", "/mcp"],
];

smoke("an interface that was not asked for is not there", async () => {
  const { client } = await fresh();
  for (const [feature, method, path] of ROUTES) {
    const { status } = await client.send(path, { method, body: method === "POST" ? {} : undefined });
    assert.equal(status === 404, !has(feature), `${method} ${path}: ${status}`);
  }
});

test(
  "AgentCore: /ping tells of health to anyone, /invocations runs a prompt for whoever may",
  async () => {
    const { world, client, model } = await fresh();
    const anyone = new Client(world.service.port);
    const ping = await anyone.get("/ping");
    assert.equal(ping.status, 200);
    assert.match((ping.json() as { status: string }).status, /^Healthy(Busy)?$/);
    model.reply({ text: "At your service." });
    const answer = await client.post("/invocations", { prompt: "hello" });
    assert.equal(answer.status, 200, answer.text);
    assert.ok(answer.text.includes("At your service."), answer.text);
    (await anyone.post("/invocations", { prompt: "hello" })).problem(401);
    (await client.post("/invocations", { question: "hello" })).problem(422);
  },
  "agentcore",
);

test(
  "A2A: the agent card says who this is and where to speak",
  async () => {
    const { world } = await fresh();
    const answer = await new Client(world.service.port).get("/.well-known/agent-card.json");
    assert.equal(answer.status, 200);
    const card = answer.json() as Readonly<Record<string, unknown>>;
    for (const field of ["name", "description", "version"]) {
      assert.equal(typeof card[field], "string", field);
    }
    assert.ok(Array.isArray(card["skills"]));
    assert.ok(Array.isArray(card["supportedInterfaces"]));
  },
  "a2a",
);

test(
  "MCP: tools are listed and called, without a session, by whoever may",
  async () => {
    const { world, client } = await fresh();
    const version = "2026-07-28";
    const call = async (who: Client, method: string, params: object) => {
      const meta = {
        "io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientInfo": { name: "contract", version: "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
      };
      const name = "name" in params ? { "mcp-name": String(params.name) } : {};
      const headers = {
        accept: "application/json, text/event-stream",
        "mcp-protocol-version": version,
        "mcp-method": method,
        ...name,
      };
      return who.post("/mcp", { jsonrpc: "2.0", id: 1, method, params: { ...params, _meta: meta } }, { headers });
    };
    const listed = await call(client, "tools/list", {});
    assert.equal(listed.status, 200, listed.text);
    assert.match(listed.text, /"calculator"/);
    const args = { name: "calculator", arguments: { expression: "6 * 7" } };
    const called = await call(client, "tools/call", args);
    assert.equal(called.status, 200, called.text);
    assert.match(called.text, /\b42\b/);
    assert.equal((await call(new Client(world.service.port), "tools/list", {})).status, 401);
  },
  "mcp",
);
