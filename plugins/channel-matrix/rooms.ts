/** What is known of the rooms of an account: who is in them, what they are called, whether they are encrypted. Asked for once, then told by syncs. */
import { type Fields, fields, isFields, list, type News, type StateEvent, text, texts } from "./events.ts";
import { isRefusal } from "./failure.ts";
import type { Bot } from "./login.ts";

export interface Room {
  readonly id: string;
  readonly name: string | undefined;
  /** Who has joined, by id, and what they call themselves. */
  readonly members: ReadonlyMap<string, string | undefined>;
  /** How it is encrypted; undefined when it is not. */
  readonly encryption: Fields | undefined;
  readonly isDirect: boolean;
}

interface Known {
  name: string | undefined;
  readonly members: Map<string, string | undefined>;
  encryption: Fields | undefined;
}

/** Rooms that are remembered, of one account. */
const MOST = 1_000;

const segment = encodeURIComponent;
export const roomPath = (room: string, rest: string): string => `client/v3/rooms/${segment(room)}/${rest}`;

export class Rooms {
  readonly #rooms = new Map<string, Promise<Known>>();
  #direct: Promise<ReadonlySet<string>> | undefined;

  /** Forgets everything: what was told meanwhile was told to nobody. */
  clear(): void {
    this.#rooms.clear();
    this.#direct = undefined;
  }

  /** Takes in what a sync says of rooms that are known. */
  async learn(news: News): Promise<void> {
    const direct = news.account.get("m.direct");
    if (direct !== undefined) this.#direct = Promise.resolve(directRooms(direct));
    for (const id of news.left) this.#rooms.delete(id);
    for (const { id, state, timeline } of news.rooms) {
      const room = await this.#rooms.get(id)?.catch(() => undefined); // silent-ok: it is asked for again
      if (room === undefined) continue;
      for (const event of [...state, ...timeline]) if (event.state_key !== undefined) apply(room, event as StateEvent);
    }
  }

  async of(bot: Bot, id: string, signal: AbortSignal): Promise<Room> {
    const known = await this.#known(bot, id, signal);
    const isDirect = known.members.size <= 2 || (await this.#directOf(bot, signal)).has(id);
    return { id, name: known.name, members: known.members, encryption: known.encryption, isDirect };
  }

  #known(bot: Bot, id: string, signal: AbortSignal): Promise<Known> {
    const found = this.#rooms.get(id);
    if (found !== undefined) return found;
    const asked = fetchRoom(bot, id, signal);
    if (this.#rooms.size >= MOST) this.#rooms.delete(this.#rooms.keys().next().value ?? "");
    this.#rooms.set(id, asked);
    asked.catch(() => void (this.#rooms.get(id) === asked && this.#rooms.delete(id)));
    return asked;
  }

  #directOf(bot: Bot, signal: AbortSignal): Promise<ReadonlySet<string>> {
    if (this.#direct !== undefined) return this.#direct;
    const asked = orNothing(bot, signal, `client/v3/user/${segment(bot.login.userId)}/account_data/m.direct`).then(directRooms);
    this.#direct = asked;
    asked.catch(() => {
      if (this.#direct === asked) this.#direct = undefined; // silent-ok: told to whoever asked
    });
    return asked;
  }
}

const directRooms = (content: Fields | undefined): ReadonlySet<string> => new Set(Object.values(content ?? {}).flatMap(texts));

/** What is not there is no failure. */
async function orNothing(bot: Bot, signal: AbortSignal, path: string): Promise<Fields | undefined> {
  try {
    return fields(await bot.attempt({ signal, path }));
  } catch (error) {
    if (isRefusal(error, "M_NOT_FOUND")) return undefined;
    throw bot.failure(error, true);
  }
}

async function fetchRoom(bot: Bot, id: string, signal: AbortSignal): Promise<Known> {
  const state = list(await bot.call({ signal, path: roomPath(id, "state") }));
  const room: Known = { name: undefined, members: new Map(), encryption: undefined };
  for (const event of state) if (isFields(event)) apply(room, event as StateEvent);
  return room;
}

function apply(room: Known, { type, state_key, content }: StateEvent): void {
  if (typeof state_key !== "string" || !isFields(content)) return;
  if (type === "m.room.name" && state_key === "") room.name = text(content["name"]);
  // Once it is encrypted, a room stays so.
  if (type === "m.room.encryption" && state_key === "") room.encryption ??= content;
  if (type !== "m.room.member") return;
  if (content["membership"] === "join") room.members.set(state_key, text(content["displayname"]));
  else room.members.delete(state_key);
}
