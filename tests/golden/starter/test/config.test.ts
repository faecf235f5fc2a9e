import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { EXIT_CONFIG, readConfig } from "../src/config.ts";
import { DEVELOPMENT, scratch } from "./support.ts";

test("nothing set means the defaults, and a production service that checks tokens", () => {
  const { config, problems } = readConfig({});
  assert.equal(config.ENVIRONMENT, "production");
  assert.equal(config.RUN_MAX_STEPS, 8);
  assert.deepEqual(
    problems.map((problem) => problem.split(":")[0]),
    ["AUTH_ISSUER", "AUTH_AUDIENCE", "STATE"],
  );
  const clash = readConfig({ PORT: "9000", ADMIN_PORT: "9000", AUTH_MODE: "api-key", STATE: "memory" });
  assert.deepEqual(clash.problems, ["ADMIN_PORT: expected another port than PORT"]);
});

test("what follows from a wrong setting is not a problem of its own", (t) => {
  const wrong = {
    STATE: "memory",
    ENVIRONMENT: "",
    PORT: "x",
    ADMIN_PORT: "8080",
    AUTH_ISSUER: "",
    AUTH_AUDIENCE: "demo",
  };
  const names = (env: object) => readConfig({ ...wrong, ...env }).problems.map((problem) => problem.split(":")[0]);
  assert.deepEqual(names({ AUTH_MODE: "none" }), ["PORT", "ENVIRONMENT", "AUTH_ISSUER"]);
  const { stdout } = spawnSync(process.execPath, ["src/main.ts"], {
    env: { ...DEVELOPMENT, AUTH_MODE: "apikey", STATE_DIR: scratch(t) },
    encoding: "utf8",
  });
  assert.match(stdout, /"problems":\["AUTH_MODE: expected jwt or api-key or none"\]/);
});

test("every wrong setting is named at once, with what was expected and without its value", () => {
  const { problems } = readConfig({
    PORT: "99999",
    ADMIN_PORT: "tcp://10.0.0.1:9090",
    LOG_LEVEL: "hunter2",
    RUN_MAX_STEPS: "",
    AUTH_MODE: "none",
    STATE: "memory",
    AUTH_JWKS_URL: "http://hunter2.example",
  });
  assert.deepEqual(problems, [
    "PORT: expected an integer from 0 to 65535",
    "ADMIN_PORT: expected an integer from 0 to 65535",
    "LOG_LEVEL: expected debug or info or warn or error or fatal",
    "RUN_MAX_STEPS: expected an integer from 1 to 1000",
    "AUTH_MODE: expected jwt or api-key outside development",
    "AUTH_JWKS_URL: expected https outside development",
  ]);
});

test("a process without what it needs says so in one line and exits 78", () => {
  const env = {
    STATE: "memory",
    MODEL_PROVIDER: "offline",
    PORT: "x",
    AUTH_MODE: "api-key",
    SECRETS_DIR: "/nowhere",
    MODEL_NAME: "unpriced",
  };
  const { status, stdout } = spawnSync(process.execPath, ["src/main.ts"], { env, encoding: "utf8" });
  assert.equal(status, EXIT_CONFIG);
  const line: unknown = JSON.parse(stdout);
  assert.partialDeepStrictEqual(line, {
    level: "fatal",
    problems: [
      "PORT: expected an integer from 0 to 65535",
      "secret api_keys: expected a file at /nowhere/api_keys that is readable and not empty",
      "MODEL_NAME: expected a model with a price in PRICES_FILE",
    ],
  });
});
