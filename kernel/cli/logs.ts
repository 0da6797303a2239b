/** `pincer logs`: read from the file itself, so that the log of a gateway that does not run can be read too. */
import { existsSync } from "node:fs";
import { EXIT } from "@pincer/plugin-sdk/command/exit";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { type Level, type LogLine, levels, readTail } from "../log.ts";
import { type Run, usageError } from "./command.ts";
import { CliError } from "./failure.ts";
import { logLine, shownPlainly } from "./terminal.ts";

const lookMs = 200;

export const logs: Run = async ({ flags, home, terminal }) => {
  const least = levels.indexOf((flags["level"] ?? "debug") as Level);
  if (least < 0) throw usageError(`--level is one of ${levels.join(", ")}`);
  const limit = Number(flags["lines"] ?? 50);
  if (!(limit > 0)) throw usageError(`--lines: expected a number of at least 1, came ${JSON.stringify(flags["lines"])}`);
  if (!existsSync(home.logFile)) throw new CliError(`there is no log yet at ${home.logFile}`, { next: "pincer up" });
  const show = (text: string) => {
    const line = parsed(text);
    if (line && levels.indexOf(line.level) < least) return;
    terminal.print(terminal.json || !line ? text : logLine(line));
  };
  let { lines, cursor } = await readTail(home.logFile, { limit, maxBytes: 1_000_000 });
  for (;;) {
    lines.forEach(show);
    if (!flags["follow"]) return EXIT.done;
    await systemClock.sleep(lookMs);
    ({ lines, cursor } = await readTail(home.logFile, { cursor, limit: 5_000, maxBytes: 1_000_000 }));
  }
};

function parsed(text: string): LogLine | undefined {
  try {
    return JSON.parse(text, shownPlainly) as LogLine;
  } catch {
    return undefined; // silent-ok: shown as it is
  }
}
