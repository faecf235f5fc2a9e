import type { Writable } from "node:stream";
import { EXIT_CONFIG, readConfig, SetupError } from "../src/config.ts";
import { type Check, type Finding, LOCAL_CHECKS, REMOTE_CHECKS } from "./checks.ts";
import { commandKit } from "./command.ts";

const CHECKS: readonly Check[] = [...LOCAL_CHECKS, ...REMOTE_CHECKS];

/**
 * Looks at everything that the service needs, and writes a line for each finding. Resolves to the exit code: 0, 1 if
 * something fails, 78 if the configuration is in the way.
 */
export async function runDoctor(env: NodeJS.ProcessEnv, output: Writable): Promise<number> {
  const { config, wrong, problems } = readConfig(env);
  // What the parts themselves log would say it a second time.
  const kit = commandKit({ ...config, LOG_LEVEL: "fatal" });
  let code = problems.length > 0 ? EXIT_CONFIG : 0;
  const tell = (check: string, { level, about = check, text }: Finding): void => {
    output.write(`${level.padEnd(4)}  ${about}: ${text}\n`);
    code ||= level === "fail" ? 1 : 0;
  };
  for (const text of problems) {
    tell("configuration", { level: "fail", text });
  }
  if (problems.length === 0) {
    tell("configuration", { level: "ok", text: `${config.ENVIRONMENT}, every setting makes sense` });
  }
  for (const check of CHECKS.filter(({ uses }) => !uses.some((name) => wrong.has(name)))) {
    try {
      const found = await check.run(kit);
      for (const finding of typeof found === "string" ? [{ level: "ok", text: found } as const] : found) {
        tell(check.about, finding);
      }
    } catch (error) {
      tell(check.about, { level: "fail", text: error instanceof Error ? error.message : "failed" });
      code = error instanceof SetupError ? EXIT_CONFIG : code;
    }
  }
  kit.secrets.close();
  return code;
}
