/** What is written to the terminal. */
import { cyan, dim, red, yellow } from "@pincer/plugin-sdk/command/colour";
import { EXIT } from "@pincer/plugin-sdk/command/exit";
import { withoutControls } from "@pincer/plugin-sdk/command/plain";
import type { Level, LogLine } from "../log.ts";
import type { CliError } from "./failure.ts";

/** For `JSON.parse`: what others wrote, models, senders and devices, must not command the terminal, nor turn the order of what is read. */
export const shownPlainly = (_key: string, value: unknown): unknown => (typeof value === "string" ? withoutControls(value) : value);

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
    fail({ code, message, exit, next = exit === EXIT.usage ? "pincer --help" : undefined, details }: CliError) {
      if (json) return print(JSON.stringify({ ok: false, error: { code, message, next, details } }, null, 2));
      // A server may have written it: no line of it is to look like one of ours.
      const lines = [`${red("error")} ${withoutControls(message).replaceAll("\n", "\n      ")}`];
      if (next) lines.push(...next.split("\n").map((line, i) => `${dim(i === 0 ? "next " : "     ")} ${line}`));
      if (typeof details === "string" && details !== "") lines.push(dim(details));
      process.stderr.write(`${lines.join("\n")}\n`);
    },
  };
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
