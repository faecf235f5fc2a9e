import type { RunEvent } from "./record.ts";

/** What has happened in a run that this process works on, for whoever follows it. */
export type EventLog = ReturnType<typeof createEventLog>;

/** Makes the log of a run whose events up to `lastId` are in the store. */
export function createEventLog(lastId: number) {
  const events: RunEvent[] = [];
  let nextId = lastId + 1;
  let saved = 0;
  let ended = false;
  let wake = Promise.withResolvers<void>();
  const tell = () => {
    wake.resolve();
    wake = Promise.withResolvers();
  };
  return {
    append(type: RunEvent["type"], data: unknown): void {
      events.push({ id: nextId, type, data });
      nextId += 1;
      tell();
    },
    /** Says that this process works on the run no more. */
    end(): void {
      ended = true;
      tell();
    },
    /** The events that the store does not have yet; `kept` says that it has them now. */
    unsaved(): { events: readonly RunEvent[]; kept: () => void } {
      const upTo = events.length;
      return { events: events.slice(saved), kept: () => (saved = Math.max(saved, upTo)) };
    },
    /** The events after the one with this id as they come, until the run ends or the signal aborts. */
    async *follow(id: number, signal: AbortSignal): AsyncGenerator<RunEvent, void> {
      const { promise: left, resolve: leave } = Promise.withResolvers<void>();
      signal.addEventListener("abort", () => leave(), { once: true });
      for (let index = 0; !signal.aborted; ) {
        const event = events[index];
        if (event !== undefined) {
          index += 1;
          if (event.id > id) {
            yield event;
          }
        } else if (ended) {
          return;
        } else {
          await Promise.race([wake.promise, left]);
        }
      }
    },
  };
}
