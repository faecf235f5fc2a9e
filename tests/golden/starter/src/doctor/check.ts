import type { CommandSurroundings } from "../command.ts";
import type { Config } from "../config.ts";
import type { Clock, Random } from "../runtime.ts";

/** What a check found: `fail` is something that does not work though the settings ask for it. */
export interface Finding {
  readonly level: "ok" | "warn" | "fail";
  readonly about: string;
  /** What was found, and if that is not right, what was expected and what to do next. Never holds a secret. */
  readonly text: string;
}

/** What a check works with. */
export interface CheckKit extends CommandSurroundings {
  readonly clock: Clock;
  readonly random: Random;
}

/** Looks at one part of what the service needs; throws `SetupError` if the configuration is in the way. */
export interface Check {
  readonly about: string;
  /** Settings without which there is nothing to look at. */
  readonly uses: readonly (keyof Config)[];
  run(kit: CheckKit): Promise<readonly Finding[]>;
}

const SKEW_WARN_MS = 2_000;
const SKEW_FAIL_MS = 30_000;

/** Compares this machine's clock with another one that was this much ahead; tokens, approvals and budgets rest on it. */
export function skewFinding(aheadMs: number, of: string): Finding {
  const skew = Math.abs(aheadMs);
  const level = skew > SKEW_FAIL_MS ? "fail" : skew > SKEW_WARN_MS ? "warn" : "ok";
  const next = level === "ok" ? "" : `, expected at most ${SKEW_WARN_MS / 1_000} s: synchronize this machine's clock`;
  return { level, about: "clock", text: `${(skew / 1_000).toFixed(1)} s off ${of}${next}` };
}
