/** What a sync tells a device: everything since its token that concerns it. */
import { type Device, type Entry, type Event, membershipOf, membersOf, type Room, type World } from "./world.ts";

export interface SyncOptions {
  readonly since: number | undefined;
  readonly limit: number;
}

/** As it goes to that device: only it sees its own transactions. */
export function shown({ transaction: _, unsigned, ...event }: Event): object {
  return { ...event, unsigned: { age: 1, ...unsigned } };
}

const sharesRoom = (world: World, a: string, b: string): boolean =>
  [...world.rooms.values()].some((room) => membershipOf(room, a) === "join" && membershipOf(room, b) === "join");

function joinedRoom(world: World, user: string, room: Room, { since, limit }: SyncOptions): object | undefined {
  const entries = world.log.map((entry, index) => ({ entry, index }));
  const events = entries.flatMap(({ entry, index }) =>
    entry.kind === "event" && entry.room === room.id ? [{ event: entry.event, index }] : [],
  );
  const joinedAt = events.findLast(
    ({ event }) => event.type === "m.room.member" && event.state_key === user && event.unsigned?.["prev_content"] !== undefined,
  );
  const isNew = since === undefined || (joinedAt !== undefined && joinedAt.index >= since && isFreshJoin(joinedAt.event));
  const news = isNew ? events : events.filter(({ index }) => index >= (since ?? 0));
  if (news.length === 0) return undefined;
  const told = news.slice(-limit);
  const first = told[0]?.index ?? 0;
  const state = (isNew ? events : news).filter(({ event, index }) => index < first && event.state_key !== undefined);
  return {
    state: { events: latest(state.map(({ event }) => event)).map(shown) },
    timeline: { events: told.map(({ event }) => shown(event)), limited: told.length < news.length, prev_batch: `t${first}` },
    ephemeral: { events: [] },
    account_data: { events: [] },
  };
}

const isFreshJoin = ({ content, unsigned }: Event): boolean =>
  content["membership"] === "join" && (unsigned?.["prev_content"] as { membership?: unknown } | undefined)?.membership !== "join";

const latest = (state: readonly Event[]): readonly Event[] => [
  ...new Map(state.map((event) => [`${event.type}\n${event.state_key}`, event])).values(),
];

export function syncFor(world: World, device: Device, options: SyncOptions): { readonly answer: object; readonly isEmpty: boolean } {
  const { since } = options;
  const { user } = device;
  const news = (_: Entry, index: number) => index >= (since ?? 0);
  const rooms = [...world.rooms.values()];
  const join = rooms.flatMap((room) => {
    const told = membershipOf(room, user) === "join" ? joinedRoom(world, user, room, options) : undefined;
    return told ? [[room.id, told] as const] : [];
  });
  const touched = new Set(
    world.log
      .filter(news)
      .flatMap((entry) =>
        entry.kind === "event" && entry.event.type === "m.room.member" && entry.event.state_key === user ? [entry.room] : [],
      ),
  );
  const invite = rooms.flatMap((room) => {
    if (membershipOf(room, user) !== "invite" || (since !== undefined && !touched.has(room.id))) return [];
    const stripped = latest(room.events.filter(({ state_key }) => state_key !== undefined));
    return [
      [
        room.id,
        { invite_state: { events: stripped.map(({ type, state_key, content, sender }) => ({ type, state_key, content, sender })) } },
      ] as const,
    ];
  });
  const leave = rooms.flatMap((room) =>
    since !== undefined && touched.has(room.id) && membershipOf(room, user) === "leave"
      ? [[room.id, { timeline: { events: [] } }] as const]
      : [],
  );
  // Whoever has the token has what came before it.
  if (since !== undefined) {
    for (const [index, entry] of world.log.entries()) {
      if (index >= since) break;
      if (entry.kind === "to-device" && entry.user === user && entry.device === device.id) world.log[index] = { kind: "devices", user: "" };
    }
  }
  const toDevice = world.log.flatMap((entry) =>
    entry.kind === "to-device" && entry.user === user && entry.device === device.id ? [entry.event] : [],
  );
  const changed = new Set(
    since === undefined
      ? []
      : world.log.filter(news).flatMap((entry) => {
          if (entry.kind === "devices" && entry.user !== "" && (entry.user === user || sharesRoom(world, user, entry.user)))
            return [entry.user];
          // Who came into a room has devices that nobody there knows yet.
          if (entry.kind !== "event" || entry.event.type !== "m.room.member" || entry.event.content["membership"] !== "join") return [];
          return membersOf(world.rooms.get(entry.room)!, "join").includes(user) ? [entry.event.state_key!] : [];
        }),
  );
  const account = [...(world.users.get(user)?.accountData ?? [])].map(([type, content]) => ({ type, content }));
  const answer = {
    next_batch: `s${world.log.length}`,
    rooms: { join: Object.fromEntries(join), invite: Object.fromEntries(invite), leave: Object.fromEntries(leave) },
    account_data: { events: since === undefined ? account : [] },
    to_device: { events: toDevice },
    device_lists: { changed: [...changed], left: [] },
    device_one_time_keys_count: { signed_curve25519: device.oneTimeKeys.size },
    device_unused_fallback_key_types: device.fallbackKeys.size > 0 ? ["signed_curve25519"] : [],
  };
  return { answer, isEmpty: join.length + invite.length + leave.length + toDevice.length + changed.size === 0 };
}
