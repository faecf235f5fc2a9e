import assert from "node:assert/strict";
import { type Answer, Client } from "./client.ts";
import { smoke, test } from "./contract.ts";
import * as identity from "./identity.ts";
import { sharedWorld, worldFor } from "./scene.ts";
import { sleep, until } from "./waiting.ts";
import type { World } from "./world.ts";

const { claims, newKey, token } = identity;
const rsa = newKey("RS256", "rsa");
const elliptic = newKey("ES256", "elliptic");
const edwards = newKey("EdDSA", "edwards");
const JWT = { AUTH_MODE: "jwt", AUTH_ISSUER: identity.ISSUER, AUTH_AUDIENCE: identity.AUDIENCE };

const world = sharedWorld({ env: JWT, secrets: { "jwks.json": identity.jwks(rsa, elliptic, edwards) } });

function run({ service }: World, credentials: string): Promise<Answer> {
  return new Client(service.port, { authorization: `Bearer ${credentials}` }).run("hello");
}

function refused(answer: Answer, what: string): void {
  assert.equal(answer.status, 401, what);
  answer.problem(401);
  assert.match(String(answer.headers["www-authenticate"]), /^Bearer\b/, what);
}

smoke("tokens signed with RS256, ES256 and EdDSA are taken", async () => {
  for (const key of [rsa, elliptic, edwards]) {
    (await run(await world(), token(key, claims("acme")))).run("completed");
  }
});

smoke("without a token, or with no token at all, it is 401", async () => {
  const { service } = await world();
  refused(await new Client(service.port).run("hello"), "nothing");
  for (const value of ["Bearer", "Bearer ", "Basic YTpi", "Bearer a.b.c", "Bearer ..", token(rsa, claims("acme"))]) {
    refused(await new Client(service.port, { authorization: value }).run("hello"), value);
  }
});

smoke("a token that is over, or never will be, is 401", async () => {
  const now = Math.floor(Date.now() / 1_000);
  refused(await run(await world(), token(rsa, claims("acme", { exp: now - 3_600 }))), "expired");
  refused(await run(await world(), token(rsa, claims("acme", { exp: undefined }))), "no exp");
  refused(await run(await world(), token(rsa, claims("acme", { exp: "tomorrow" }))), "exp is no number");
});

smoke("a token of another issuer or for another audience is 401", async () => {
  for (const wrong of [{ iss: "https://other.example" }, { iss: undefined }, { aud: "others" }, { aud: undefined }]) {
    refused(await run(await world(), token(rsa, claims("acme", wrong))), JSON.stringify(wrong));
  }
  (await run(await world(), token(rsa, claims("acme", { aud: ["others", identity.AUDIENCE] })))).run("completed");
});

smoke("a token that nobody signed is 401", async () => {
  for (const alg of ["none", "None", "NONE", "RS256", ""]) {
    refused(await run(await world(), identity.unsigned(claims("acme"), alg)), alg);
  }
});

smoke("a token signed with another key, or changed afterwards, is 401", async () => {
  const stranger = newKey("RS256", "rsa");
  refused(await run(await world(), token(stranger, claims("acme"))), "a stranger under a known kid");
  refused(await run(await world(), token(newKey("ES256", "unknown"), claims("acme"))), "an unknown kid");
  const [head, , signature] = token(rsa, claims("acme")).split(".");
  const other = Buffer.from(JSON.stringify(claims("globex"))).toString("base64url");
  refused(await run(await world(), `${head}.${other}.${signature}`), "another payload");
});

test("a public key is no shared secret", async () => {
  refused(await run(await world(), identity.confused(rsa, claims("acme"))), "HS256");
});

test("a key in the token's own header counts for nothing", async () => {
  const stranger = newKey("ES256", "stranger");
  const jwk = stranger.public.export({ format: "jwk" });
  refused(await run(await world(), token(stranger, claims("acme"), { jwk, kid: undefined })), "jwk");
});

smoke("a token without a tenant is 401", async () => {
  for (const tenant of [undefined, "", 7, null]) {
    refused(await run(await world(), token(rsa, claims("", { tenant }))), String(tenant));
  }
});

test("the claim `tenant` decides whose a run is", async () => {
  const mine = (await run(await world(), token(rsa, claims("acme")))).run("completed");
  const as = async (tenant: string) => {
    const { service } = await world();
    return new Client(service.port, { authorization: `Bearer ${token(edwards, claims(tenant))}` });
  };
  (await (await as("acme")).get(`/v1/runs/${mine.id}`)).run("completed");
  (await (await as("globex")).get(`/v1/runs/${mine.id}`)).problem(404);
});

test("a rotated jwks.json is picked up within 5 s, and the old key refused", async (t) => {
  const rotated = await worldFor(t, { env: JWT, secrets: { "jwks.json": identity.jwks(rsa) } });
  const next = newKey("EdDSA", "next");
  refused(await run(rotated, token(next, claims("acme"))), "before");
  rotated.folder.put("jwks.json", identity.jwks(next));
  const taken = async () => (await run(rotated, token(next, claims("acme")))).status === 200;
  await until("the new key is taken", taken, 5_000);
  refused(await run(rotated, token(rsa, claims("acme"))), "after");
});

test("keys that appear at AUTH_JWKS_URL are taken without a restart", async (t) => {
  const server = await identity.KeyServer.start();
  t.after(() => server.stop());
  server.keys = identity.jwks(rsa);
  // Plain HTTP is for development.
  const env = { ...JWT, AUTH_JWKS_URL: server.url, ENVIRONMENT: "development" };
  const remote = await worldFor(t, { env });
  (await run(remote, token(rsa, claims("acme")))).run("completed");
  const next = newKey("ES256", "next");
  refused(await run(remote, token(next, claims("acme"))), "before");
  server.keys = identity.jwks(rsa, next);
  await until(
    "the new key is taken",
    async () => {
      await sleep(500);
      return (await run(remote, token(next, claims("acme")))).status === 200;
    },
    60_000,
  );
});

test("tokens of unknown keys do not become requests for keys", async (t) => {
  const server = await identity.KeyServer.start();
  t.after(() => server.stop());
  server.keys = identity.jwks(rsa);
  const remote = await worldFor(t, { env: { ...JWT, AUTH_JWKS_URL: server.url, ENVIRONMENT: "development" } });
  (await run(remote, token(rsa, claims("acme")))).run("completed");
  const before = server.asked;
  for (let attempt = 0; attempt < 30; attempt++) {
    refused(await run(remote, token(newKey("EdDSA", `unknown-${attempt}`), claims("acme"))), "unknown");
  }
  assert.ok(server.asked - before <= 3, `${server.asked - before} requests for keys`);
});
