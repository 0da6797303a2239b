/** What platforms write as numbers, `<@U12>` and `<#34>`, as the names that people see. */

export interface Names {
  readonly user?: (id: string) => string | undefined;
  readonly channel?: (id: string) => string | undefined;
  readonly role?: (id: string) => string | undefined;
}

/** Runs `replace` on what is not code, which keeps what stands in it. */
export function outsideCode(text: string, replace: (part: string) => string): string {
  const parts: string[] = [];
  let at = 0;
  while (at < text.length) {
    const open = /`+/g;
    open.lastIndex = at;
    const ticks = open.exec(text);
    const end = ticks === null ? -1 : closing(text, ticks.index + ticks[0].length, ticks[0].length);
    if (ticks === null) break;
    // A backtick that nothing closes is one.
    const until = end < 0 ? ticks.index + ticks[0].length : ticks.index;
    parts.push(replace(text.slice(at, until)));
    if (end >= 0) parts.push(text.slice(ticks.index, end));
    at = end < 0 ? until : end;
  }
  return parts.join("") + replace(text.slice(at));
}

/** Markdown as Discord sends it, with names for numbers, and times as one reads them. A name that nobody knows stays its number. */
export function withNames(text: string, { user, channel, role }: Names): string {
  const named = (sign: string, id: string, name: string | undefined) => sign + oneLine(name ?? id);
  return outsideCode(text, (part) =>
    part
      .replace(/<@!?(\d{1,24})>/g, (_token, id: string) => named("@", id, user?.(id)))
      .replace(/<@&(\d{1,24})>/g, (_token, id: string) => named("@", id, role?.(id)))
      .replace(/<#(\d{1,24})>/g, (_token, id: string) => named("#", id, channel?.(id)))
      .replace(/<a?(:\w{1,40}:)\d{1,24}>/g, "$1")
      .replace(/<(\/[\p{L}\p{N}_ -]{1,100}):\d{1,24}>/gu, "$1")
      .replace(/<t:(-?\d{1,11})(?::[a-zA-Z])?>/g, (_token, seconds: string) => new Date(Number(seconds) * 1000).toISOString()),
  );
}

/** A name that a stranger chose stands in a line, and ends no code. */
export const oneLine = (name: string): string =>
  name
    .replace(/[\s`]+/g, " ")
    .trim()
    .slice(0, 100);

function closing(text: string, from: number, length: number): number {
  const ticks = /`+/g;
  ticks.lastIndex = from;
  for (let run = ticks.exec(text); run !== null; run = ticks.exec(text)) if (run[0].length === length) return ticks.lastIndex;
  return -1;
}
