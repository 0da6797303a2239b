/** What a homeserver keeps: accounts and their devices, rooms and what happened in them, keys, files; all that syncs tell, in one order. */
import type { Clock } from "@pincer/plugin-sdk/clock";

export type Fields = Readonly<Record<string, unknown>>;

export interface Event {
  readonly event_id: string;
  readonly type: string;
  readonly sender: string;
  readonly room_id: string;
  readonly origin_server_ts: number;
  content: Fields;
  readonly state_key?: string;
  readonly unsigned?: Fields;
  /** By a transaction of a device's. */
  readonly transaction?: string;
}

export interface Device {
  readonly user: string;
  readonly id: string;
  name: string | undefined;
  keys: Fields | undefined;
  readonly oneTimeKeys: Map<string, Fields>;
  fallbackKeys: Map<string, Fields>;
}

export interface Room {
  readonly id: string;
  /** Oldest first. */
  readonly events: Event[];
  readonly state: Map<string, Event>;
}

/** What a sync may tell, at its place in the order of everything. */
export type Entry =
  | { readonly kind: "event"; readonly room: string; readonly event: Event }
  | { readonly kind: "to-device"; readonly user: string; readonly device: string; readonly event: Fields }
  | { readonly kind: "devices"; readonly user: string };

export interface World {
  readonly server: string;
  readonly clock: Clock;
  /** By user; the password. */
  readonly users: Map<string, { readonly password: string; readonly accountData: Map<string, Fields>; crossSigning: Fields }>;
  /** By token. */
  readonly logins: Map<string, Device>;
  readonly devices: Map<string, Device>;
  readonly rooms: Map<string, Room>;
  readonly log: Entry[];
  /** Of syncs, by the id under which a client left them. */
  readonly filters: Map<string, Fields>;
  readonly media: Map<string, { readonly bytes: Uint8Array; readonly type: string; readonly name: string | undefined }>;
  /** What was done by a transaction, so that it is done once. */
  readonly transactions: Map<string, unknown>;
  /** What clients sent that the specification has no field for, or does not allow. */
  readonly oddities: string[];
  next(prefix: string): string;
  /** Called after every change. */
  changed(): void;
}

export function createWorld(clock: Clock, changed: () => void): World {
  let number = 0;
  return {
    server: "hs.test",
    clock,
    users: new Map(),
    logins: new Map(),
    devices: new Map(),
    rooms: new Map(),
    log: [],
    filters: new Map(),
    media: new Map(),
    transactions: new Map(),
    oddities: [],
    next: (prefix) => `${prefix}${++number}`,
    changed,
  };
}

export const stateKey = (type: string, key: string): string => `${type}\n${key}`;

export const membersOf = (room: Room, membership: string): readonly string[] =>
  [...room.state.values()].flatMap(({ type, state_key = "", content }) =>
    type === "m.room.member" && content["membership"] === membership ? [state_key] : [],
  );

export const membershipOf = (room: Room, user: string): unknown => room.state.get(stateKey("m.room.member", user))?.content["membership"];

export function addDevice(world: World, user: string, token: string, id: string, name?: string): Device {
  const device = world.devices.get(`${user} ${id}`) ?? { user, id, name, keys: undefined, oneTimeKeys: new Map(), fallbackKeys: new Map() };
  world.devices.set(`${user} ${id}`, device);
  world.logins.set(token, device);
  return device;
}

interface NewEvent {
  readonly type: string;
  readonly sender: string;
  readonly content: Fields;
  readonly state_key?: string;
  readonly transaction?: string;
  readonly at?: number;
  readonly id?: string;
}

export const newId = (world: World): string => `$${world.next("event-")}`;

export function addEvent(world: World, room: Room, { at, id, ...given }: NewEvent): Event {
  const before = given.state_key === undefined ? undefined : room.state.get(stateKey(given.type, given.state_key));
  const event: Event = {
    ...given,
    event_id: id ?? newId(world),
    room_id: room.id,
    origin_server_ts: at ?? world.clock.now(),
    ...(before && { unsigned: { prev_content: before.content } }),
  };
  room.events.push(event);
  if (event.state_key !== undefined) room.state.set(stateKey(event.type, event.state_key), event);
  world.log.push({ kind: "event", room: room.id, event });
  world.changed();
  return event;
}

export function createRoom(world: World, id: string, creator: string): Room {
  const room: Room = { id, events: [], state: new Map() };
  world.rooms.set(id, room);
  addEvent(world, room, { type: "m.room.create", sender: creator, state_key: "", content: { room_version: "11" } });
  return room;
}

export const setMember = (world: World, room: Room, sender: string, user: string, membership: string, more: Fields = {}): Event =>
  addEvent(world, room, { type: "m.room.member", sender, state_key: user, content: { membership, ...more } });
