import type { RunEvent } from "../run/record.ts";
import { type Clock, sleep } from "../runtime.ts";

/** Media type of server-sent events (WHATWG HTML, section 9.2). */
export const EVENT_STREAM = "text/event-stream";

// More often than the usual proxies give up on a silent connection.
const KEEP_ALIVE_MS = 15_000;

/** Events as they go over the wire, with a comment now and then while nothing happens. */
export async function* eventStream(events: AsyncGenerator<RunEvent, void>, clock: Clock): AsyncGenerator<string, void> {
  try {
    for (let next = events.next(); ; ) {
      const idle = new AbortController();
      const silence = sleep(clock, KEEP_ALIVE_MS, idle.signal).then(
        () => undefined,
        () => undefined,
      );
      const result = await Promise.race([next, silence]);
      idle.abort();
      if (result === undefined) {
        yield ": still here\n\n";
      } else if (result.done === true) {
        return;
      } else {
        const { id, type, data } = result.value;
        yield `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
        next = events.next();
      }
    }
  } finally {
    await events.return();
  }
}
