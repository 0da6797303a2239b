/**
 * The REST API, version 10, as far as a bot that talks needs it (discord.com/developers/docs/resources/message, resources/channel, resources/user,
 * resources/application, interactions/receiving-and-responding, interactions/application-commands, topics/gateway#get-gateway-bot).
 */
import type { Clock } from "@pincer/plugin-sdk/clock";
import { type Body, checkMessage } from "./body.ts";
import { invalidForm, Refusal, unknownChannel, unknownInteraction, unknownMessage, unknownWebhook } from "./refusal.ts";
import { type Bot, type Channel, type Interaction, type Message, place, type Sent, type World } from "./world.ts";

/** "The past few minutes." */
const NONCE_MS = 3 * 60_000;
const SIGN_MS = 3_000;
const TOKEN_MS = 15 * 60_000;

export interface Call {
  /** Undefined where none is asked for. */
  readonly bot: Bot | undefined;
  readonly body: Body;
  readonly query: URLSearchParams;
}

interface MethodDeps {
  readonly world: World;
  readonly clock: Clock;
  readonly gatewayUrl: () => string;
  readonly startsLeft: () => number;
  /** Somebody wrote: bots are told. */
  readonly published: (message: Message) => void;
}

type Method = (call: Call & { readonly bot: Bot }, ...ids: string[]) => unknown;

