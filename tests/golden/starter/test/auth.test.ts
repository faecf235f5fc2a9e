import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { type Clock, systemClock } from "../src/runtime.ts";
import { until } from "./kit.ts";
import { secretFolder, serve } from "./support.ts";

const HASTE = 10;
const hasty: Clock = { ...systemClock, after: (ms, callback) => systemClock.after(ms / HASTE, callback) };

const digest = (key: string): string => createHash("sha256").update(key).digest("hex");
const keyOf = (tenant: string, key: string): string => `${tenant}:${digest(key)}\n`;

test("an API key opens for its tenant, anything else is 401 with a challenge", async (t) => {
  const { dir } = secretFolder(t, "api_keys", `${keyOf("acme", "one")}\n${keyOf("globex", "other")}`);
  const { post, lines } = await serve(t, { AUTH_MODE: "api-key", SECRETS_DIR: dir });
  assert.equal((await post({ input: "x" }, { authorization: "Bearer other" })).status, 200);
  assert.ok(lines.some((line) => line.includes('"tenant":"globex"')));
  for (const authorization of ["", "Bearer wrong", "Basic other", `Bearer ${digest("other")}`]) {
    const refused = await post("not even JSON", { authorization });
    assert.equal(refused.status, 401, authorization);
    assert.match(refused.headers.get("www-authenticate") ?? "", /^Bearer/);
  }
});

test("a token must be signed by a known key, in time, for this audience, and name a tenant", async (t) => {
  const { publicKey, privateKey } = await generateKeyPair("ES256");
  const stranger = await generateKeyPair("ES256");
  const jwk = { ...(await exportJWK(publicKey)), kid: "one", alg: "ES256" };
  const { dir } = secretFolder(t, "jwks.json", JSON.stringify({ keys: [jwk] }));
  const env = { AUTH_MODE: "jwt", AUTH_ISSUER: "issuer", AUTH_AUDIENCE: "demo", SECRETS_DIR: dir };
  const { post } = await serve(t, env);

  const claims = { iss: "issuer", aud: "demo", tenant: "acme", exp: Math.floor(Date.now() / 1_000) + 60 };
  const status = async (changes: object, key = privateKey): Promise<number> => {
    const token = new SignJWT({ ...claims, ...changes }).setProtectedHeader({ alg: "ES256", kid: "one" });
    return (await post({ input: "x" }, { authorization: `Bearer ${await token.sign(key)}` })).status;
  };
  assert.equal(await status({}), 200);
  assert.equal(await status({}, stranger.privateKey), 401);
  for (const changes of [{ exp: 1 }, { exp: undefined }, { iss: "other" }, { aud: "other" }, { tenant: "" }]) {
    assert.equal(await status(changes), 401, JSON.stringify(changes));
  }
  const unsigned = [{ alg: "none" }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"));
  assert.equal((await post({ input: "x" }, { authorization: `Bearer ${unsigned.join(".")}.` })).status, 401);
});

test("a key set that cannot be fetched is not the client's fault", async (t) => {
  const env = { AUTH_MODE: "jwt", AUTH_ISSUER: "issuer", AUTH_AUDIENCE: "demo" };
  const { post } = await serve(t, { ...env, AUTH_JWKS_URL: "http://127.0.0.1:1/jwks.json" });
  const { privateKey } = await generateKeyPair("EdDSA");
  const token = await new SignJWT({}).setProtectedHeader({ alg: "EdDSA" }).sign(privateKey);
  const refused = await post({ input: "x" }, { authorization: `Bearer ${token}` });
  assert.equal(refused.status, 503);
  assert.equal(refused.headers.get("retry-after"), "5");
});

test("a rotated secret is picked up; an unusable one degrades and the last good value stays", async (t) => {
  const { dir, put } = secretFolder(t, "api_keys", keyOf("acme", "old"));
  const { post, admin, lines } = await serve(t, { AUTH_MODE: "api-key", SECRETS_DIR: dir }, { clock: hasty });
  const accepts = async (key: string): Promise<boolean> =>
    (await post({ input: "x" }, { authorization: `Bearer ${key}` })).status === 200;
  const ready = async (): Promise<string> => (await admin("/readyz")).text();

  const started = performance.now();
  put(keyOf("acme", "new"));
  await until(() => accepts("new"));
  assert.ok(performance.now() - started < 5_000 / HASTE);
  assert.equal(await accepts("old"), false);

  for (const unusable of ["", "no-digest hunter2\n"]) {
    put(unusable);
    await until(async () => (await ready()) === '{"status":"ok","degraded":["secret:api_keys"]}');
    assert.equal(await accepts("new"), true);
    put(keyOf("acme", "new"));
    await until(async () => (await ready()) === '{"status":"ok"}');
  }
  const metrics = await (await admin("/metrics")).text();
  assert.match(metrics, /agent_secret_refresh_failures_total\{secret="api_keys"\} [1-9]/);
  assert.doesNotMatch(lines.join(""), /hunter2/);
});
