/** What a message says on a channel that cannot show all of it: answers that cannot be pressed, and files that cannot be sent, are told in its text. */
import type { ChannelRecord } from "@pincer/plugin-sdk/contracts/channel";
import type { Attachment } from "@pincer/plugin-sdk/contracts/inbox";
import type { OutboundMessage } from "@pincer/plugin-sdk/contracts/outbox";
import { nameOf } from "./attachments.ts";

const bytesOf = ({ data }: Attachment): number =>
  Math.floor((data.length * 3) / 4) - (data.endsWith("==") ? 2 : data.endsWith("=") ? 1 : 0);
const sizeText = (bytes: number): string => (bytes < 1_000_000 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`);
type Record = Pick<ChannelRecord, "label" | "choices" | "attachments" | "attachmentBytes">;

export interface Composition {
  /** Markdown. */
  readonly text: string;
  readonly attachments: readonly Attachment[];
  /** Of each file that is left out, why; the text says so too. */
  readonly leftOut: readonly string[];
}

export function compose({ text, choices = [], attachments = [] }: OutboundMessage, record: Record): Composition {
  const limit = record.attachmentBytes ?? Number.POSITIVE_INFINITY;
  const sendable = attachments.filter((attachment) => record.attachments === true && bytesOf(attachment) <= limit);
  const left = attachments.filter((attachment) => !sendable.includes(attachment));
  const leftOut = left.map((attachment) => {
    const why = record.attachments === true ? `${record.label} takes at most ${sizeText(limit)}` : `${record.label} takes no files`;
    return `not sent: \`${nameOf(attachment)}\` (${sizeText(bytesOf(attachment))}); ${why}`;
  });
  const notes = leftOut.map((note) => `[${note}]`);
  const written = record.choices === true || choices.length === 0 ? [] : [`To answer, write:\n${choices.map(asLine).join("\n")}`];
  return { text: [text, ...notes, ...written].filter((part) => part.trim() !== "").join("\n\n"), attachments: sendable, leftOut };
}

const asLine = ({ label, text }: { readonly label: string; readonly text: string }): string =>
  label === text ? `- \`${text}\`` : `- \`${text}\`: ${label}`;
