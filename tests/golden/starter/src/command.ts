import { destination } from "pino";
import { type Config, EXIT_CONFIG, readConfig, SetupError } from "./config.ts";
import { createLogger, type Logger } from "./logs/logger.ts";
import { createMetrics, type Metrics } from "./metrics/metrics.ts";
import { systemClock } from "./runtime.ts";
import { createSecretStore, type SecretStore } from "./secrets/store.ts";

/** What a command that is not the service works with. */
export interface CommandSurroundings {
  readonly config: Config;
  /** Writes to standard error, as standard output is for what the command makes. */
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly secrets: SecretStore;
}

/** What goes with these settings. */
export function surroundingsOf(config: Config): CommandSurroundings {
  const { LOG_LEVEL: level, SERVICE_NAME: service, SERVICE_VERSION: version, ENVIRONMENT: environment } = config;
  const stderr = destination({ fd: 2, sync: true });
  const log = createLogger({ level, service, version, environment, clock: systemClock }, stderr);
  const metrics = createMetrics(config);
  return {
    config,
    log,
    metrics,
    secrets: createSecretStore({ dir: config.SECRETS_DIR, clock: systemClock, log, metrics }),
  };
}

/**
 * Does the work of a command to which only these settings matter. Resolves to the exit code: 78 if the configuration
 * is in the way (or the work throws `SetupError`), 1 if the work fails.
 */
export async function runCommand(
  env: NodeJS.ProcessEnv,
  uses: readonly (keyof Config)[],
  work: (surroundings: CommandSurroundings) => Promise<void>,
): Promise<number> {
  const { config, problems } = readConfig(env);
  const surroundings = surroundingsOf(config);
  const { log, secrets } = surroundings;
  const relevant = problems.filter((problem) => uses.some((name) => problem.startsWith(`${name}:`)));
  try {
    if (relevant.length > 0) {
      throw new SetupError(relevant.join("; "));
    }
    await work(surroundings);
    return 0;
  } catch (error) {
    const refused = error instanceof SetupError;
    log.fatal(refused ? "configuration refused" : "command failed", refused ? { problem: error.message } : { error });
    return refused ? EXIT_CONFIG : 1;
  } finally {
    secrets.close();
  }
}
