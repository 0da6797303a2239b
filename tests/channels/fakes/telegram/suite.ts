/** Telegram as the conformance suite of channels sees it, with ids for the suite's names. */

import { systemClock } from "@pincer/plugin-sdk/system-clock";
import type { ChannelPlatform, Posted, Said } from "@pincer/plugin-sdk/testing/channel-suite";
import { type FakeTelegram, startFakeTelegram } from "./server.ts";
import type { Sent } from "./world.ts";

/** The same number for the same name, as Telegram gives people; groups are below zero. */
export function idOf(name: string): string {
  const number = 100_000_000 + (new Bun.CryptoHasher("sha256").update(name).digest().readUInt32BE(0) % 900_000_000);
  return name === "club" ? `-${number}` : String(number);
}

/** Where the suite sends to before anybody has written there. */
const room = Number(idOf("room-1"));

const shown = ({ id, chat, text, thread, replyTo, file, buttons }: Sent): Posted => ({
  conversation: String(chat),
  id: String(id),
  text,
  buttons: buttons.map((button) => button.text),
  ...(thread !== undefined && { thread: String(thread) }),
  ...(replyTo !== undefined && { replyTo: String(replyTo) }),
  ...(file && { attachments: [{ fileName: file.name }] }),
});

export const startSuitePlatform = ({ now }: { readonly now?: () => number } = {}): ChannelPlatform =>
  suitePlatform(startFakeTelegram({ clock: now ? { ...systemClock, now } : systemClock }));

export function suitePlatform(telegram: FakeTelegram): ChannelPlatform {
  telegram.chat({ id: room, type: "private", first_name: "Ada" }, [7]);

  function messageOf({ text, group, thread, attachments = [] }: Said): Record<string, unknown> {
    const name = "@pincer_bot";
    const said = group?.mentions ? { text: `${name} ${text}`, entities: [{ type: "mention", offset: 0, length: name.length }] } : { text };
    const inThread = thread === undefined ? {} : { message_thread_id: Number(thread), is_topic_message: true };
    const [file] = attachments;
    if (!file) return { ...said, ...inThread };
    const bytes = Buffer.from(file.data, "base64");
    const document = {
      file_id: telegram.file(bytes, `documents/${file.fileName}`),
      file_unique_id: "u",
      file_name: file.fileName,
      mime_type: file.mimeType,
    };
    return { caption: text, document, ...inThread };
  }

  return {
    url: telegram.url,
    say(said) {
      const chat = Number(said.conversation);
      if (said.group && !telegram.world.chats.has(chat)) telegram.chat({ id: chat, type: "group", title: "Club" });
      return String(telegram.write({ id: Number(said.from) }, messageOf(said), chat));
    },
    get posted() {
      return telegram.world.sent.map(shown);
    },
    message: async (index) => shown(await telegram.message(index)),
    until: telegram.until,
    press(index, from, label) {
      const message = telegram.world.sent[index]!;
      telegram.press({ id: Number(from) }, message, message.buttons.find(({ text }) => text === label)!.callback_data);
    },
    revoke: () => telegram.revoke(telegram.token),
    [Symbol.asyncDispose]: () => telegram[Symbol.asyncDispose](),
  };
}
