/** What people do on Discord: they write, in private and in channels, send files, type commands and press buttons; bots are told of it. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { Gateway } from "./gateway.ts";
import { type Channel, type Guild, type Interaction, type Message, place, type Sent, type User, type World } from "./world.ts";

const GUILD_MESSAGES = 1 << 9;
const DIRECT_MESSAGES = 1 << 12;
const MESSAGE_CONTENT = 1 << 15;

export interface Person {
  readonly id: string;
  readonly username?: string;
  readonly global_name?: string;
  readonly bot?: boolean;
  /** What a server calls them. */
  readonly nick?: string;
}

export interface People {
  guild(guild: Guild): void;
  channel(channel: Channel): void;
  /** The conversation between somebody and the bot. */
  direct(person: Person, id: string): void;
  /** Somebody writes. Further fields of the message as Discord has them. Answers with its id. */
  write(from: Person, channel: string, message: Readonly<Record<string, unknown>>): string;
  /** Somebody types a command that the bot has in its menu. */
  command(from: Person, channel: string, name: string, options?: Readonly<Record<string, string>>): Interaction;
  /** Somebody presses a button under a message of the bot's. */
  press(from: Person, message: Sent, label: string): Interaction;
  /** A file that somebody sent, as it stands in `attachments`; `size` may say more than there is. */
  file(bytes: Uint8Array, filename: string, contentType: string, size?: number): Record<string, unknown>;
  /** Its address is signed anew, and the one before holds no more. */
  resign(attachment: Record<string, unknown>): void;
  publish(message: Message): void;
}

export const userOf = ({ id, username = `person-${id}`, global_name, bot = false }: Person): User => ({
  id,
  username,
  global_name: global_name ?? null,
  discriminator: "0",
  avatar: null,
  ...(bot && { bot }),
});

export function createPeople(world: World, clock: Clock, gateway: Gateway): People {
  const channelOf = (id: string): Channel => {
    const channel = world.channels.get(id);
    if (!channel) throw new Error(`there is no channel ${id}`);
    return channel;
  };
  const memberOf = ({ nick }: Person) => ({
    nick: nick ?? null,
    roles: [],
    joined_at: "2026-01-01T00:00:00.000Z",
    deaf: false,
    mute: false,
  });

  const publish: People["publish"] = (message) => {
    const { guild_id: guild } = channelOf(message.channel_id);
    gateway.tell("MESSAGE_CREATE", (intents, bot) => {
      if ((intents & (guild === undefined ? DIRECT_MESSAGES : GUILD_MESSAGES)) === 0) return undefined;
      const isMentioned = new RegExp(`<@!?${bot.user.id}>`).test(message.content);
      const isShown = (intents & MESSAGE_CONTENT) !== 0 || guild === undefined || isMentioned || message.author.id === bot.user.id;
      const shown = { ...message, ...(guild !== undefined && { guild_id: guild }) };
      return isShown ? shown : { ...shown, content: "", attachments: [], embeds: [], components: [] };
    });
  };

  function interact(
    from: Person,
    channel: string,
    fields: Readonly<Record<string, unknown>>,
    bot = [...world.bots.values()][0]!,
  ): Interaction {
    const { guild_id: guild, recipients: _recipients, ...shown } = channelOf(channel);
    const id = world.snowflake();
    const interaction: Interaction = {
      id,
      token: `interaction-token-of-${id}`,
      bot: bot.token,
      channel,
      at: clock.now(),
      state: "waiting",
    };
    world.interactions.set(id, interaction);
    const user = userOf(from);
    const event = {
      id,
      application_id: bot.user.id,
      token: interaction.token,
      version: 1,
      channel_id: channel,
      channel: shown,
      locale: "en-US",
      attachment_size_limit: 10 * 1024 * 1024,
      ...(guild === undefined
        ? { user, context: 1 }
        : { guild_id: guild, member: { ...memberOf(from), user, permissions: "0" }, context: 0 }),
      ...fields,
    };
    gateway.tell("INTERACTION_CREATE", (_intents, to) => (to === bot ? event : undefined));
    return interaction;
  }

  return {
    publish,
    guild: (guild) => void world.guilds.set(guild.id, guild),
    channel: (channel) => void world.channels.set(channel.id, channel),
    direct: (person, id) => void world.channels.set(id, { id, type: 1, recipients: [userOf(person)] }),

    write(from, channel, message) {
      const { guild_id: guild } = channelOf(channel);
      const id = world.snowflake();
      const content = String(message["content"] ?? "");
      const named = [...content.matchAll(/<@!?(\d+)>/g)].flatMap(([, user]) => {
        const bot = [...world.bots.values()].find((each) => each.user.id === user);
        return bot ? [bot.user] : [];
      });
      const reference = message["message_reference"] as { message_id?: string; type?: number } | undefined;
      const answered = reference?.type === 1 ? undefined : world.messages.get(channel)?.find((each) => each.id === reference?.message_id);
      const whole: Message = {
        id,
        channel_id: channel,
        type: answered ? 19 : 0,
        author: userOf(from),
        timestamp: new Date(clock.now()).toISOString(),
        edited_timestamp: null,
        tts: false,
        pinned: false,
        mention_everyone: false,
        mentions: named,
        mention_roles: [...content.matchAll(/<@&(\d+)>/g)].map(([, role]) => role),
        attachments: [],
        embeds: [],
        components: [],
        ...(guild !== undefined && { member: memberOf(from) }),
        ...(answered && { referenced_message: answered }),
        ...message,
        content,
      };
      world.messages.set(channel, [...(world.messages.get(channel) ?? []), whole]);
      publish(whole);
      return id;
    },

    command(from, channel, name, options = {}) {
      const bot = [...world.bots.values()].find(({ commands }) => commands.some((command) => command["name"] === name));
      if (!bot) throw new Error(`no bot has the command ${name} in its menu`);
      const data = {
        id: world.snowflake(),
        name,
        type: 1,
        options: Object.entries(options).map(([key, value]) => ({ name: key, type: 3, value })),
      };
      return interact(from, channel, { type: 2, data }, bot);
    },

    press(from, { message }, label) {
      const buttons = (message.components as { components: { label: string; custom_id: string }[] }[]).flatMap(
        ({ components }) => components,
      );
      const button = buttons.find((each) => each.label === label);
      if (!button) throw new Error(`there is no button ${label}`);
      return interact(from, message.channel_id, { type: 3, data: { custom_id: button.custom_id, component_type: 2 }, message });
    },

    file(bytes, filename, contentType, size = bytes.length) {
      const id = world.snowflake();
      const path = `/attachments/${place("1", id)}/${filename}`;
      const signature = `ex=${id}&is=1&hm=a`;
      world.files.set(path, { bytes, mimeType: contentType, signature });
      return { id, filename, content_type: contentType, size, url: `https://cdn.discordapp.com${path}?${signature}`, proxy_url: "" };
    },

    resign(attachment) {
      const { pathname } = new URL(String(attachment["url"]));
      const file = world.files.get(pathname)!;
      file.signature = `ex=${world.snowflake()}&is=2&hm=b`;
      const id = attachment["id"];
      const fresh = { ...attachment, url: `https://cdn.discordapp.com${pathname}?${file.signature}` };
      for (const messages of world.messages.values())
        for (const message of messages)
          message["attachments"] = (message["attachments"] as Record<string, unknown>[]).map((each) => (each["id"] === id ? fresh : each));
    },
  };
}
