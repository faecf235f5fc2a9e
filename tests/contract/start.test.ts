import assert from "node:assert/strict";
import { Client } from "./client.ts";
import { smoke } from "./contract.ts";
import { Service } from "./service.ts";
import { within } from "./waiting.ts";

smoke("`npm start` serves with no key, no network and no settings, and ends on SIGTERM", async (t) => {
  const service = await Service.npmStart({});
  t.after(() => service.destroy());
  await service.ready();
  const client = new Client(service.port);
  const computed = (await client.run({ input: "What is 6 * 7?" })).run("completed");
  assert.match(computed.output, /\b42\b/);
  assert.equal(computed.steps, 2);
  const named = await (await client.stream({ input: 'use the calculator {"expression": "1 + 1"}' })).rest();
  assert.ok(named.some(({ event, data }) => event === "tool.finished" && data["tool"] === "calculator"));
  assert.equal((await client.get("/openapi.json")).status, 200);
  service.kill("SIGTERM");
  const { code } = await within("the end", 15_000, service.ended);
  assert.equal(code, 0, service.stdout + service.stderr);
});

smoke("in development a missing audit key is made, with a warning", async (t) => {
  const service = await Service.npmStart({ SECRETS_DIR: "/nothing/here" });
  t.after(() => service.destroy());
  await service.ready();
  await service.logged(
    "the warning",
    (line) => line["level"] === "warn" && JSON.stringify(line).includes("audit_signing_key"),
  );
});

smoke("`npm start` leaves alone what is set", async (t) => {
  const service = await Service.npmStart({ ENVIRONMENT: "production" });
  t.after(() => service.destroy());
  const { code } = await within("the refusal", 15_000, service.ended);
  assert.notEqual(code, 0);
  assert.match(service.stdout, /\bAUTH_MODE\b/);
});
