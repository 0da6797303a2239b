/** What is posted to an account, as JSON, and what the inbox is given of it. */
import { attachmentOf, leftOut, tooLarge } from "@pincer/plugin-sdk/channel/media";
import type { InboundMessage } from "@pincer/plugin-sdk/contracts/inbox";
import { visibleText } from "@pincer/plugin-sdk/inbound/invisible";
import { type Static, Type } from "@sinclair/typebox";

const name = (description: string) => Type.String({ minLength: 1, maxLength: 200, description });

export const Event = Type.Object(
  {
    id: name("Names the event: what comes twice under one id is taken once"),
    from: name("Who wrote it, as allowFrom has it"),
    text: Type.String({ maxLength: 100_000 }),
    name: Type.Optional(name("What the sender is called")),
    bot: Type.Optional(Type.Boolean({ description: "The sender is a program; false when absent" })),
    conversation: Type.Optional(name("Where it was written; absent: between the sender and the assistant alone")),
    group: Type.Optional(
      Type.Object(
        {
          name: Type.Optional(name("What the group is called")),
          mentioned: Type.Optional(Type.Boolean({ description: "The assistant was named; true when absent" })),
        },
        { additionalProperties: false, description: "The conversation has several people" },
      ),
    ),
    thread: Type.Optional(name("A conversation within the conversation")),
    replyTo: Type.Optional(
      Type.Object(
        {
          id: name("Of the message that is answered"),
          text: Type.Optional(Type.String({ maxLength: 4000 })),
          own: Type.Optional(Type.Boolean({ description: "It was the assistant's" })),
        },
        { additionalProperties: false },
      ),
    ),
    attachments: Type.Optional(
      Type.Array(
        Type.Object(
          {
            mimeType: name("Such as image/png"),
            fileName: Type.Optional(name("Without a path")),
            data: Type.String({ description: "Base64" }),
          },
          { additionalProperties: false },
        ),
        { maxItems: 20 },
      ),
    ),
    sentAt: Type.Optional(Type.Integer({ minimum: 0, description: "When it was written, in milliseconds since 1970; absent: now" })),
  },
  { additionalProperties: false },
);
export type Event = Static<typeof Event>;

const isBase64 = (text: string): boolean => text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);

interface Place {
  readonly account: string;
  readonly mediaBytes: number;
  /** Epoch milliseconds. */
  readonly now: number;
  /** Somebody waits for the answer to this message, which is therefore answered by itself. */
  readonly isAwaited: boolean;
}

export function readEvent(event: Event, { account, mediaBytes, now, isAwaited }: Place): InboundMessage {
  let room = mediaBytes;
  const notes: string[] = [];
  const attachments = (event.attachments ?? []).flatMap(({ mimeType, fileName, data }) => {
    const bytes = Buffer.byteLength(data, "base64");
    const named = fileName === undefined ? {} : { fileName };
    if (!isBase64(data)) notes.push(leftOut("file", "its data is no base64", named));
    else if (bytes > room) notes.push(leftOut("file", tooLarge(mediaBytes), { ...named, bytes }));
    else {
      room -= bytes;
      return [attachmentOf(Buffer.from(data, "base64"), mimeType, fileName)];
    }
    return [];
  });
  const { group, thread, replyTo } = event;
  const conversation = event.conversation ?? event.from;
  return {
    address: { channel: "webhook", account, conversation, ...(thread !== undefined && { thread }) },
    eventId: event.id,
    messageId: event.id,
    sender: {
      id: event.from,
      ...(event.name !== undefined && { name: visibleText(event.name) }),
      ...(event.bot === true && { bot: true }),
    },
    chat: group ? "group" : "direct",
    ...(group && {
      group: { id: conversation, ...(group.name !== undefined && { name: visibleText(group.name) }) },
      mentioned: group.mentioned ?? true,
    }),
    text: visibleText([event.text, ...notes].filter((each) => each !== "").join("\n")),
    ...(attachments.length > 0 && { attachments }),
    ...(replyTo && {
      replyTo: {
        messageId: replyTo.id,
        ...(replyTo.text !== undefined && { text: visibleText(replyTo.text) }),
        ...(replyTo.own !== undefined && { own: replyTo.own }),
      },
    }),
    sentAt: event.sentAt ?? now,
    ...(isAwaited && { mode: "followup" as const }),
  };
}
