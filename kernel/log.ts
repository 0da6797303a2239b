/** The gateway's log: JSON lines in a file of bounded size, written behind the caller's back so that no log line ever waits for a disk. */
import { appendFile, rename, stat } from "node:fs/promises";
import type { Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { LogLines, LogRange } from "@pincer/plugin-sdk/contracts/diagnostics";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { isSensitive, REDACTED } from "@pincer/plugin-sdk/sensitive";

export const levels = ["debug", "info", "warn", "error"] as const;
export type Level = (typeof levels)[number];
type Fields = Readonly<Record<string, unknown>>;

export interface LogOptions {
  readonly file: string;
  readonly clock: Clock;
  /** Size at which the file is put aside, and how many such files are kept beside it. */
  readonly bytes?: number;
  readonly files?: number;
  /** Also called with each line, for a terminal or a service manager. */
  readonly print?: (line: LogLine) => void;
  /** Lines that wait for a slow or full disk, in bytes; beyond that they are counted and dropped. */
  readonly pendingBytes?: number;
}

export interface LogLine {
  readonly time: string;
  readonly level: Level;
  readonly event: string;
  readonly plugin?: string;
  readonly [field: string]: unknown;
}

/** Equal lines within so many milliseconds are written once, then once more with their number; so many lines are looked at. */
const repeatMs = 5_000;
const repeatLimit = 256;
const MiB = 1024 * 1024;

export function createLog({ file, clock, bytes = 10 * MiB, files = 5, print, pendingBytes = 4 * MiB }: LogOptions) {
  let least = levels.indexOf("info");
  let secrets: string[] = [];
  /** Lines that are not in the file yet, and how many there was no room for. */
  let pending = "";
  let dropped = 0;
  let writing: Promise<void> | undefined;
  const repeated = new Map<string, number>();
  const time = () => new Date(clock.now()).toISOString();

  function emit(level: Level, plugin: string | undefined, event: string, fields: Fields = {}): void {
    if (levels.indexOf(level) < least) return;
    const body = cleaned(written({ level, event, plugin }, fields));
    const again = repeated.get(body);
    if (again !== undefined) return void repeated.set(body, again + 1);
    if (repeated.size < repeatLimit) {
      repeated.set(body, 0);
      clock.after(repeatMs, () => {
        const count = repeated.get(body) ?? 0;
        repeated.delete(body);
        if (count > 0) say(body, count);
      });
    }
    say(body, 0);
  }

  function say(body: string, count: number): void {
    const text = `{"time":"${time()}",${body.slice(1, -1)}${count > 0 ? `,"repeated":${count}` : ""}}\n`;
    print?.(JSON.parse(text) as LogLine);
    if (pending.length + text.length > pendingBytes) dropped += 1;
    else pending += text;
    writing ??= write().finally(() => {
      writing = undefined;
    });
  }

  async function write(): Promise<void> {
    while (pending !== "") {
      const [lines, lost] = [pending, dropped];
      const loss = lost > 0 ? `{"time":"${time()}","level":"warn","event":"log.dropped","lines":${lost}}\n` : "";
      try {
        await rotate(Buffer.byteLength(lines + loss));
        await appendFile(file, lines + loss, { mode: 0o600 });
      } catch (error) {
        // The lines stay, bounded, until the disk takes them with the next one: logging must not fail who logs.
        return print?.({ time: time(), level: "error", event: "log.write_failed", error: errorMessage(error) });
      }
      pending = pending.slice(lines.length);
      dropped -= lost;
    }
  }

  async function rotate(more: number): Promise<void> {
    const size = await sizeOf(file);
    if (size === 0 || size + more <= bytes) return;
    const named = (n: number) => (n === 0 ? file : `${file}.${n}`);
    for (let n = files; n > 0; n -= 1) if ((await sizeOf(named(n - 1))) > 0) await rename(named(n - 1), named(n));
  }

  const cleaned = (text: string): string => secrets.reduce((clean, secret) => clean.replaceAll(secret, REDACTED), text);

  const logger = (plugin?: string): Logger => ({
    debug: (event, fields) => emit("debug", plugin, event, fields),
    info: (event, fields) => emit("info", plugin, event, fields),
    warn: (event, fields) => emit("warn", plugin, event, fields),
    error: (event, fields) => emit("error", plugin, event, fields),
  });

  return {
    ...logger(),
    child: ({ plugin }: { readonly plugin: string }): Logger => logger(plugin),

    /** From now on this text appears in no line. */
    redact(secret: string): void {
      // As it stands inside JSON; what is too short would blot out ordinary words.
      const inside = JSON.stringify(secret).slice(1, -1);
      if (secret.length >= 6 && !secrets.includes(inside)) secrets = [...secrets, inside].sort((a, b) => b.length - a.length);
    },

    setLevel(level: Level): void {
      least = levels.indexOf(level);
    },

    /** Resolves when everything logged so far is in the file, or could not be written. */
    flush: async (): Promise<void> => writing,
    tail: async (range: LogRange): Promise<LogLines> => {
      await writing;
      return readTail(file, range);
    },
  };
}

/** The newest lines of a log, or those behind a cursor. */
export async function readTail(file: string, { cursor, limit = 500, maxBytes = 250_000 }: LogRange): Promise<LogLines> {
  const size = await sizeOf(file);
  const reset = cursor !== undefined && cursor > size;
  const wanted = cursor === undefined || reset ? 0 : cursor;
  const start = Math.max(wanted, size - maxBytes);
  const lines = (size > start ? await Bun.file(file).slice(start, size).text() : "").split("\n");
  // What begins in the middle of a line, and what is not ended yet, is no line.
  if (start > wanted) lines.shift();
  const unfinished = lines.pop() ?? "";
  const truncated = start > wanted || lines.length > limit;
  return {
    file,
    cursor: size - Buffer.byteLength(unfinished),
    size,
    lines: lines.slice(-limit),
    ...(truncated && { truncated }),
    ...(reset && { reset }),
  };
}

const sizeOf = async (path: string): Promise<number> => (await stat(path).catch(() => undefined))?.size ?? 0; // silent-ok: no file, no bytes

/** What has no JSON, such as a circle, must not fail who logs. */
function written(line: Fields, fields: Fields): string {
  try {
    return JSON.stringify({ ...line, ...fields }, replacer);
  } catch (error) {
    return JSON.stringify({ ...line, unwritable: errorMessage(error) });
  }
}

function replacer(this: unknown, key: string, value: unknown): unknown {
  if (typeof value === "string" && value !== "" && isSensitive([key], undefined)) return REDACTED;
  if (value instanceof Error) return { message: value.message, stack: value.stack };
  return typeof value === "bigint" ? String(value) : value;
}
