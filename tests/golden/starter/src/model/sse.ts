import { UpstreamError } from "../resilience/failure.ts";

/** An event of a stream; its name is `message` unless the stream gives it another. */
export interface SseEvent {
  readonly event: string;
  readonly data: string;
}

// Far above any event of a model, and the most that a stream without line ends makes us keep.
const MAX_EVENT_CHARACTERS = 1_048_576;

/**
 * Parses `text/event-stream` as the WHATWG HTML standard has it (9.2.6). `id` and `retry` are left out, as a call of
 * a model is not resumed; an event that the stream's end cuts off is dropped.
 */
export function createSseParser(maxEventCharacters = MAX_EVENT_CHARACTERS) {
  const decoder = new TextDecoder();
  let rest = "";
  let afterReturn = false;
  let event = "";
  let data: string[] = [];
  let size = 0;

  function take(line: string): SseEvent | undefined {
    if (line === "") {
      const whole = data.length > 0 ? { event: event || "message", data: data.join("\n") } : undefined;
      event = "";
      data = [];
      size = 0;
      return whole;
    }
    const [, field, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (field === "event") {
      event = value;
    } else if (field === "data") {
      data.push(value);
      size += value.length + 1;
    }
    return undefined;
  }

  return {
    /** Takes the next bytes and returns the events that they complete; throws `UpstreamError` if one is too long. */
    push(bytes: Uint8Array): SseEvent[] {
      const text = decoder.decode(bytes, { stream: true });
      if (text === "") {
        return [];
      }
      // A line feed after a carriage return belongs to the line that the piece before has ended.
      const lines = text.slice(afterReturn && text.startsWith("\n") ? 1 : 0).split(/\r\n|\n|\r/);
      afterReturn = text.endsWith("\r");
      lines[0] = rest + (lines[0] ?? "");
      rest = lines.pop() ?? "";
      const events: SseEvent[] = [];
      for (const line of lines) {
        const whole = take(line);
        if (whole !== undefined) {
          events.push(whole);
        }
      }
      if (Math.max(rest.length, size) > maxEventCharacters) {
        throw new UpstreamError("malformed");
      }
      return events;
    },
  };
}
