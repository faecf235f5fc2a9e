import type { Writable } from "node:stream";
import { surroundingsOf } from "../command.ts";
import { EXIT_CONFIG, readConfig, SetupError } from "../config.ts";
import { systemClock, systemRandom } from "../runtime.ts";
import type { Check, Finding } from "./check.ts";
import { collector } from "./collector.ts";
import { model } from "./model.ts";
import { audit, authentication, killSwitch, prices, prompt } from "./settings.ts";

const CHECKS: readonly Check[] = [authentication, prices, prompt, killSwitch, audit, model, collector];

/**
 * Looks at everything that the service needs, and writes a line for each finding. Resolves to the exit code: 0, 1 if
 * something fails, 78 if the configuration is in the way.
 */
export async function runDoctor(env: NodeJS.ProcessEnv, output: Writable): Promise<number> {
  const { config, wrong, problems } = readConfig(env);
  // What the parts themselves log would say it a second time.
  const surroundings = surroundingsOf({ ...config, LOG_LEVEL: "fatal" });
  const kit = { ...surroundings, clock: systemClock, random: systemRandom };
  let code = problems.length > 0 ? EXIT_CONFIG : 0;
  const tell = ({ level, about, text }: Finding): void => {
    output.write(`${level.padEnd(4)}  ${about}: ${text}\n`);
    code ||= level === "fail" ? 1 : 0;
  };
  for (const text of problems) {
    tell({ level: "fail", about: "configuration", text });
  }
  if (problems.length === 0) {
    tell({ level: "ok", about: "configuration", text: `${config.ENVIRONMENT}, every setting makes sense` });
  }
  try {
    for (const check of CHECKS.filter(({ uses }) => !uses.some((name) => wrong.has(name)))) {
      try {
        for (const finding of await check.run(kit)) {
          tell(finding);
        }
      } catch (error) {
        const text = error instanceof Error ? error.message : "failed";
        tell({ level: "fail", about: check.about, text });
        code = error instanceof SetupError ? EXIT_CONFIG : code;
      }
    }
  } finally {
    surroundings.secrets.close();
  }
  return code;
}
