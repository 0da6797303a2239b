/** What is written to the terminal. Colour only where a person sees it, and not when NO_COLOR asks for none. */
import type { styleText } from "node:util";
import { nodeUtil } from "../builtin.ts";
import type { Level, LogLine } from "../log.ts";
import type { CliError } from "./failure.ts";

const paint = (format: Parameters<typeof styleText>[0]) => (text: string) => nodeUtil().styleText(format, text);
export const bold = paint("bold");
export const dim = paint("dim");
export const red = paint("red");
export const green = paint("green");
export const yellow = paint("yellow");
export const cyan = paint("cyan");

/** For `JSON.parse`: what others wrote, models, senders and devices, must not command the terminal, nor turn the order of what is read. */
export const shownPlainly = (_key: string, value: unknown): unknown =>
  typeof value === "string" ? value.replaceAll("\r\n", "\n").replace(/[^\P{Cc}\n\t]|\p{Bidi_Control}/gu, "\ufffd") : value;

export type Terminal = ReturnType<typeof createTerminal>;

export function createTerminal(json: boolean) {
  let isWatched = false;
  const print = (text: string) => {
    // Whoever reads may have had enough, as `head` does.
    if (!isWatched) process.stdout.on("error", ({ code }: NodeJS.ErrnoException) => process.exit(code === "EPIPE" ? 0 : 1));
    isWatched = true;
    process.stdout.write(`${text}\n`);
  };
  return {
    json,
    /** Whether a person reads along. */
    get isInteractive() {
      return process.stdout.isTTY === true && !json;
    },
    print,
    /** The answer: the value with --json, else the text. */
    result: (value: unknown, text: string) => print(json ? JSON.stringify(value, null, 2) : text),
    /** Progress, for people only. */
    note(text: string) {
      if (!json) process.stderr.write(`${dim(text)}\n`);
    },
    fail({ code, message, next, details }: CliError) {
      if (json) return print(JSON.stringify({ ok: false, error: { code, message, next, details } }, null, 2));
      const lines = [`${red("error")} ${message.replace(/[^\P{Cc}\n\t]|\p{Bidi_Control}/gu, "\ufffd")}`]; // a server may have written it
      if (next) lines.push(...next.split("\n").map((line, i) => `${dim(i === 0 ? "next " : "     ")} ${line}`));
      if (typeof details === "string" && details !== "") lines.push(dim(details));
      process.stderr.write(`${lines.join("\n")}\n`);
    },
  };
}

const padded = (text: string, width: number): string => text + " ".repeat(Math.max(0, width - Bun.stringWidth(text)));

/** Rows with the first column as wide as its cells, the second wrapped to the terminal. What would leave it no room has a line of its own. */
export function columns(rows: readonly (readonly [string, string])[], indent = "", least = 0): string[] {
  const edge = Math.min(process.stdout.columns ?? 100, 110) - indent.length - 2;
  const widths = rows.map(([first]) => Bun.stringWidth(first));
  const width = Math.max(least, ...widths.filter((wide) => wide < edge / 2));
  return rows.flatMap(([first, second], row) => {
    const lines = Bun.wrapAnsi(second, Math.max(30, edge - width)).split("\n");
    if (widths[row]! > width) lines.unshift("");
    return lines.map((line, i) => `${indent}${padded(i === 0 ? first : "", width)}  ${line}`.trimEnd());
  });
}

/** A table with a head. For a person the last column ends at the terminal's edge; elsewhere nothing is cut. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(...[title, ...rows.map((row) => row[i] ?? "")].map((cell) => Bun.stringWidth(cell))));
  const room = (process.stdout.columns ?? Infinity) - widths.slice(0, -1).reduce((sum, width) => sum + width + 2, 0);
  const last = (cell: string) => (room > 8 ? Bun.sliceAnsi(cell, 0, room, "…") : cell);
  const line = (cells: readonly string[]) =>
    cells
      .map((cell) => cell.replaceAll("\n", " "))
      .map((cell, i) => (i === head.length - 1 ? last(cell) : padded(cell, widths[i]!)))
      .join("  ");
  return [dim(line(head)), ...rows.map(line)].map((text) => text.trimEnd()).join("\n");
}

export function duration(ms: number): string {
  const step = Object.entries({ d: 86_400_000, h: 3_600_000, min: 60_000, s: 1000 }).find(([, size]) => ms >= size);
  return step ? `${Math.floor(ms / step[1])} ${step[0]}` : `${Math.round(ms)} ms`;
}

const levelColours: Readonly<Record<Level, (text: string) => string>> = { debug: dim, info: cyan, warn: yellow, error: red };

/** A line of the log for people. */
export function logLine({ time, level, event, plugin, ...fields }: LogLine): string {
  const rest = Object.entries(fields).map(
    ([key, value]) => `${dim(`${key}=`)}${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  const what = plugin === undefined ? event : `${plugin}: ${event}`;
  return [dim(time.slice(11, 19)), levelColours[level](level.padEnd(5)), what, ...rest].join(" ");
}
