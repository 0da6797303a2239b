/** Telegram on loopback: a Bot API server, the people who write there, and a ledger of what bots did. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { createLimits } from "./limits.ts";
import { type Account, createMethods } from "./methods.ts";
import { Refusal } from "./refusal.ts";
import { Arguments, readFields } from "./request.ts";
import { createUpdates } from "./updates.ts";
import { type ChatInfo, createWorld, place, type Sent, type World } from "./world.ts";

export interface FakeOptions {
  /** Of limits, dates and waits. */
  readonly clock?: Clock;
  /** Holds bots to Telegram's limits. */
  readonly limited?: boolean;
  /** As a server of one's own does that was started with --local: webhooks may be anywhere, without TLS. */
  readonly local?: boolean;
  /** The bot reads every message of its groups: its privacy mode is off. */
  readonly readsGroups?: boolean;
}

export interface Person {
  readonly id: number;
  readonly first_name?: string;
  readonly last_name?: string;
  readonly username?: string;
  readonly is_bot?: boolean;
}

export interface FakeTelegram extends AsyncDisposable {
  /** For `apiRoot`. */
  readonly url: string;
  readonly token: string;
  readonly world: World;
  readonly account: Account;
  /** Every call, in order. */
  readonly calls: readonly { readonly token: string; readonly method: string }[];
  /** A further bot on the same server. */
  bot(token: string, username: string): Account;
  chat(info: ChatInfo, topics?: readonly number[]): void;
  /** Somebody writes; of a person in private when no chat is named. Further fields of the message as Telegram has them. Answers with its id. */
  write(from: Person, message: Readonly<Record<string, unknown>>, chat?: number, to?: Account): number;
  /** Somebody presses a button of that text under a message of the bot's. */
  press(from: Person, message: Sent, data: string): string;
  /** A file that somebody sent, for `file_id`; `size` may say more than there is, and `encoding` what it is not. */
  file(bytes: Uint8Array, path: string, size?: number, encoding?: string): string;
  /** As @BotFather does it. */
  revoke(token: string): void;
  /** A group becomes a supergroup; people who write there are told of it. */
  upgrade(from: number, to: number): void;
  /** The next calls of that method get this in place of what they ask. */
  refuse(method: string, ...refusals: readonly Refusal[]): void;
  /** Resolves once the condition holds, which is looked at after every call. */
  until(holds: () => boolean): Promise<void>;
  /** Resolves with the n-th message of bots, counted from 0. */
  message(index: number): Promise<Sent>;
}

export const TOKEN = "700001:AAfake-token-of-the-test_0123456789";

