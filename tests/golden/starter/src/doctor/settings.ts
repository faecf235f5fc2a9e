import { accessSync, constants, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { openSigningKey } from "../audit/key.ts";
import { createAuthentication } from "../auth/configured.ts";
import { readPrices } from "../cost/prices.ts";
import { readPrompt } from "../model/prompt.ts";
import { createKillSwitch } from "../run/kill-switch.ts";
import type { Check } from "./check.ts";

/** The file of prices. */
export const prices: Check = {
  about: "prices",
  uses: ["PRICES_FILE", "MODEL_NAME"],
  async run({ config }) {
    readPrices(config.PRICES_FILE, config.MODEL_NAME);
    return [{ level: "ok", about: "prices", text: `${config.PRICES_FILE} has a price for ${config.MODEL_NAME}` }];
  },
};

/** The file of the prompt. */
export const prompt: Check = {
  about: "prompt",
  uses: ["PROMPT_FILE"],
  async run({ config }) {
    const { version, digest } = readPrompt(config.PROMPT_FILE);
    return [{ level: "ok", about: "prompt", text: `version ${version}, ${digest.slice(0, 12)}` }];
  },
};

/** Who may call the service, and the secret that tells them apart. */
export const authentication: Check = {
  about: "authentication",
  uses: ["AUTH_MODE", "AUTH_ISSUER", "AUTH_AUDIENCE", "AUTH_JWKS_URL", "SECRETS_DIR"],
  async run(kit) {
    createAuthentication(kit);
    return [{ level: "ok", about: "authentication", text: `mode ${kit.config.AUTH_MODE}` }];
  },
};

/** The key that signs the audit log, and the folder that takes it. */
export const audit: Check = {
  about: "audit log",
  uses: ["AUDIT_FILE", "STATE_DIR", "SECRETS_DIR", "ENVIRONMENT"],
  async run({ config, secrets, log }) {
    const { kid } = openSigningKey(config, secrets, log)();
    const dir = config.AUDIT_FILE === undefined ? config.STATE_DIR : dirname(config.AUDIT_FILE);
    try {
      mkdirSync(dir, { recursive: true });
      accessSync(dir, constants.W_OK);
    } catch {
      const text = `no writing in ${dir}, expected a folder for the log: mount one there, or name another in STATE_DIR`;
      return [{ level: "fail", about: "audit log", text }];
    }
    return [{ level: "ok", about: "audit log", text: `signed with ${kid}, in ${dir}` }];
  },
};

/** Whether an operator has stopped all agents. */
export const killSwitch: Check = {
  about: "kill switch",
  uses: ["AGENT_DISABLED_FILE"],
  async run({ config }) {
    const file = config.AGENT_DISABLED_FILE;
    const engaged = createKillSwitch(file).engaged();
    const text = engaged ? `engaged, so no run begins: empty or remove ${file} to end that` : "not engaged";
    return [{ level: engaged ? "warn" : "ok", about: "kill switch", text }];
  },
};
