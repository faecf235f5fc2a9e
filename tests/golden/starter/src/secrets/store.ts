import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { SetupError } from "../config.ts";
import type { Kit } from "../kit.ts";

/** A secret as it stands now. */
export type Secret<T> = () => T;

/** Secrets that are files in one folder, read again when they change. */
export type SecretStore = ReturnType<typeof createSecretStore>;

// Polling, as mounted secrets are replaced through a symbolic link, which watchers miss.
const REFRESH_MS = 2_000;

/** Opens a folder of secrets. */
export function createSecretStore({ config, clock, log, metrics }: Pick<Kit, "config" | "clock" | "log" | "metrics">) {
  const dir = config.SECRETS_DIR;
  const refreshers: (() => Promise<void>)[] = [];
  const degraded = new Set<string>();
  let closed = false;
  let cancel = clock.after(REFRESH_MS, refreshAll);

  async function refreshAll(): Promise<void> {
    await Promise.all(refreshers.map((refresh) => refresh()));
    if (!closed) {
      cancel = clock.after(REFRESH_MS, refreshAll);
    }
  }

  return {
    /** Reads a secret that must be there, and keeps it fresh from then on; throws `SetupError`. */
    open<T>(name: string, parse: (text: string) => T): Secret<T> {
      const path = join(dir, name);
      let text = readable(path);
      let value = evaluate(name, path, text, parse);
      metrics.secretFailures.inc({ secret: name }, 0);
      refreshers.push(async () => {
        const fresh = await readFile(path, "utf8").catch(() => "");
        if (fresh === text && !degraded.has(name)) {
          return;
        }
        try {
          value = evaluate(name, path, fresh, parse);
          text = fresh;
          degraded.delete(name);
          log.info("secret refreshed", { secret: name });
        } catch (error) {
          metrics.secretFailures.inc({ secret: name });
          if (!degraded.has(name)) {
            degraded.add(name);
            log.error("secret unusable, the last good value stays", { secret: name, error });
          }
        }
      });
      return () => value;
    },

    /** Whether there is a file for a secret that may be left out. */
    has: (name: string): boolean => readable(join(dir, name)).trim() !== "",

    /** Reads every secret again now, for a caller whose credentials have just been refused. */
    refresh: async (): Promise<void> => {
      await Promise.all(refreshers.map((refresh) => refresh()));
    },

    /** Names of the secrets whose file is unusable now, while their last good value serves. */
    degraded: () => [...degraded].toSorted(),

    close() {
      closed = true;
      cancel();
    },
  };
}

function readable(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function evaluate<T>(name: string, path: string, text: string, parse: (text: string) => T): T {
  if (text.trim() === "") {
    throw new SetupError(`secret ${name}: expected a file at ${path} that is readable and not empty`);
  }
  try {
    return parse(text);
  } catch (error) {
    // Messages of other errors, such as a JSON parser's, may quote the secret.
    const expected = error instanceof SetupError ? error.message : "a well-formed file";
    throw new SetupError(`secret ${name}: expected ${expected}`);
  }
}
