/** Telegram as the conformance suite of channels sees it: conversations in private, with ids for the suite's names. */
import type { ChannelPlatform } from "@pincer/plugin-sdk/testing/channel-suite";
import { startFakeTelegram } from "./server.ts";

/** The same number for the same name, as Telegram gives people. */
export const idOf = (name: string): string =>
  String(100_000_000 + (new Bun.CryptoHasher("sha256").update(name).digest().readUInt32BE(0) % 900_000_000));

/** Everybody can be written to, as if they had written before. */
const rooms = ["room-1", "room-2", "room-9"];

export function startSuitePlatform(): ChannelPlatform {
  const telegram = startFakeTelegram();
  for (const room of rooms) telegram.chat({ id: Number(idOf(room)), type: "private", first_name: room });
  return {
    url: telegram.url,
    say: ({ conversation, from, text }) => void telegram.write({ id: Number(from) }, { text }, Number(conversation)),
    get posted() {
      return telegram.world.sent.map(({ chat, text }) => ({ conversation: String(chat), text }));
    },
    async message(index) {
      const { chat, text } = await telegram.message(index);
      return { conversation: String(chat), text };
    },
    [Symbol.asyncDispose]: () => telegram[Symbol.asyncDispose](),
  };
}
