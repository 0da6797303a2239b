/** What a plugin that nobody trusts may write into the gateway's log: so many lines, so long, and each in its own name. */
import type { Clock } from "../clock.ts";
import type { Logger } from "../plugin.ts";

/** In a second; what is beyond is counted, and told in one line. */
const mostLines = 200;
const mostChars = 4_096;
/** What the log itself says of a line. */
const taken: ReadonlySet<string> = new Set(["time", "level", "event", "plugin", "repeated"]);

export function fieldsOf(given: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  const fields = Object.fromEntries(Object.entries(given).filter(([name]) => !taken.has(name)));
  const text = JSON.stringify(fields);
  return text.length <= mostChars ? fields : { cut: text.slice(0, mostChars) };
}

/** True for so many lines in a second; how many were refused is told when the second is over. */
export function logBudget(plugin: string, clock: Clock, log: Logger): () => boolean {
  let count = 0;
  let isCounting = false;
  return () => {
    if (!isCounting) {
      isCounting = true;
      clock.after(1_000, () => {
        if (count > mostLines) log.warn("plugin.log-flood", { plugin, lost: count - mostLines });
        isCounting = false;
        count = 0;
      });
    }
    return ++count <= mostLines;
  };
}
