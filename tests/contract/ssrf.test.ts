import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { hostname } from "node:os";
import { smoke, test } from "./contract.ts";
import { type Scene, scene } from "./scene.ts";

const fresh = scene({
  env: { TOOL_HTTP_ALLOWED_HOSTS: `localhost,${hostname().toLowerCase()},*.localhost,*.localdomain` },
});

/** An inner service, which no tool may ever reach. */
async function inner(t: { after(end: () => unknown): void }): Promise<{ port: number; reached: () => number }> {
  let reached = 0;
  const servers: Server[] = [];
  const listen = async (host: string, port: number) => {
    const server = createServer((_, response) => response.end("the inside"));
    server.on("connection", () => reached++);
    servers.push(server);
    await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, host, resolve));
    return (server.address() as AddressInfo).port;
  };
  t.after(() => {
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
  });
  const port = await listen("0.0.0.0", 0);
  await listen("::1", port).catch(() => undefined);
  return { port, reached: () => reached };
}

async function fetched({ client, model, tools }: Scene, url: string): Promise<string> {
  model.reset();
  model.reply({ calls: [tools.fetch(url)] }, { text: "I see." });
  (await client.run("look")).run("completed");
  return model.got[1]?.turns.find(({ role }) => role === "tool")?.text ?? assert.fail("the model was told nothing");
}

smoke("a host that is not listed is an error to the model, and nobody is called", async (t) => {
  const set = await fresh();
  const { port, reached } = await inner(t);
  const hosts = ["127.0.0.1", "[::1]", "example.com", "localhost.example.com", "notlocalhost", "0.0.0.0", "127.1"];
  for (const host of hosts) {
    const told = await fetched(set, `http://${host}:${port}/`);
    assert.match(told, /error/i, host);
    assert.ok(!told.includes("the inside"), host);
  }
  assert.equal(reached(), 0);
});

smoke("a listed host with a private address is refused", async (t) => {
  const set = await fresh();
  const { port, reached } = await inner(t);
  for (const host of ["localhost", "LOCALHOST", "localhost.", hostname(), "a.localhost", "user:password@localhost"]) {
    const told = await fetched(set, `http://${host}:${port}/`);
    assert.match(told, /error/i, host);
    assert.ok(!told.includes("the inside"), host);
  }
  assert.equal(reached(), 0);
});

smoke("addresses in every notation are refused", async (t) => {
  const set = await fresh();
  const { port, reached } = await inner(t);
  const addresses = [
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "127.0.0.1.",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[64:ff9b::7f00:1]",
    "[fe80::1]",
    "[fd00::1]",
    "169.254.169.254",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "100.64.0.1",
    "%31%32%37.0.0.1",
    "127。0。0。1",
  ];
  for (const address of addresses) {
    const told = await fetched(set, `http://${address}:${port}/`);
    assert.match(told, /error/i, address);
  }
  assert.equal(reached(), 0);
});

test("other schemes, and what is no URL, are refused", async () => {
  const set = await fresh();
  for (const url of [
    "file:///etc/passwd",
    "ftp://localhost/",
    "gopher://localhost/",
    "data:text/plain,hello",
    "//localhost/",
    "no url",
  ]) {
    const told = await fetched(set, url);
    assert.match(told, /error/i, url);
    assert.ok(!told.includes("root:"), url);
  }
});
