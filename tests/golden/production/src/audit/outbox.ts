import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import type { Kit } from "../kit.ts";
import { AuditError } from "./trail.ts";

/** The file that entries are kept in before anything else is done with them; one process writes it. */
export type Outbox = ReturnType<typeof createOutbox>;

// At most so much is lost when the machine, not the process, goes down.
const SYNC_MS = 1_000;
/** The most that is read at a time, in bytes; far more than an entry. */
export const READ_BYTES = 1_048_576;
const LINE_END = 0x0a;

/**
 * Opens the file, or makes it, and cuts off a last line that a crash left half written. Positions in it are in bytes
 * and go on counting when what is in front is removed. Throws what the file system throws.
 */
export function createOutbox(path: string, { clock, log, metrics }: Pick<Kit, "clock" | "log" | "metrics">) {
  let fd: number | undefined;
  // Position of the file's first byte, and the file's length.
  let start = 0;
  let size = 0;
  let failing = false;
  let cancelSync: (() => void) | undefined;

  function opened(): number {
    if (fd !== undefined) {
      return fd;
    }
    mkdirSync(dirname(path), { recursive: true });
    const file = openSync(path, "a+", 0o600);
    try {
      const found = fstatSync(file).size;
      const whole = found - lengthOfTornLine(file, found < size ? 0 : size, found);
      if (whole < found) {
        ftruncateSync(file, whole);
        // On a full disk this is nothing new.
        if (!failing) {
          log.warn("torn last line of the audit file cut off", { path, bytes: found - whole });
        }
      }
      if (whole < size) {
        log.error("audit file replaced while it was in use", { path });
        start += size;
      }
      size = whole;
    } catch (error) {
      closeSync(file);
      throw error;
    }
    fd = file;
    return file;
  }

  function close(): void {
    if (fd !== undefined) {
      closeSync(fd);
      fd = undefined;
    }
  }

  async function sync(): Promise<void> {
    cancelSync?.();
    cancelSync = undefined;
    try {
      if (fd !== undefined && statSync(path).ino !== fstatSync(fd).ino) {
        throw new Error("another file is in its place");
      }
      // On a handle of its own, as the file may be opened anew meanwhile.
      const file = await open(path);
      try {
        await file.datasync();
      } finally {
        await file.close();
      }
    } catch (error) {
      // If somebody took the file away, the next line goes to the one that is there, or to a new one.
      close();
      metrics.auditWriteFailures.inc();
      log.error("audit file not flushed", { path, error });
    }
  }

  function readBytes(position: number, limit: number): Buffer {
    const buffer = Buffer.allocUnsafe(Math.min(limit, start + size - position));
    return buffer.subarray(0, readSync(opened(), buffer, 0, buffer.length, position - start));
  }

  /** At most so many whole lines from a position on, and the position after them. */
  function read(position: number, limit: number): { lines: string[]; end: number } {
    opened();
    const from = Math.max(position, start);
    const bytes = readBytes(from, READ_BYTES);
    const lines: string[] = [];
    let offset = 0;
    for (let end = bytes.indexOf(LINE_END); end >= 0 && lines.length < limit; end = bytes.indexOf(LINE_END, offset)) {
      lines.push(bytes.toString("utf8", offset, end));
      offset = end + 1;
    }
    return { lines, end: from + offset };
  }

  opened();
  return {
    /** Adds a line; it survives the process from here on. Throws `AuditError`, and then the file is as before. */
    append(text: string): void {
      try {
        const bytes = Buffer.from(`${text}\n`);
        const written = writeSync(opened(), bytes);
        if (written < bytes.length) {
          throw new Error("no space left");
        }
        size += written;
      } catch (cause) {
        // What was written of the line is cut off when the file is opened again.
        close();
        metrics.auditWriteFailures.inc();
        if (!failing) {
          log.error("audit file not writable, effects are refused", { path, error: cause });
        }
        failing = true;
        throw new AuditError("audit file not writable: make room on its disk", { cause });
      }
      if (failing) {
        log.info("audit file writable again", { path });
      }
      failing = false;
      cancelSync ??= clock.after(SYNC_MS, sync);
    },

    read,

    /** How many lines there are from a position on. */
    count(position: number): number {
      let count = 0;
      for (let part = read(position, Infinity); part.lines.length > 0; part = read(part.end, Infinity)) {
        count += part.lines.length;
      }
      return count;
    },

    start: () => start,
    end: () => start + size,

    /**
     * Removes what comes before a position, which is at most `READ_BYTES` from the end; if it is the end, a full disk is
     * no hindrance.
     */
    removeBefore(position: number): void {
      const rest = readBytes(position, READ_BYTES);
      if (rest.length === 0) {
        ftruncateSync(opened());
      } else {
        writeFileSync(`${path}.next`, rest, { mode: 0o600, flush: true });
        renameSync(`${path}.next`, path);
        close();
      }
      start = position;
      size = rest.length;
    },

    /** Writes to the disk what the operating system still holds, and closes. */
    async close(): Promise<void> {
      await sync();
      close();
    },
  };
}

/** How many bytes follow the last line end between a line's begin and the end of the file. */
function lengthOfTornLine(file: number, begin: number, end: number): number {
  const tail = Buffer.allocUnsafe(Math.min(READ_BYTES, end - begin));
  readSync(file, tail, 0, tail.length, end - tail.length);
  return tail.length - 1 - tail.lastIndexOf(LINE_END);
}
