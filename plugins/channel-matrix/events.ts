/** What a homeserver sends, as far as it is looked at. Nothing of it is believed to have the form that the specification says. */
import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";

export type Fields = Readonly<Record<string, unknown>>;

/** Of ids; the specification has 255 bytes. */
const Id = Type.String({ minLength: 1, maxLength: 512 });

export const RoomEvent = Type.Object({
  event_id: Id,
  type: Type.String(),
  sender: Id,
  origin_server_ts: Type.Number(),
  content: Type.Record(Type.String(), Type.Unknown()),
  state_key: Type.Optional(Type.String()),
  unsigned: Type.Optional(Type.Unknown()),
});
export type RoomEvent = Static<typeof RoomEvent>;

/** As it stands in an invitation, and in the state of a room. */
export const StateEvent = Type.Object({
  type: Type.String(),
  sender: Type.String(),
  state_key: Type.String(),
  content: Type.Record(Type.String(), Type.Unknown()),
});
export type StateEvent = Static<typeof StateEvent>;

export const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null && !Array.isArray(value);
export const fields = (value: unknown): Fields => (isFields(value) ? value : {});
export const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
export const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
export const texts = (value: unknown): readonly string[] => list(value).filter((each) => typeof each === "string");

/** Those that are readable. */
const allOf = <T extends TSchema>(schema: T, value: unknown): readonly Static<T>[] =>
  list(value).filter((each): each is Static<T> => Value.Check(schema, each));

/** What happened in a room since the last time. */
export interface RoomNews {
  readonly id: string;
  readonly state: readonly StateEvent[];
  readonly timeline: readonly RoomEvent[];
  /** There was more, which stands before this token. */
  readonly before: string | undefined;
}

export interface Invitation {
  readonly room: string;
  readonly state: readonly StateEvent[];
}

export interface News {
  readonly next: string;
  readonly rooms: readonly RoomNews[];
  readonly invitations: readonly Invitation[];
  /** Rooms that the account is in no more. */
  readonly left: readonly string[];
  /** Of the account's own data, by type. */
  readonly account: ReadonlyMap<string, Fields>;
  /** For the encryption, as it came. */
  readonly toDevice: readonly unknown[];
  readonly changed: readonly string[];
  readonly gone: readonly string[];
  readonly keyCounts: ReadonlyMap<string, number>;
  readonly unusedFallbackKeys: readonly string[] | undefined;
}

/** Undefined when it is no answer to a sync. */
export function readNews(answer: unknown): News | undefined {
  const { next_batch, rooms, account_data, to_device, device_lists, device_one_time_keys_count, device_unused_fallback_key_types } =
    fields(answer);
  if (typeof next_batch !== "string" || next_batch === "") return undefined;
  const { join, invite, leave } = fields(rooms);
  return {
    next: next_batch,
    rooms: Object.entries(fields(join)).map(([id, room]) => {
      const { state, timeline } = fields(room);
      const { events, limited, prev_batch } = fields(timeline);
      return {
        id,
        state: allOf(StateEvent, fields(state)["events"]),
        timeline: allOf(RoomEvent, events),
        before: limited === true ? text(prev_batch) : undefined,
      };
    }),
    invitations: Object.entries(fields(invite)).map(([room, invited]) => ({
      room,
      state: allOf(StateEvent, fields(fields(invited)["invite_state"])["events"]),
    })),
    left: Object.keys(fields(leave)),
    account: new Map(
      list(fields(account_data)["events"]).flatMap((each) => {
        const { type, content } = fields(each);
        return typeof type === "string" ? [[type, fields(content)] as const] : [];
      }),
    ),
    toDevice: list(fields(to_device)["events"]),
    changed: texts(fields(device_lists)["changed"]),
    gone: texts(fields(device_lists)["left"]),
    keyCounts: new Map(
      Object.entries(fields(device_one_time_keys_count)).flatMap(([name, count]) => (typeof count === "number" ? [[name, count]] : [])),
    ),
    unusedFallbackKeys: Array.isArray(device_unused_fallback_key_types) ? texts(device_unused_fallback_key_types) : undefined,
  };
}

/** Where an event stands to others: what it changes, answers, or belongs to. */
export interface Relation {
  readonly replaces: string | undefined;
  readonly thread: string | undefined;
  /** The event that is answered; in a thread only where somebody answers one indeed. */
  readonly answers: string | undefined;
}

export function relationOf(content: Fields): Relation {
  const { rel_type, event_id, is_falling_back, "m.in_reply_to": reply } = fields(content["m.relates_to"]);
  const thread = rel_type === "m.thread" ? text(event_id) : undefined;
  const answered = text(fields(reply)["event_id"]);
  return {
    replaces: rel_type === "m.replace" ? text(event_id) : undefined,
    thread,
    answers: thread !== undefined && is_falling_back === true ? undefined : answered,
  };
}
