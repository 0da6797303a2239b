/** The methods of the Web API that a bot uses (docs.slack.dev/reference/methods/<method>). Each checks what it is sent, and refuses in Slack's words. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { Arguments } from "./arguments.ts";
import { readBlocks, shown, strayMarks } from "./blocks.ts";
import { Refusal, TooMany } from "./refusal.ts";
import { type App, type Conversation, type Message, type Sent, TEAM, type World } from "./world.ts";

export interface Call {
  readonly app: App;
  readonly args: Arguments;
  readonly origin: string;
}

type Method = (call: Call) => Record<string, unknown>;

interface Deps {
  readonly world: World;
  readonly clock: Clock;
  /** One message a second to a conversation. */
  readonly limited: boolean;
  /** A connection of Socket Mode for that app. */
  openTicket(app: App): string;
}

/** Slack's names: letters, digits and a few signs. Those that the workspace has. */
const EMOJI = /^(eyes|writing_hand|\+1|-1|white_check_mark|x|heart|rocket|tada|hourglass_flowing_sand)$/;

/** The scope that each needs. */
export const scopes: Readonly<Record<string, string>> = {
  "chat.postMessage": "chat:write",
  "chat.update": "chat:write",
  "chat.delete": "chat:write",
  "conversations.history": "channels:history",
  "conversations.replies": "channels:history",
  "conversations.info": "channels:read",
  "users.info": "users:read",
  "reactions.add": "reactions:write",
  "reactions.remove": "reactions:write",
  "reactions.get": "reactions:read",
  "files.getUploadURLExternal": "files:write",
  "files.completeUploadExternal": "files:write",
  "files.info": "files:read",
  "files.delete": "files:write",
  "assistant.threads.setStatus": "chat:write",
};

