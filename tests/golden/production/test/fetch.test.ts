import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import type { LookupFunction } from "node:net";
import { test, type TestContext } from "node:test";
import { buildConnector } from "undici";
import { UpstreamError } from "../src/resilience/failure.ts";
import type { Upstream } from "../src/resilience/upstream.ts";
import { systemClock, systemRandom } from "../src/runtime.ts";
import { createFetchTool } from "../src/tools/fetch.ts";
import { allowedUrl, isPublicAddress, type Resolve } from "../src/tools/guard.ts";
import { createLocalTracer } from "../src/traces/tracer.ts";

test("only addresses of the public Internet are public, in every spelling", () => {
  const refused = [
    ["0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "100.127.255.255"],
    ["127.0.0.1", "127.255.255.254", "168.63.129.16", "169.254.169.254", "169.254.0.1", "172.16.0.1", "172.31.255.255"],
    ["192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.7"],
    ["203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"],
    ["::", "::1", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:8.8.8.8"],
    ["64:ff9b::7f00:1", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b::192.168.0.1", "64:ff9b::"],
    ["64:ff9b:1::1", "100::1", "2001::1", "2001:0:53aa:64c::1", "2001:10::1", "2001:db8::1", "2002:7f00:1::"],
    ["2002:a9fe:a9fe::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fd20:ce::254", "fe80::1", "fe80::1%eth0"],
    ["fec0::1", "ff02::1", "ff0e::1", "4000::1", "2606:4700::1111%1"],
    ["", "localhost", "127.1", "0177.0.0.1", "8.8.8", "8.8.8.8/32", "::g", "1.2.3.4.5"],
  ].flat();
  const allowed = [
    ["1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255"],
    ["128.0.0.1", "168.63.129.15", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.1"],
    ["192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255"],
    ["2606:4700::1111", "2a00:1450:4001:81b::200e", "2001:4860:4860::8888", "64:ff9b::8.8.8.8", "64:ff9b::1.1.1.1"],
  ].flat();
  assert.deepEqual(refused.filter(isPublicAddress), []);
  assert.deepEqual(
    allowed.filter((address) => !isPublicAddress(address)),
    [],
  );
});

const HOSTS = ["example.com", "*.example.org", "127.0.0.1", "1.1.1.1", "localhost"];

test("only plain URLs of allowed hosts are allowed, in every spelling", () => {
  const allowed: [text: string, href: string][] = [
    ["https://example.com/a?b#c", "https://example.com/a?b#c"],
    ["http://EXAMPLE.com:80", "http://example.com/"],
    ["https://example.com:443/", "https://example.com/"],
    ["https://ex%61mple.com/", "https://example.com/"],
    ["https://a.b.example.org/", "https://a.b.example.org/"],
    ["http://1.1.1.1/", "http://1.1.1.1/"],
    ["http://0x1010101/", "http://1.1.1.1/"],
  ];
  for (const [text, href] of allowed) {
    assert.equal(allowedUrl(text, HOSTS).href, href, text);
  }
  const refused = [
    ["", "example.com", "/path", "//example.com/", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/"],
    ["data:text/plain,x", "javascript:1", "http://", "http://user@example.com/", "http://:secret@example.com/"],
    ["http://example.com:8080/", "https://example.com:80/", "http://example.com:443/", "http://example.com:0/"],
    ["http://example.com./", "http://example.org/", "http://badexample.org/", "http://sub.example.com/"],
    ["http://example.com.evil.net/", "http://example.com@evil.net/", "http://evil.net\\@example.com/"],
    ["http://evil.net#@example.com/", "http://evil.net?.example.org", "http://example.com%00.evil.net/"],
    ["http://127.0.0.1/", "http://127.1/", "http://2130706433/", "http://0x7f000001/", "http://0177.0.0.1/"],
    [
      "http://0x7f.0.0.1/",
      "http://１２７.0.0.1/",
      "http://127。0。0。1/",
      "http://[::1]/",
      "http://[::ffff:127.0.0.1]/",
    ],
    ["http://[::ffff:101:101]/", "http://169.254.169.254/latest/meta-data/", "http://0/", "http://evil.net/"],
  ].flat();
  for (const text of refused) {
    assert.throws(() => allowedUrl(text, HOSTS), { name: "ToolError" }, text);
  }
  assert.throws(() => allowedUrl("https://example.com/", []), { name: "ToolError" });
});

/** Calls once, and counts how that went, as whoever guards an upstream sees it. */
function counting() {
  const outcomes: string[] = [];
  const names: string[] = [];
  const upstream: Upstream = {
    async call(attempt, { signal }) {
      try {
        const result = await attempt(signal);
        outcomes.push("success");
        return result;
      } catch (error) {
        outcomes.push(error instanceof UpstreamError ? `${error.kind} ${error.retryAfterMs ?? ""}`.trim() : "refused");
        throw error;
      }
    },
  };
  const upstreamOf = (name: string) => {
    names.push(name);
    return upstream;
  };
  return { upstreamOf, outcomes, names };
}

const toLoopback: Resolve = (_, answer) => answer(null, [{ address: "127.0.0.1", family: 4 }]);
const PUBLIC = { address: "93.184.216.34", family: 4 };

const CONTEXT = {
  tenant: "a",
  sessionId: "s",
  idempotencyKey: "k",
  trace: { traceId: "0".repeat(32), spanId: "0".repeat(16), sampled: false },
  signal: new AbortController().signal,
  deadline: systemClock.monotonic() + 5_000,
};
const PARTS = { clock: systemClock, tracer: createLocalTracer(systemRandom) };

/** A tool for a site on this machine that the tool takes for a public one, and the addresses that it connected to. */
async function fetching(
  t: TestContext,
  site: RequestListener,
  resolve: Resolve = (_, answer) => answer(null, [PUBLIC]),
) {
  const server = createServer(site);
  await new Promise<void>((resolved) => server.listen(0, "127.0.0.1", resolved));
  t.after(() => server.close());
  const bound = server.address();
  const port = typeof bound === "object" ? String(bound?.port) : "";
  const connected: string[] = [];
  const connect = (lookup: LookupFunction) => {
    const watched: LookupFunction = (hostname, options, callback) =>
      lookup(hostname, { ...options, all: false }, (error, address, family) => {
        if (error === null) {
          connected.push(`${hostname} ${typeof address === "string" ? address : "several"}`);
          callback(null, options.all === true ? [{ address: "127.0.0.1", family: 4 }] : "127.0.0.1", 4);
        } else {
          callback(error, address, family);
        }
      });
    const connector = buildConnector({ lookup: watched });
    const plain: buildConnector.connector = (options, callback) =>
      connector({ ...options, protocol: "http:", port }, callback);
    return plain;
  };
  const { upstreamOf, outcomes, names } = counting();
  const tool = createFetchTool({
    allowedHosts: ["example.com", "*.example.org"],
    upstreamOf,
    resolve,
    connect,
    ...PARTS,
  });
  const call = (url: string, signal = CONTEXT.signal) => tool.run({ url }, { ...CONTEXT, signal });
  return { call, connected, outcomes, names };
}

test("a page is read from the address that was checked", async (t) => {
  const { call, connected } = await fetching(t, (request, response) => {
    const { host, authorization = "none", "accept-encoding": encoding } = request.headers;
    response.writeHead(200, { "content-type": "text/html; charset=ISO-8859-1" });
    response.end(
      Buffer.from(`${request.method} ${request.url} ${host} ${authorization} ${encoding} caf\u00e9`, "latin1"),
    );
  });
  assert.equal(await call("http://example.com/a?b=c#d"), "GET /a?b=c example.com none identity café");
  assert.deepEqual(connected, ["example.com 93.184.216.34"]);
  await assert.rejects(call("http://evil.net/"), /not among those/);
  assert.equal(connected.length, 1);
});

test("a name server that changes its mind changes nothing, and one private address refuses the host", async (t) => {
  const answers = [[PUBLIC], [{ address: "10.0.0.1", family: 4 }], [PUBLIC, { address: "::1", family: 6 }], []];
  const asked: string[] = [];
  const { call, connected, outcomes } = await fetching(
    t,
    (_, response) => response.writeHead(200, { "content-type": "text/plain" }).end("ok"),
    (hostname, answer) => {
      asked.push(hostname);
      answer(null, answers.shift() ?? []);
    },
  );
  assert.equal(await call("http://example.com/"), "ok");
  assert.deepEqual(asked, ["example.com"]);
  await assert.rejects(call("http://example.com/"), /address that may not be fetched/);
  await assert.rejects(call("http://example.com/"), /address that may not be fetched/);
  await assert.rejects(call("http://example.com/"), /address that may not be fetched/);
  assert.deepEqual(connected, ["example.com 93.184.216.34"]);
  assert.deepEqual(outcomes, ["success", "refused", "refused", "refused"]);
});

test("connections that nobody put in place of the real ones are guarded too", async () => {
  const { upstreamOf } = counting();
  const tool = createFetchTool({ allowedHosts: ["example.com"], upstreamOf, resolve: toLoopback, ...PARTS });
  await assert.rejects(tool.run({ url: "http://example.com/" }, CONTEXT), /address that may not be fetched/);
  await assert.rejects(tool.run({ url: "https://example.com/" }, CONTEXT), /address that may not be fetched/);
  await assert.rejects(tool.run({ url: "https://example.com/", method: "POST" }, CONTEXT), /bad arguments/);
  assert.deepEqual([tool.risk, tool.cacheMs, tool.description.name], ["read", 60_000, "fetch"]);
});

test("a redirect is followed if its target is allowed too, three times at most", async (t) => {
  const { call, connected } = await fetching(
    t,
    (request, response) => {
      const { searchParams, pathname } = new URL(request.url ?? "", "http://x");
      const hops = Number(searchParams.get("hops") ?? 0);
      const location = searchParams.get("to") ?? (hops > 0 ? `${pathname}?hops=${hops - 1}` : undefined);
      response.writeHead(location === undefined ? 200 : 302, {
        ...(location ? { location } : {}),
        "content-type": "text/plain",
      });
      response.end(`host ${request.headers.host}`);
    },
    (hostname, answer) => answer(null, [hostname === "in.example.org" ? { address: "10.0.0.1", family: 4 } : PUBLIC]),
  );
  const to = (target: string) => call(`http://example.com/?to=${encodeURIComponent(target)}`);
  assert.equal(await call("http://example.com/?hops=3"), "host example.com");
  await assert.rejects(call("http://example.com/?hops=4"), /more than 3 times/);
  assert.equal(await to("http://www.example.org/"), "host www.example.org");
  assert.equal(await to("//www.example.org/"), "host www.example.org");
  assert.ok(connected.includes("www.example.org 93.184.216.34"));
  const secure = (target: string) => call(`https://example.com/?to=${encodeURIComponent(target)}`);
  assert.equal(await secure("https://www.example.org/"), "host www.example.org");
  await assert.rejects(secure("http://www.example.org/"), /from https to http/);
  for (const target of [
    "http://evil.net/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[::1]/",
    "http://example.com:8080/",
    "http://user:secret@example.com/",
    "file:///etc/passwd",
    "http://in.example.org/",
  ]) {
    await assert.rejects(to(target), { name: "ToolError" }, target);
  }
  assert.ok(!connected.some((each) => /evil|169|10\.0/.test(each)));
});

test("what is no text, too long or broken is an error, and only the site's own failures count as such", async (t) => {
  const { call, outcomes } = await fetching(t, (request, response) => {
    const [path = "", argument = ""] = (request.url ?? "").slice(1).split("/");
    switch (path) {
      case "type":
        response.writeHead(200, { "content-type": decodeURIComponent(argument) }).end("x");
        break;
      case "gzip":
        response.writeHead(200, { "content-type": "text/plain", "content-encoding": "gzip" }).end("x");
        break;
      case "bytes":
        response.writeHead(200, { "content-type": "text/plain" }).end("x".repeat(Number(argument)));
        break;
      case "status":
        response.writeHead(Number(argument), { "content-type": "text/plain", "retry-after": "7" }).end("secret body");
        break;
      case "broken":
        response.writeHead(200, { "content-type": "text/plain", "content-length": "10" }).write("x");
        setTimeout(() => response.destroy(), 20);
        break;
      default:
        response.destroy();
    }
  });
  const cases: [path: string, expected: RegExp, outcome: string][] = [
    ["type/application%2Fpdf", /no text/, "refused"],
    ["type/image%2Fsvg", /no text/, "refused"],
    ["type/text%2Fplain%3B%20charset%3Dnonsense", /unknown character set/, "refused"],
    ["gzip", /no text/, "refused"],
    ["bytes/262145", /longer than 262144 bytes/, "refused"],
    ["status/404", /^the server answered 404$/, "status 7000"],
    ["status/503", /^the server answered 503$/, "status 7000"],
    ["broken", /cannot be reached/, "truncated"],
    ["reset", /cannot be reached/, "reset"],
  ];
  for (const [path, message, outcome] of cases) {
    await assert.rejects(call(`http://example.com/${path}`), { name: "ToolError", message }, path);
    assert.equal(outcomes.pop(), outcome, path);
  }
  for (const type of ["text/markdown", "application/json", "application/ld+json; charset=utf-8", "Application/XML"]) {
    assert.equal(await call(`http://example.com/type/${encodeURIComponent(type)}`), "x", type);
  }
  assert.equal((await call("http://example.com/bytes/262144")).length, 262_144);
});

test("each entry of the list is an upstream of its own", async (t) => {
  const { call, names } = await fetching(t, (_, response) => response.writeHead(404).end());
  for (const host of ["example.com", "a.example.org", "example.com", "b.example.org"]) {
    await assert.rejects(call(`http://${host}/`), /404/);
  }
  assert.deepEqual(names, ["fetch example.com", "fetch *.example.org"]);
});

test("a call that is aborted ends at once", async (t) => {
  const controller = new AbortController();
  const { call } = await fetching(t, () => controller.abort());
  await assert.rejects(call("http://example.com/", controller.signal), { name: "AbortError" });
});
