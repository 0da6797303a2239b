/** What Slack takes as blocks (docs.slack.dev/reference/block-kit/blocks, /block-elements/button-element), and what people read of a message. */
import { Refusal } from "./refusal.ts";

export interface Button {
  readonly text: string;
  readonly action_id: string;
  readonly value: string;
}

interface Block {
  readonly type: string;
  readonly text?: { readonly type: string; readonly text: string };
  readonly elements?: readonly {
    readonly type: string;
    readonly action_id: string;
    readonly value: string;
    readonly text: { readonly type: string; readonly text: string };
  }[];
}

const within = (text: string | undefined, most: number): boolean => text !== undefined && text.length > 0 && text.length <= most;

/** Throws `invalid_blocks`. */
export function readBlocks(blocks: readonly Block[]): { readonly sections: readonly string[]; readonly buttons: readonly Button[] } {
  const refuse = (what: string): never => {
    throw new Refusal("invalid_blocks", { response_metadata: { messages: [`[ERROR] ${what}`] } });
  };
  if (blocks.length > 50) refuse("no more than 50 items allowed [json-pointer:/blocks]");
  const sections: string[] = [];
  const buttons: Button[] = [];
  for (const { type, text, elements } of blocks) {
    if (type === "section") {
      if (text?.type !== "mrkdwn" || !within(text.text, 3000))
        refuse("must be less than 3001 characters [json-pointer:/blocks/0/text/text]");
      sections.push(text?.text ?? "");
    } else if (type === "actions") {
      if (!elements || elements.length === 0 || elements.length > 25) refuse("between 1 and 25 items [json-pointer:/blocks/0/elements]");
      const ids = new Set<string>();
      for (const button of elements ?? []) {
        if (button.type !== "button" || button.text.type !== "plain_text") refuse("unsupported type");
        if (!within(button.text.text, 75)) refuse("must be less than 76 characters");
        if (!within(button.action_id, 255) || ids.has(button.action_id)) refuse("action_id must be unique");
        if (!within(button.value, 2000)) refuse("must be less than 2001 characters");
        ids.add(button.action_id);
        buttons.push({ text: button.text.text, action_id: button.action_id, value: button.value });
      }
    } else refuse(`unsupported type: ${type}`);
  }
  return { sections, buttons };
}

const decode = (text: string): string => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

/** The text without marks, as Slack shows it (docs.slack.dev/messaging/formatting-message-text). */
export function shown(text: string): string {
  const plain = text
    .replace(/```\n?([\s\S]*?)\n?```/g, "$1")
    .replace(/`([^`\n]+)`/g, "$1")
    .replace(/<([^<>|\s]+)\|([^<>]*)>/g, "$2")
    .replace(/<([^<>|\s]+)>/g, "$1")
    .replace(/(?<![\p{L}\p{N}*])\*([^*\n]+)\*(?![\p{L}\p{N}*])/gu, "$1")
    .replace(/(?<![\p{L}\p{N}_])_([^_\n]+)_(?![\p{L}\p{N}_])/gu, "$1")
    .replace(/(?<![\p{L}\p{N}~])~([^~\n]+)~(?![\p{L}\p{N}~])/gu, "$1");
  return decode(plain);
}

/** What of a text Slack would take as something else than its writer: `<` begins a link or a mention, and must be closed. */
export function strayMarks(text: string): readonly string[] {
  return text.replace(/<(https?:[^<>\s|]+|mailto:[^<>\s|]+)(\|[^<>]*)?>/g, "").match(/<[^>]*>?|>(?!.*\n?)/g) ?? [];
}