export function startFakeTelegram({
  clock = systemClock,
  limited = false,
  local = false,
  readsGroups = false,
}: FakeOptions = {}): FakeTelegram {
  const world = createWorld();
  const accounts = new Map<string, Account>();
  const calls: { token: string; method: string }[] = [];
  const refusals = new Map<string, Refusal[]>();
  const waiting = new Set<{ readonly holds: () => boolean; readonly resolve: () => void }>();
  const look = () => {
    for (const waiter of waiting) {
      if (!waiter.holds()) continue;
      waiting.delete(waiter);
      waiter.resolve();
    }
  };
  const run = createMethods({ world, clock, take: limited ? createLimits(clock) : undefined });

  async function answer(request: Request, token: string, method: string): Promise<Response> {
    try {
      const account = accounts.get(token);
      // Telegram has no such address; a token that is well formed it does not know.
      if (!/^\d+:[\w-]{20,}$/.test(token)) throw new Refusal(404, "Not Found");
      if (!account) throw new Refusal(401, "Unauthorized");
      calls.push({ token, method });
      look();
      const refusal = refusals.get(method)?.shift();
      if (refusal) throw refusal;
      const result = await run(method, { account, args: new Arguments(await readFields(request)), gone: request.signal });
      return Response.json({ ok: true, result });
    } catch (error) {
      if (error instanceof Refusal) return error.response();
      throw error;
    } finally {
      look();
    }
  }

  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    maxRequestBodySize: 64 * 1024 * 1024,
    async fetch(request) {
      const path = decodeURIComponent(new URL(request.url).pathname);
      const [, token = "", method = ""] = /^\/bot([^/]*)\/(\w+)$/.exec(path) ?? [];
      if (method !== "") return answer(request, token, method);
      const [, fileToken = "", filePath] = /^\/file\/bot([^/]*)\/(.+)$/.exec(path) ?? [];
      const file = [...world.files.values()].find((each) => each.path === filePath);
      return accounts.has(fileToken) && file
        ? new Response(
            file.bytes as Uint8Array<ArrayBuffer>,
            file.encoding === undefined ? {} : { headers: { "content-encoding": file.encoding } },
          )
        : new Refusal(404, "Not Found").response();
    },
  });

  const bot: FakeTelegram["bot"] = (token, username) => {
    const user = { id: Number(token.split(":")[0]), is_bot: true, first_name: username, username };
    const account = { token, user, readsGroups, updates: createUpdates(clock, { local }) };
    accounts.set(token, account);
    return account;
  };
  const account = bot(TOKEN, "pincer_bot");
  const userOf = ({ id, first_name = `Person ${id}`, is_bot = false, ...rest }: Person) => ({ id, is_bot, first_name, ...rest });
  const chat: FakeTelegram["chat"] = (info, topics = []) => void world.chats.set(info.id, { info, topics: new Set(topics) });
  const chatOf = (id: number, from: Person): ChatInfo => {
    if (!world.chats.has(id)) chat({ id, type: "private", first_name: from.first_name ?? `Person ${from.id}` });
    return world.chats.get(id)!.info;
  };

  return {
    url: `http://127.0.0.1:${server.port}`,
    token: TOKEN,
    ...{ world, account, calls, bot, chat },
    write(from, message, id = from.id, to = account) {
      const message_id = world.nextMessage++;
      world.written.add(place(id, message_id));
      const date = Math.floor(clock.now() / 1000);
      to.updates.add("message", { message_id, from: userOf(from), chat: chatOf(id, from), date, ...message }, id);
      return message_id;
    },
    press(from, message, data) {
      const id = `${world.nextMessage++}00`;
      world.openPresses.add(id);
      const { info } = world.chats.get(message.chat)!;
      const shown = { message_id: message.id, from: account.user, chat: info, date: 0, text: message.text };
      account.updates.add("callback_query", { id, from: userOf(from), message: shown, chat_instance: "1", data }, message.chat);
      return id;
    },
    file(bytes, path, size = bytes.length, encoding) {
      const id = `file-${world.files.size + 1}`;
      world.files.set(id, { path, bytes, size, encoding });
      return id;
    },
    revoke(token) {
      accounts.get(token)?.updates.close();
      accounts.delete(token);
    },
    upgrade(from, to) {
      const before = world.chats.get(from)!;
      before.movedTo = to;
      chat({ ...before.info, id: to, type: "supergroup" });
      const service = { from: userOf({ id: 1 }), date: Math.floor(clock.now() / 1000) };
      account.updates.add("message", { ...service, message_id: world.nextMessage++, chat: before.info, migrate_to_chat_id: to }, from);
      account.updates.add("message", { ...service, message_id: 1, chat: world.chats.get(to)!.info, migrate_from_chat_id: from }, to);
    },
    refuse(method, ...next) {
      refusals.set(method, [...(refusals.get(method) ?? []), ...next]);
    },
    until: (holds) => (holds() ? Promise.resolve() : new Promise((resolve) => void waiting.add({ holds, resolve }))),
    async message(index) {
      await this.until(() => world.sent.length > index);
      return world.sent[index]!;
    },
    async [Symbol.asyncDispose]() {
      for (const { updates } of accounts.values()) updates.close();
      await server.stop(true);
    },
  };
}
