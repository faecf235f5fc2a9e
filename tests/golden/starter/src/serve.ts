import { constants } from "node:os";
import { EXIT_CONFIG, readConfig } from "./config.ts";
import { createLogger, type Logger } from "./logs/logger.ts";
import { systemClock, systemRandom } from "./runtime.ts";
import { compose, type Service } from "./service.ts";

// On Ctrl-C the terminal signals every process, and npm passes its own signal on besides.
const REPEATED_INTERRUPT_MS = 100;

/** Runs the service until a signal or a defect ends it; the process exits from here. */
export async function serve(): Promise<void> {
  const { config, wrong, problems } = readConfig(process.env);
  const log = createLogger({ config, clock: systemClock });
  const composed = await compose(config, { clock: systemClock, random: systemRandom, log }, wrong);
  if (composed.service === undefined || problems.length > 0) {
    log.fatal("configuration refused", { problems: [...new Set([...problems, ...(composed.problems ?? [])])] });
    process.exit(EXIT_CONFIG);
  }
  endOnSignals(composed.service, log);
  try {
    await composed.service.start();
  } catch (error) {
    log.fatal(error instanceof Error ? error.message : "cannot start", { error });
    process.exit(1);
  }
}

function endOnSignals(service: Service, log: Logger): void {
  let endingSince: number | undefined;
  let failed = false;
  const end = (): void => {
    endingSince = systemClock.monotonic();
    service.shutDown().then(
      (clean) => process.exit(clean && !failed ? 0 : 1),
      () => process.exit(1),
    );
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      if (endingSince === undefined) {
        end();
      } else if (signal === "SIGTERM" || systemClock.monotonic() - endingSince > REPEATED_INTERRUPT_MS) {
        log.warn("second signal, exiting at once", { signal });
        process.exit(128 + constants.signals[signal]);
      }
    });
  }
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.on(event, (error: unknown) => {
      log.fatal("uncaught error", { error });
      failed = true;
      if (endingSince === undefined) {
        end();
      }
    });
  }
}
