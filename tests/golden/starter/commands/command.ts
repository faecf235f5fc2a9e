import { destination } from "pino";
import { type Config, EXIT_CONFIG, readConfig, SetupError } from "../src/config.ts";
import type { Kit } from "../src/kit.ts";
import { createLogger } from "../src/logs/logger.ts";
import { createMetrics } from "../src/metrics/metrics.ts";
import { systemClock as clock, systemRandom as random } from "../src/runtime.ts";
import { createSecretStore } from "../src/secrets/store.ts";

/** What a command works with. It logs to standard error, as standard output is for what it makes. */
export type CommandKit = Omit<Kit, "tracer">;

/** What goes with these settings. */
export function commandKit(config: Config): CommandKit {
  const log = createLogger({ config, clock }, destination({ fd: 2, sync: true }));
  const kit = { config, clock, random, log, metrics: createMetrics(config) };
  return { ...kit, secrets: createSecretStore(kit) };
}

/**
 * Does the work of a command to which only these settings matter. Resolves to the exit code: 78 if the configuration
 * is in the way (or the work throws `SetupError`), 1 if the work fails.
 */
export async function runCommand(
  env: NodeJS.ProcessEnv,
  uses: readonly (keyof Config)[],
  work: (kit: CommandKit) => Promise<void>,
): Promise<number> {
  const { config, problems } = readConfig(env);
  const kit = commandKit(config);
  const relevant = problems.filter((problem) => uses.some((name) => problem.startsWith(`${name}:`)));
  try {
    if (relevant.length > 0) {
      throw new SetupError(relevant.join("; "));
    }
    await work(kit);
    return 0;
  } catch (error) {
    const refused = error instanceof SetupError;
    const fields = refused ? { problem: error.message } : { error };
    kit.log.fatal(refused ? "configuration refused" : "command failed", fields);
    return refused ? EXIT_CONFIG : 1;
  } finally {
    kit.secrets.close();
  }
}