export function createMethods({ world, clock, limited, openTicket }: Deps): Readonly<Record<string, Method>> {
  const lastSent = new Map<string, number>();

  function conversationOf({ app, args }: Call, name = "channel"): Conversation {
    const found = world.conversations.get(args.required(name));
    if (!found || (found.id.startsWith("D") && !found.apps.has(app.user))) throw new Refusal("channel_not_found");
    if (!found.apps.has(app.user)) throw new Refusal("not_in_channel");
    return found;
  }

  function messageIn({ messages }: Conversation, ts: string | undefined): Message {
    const found = messages.find((message) => message.ts === ts && !(message as Partial<Sent>).isDeleted);
    if (!found) throw new Refusal("message_not_found");
    return found;
  }

  function own(call: Call, refusal: string): Sent {
    const found = messageIn(conversationOf(call), call.args.timestamp("ts")) as Sent;
    if (found.app !== call.app.user) throw new Refusal(refusal);
    return found;
  }

  function threadOf({ args }: Call, { messages }: Conversation): string | undefined {
    const thread = args.timestamp("thread_ts");
    // Slack takes any, and hides the message then.
    if (thread !== undefined && !messages.some(({ ts }) => ts === thread)) throw new Refusal("thread_not_found");
    return thread;
  }

  function contentOf({ args }: Call, most: number) {
    const text = args.text("text") ?? "";
    const { sections, buttons } = readBlocks(args.json("blocks") ?? []);
    if (text === "" && sections.length === 0) throw new Refusal("no_text");
    if (text.length > most) throw new Refusal("msg_too_long");
    for (const said of sections.length > 0 ? sections : [text]) for (const stray of strayMarks(said)) world.oddities.push(`stray ${stray}`);
    return { text, shown: shown(sections.length > 0 ? sections.join("\n") : text), buttons };
  }

  function take(conversation: string): void {
    if (!limited) return;
    const wait = (lastSent.get(conversation) ?? Number.NEGATIVE_INFINITY) + 1000 - clock.now();
    if (wait > 0) throw new TooMany(Math.ceil(wait / 1000));
    lastSent.set(conversation, clock.now());
  }

  function post(call: Call, conversation: Conversation, content: Pick<Sent, "text" | "shown" | "buttons" | "files">): Sent {
    if (conversation.isArchived) throw new Refusal("is_archived");
    const thread = threadOf(call, conversation);
    take(conversation.id);
    const { app } = call;
    const ts = world.nextTs();
    const fields = { type: "message", user: app.user, bot_id: app.bot, text: content.text, ts, ...(thread && { thread_ts: thread }) };
    const sent: Sent = {
      ...{ ts, conversation: conversation.id, thread, fields, reactions: new Map(), app: app.user, earlier: [], isDeleted: false },
      ...content,
    };
    world.sent.push(sent);
    conversation.messages.push(sent);
    return sent;
  }

  /** Of a list that is newest first; the cursor is the place. */
  function page(call: Call, all: readonly Message[]) {
    const { args } = call;
    const limit = Math.min(1000, args.number("limit") ?? 100);
    const from = Number(args.text("cursor")?.replace(/^next:/, "") ?? 0);
    const messages = all.slice(from, from + limit).map(({ fields }) => fields);
    const hasMore = from + limit < all.length;
    return { messages, has_more: hasMore, response_metadata: { next_cursor: hasMore ? `next:${from + limit}` : "" } };
  }

  const since = ({ args }: Call) => {
    const oldest = args.number("oldest") ?? 0;
    const isInclusive = args.text("inclusive") === "true";
    return ({ ts }: Message) => (isInclusive ? Number(ts) >= oldest : Number(ts) > oldest);
  };
  const isThere = (message: Message) => !(message as Partial<Sent>).isDeleted;

  function reactedTo(call: Call): Message {
    return messageIn(conversationOf(call), call.args.timestamp("timestamp"));
  }

  const fileOf = ({ args }: Call) => {
    const file = world.files.get(args.required("file"));
    if (!file) throw new Refusal("file_not_found");
    return file;
  };

  return {
    "auth.test": ({ app, origin }) => ({
      url: `${origin}/`,
      team: "Engines",
      user: app.name,
      team_id: TEAM,
      user_id: app.user,
      bot_id: app.bot,
    }),
    "auth.revoke": ({ app }) => {
      app.ended = "token_revoked";
      return { revoked: true };
    },
    "apps.connections.open": ({ app, origin }) => ({ url: `${origin.replace(/^http/, "ws")}/link/?ticket=${openTicket(app)}&app_id=A1` }),
    "chat.postMessage": (call) => {
      const conversation = conversationOf(call);
      const { args } = call;
      if (args.text("unfurl_links") !== "false" || args.text("unfurl_media") !== "false") world.oddities.push("previews of links are on");
      const sent = post(call, conversation, { ...contentOf(call, 40_000), files: [] });
      return { channel: conversation.id, ts: sent.ts, message: sent.fields };
    },
    "chat.update": (call) => {
      const sent = own(call, "cant_update_message");
      const { text, shown: read, buttons } = contentOf(call, 4000);
      sent.earlier.push(sent.shown);
      Object.assign(sent, { text, shown: read, buttons });
      sent.fields["text"] = text;
      return { channel: sent.conversation, ts: sent.ts, text };
    },
    "chat.delete": (call) => {
      const sent = own(call, "cant_delete_message");
      sent.isDeleted = true;
      return { channel: sent.conversation, ts: sent.ts };
    },
    "conversations.history": (call) => {
      const { messages } = conversationOf(call);
      const own = messages.filter(isThere).filter(since(call));
      return page(call, own.filter(({ thread, ts }) => thread === undefined || thread === ts).toReversed());
    },
    "conversations.replies": (call) => {
      const { messages } = conversationOf(call);
      const thread = call.args.timestamp("ts");
      if (!messages.some(({ ts }) => ts === thread)) throw new Refusal("thread_not_found");
      const isLater = since(call);
      // The first of the thread comes always.
      return page(
        call,
        messages.filter(isThere).filter((one) => one.ts === thread || (one.thread === thread && isLater(one))),
      );
    },
    "conversations.info": (call) => {
      // Public channels are shown to who is not in them.
      const open = world.conversations.get(call.args.required("channel"));
      const { id, name, apps } = open?.id.startsWith("C") ? open : conversationOf(call);
      return { channel: { id, ...(name !== undefined && { name }), is_im: id.startsWith("D"), is_member: apps.has(call.app.user) } };
    },
    "users.info": ({ args }) => {
      const person = world.people.get(args.required("user"));
      if (!person) throw new Refusal("user_not_found");
      const { id, name = id, isBot = false } = person;
      return { user: { id, name: name.toLowerCase(), is_bot: isBot, real_name: name, profile: { real_name: name, display_name: "" } } };
    },
    "reactions.add": (call) => {
      const { reactions } = reactedTo(call);
      const name = call.args.required("name");
      if (!EMOJI.test(name)) throw new Refusal("invalid_name");
      const users = reactions.get(name) ?? new Set();
      if (users.has(call.app.user)) throw new Refusal("already_reacted");
      reactions.set(name, users.add(call.app.user));
      return {};
    },
    "reactions.remove": (call) => {
      const { reactions } = reactedTo(call);
      const name = call.args.required("name");
      if (!reactions.get(name)?.delete(call.app.user)) throw new Refusal("no_reaction");
      return {};
    },
    "reactions.get": (call) => {
      call.args.text("full");
      const { reactions, fields, conversation } = reactedTo(call);
      const list = [...reactions]
        .filter(([, users]) => users.size > 0)
        .map(([name, users]) => ({ name, users: [...users], count: users.size }));
      return { type: "message", channel: conversation, message: { ...fields, reactions: list } };
    },
    "files.getUploadURLExternal": ({ args, origin }) => {
      const length = args.number("length") ?? 0;
      if (length <= 0) throw new Refusal("invalid_arguments");
      const file = {
        id: world.nextId("F"),
        name: args.required("filename"),
        bytes: new Uint8Array(),
        length,
        mimetype: "",
        shares: new Map(),
        isUploaded: false,
      };
      world.files.set(file.id, file);
      return { upload_url: `${origin}/upload/v1/${file.id}`, file_id: file.id };
    },
    "files.completeUploadExternal": (call) => {
      const conversation = conversationOf(call, "channel_id");
      const listed = call.args.json<readonly { id: string; title?: string }[]>("files") ?? [];
      const text = call.args.text("initial_comment") ?? "";
      const files = listed.map(({ id, title }) => {
        const file = world.files.get(id);
        if (!file?.isUploaded || file.bytes.length !== file.length) throw new Refusal("file_not_found");
        return { file, sent: { id, name: title ?? file.name, bytes: file.bytes } };
      });
      if (files.length === 0) throw new Refusal("invalid_arguments");
      const { ts } = post(call, conversation, { text, shown: shown(text), buttons: [], files: files.map(({ sent }) => sent) });
      for (const { file } of files) file.shares.set(conversation.id, ts);
      return { files: files.map(({ sent }) => ({ id: sent.id, title: sent.name })) };
    },
    "files.info": (call) => {
      const { id, name, mimetype, bytes, shares } = fileOf(call);
      const places = Object.fromEntries([...shares].map(([conversation, ts]) => [conversation, [{ ts }]]));
      const url = `${call.origin}/files-pri/${TEAM}-${id}/${name}`;
      return { file: { id, name, mimetype, size: bytes.length, url_private: url, url_private_download: url, shares: { private: places } } };
    },
    "files.delete": (call) => {
      const { id } = fileOf(call);
      world.files.delete(id);
      for (const sent of world.sent) if (sent.files.some((file) => file.id === id)) sent.isDeleted = true;
      return {};
    },
    "assistant.threads.setStatus": (call) => {
      const conversation = conversationOf(call, "channel_id");
      const thread = threadOf(call, conversation);
      if (thread === undefined) throw new Refusal("invalid_thread_ts");
      world.statuses.push({ conversation: conversation.id, thread, status: call.args.required("status") });
      return {};
    },
  };
}
