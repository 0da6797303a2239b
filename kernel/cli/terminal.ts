/** What is written to the terminal. Colour only where a person sees it, and not when NO_COLOR asks for none. */
import type { Level, LogLine } from "../log.ts";
import type { CliError } from "./failure.ts";

/** Asked for when something is painted or printed: the first look at the standard output costs a gateway's start 10 ms. */
const isColoured = (): boolean => process.stdout.isTTY === true && !process.env["NO_COLOR"] && process.env["TERM"] !== "dumb";
const paint = (code: number) => (text: string) => (isColoured() ? `\u001b[${code}m${text}\u001b[0m` : text);
export const bold = paint(1);
export const dim = paint(2);
export const red = paint(31);
export const green = paint(32);
export const yellow = paint(33);
export const cyan = paint(36);
export const heading = (text: string): string => bold(text);

export interface Terminal {
  readonly json: boolean;
  /** Whether a person reads along. */
  readonly isInteractive: boolean;
  print(text: string): void;
  /** The answer: the value with --json, else the text. */
  result(value: unknown, text: string): void;
  /** Progress, for people only. */
  note(text: string): void;
  fail(error: CliError): void;
}

export function createTerminal(json: boolean): Terminal {
  const print = (text: string) => void process.stdout.write(`${text}\n`);
  return {
    json,
    get isInteractive() {
      return process.stdout.isTTY === true && !json;
    },
    print,
    result: (value, text) => print(json ? JSON.stringify(value, null, 2) : text),
    note: (text) => {
      if (!json) process.stderr.write(`${dim(text)}\n`);
    },
    fail(error) {
      const { code, message, next, details } = error;
      if (json) return print(JSON.stringify({ ok: false, error: { code, message, next, details } }, null, 2));
      const lines = [`${red("error")} ${message}`];
      if (next) lines.push(...next.split("\n").map((line, i) => `${dim(i === 0 ? "next " : "     ")} ${line}`));
      if (typeof details === "string") lines.push(dim(details));
      process.stderr.write(`${lines.join("\n")}\n`);
    },
  };
}

const visible = (text: string): number => Bun.stringWidth(text);

/** Rows with the first column as wide as its widest cell, the second wrapped to the terminal. */
export function columns(rows: readonly (readonly [string, string])[], indent = "", least = 0): string[] {
  const width = Math.max(least, ...rows.map(([first]) => visible(first)));
  const room = Math.max(30, Math.min(process.stdout.columns ?? 100, 110) - indent.length - width - 2);
  return rows.flatMap(([first, second]) =>
    wrap(second, room).map((line, i) =>
      `${indent}${i === 0 ? first + " ".repeat(width - visible(first)) : " ".repeat(width)}  ${line}`.trimEnd(),
    ),
  );
}

export function wrap(text: string, width: number): string[] {
  const lines: string[] = [""];
  for (const word of text.split(" ")) {
    const last = lines[lines.length - 1]!;
    if (last !== "" && visible(last) + 1 + visible(word) > width) lines.push(word);
    else lines[lines.length - 1] = last === "" ? word : `${last} ${word}`;
  }
  return lines;
}

/** A table with a head. For a person the last column ends at the terminal's edge; elsewhere nothing is cut. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(visible(title), ...rows.map((row) => visible(row[i] ?? ""))));
  const room = (process.stdout.columns ?? Infinity) - widths.slice(0, -1).reduce((sum, width) => sum + width + 2, 0);
  const last = (cell: string) => (visible(cell) > room && room > 8 ? `${Bun.stripANSI(cell).slice(0, room - 1)}…` : cell);
  const line = (cells: readonly string[]) =>
    cells.map((cell, i) => (i === head.length - 1 ? last(cell) : cell + " ".repeat(widths[i]! - visible(cell)))).join("  ");
  return [dim(line(head)), ...rows.map(line)].map((text) => text.trimEnd()).join("\n");
}

export function duration(ms: number): string {
  const steps: [number, string][] = [
    [86_400_000, "d"],
    [3_600_000, "h"],
    [60_000, "min"],
    [1000, "s"],
  ];
  const step = steps.find(([size]) => ms >= size);
  return step ? `${Math.floor(ms / step[0])} ${step[1]}` : `${Math.round(ms)} ms`;
}

const levelColours: Readonly<Record<Level, (text: string) => string>> = { debug: dim, info: cyan, warn: yellow, error: red };

/** A line of the log for people. */
export function logLine({ time, level, event, plugin, ...fields }: LogLine): string {
  const rest = Object.entries(fields).map(
    ([key, value]) => `${dim(`${key}=`)}${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  return [
    dim(time.slice(11, 19)),
    levelColours[level](level.padEnd(5)),
    `${plugin === undefined ? "" : `${plugin}: `}${event}`,
    ...rest,
  ].join(" ");
}
