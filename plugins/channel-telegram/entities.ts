/** What Telegram says about parts of a text, which it counts in UTF-16 code units: code and links become Markdown, the bot's own name goes. */
import type { MessageEntity, UserFromGetMe } from "grammy/types";

interface Read {
  readonly text: string;
  /** The bot was named. */
  readonly mentioned: boolean;
}

interface Change {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** A fence that nothing in the code ends. */
const fenceFor = (code: string, least: number): string =>
  "`".repeat(Math.max(least, ...[...code.matchAll(/`+/g)].map(([ticks]) => ticks.length + 1)));

function codeBlock(code: string, language: string): string {
  const fence = fenceFor(code, 3);
  return `${fence}${language}\n${code.replace(/\n$/, "")}\n${fence}`;
}

function inlineCode(code: string): string {
  const fence = fenceFor(code, 1);
  const pad = code.startsWith("`") || code.endsWith("`") ? " " : "";
  return `${fence}${pad}${code}${pad}${fence}`;
}

export function readText(text: string, entities: readonly MessageEntity[], me: UserFromGetMe): Read {
  const own = `@${me.username}`.toLowerCase();
  let mentioned = false;
  const changes: Change[] = [];
  for (const entity of entities) {
    const [from, to] = [entity.offset, entity.offset + entity.length];
    const part = text.slice(from, to);
    const isMention = entity.type === "mention" && part.toLowerCase() === own;
    if (isMention || (entity.type === "text_mention" && entity.user.id === me.id)) {
      mentioned = true;
      changes.push({ from, to: to + gapBehind(text, from, to), text: "" });
    } else if (entity.type === "bot_command") {
      const [, command = "", at = ""] = /^(\/[^@]*)(@.*)?$/s.exec(part) ?? [];
      // A bot that does not read along is given only the commands that are meant for it.
      if (at.toLowerCase() === own || (at === "" && !me.can_read_all_group_messages)) mentioned = true;
      if (at.toLowerCase() === own) changes.push({ from, to, text: command });
    } else if (entity.type === "pre") changes.push({ from, to, text: codeBlock(part, entity.language ?? "") });
    else if (entity.type === "code") changes.push({ from, to, text: inlineCode(part) });
    else if (entity.type === "text_link") changes.push({ from, to, text: part === entity.url ? part : `[${part}](${entity.url})` });
  }
  let read = "";
  let at = 0;
  for (const change of changes.toSorted((a, b) => a.from - b.from || b.to - a.to)) {
    // One that lies in another, such as a link in a quotation of code.
    if (change.from < at) continue;
    read += text.slice(at, change.from) + change.text;
    at = change.to;
  }
  read += text.slice(at);
  return { text: mentioned ? read.trim() : read, mentioned };
}

/** How much behind a name goes with it: of a text that begins with it also what sets it apart. */
function gapBehind(text: string, from: number, to: number): number {
  const behind = text.slice(to);
  if (text.slice(0, from).trim() === "") return /^\s*[,:]?\s*/.exec(behind)?.[0].length ?? 0;
  return /\s$/.test(text.slice(0, from)) && /^[ \t]/.test(behind) ? 1 : 0;
}
