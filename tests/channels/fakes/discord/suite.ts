/** Discord as the conformance suite of channels sees it, with ids for the suite's names. */
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import type { ChannelPlatform, Posted, Said } from "@pincer/plugin-sdk/testing/channel-suite";
import { type FakeDiscord, startFakeDiscord } from "./server.ts";
import type { Sent } from "./world.ts";

/** The same number for the same name, as long as Discord's are. */
export const idOf = (name: string): string =>
  `1${new Bun.CryptoHasher("sha256").update(name).digest().readBigUInt64BE(0) % 100_000_000_000_000_000n}`.padEnd(18, "0");

const GUILD = idOf("a server");

/** Marks as they are read: of what the suite sends, only characters that are escaped. */
const read = (content: string): string => content.replace(/\\([^\w\s])/g, "$1");

export const startSuitePlatform = ({ now }: { readonly now?: () => number } = {}): ChannelPlatform =>
  suitePlatform(startFakeDiscord({ keepsEarly: true, clock: now ? { ...systemClock, now } : systemClock }));

export function suitePlatform(discord: FakeDiscord): ChannelPlatform {
  const me = discord.bot.user.id;
  const threads = new Map<string, string>();
  discord.guild({ id: GUILD, name: "A server", roles: [] });
  discord.direct({ id: idOf("ada") }, idOf("room-1"));

  const shown = ({ message, files }: Sent): Posted => {
    const { parent_id: parent } = discord.world.channels.get(message.channel_id)!;
    const thread = threads.get(message.channel_id);
    const replyTo = (message["message_reference"] as { message_id: string } | undefined)?.message_id;
    const rows = (message.components ?? []) as { components: { label: string }[] }[];
    return {
      conversation: thread === undefined ? message.channel_id : parent!,
      id: message.id,
      text: read(message.content),
      buttons: rows.flatMap(({ components }) => components.map(({ label }) => label)),
      ...(thread !== undefined && { thread }),
      ...(replyTo !== undefined && { replyTo }),
      ...(files.length > 0 && { attachments: files.map(({ name, mimeType }) => ({ fileName: name, mimeType })) }),
    };
  };

  function channelFor({ conversation, from, group, thread }: Said): string {
    if (thread !== undefined) {
      const id = idOf(`${conversation}/${thread}`);
      if (!threads.has(id)) discord.channel({ id, type: 11, guild_id: GUILD, parent_id: conversation, name: thread });
      threads.set(id, thread);
      return id;
    }
    if (discord.world.channels.has(conversation)) return conversation;
    if (group) discord.channel({ id: conversation, type: 0, guild_id: GUILD, name: "club" });
    else discord.direct({ id: from }, conversation);
    return conversation;
  }

  return {
    url: discord.origin,
    say(said) {
      const { text, from, group, thread, attachments = [] } = said;
      // In a thread, which is in a server, it is spoken to by name.
      const content = group?.mentions || thread !== undefined ? `<@${me}> ${text}` : text;
      const files = attachments.map(({ data, fileName = "file", mimeType }) =>
        discord.file(Buffer.from(data, "base64"), fileName, mimeType),
      );
      return discord.write({ id: from }, channelFor(said), { content, attachments: files });
    },
    get posted() {
      return discord.world.sent.map(shown);
    },
    message: async (index) => shown(await discord.message(index)),
    until: discord.until,
    press: (index, from, label) => void discord.press({ id: from }, discord.world.sent[index]!, label),
    revoke: () => discord.revoke(discord.token),
    [Symbol.asyncDispose]: () => discord[Symbol.asyncDispose](),
  };
}
