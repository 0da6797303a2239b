/** What Telegram says about parts of a text, as Markdown; the bot's own name is recognised, and goes. */
import { type MarkedRange, markedText } from "@pincer/plugin-sdk/inbound/marked-text";
import type { MessageEntity, UserFromGetMe } from "grammy/types";

interface Read {
  readonly text: string;
  /** The bot was named. */
  readonly mentioned: boolean;
}

const MARKS: Readonly<Partial<Record<MessageEntity["type"], MarkedRange["mark"]>>> = {
  bold: "bold",
  italic: "italic",
  strikethrough: "strike",
  code: "code",
  blockquote: "quote",
  expandable_blockquote: "quote",
};

/** How much behind a name goes with it: of a text that begins with it also what sets it apart. */
function gapBehind(text: string, from: number, to: number): number {
  const behind = text.slice(to);
  if (text.slice(0, from).trim() === "") return /^\s*[,:]?\s*/.exec(behind)?.[0].length ?? 0;
  return /\s$/.test(text.slice(0, from)) && /^[ \t]/.test(behind) ? 1 : 0;
}

export function readText(text: string, entities: readonly MessageEntity[], me: UserFromGetMe): Read {
  const own = `@${me.username}`.toLowerCase();
  let mentioned = false;
  const ranges = entities.flatMap((entity): MarkedRange[] => {
    const { offset, length } = entity;
    const part = text.slice(offset, offset + length);
    const isName =
      (entity.type === "mention" && part.toLowerCase() === own) || (entity.type === "text_mention" && entity.user.id === me.id);
    if (isName) {
      mentioned = true;
      return [{ mark: "name", name: "", offset, length: length + gapBehind(text, offset, offset + length) }];
    }
    if (entity.type === "bot_command") {
      const [, command = "", at = ""] = /^(\/[^@]*)(@.*)?$/s.exec(part) ?? [];
      const isNamed = at.toLowerCase() === own;
      // A bot that does not read along is given only the commands that are meant for it.
      if (isNamed || (at === "" && !me.can_read_all_group_messages)) mentioned = true;
      return isNamed ? [{ mark: "name", name: command, offset, length }] : [];
    }
    if (entity.type === "pre")
      return [{ mark: "code-block", offset, length, ...(entity.language !== undefined && { language: entity.language }) }];
    if (entity.type === "text_link") return [{ mark: "link", offset, length, url: entity.url }];
    const mark = MARKS[entity.type];
    return mark === undefined ? [] : [{ mark, offset, length }];
  });
  const read = ranges.length === 0 ? text : markedText(text, ranges);
  return { text: mentioned ? read.trim() : read, mentioned };
}