export function createMethods({ world, clock, gatewayUrl, startsLeft, published }: MethodDeps) {
  const nonces = new Map<string, { readonly sent: Sent; readonly at: number }>();

  const channelOf = (id: string): Channel => {
    const channel = world.channels.get(id);
    if (!channel) throw unknownChannel();
    return channel;
  };
  const writable = (id: string): Channel => {
    const channel = channelOf(id);
    if (channel.type === 15) throw new Refusal(400, 50_008, "Cannot send messages in a non-text channel");
    return channel;
  };
  const messageOf = (channel: string, id: string): Message => {
    channelOf(channel);
    const message = world.messages.get(channel)?.find((each) => each.id === id);
    if (!message) throw unknownMessage();
    return message;
  };
  const withReactions = (message: Message, bot: Bot) => ({
    ...message,
    reactions: [...(world.reactions.get(place(message.channel_id, message.id)) ?? [])].map(([emoji, by]) => {
      const [name, id] = emoji.split(":");
      return { emoji: { name, id: id ?? null }, count: by.size, me: by.has(bot.user.id) };
    }),
  });

  function post(bot: Bot, channel: Channel, body: Body, interaction: Interaction | undefined): Sent {
    const { content = "", components = [], poll, nonce } = body.value;
    const reference = body.value["message_reference"] as { message_id: string; fail_if_not_exists?: boolean } | undefined;
    const answered = reference && world.messages.get(channel.id)?.find(({ id }) => id === reference.message_id);
    if (reference && !answered && reference.fail_if_not_exists !== false)
      throw invalidForm(["message_reference"], "REPLIES_UNKNOWN_MESSAGE", "Unknown message");
    const id = world.snowflake();
    const message: Message = {
      id,
      channel_id: channel.id,
      type: interaction ? 20 : answered ? 19 : 0,
      author: bot.user,
      content: String(content),
      timestamp: new Date(clock.now()).toISOString(),
      edited_timestamp: null,
      mentions: [],
      mention_roles: [],
      embeds: [],
      attachments: body.files.map(({ name, mimeType, bytes }) => ({
        id: world.snowflake(),
        filename: name,
        content_type: mimeType,
        size: bytes.length,
      })),
      components,
      ...(answered && { message_reference: { channel_id: channel.id, message_id: answered.id, type: 0 }, referenced_message: answered }),
      ...(poll !== undefined && { poll }),
    };
    const sent: Sent = {
      bot: bot.token,
      message,
      files: body.files,
      nonce: nonce === undefined ? undefined : String(nonce),
      interaction: interaction?.id,
      body: body.value,
      earlier: [],
      isDeleted: false,
    };
    world.messages.set(channel.id, [...(world.messages.get(channel.id) ?? []), message]);
    world.sent.push(sent);
    published(message);
    return sent;
  }

  function change(sent: Sent, body: Body): Message {
    world.oddities.push(...checkMessage(body, true));
    const { message } = sent;
    const { content, components } = body.value;
    if (typeof content === "string") {
      sent.earlier.push(message.content);
      message.content = content;
    }
    if (components !== undefined) message.components = components;
    return message;
  }
  const ownSent = (bot: Bot, channel: string, id: string): Sent => {
    const message = messageOf(channel, id);
    const sent = world.sent.find((each) => each.message === message);
    if (!sent || message.author.id !== bot.user.id) throw new Refusal(403, 50_005, "Cannot edit a message authored by another user");
    return sent;
  };

  function remove(channel: string, id: string): void {
    const message = messageOf(channel, id);
    world.messages.set(
      channel,
      world.messages.get(channel)!.filter((each) => each !== message),
    );
    const sent = world.sent.find((each) => each.message === message);
    if (sent) sent.isDeleted = true;
  }

  function emojiOf(encoded: string): string {
    const emoji = decodeURIComponent(encoded);
    const isOwn = /^\w{2,32}:\d{17,20}$/.test(emoji);
    // One that is shown as text without the sign for colour is unknown without it.
    const isKnown =
      isOwn || (/\p{Extended_Pictographic}|\p{Regional_Indicator}/u.test(emoji) && !/^(?!\p{Emoji_Presentation})\p{Emoji}$/u.test(emoji));
    if (!isKnown) throw new Refusal(400, 10_014, "Unknown Emoji");
    return emoji;
  }

  const interactionBy = (token: string): Interaction => {
    const interaction = [...world.interactions.values()].find((each) => each.token === token);
    if (!interaction) throw unknownWebhook();
    if (clock.now() - interaction.at > TOKEN_MS) throw new Refusal(401, 50_027, "Invalid Webhook Token");
    return interaction;
  };
  const botOf = ({ bot }: Interaction): Bot => world.bots.get(bot)!;

  const methods: Readonly<Record<string, Method>> = {
    "GET /users/@me": ({ bot }) => bot.user,
    "POST /users/@me/channels": ({ body }) => {
      const recipient = String(body.value["recipient_id"]);
      const known = [...world.channels.values()].find(
        ({ type, recipients }) => type === 1 && recipients?.some(({ id }) => id === recipient),
      );
      if (!known) throw invalidForm(["recipient_id"], "UNKNOWN_USER", "Unknown user");
      return known;
    },
    "GET /applications/@me": ({ bot }) => ({ id: bot.user.id, name: bot.user.username, flags: bot.flags }),
    "PUT /applications/:id/commands": ({ bot, body }) => {
      const commands = body.value as unknown as Record<string, unknown>[];
      if (commands.length > 100) throw new Refusal(400, 30_032, "Maximum number of application commands reached (100)");
      for (const [index, { name, description, options = [] }] of commands.entries()) {
        if (!/^[-_\p{L}\p{N}]{1,32}$/u.test(String(name)) || String(name) !== String(name).toLowerCase())
          throw invalidForm([String(index), "name"], "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid");
        for (const text of [description, ...(options as { description: string }[]).map((option) => option.description)])
          if (String(text).length < 1 || String(text).length > 100)
            throw invalidForm([String(index), "description"], "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.");
      }
      bot.commands = commands;
      return commands.map((command) => ({ ...command, id: world.snowflake(), application_id: bot.user.id }));
    },
    "GET /gateway/bot": () => ({
      url: gatewayUrl(),
      shards: 1,
      session_start_limit: { total: 1000, remaining: startsLeft(), reset_after: 3_600_000, max_concurrency: 1 },
    }),
    "GET /channels/:id": (_call, id) => channelOf(id!),
    "GET /guilds/:id/roles": (_call, id) => world.guilds.get(id!)?.roles ?? [],
    "GET /channels/:id/messages": ({ bot, query }, id) => {
      channelOf(id!);
      const limit = Number(query.get("limit") ?? 50);
      if (!(limit >= 1 && limit <= 100)) throw invalidForm(["limit"], "NUMBER_TYPE_MAX", "int value should be less than or equal to 100.");
      const after = BigInt(query.get("after") ?? "0");
      // The oldest behind that one; handed out newest first, without a word of the server.
      const found = (world.messages.get(id!) ?? []).filter((message) => BigInt(message.id) > after).slice(0, limit);
      return found.toReversed().map(({ guild_id: _hidden, member: _member, ...message }) => withReactions(message as Message, bot));
    },
    "GET /channels/:id/messages/:id": ({ bot }, channel, id) => withReactions(messageOf(channel!, id!), bot),
    "POST /channels/:id/messages": ({ bot, body }, id) => {
      const channel = writable(id!);
      world.oddities.push(...checkMessage(body, false));
      const { nonce, enforce_nonce: isEnforced } = body.value;
      const key = `${bot.user.id}/${id}/${String(nonce)}`;
      const known = isEnforced === true && nonce !== undefined ? nonces.get(key) : undefined;
      if (known && clock.now() - known.at < NONCE_MS) return known.sent.message;
      const sent = post(bot, channel, body, undefined);
      if (nonce !== undefined) nonces.set(key, { sent, at: clock.now() });
      return { ...sent.message, ...(nonce !== undefined && { nonce }) };
    },
    "PATCH /channels/:id/messages/:id": ({ bot, body }, channel, id) => change(ownSent(bot, channel!, id!), body),
    "DELETE /channels/:id/messages/:id": (_call, channel, id) => remove(channel!, id!),
    "PUT /channels/:id/messages/:id/reactions/:emoji/@me": ({ bot }, channel, id, emoji) => {
      const at = place(channel!, messageOf(channel!, id!).id);
      const reactions = world.reactions.get(at) ?? new Map<string, Set<string>>();
      world.reactions.set(at, reactions);
      const shown = emojiOf(emoji!);
      reactions.set(shown, (reactions.get(shown) ?? new Set()).add(bot.user.id));
    },
    "DELETE /channels/:id/messages/:id/reactions/:emoji/@me": ({ bot }, channel, id, emoji) => {
      const reactions = world.reactions.get(place(channel!, messageOf(channel!, id!).id));
      const by = reactions?.get(emojiOf(emoji!));
      if (!by?.delete(bot.user.id)) throw new Refusal(404, 10_014, "Unknown Emoji");
      if (by.size === 0) reactions?.delete(emojiOf(emoji!));
    },
    "POST /channels/:id/typing": (_call, id) => {
      writable(id!);
      world.typing.push(id!);
    },
    "POST /interactions/:id/:token/callback": ({ body }, id, token) => {
      const interaction = world.interactions.get(id!);
      if (!interaction || interaction.token !== token || clock.now() - interaction.at > SIGN_MS) throw unknownInteraction();
      if (interaction.state !== "waiting") throw new Refusal(400, 40_060, "Interaction has already been acknowledged.");
      interaction.state = "signed";
      interaction.responseType = Number(body.value["type"]);
    },
    "PATCH /webhooks/:id/:token/messages/@original": ({ body }, _application, token) => {
      const interaction = interactionBy(token!);
      if (interaction.state !== "signed" && interaction.state !== "answered") throw unknownMessage();
      if (interaction.sent) return change(interaction.sent, body);
      world.oddities.push(...checkMessage(body, false));
      interaction.sent = post(botOf(interaction), channelOf(interaction.channel), body, interaction);
      interaction.state = "answered";
      return interaction.sent.message;
    },
    "DELETE /webhooks/:id/:token/messages/@original": (_call, _application, token) => {
      const interaction = interactionBy(token!);
      if (interaction.state !== "signed") throw unknownMessage();
      interaction.state = "dropped";
    },
  };

  const routes = Object.entries(methods).map(([route, run]) => {
    const [method = "", path = ""] = route.split(" ");
    const pattern = new RegExp(`^${path.replace(/:(id|token|emoji)/g, "([^/]+)")}$`);
    return { route, method, pattern, run };
  });

  /** The method that answers, and the ids in its path; undefined for none. */
  return function methodOf(method: string, path: string) {
    for (const { route, method: asked, pattern, run } of routes) {
      const match = asked === method ? pattern.exec(path) : null;
      if (match) return { route, ids: match.slice(1), run: (call: Call) => run(call as Call & { bot: Bot }, ...match.slice(1)) };
    }
    return undefined;
  };
}
