/** The methods of the Bot API that a channel uses, each as core.telegram.org/bots/api#available-methods says, with its bounds and refusals. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import { parseHtml, Unparsed } from "./html.ts";
import type { createLimits } from "./limits.ts";
import { bad, forbidden, Refusal } from "./refusal.ts";
import type { Arguments } from "./request.ts";
import type { Updates } from "./updates.ts";
import { type Chat, place, type Sent, type World } from "./world.ts";

export interface User {
  readonly id: number;
  readonly is_bot: boolean;
  readonly first_name: string;
  readonly username?: string;
}

export interface Account {
  readonly token: string;
  readonly user: User;
  readonly readsGroups: boolean;
  readonly updates: Updates;
}

export interface Call {
  readonly account: Account;
  readonly args: Arguments;
  readonly gone: AbortSignal;
}

interface MethodDeps {
  readonly world: World;
  readonly clock: Clock;
  readonly take: ReturnType<typeof createLimits> | undefined;
}

const LARGEST_DOWNLOAD = 20 * 1024 * 1024;
const LARGEST_UPLOAD = 50 * 1024 * 1024;
const LARGEST_PHOTO = 10 * 1024 * 1024;

// core.telegram.org/bots/api#reactiontypeemoji
const reactions = new Set(
  "👍 👎 ❤ 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 ❤‍🔥 🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐 🍓 🍾 💋 🖕 😈 😴 😭 🤓 👻 👨‍💻 👀 🎃 🙈 😇 😨 🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷‍♂ 🤷 🤷‍♀ 😡".split(
    " ",
  ),
);
const actions = new Set([
  "typing",
  "upload_photo",
  "record_video",
  "upload_video",
  "record_voice",
  "upload_voice",
  "upload_document",
  "choose_sticker",
  "find_location",
]);

type Keyboard = { readonly inline_keyboard: readonly (readonly { readonly text: string; readonly callback_data: string }[])[] };

export function createMethods({ world, clock, take }: MethodDeps) {
  function chatOf(id: string | undefined): Chat {
    if (id === undefined || id === "") throw bad("chat_id is empty");
    const chat = /^-?\d+$/.test(id) ? world.chats.get(Number(id)) : undefined;
    if (!chat) throw bad("chat not found");
    if (chat.movedTo !== undefined) {
      throw bad("group chat was upgraded to a supergroup chat", { migrate_to_chat_id: chat.movedTo });
    }
    if (chat.closed !== undefined) throw forbidden(chat.closed);
    return chat;
  }

  function threadOf(args: Arguments, chat: Chat): number | undefined {
    const thread = args.number("message_thread_id");
    if (thread !== undefined && !chat.topics.has(thread)) throw bad("message thread not found");
    return thread;
  }

  function buttonsOf(args: Arguments): Sent["buttons"] {
    const buttons = (args.json<Keyboard>("reply_markup")?.inline_keyboard ?? []).flat();
    for (const { text, callback_data } of buttons) {
      if (!text) throw bad("Text buttons are unallowed in the inline keyboard");
      const length = Buffer.byteLength(callback_data ?? "");
      if (length < 1 || length > 64) throw bad("BUTTON_DATA_INVALID");
    }
    if (buttons.length > 100) throw bad("reply markup is too long");
    return buttons;
  }

  /** `most` counts what is read, in characters. */
  function wordsOf(args: Arguments, field: "text" | "caption", most: number): Pick<Sent, "text" | "entities"> {
    const said = args.text(field) ?? "";
    const mode = args.text("parse_mode");
    if (mode !== undefined && mode !== "HTML") throw bad("unsupported parse_mode");
    let words: Pick<Sent, "text" | "entities">;
    try {
      words = mode === "HTML" ? parseHtml(said) : { text: said, entities: [] };
    } catch (error) {
      if (error instanceof Unparsed) throw bad(`can't parse entities: ${error.message}`);
      throw error;
    }
    if (field === "text" && words.text.trim() === "") throw bad("message text is empty");
    if ([...words.text].length > most) throw bad(field === "text" ? "message is too long" : "message caption is too long");
    return words;
  }

  function replyOf(args: Arguments, chat: Chat): number | undefined {
    const reply = args.json<{ readonly message_id: number; readonly allow_sending_without_reply?: boolean }>("reply_parameters");
    if (!reply) return undefined;
    const isThere = world.written.has(place(chat.info.id, reply.message_id)) || find(chat.info.id, reply.message_id) !== undefined;
    if (!isThere && reply.allow_sending_without_reply !== true) throw bad("message to be replied not found");
    return isThere ? reply.message_id : undefined;
  }

  const find = (chat: number, id: number | undefined): Sent | undefined =>
    world.sent.find((message) => message.chat === chat && message.id === id && !message.isDeleted);

  function put({ account }: Call, method: string, chat: Chat, parts: Pick<Sent, "text" | "entities" | "buttons"> & Partial<Sent>): unknown {
    take?.(chat.info.id);
    const message: Sent = {
      ...{
        bot: account.token,
        method,
        chat: chat.info.id,
        thread: undefined,
        id: world.nextMessage++,
        replyTo: undefined,
        file: undefined,
      },
      ...{ poll: undefined, earlier: [], isDeleted: false },
      ...parts,
    };
    world.sent.push(message);
    return shown(message, chat, account);
  }

  const shown = (message: Sent, chat: Chat, { user }: Account) => ({
    message_id: message.id,
    from: user,
    chat: chat.info,
    date: Math.floor(clock.now() / 1000),
    ...(message.file || message.poll ? {} : { text: message.text, entities: message.entities }),
    ...(message.thread !== undefined && { message_thread_id: message.thread, is_topic_message: true }),
  });

  const sendFile =
    (method: string, field: string, most: number, refuse?: (bytes: Uint8Array) => string | undefined) =>
    (call: Call): unknown => {
      const { args } = call;
      const chat = chatOf(args.text("chat_id"));
      const file = args.file(field);
      if (!file) throw bad(`there is no ${field} in the request`);
      if (file.bytes.length === 0) throw bad("file must be non-empty");
      if (file.bytes.length > most) throw new Refusal(413, "Request Entity Too Large");
      const refusal = refuse?.(file.bytes);
      if (refusal !== undefined) throw bad(refusal);
      const words = wordsOf(args, "caption", 1024);
      return put(call, method, chat, {
        ...words,
        thread: threadOf(args, chat),
        buttons: buttonsOf(args),
        replyTo: replyOf(args, chat),
        file,
      });
    };

  function edit(call: Call, field: "text" | "caption"): unknown {
    const { args, account } = call;
    const chat = chatOf(args.text("chat_id"));
    const message = find(chat.info.id, args.number("message_id"));
    if (!message) throw bad("message to edit not found");
    if (message.bot !== account.token) throw bad("message can't be edited");
    if (field === "text" && message.file) throw bad("there is no text in the message to edit");
    if (field === "caption" && !message.file) throw bad("there is no caption in the message to edit");
    const words = wordsOf(args, field, field === "text" ? 4096 : 1024);
    const buttons = buttonsOf(args);
    if (Bun.deepEquals([words.text, words.entities, buttons], [message.text, message.entities, message.buttons])) {
      throw bad(
        "message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message",
      );
    }
    take?.(chat.info.id);
    message.earlier.push(message.text);
    Object.assign(message, { ...words, buttons });
    return shown(message, chat, account);
  }

  const methods: Readonly<Record<string, (call: Call) => unknown>> = {
    getMe: ({ account: { user, readsGroups } }) => ({
      ...user,
      ...{ can_join_groups: true, can_read_all_group_messages: readsGroups, supports_inline_queries: false },
    }),
    getUpdates: ({ account, args, gone }) => {
      const [offset, limit, timeout] = [args.number("offset"), args.number("limit"), args.number("timeout")];
      const allowed = args.json<string[]>("allowed_updates");
      return account.updates.getUpdates(
        {
          ...(offset !== undefined && { offset }),
          ...(limit !== undefined && { limit }),
          ...(timeout !== undefined && { timeout }),
          ...(allowed && { allowed }),
        },
        gone,
      );
    },
    setWebhook: ({ account, args }) => {
      account.updates.setWebhook(
        args.text("url") ?? "",
        args.text("secret_token"),
        args.json("allowed_updates"),
        args.flag("drop_pending_updates"),
      );
      return true;
    },
    deleteWebhook: ({ account, args }) => {
      account.updates.setWebhook("", undefined, undefined, args.flag("drop_pending_updates"));
      return true;
    },
    getWebhookInfo: ({ account }) => account.updates.info(),
    sendMessage: (call) => {
      const chat = chatOf(call.args.text("chat_id"));
      const words = wordsOf(call.args, "text", 4096);
      const parts = { thread: threadOf(call.args, chat), buttons: buttonsOf(call.args), replyTo: replyOf(call.args, chat) };
      return put(call, "sendMessage", chat, { ...words, ...parts });
    },
    sendPhoto: sendFile("sendPhoto", "photo", LARGEST_PHOTO, (bytes) => (isPicture(bytes) ? undefined : "IMAGE_PROCESS_FAILED")),
    sendDocument: sendFile("sendDocument", "document", LARGEST_UPLOAD),
    sendVoice: sendFile("sendVoice", "voice", LARGEST_UPLOAD),
    sendAudio: sendFile("sendAudio", "audio", LARGEST_UPLOAD),
    sendVideo: sendFile("sendVideo", "video", LARGEST_UPLOAD),
    sendAnimation: sendFile("sendAnimation", "animation", LARGEST_UPLOAD),
    editMessageText: (call) => edit(call, "text"),
    editMessageCaption: (call) => edit(call, "caption"),
    deleteMessage: ({ args }) => {
      const chat = chatOf(args.text("chat_id"));
      const message = find(chat.info.id, args.number("message_id"));
      if (!message) throw bad("message to delete not found");
      message.isDeleted = true;
      return true;
    },
    setMessageReaction: ({ args }) => {
      const chat = chatOf(args.text("chat_id"));
      const id = args.number("message_id");
      if (id === undefined || (!world.written.has(place(chat.info.id, id)) && !find(chat.info.id, id)))
        throw bad("message to react not found");
      const chosen = (args.json<{ readonly type: string; readonly emoji: string }[]>("reaction") ?? []).map(({ emoji }) => emoji);
      if (chosen.length > 1) throw bad("REACTIONS_TOO_MANY");
      if (chosen.some((emoji) => !reactions.has(emoji))) throw bad("REACTION_INVALID");
      world.reactions.set(place(chat.info.id, id), chosen);
      return true;
    },
    sendChatAction: ({ args }) => {
      const chat = chatOf(args.text("chat_id"));
      const action = args.text("action") ?? "";
      if (!actions.has(action)) throw bad("wrong parameter action in request");
      world.actions.push({ chat: chat.info.id, thread: threadOf(args, chat), action });
      return true;
    },
    answerCallbackQuery: ({ args }) => {
      const id = args.text("callback_query_id") ?? "";
      if (!world.openPresses.delete(id)) throw bad("query is too old and response timeout expired or query ID is invalid");
      world.answeredPresses.push(id);
      return true;
    },
    setMyCommands: ({ args }) => {
      const commands = args.json<World["commands"]>("commands") ?? [];
      if (commands.length > 100) throw bad("BOT_COMMANDS_TOO_MUCH");
      for (const { command, description } of commands) {
        if (!/^[a-z0-9_]{1,32}$/.test(command)) throw bad("BOT_COMMAND_INVALID");
        if (description.length < 1 || description.length > 256) throw bad("BOT_COMMAND_DESCRIPTION_INVALID");
      }
      world.commands = commands;
      return true;
    },
    deleteMyCommands: () => {
      world.commands = [];
      return true;
    },
    sendPoll: (call) => {
      const { args } = call;
      const chat = chatOf(args.text("chat_id"));
      const question = args.text("question") ?? "";
      const options = (args.json<{ readonly text: string }[]>("options") ?? []).map(({ text }) => text);
      if (question.length < 1 || question.length > 300) throw bad("poll question length must not exceed 300");
      if (options.length < 1 || options.length > 12) throw bad("poll must have at least 1 option and at most 12");
      if (options.some((option) => option.length < 1 || option.length > 100)) throw bad("poll options length must not exceed 100");
      const period = args.number("open_period");
      if (period !== undefined && (period < 5 || period > 2_628_000)) throw bad("poll auto-close period is out of range");
      args.text("is_anonymous");
      const poll = { question, options, multiple: args.flag("allows_multiple_answers") };
      return put(call, "sendPoll", chat, { text: "", entities: [], buttons: [], thread: threadOf(args, chat), poll });
    },
    getFile: ({ args }) => {
      const id = args.text("file_id") ?? "";
      const file = world.files.get(id);
      if (!file) throw bad("wrong file_id or the file is temporarily unavailable");
      if (file.size > LARGEST_DOWNLOAD) throw bad("file is too big");
      return { file_id: id, file_unique_id: `u${id}`, file_size: file.size, file_path: file.path };
    },
  };

  return async function run(method: string, call: Call): Promise<unknown> {
    const known = Object.hasOwn(methods, method) ? methods[method] : undefined;
    if (!known) throw new Refusal(404, "Not Found: method not found");
    const result = await known(call);
    world.oddities.push(...call.args.unread().map((field) => `${method} has no field ${field}`));
    return result;
  };
}

/** By its first bytes: PNG, JPEG, WebP. */
const isPicture = (bytes: Uint8Array): boolean => /^(\x89PNG|\xff\xd8\xff|RIFF)/.test(Buffer.from(bytes.subarray(0, 4)).toString("latin1"));
