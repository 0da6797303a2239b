/** The Client-Server API, version 1.11, as far as a client that talks needs it. */
import { claimKeys, queryKeys, sendToDevices, uploadIdentity, uploadKeys, uploadSignatures } from "./keys.ts";
import { forbidden, notFound, Refusal } from "./refusal.ts";
import { shown } from "./sync.ts";
import { addDevice, addEvent, type Device, type Event, type Fields, membershipOf, type Room, setMember, type World } from "./world.ts";

export interface Call {
  readonly device: Device;
  readonly token: string;
  readonly ids: readonly string[];
  readonly body: Fields;
  readonly query: URLSearchParams;
}

interface Method {
  readonly route: string;
  readonly run: (call: Call) => unknown;
}

/** What Matrix takes of one event, in bytes. */
const EVENT_BYTES = 65_536;

export interface MethodDeps {
  readonly world: World;
  readonly typing: { readonly room: string; readonly user: string }[];
  readonly receipts: { readonly room: string; readonly user: string; readonly event: string; readonly thread: unknown }[];
}

export function createMethods({
  world,
  typing,
  receipts,
}: MethodDeps): (method: string, path: string) => (Method & { ids: readonly string[] }) | undefined {
  const roomFor = ({ device, ids }: Call): Room => {
    const room = world.rooms.get(ids[0] ?? "");
    if (!room || membershipOf(room, device.user) !== "join") throw forbidden(`User ${device.user} not in room ${ids[0]}`);
    return room;
  };
  /** Done once for a transaction of a device. */
  const once = ({ device, token }: Call, transaction: string, run: () => unknown): unknown => {
    const key = `${device.user} ${token} ${transaction}`;
    if (!world.transactions.has(key)) world.transactions.set(key, run());
    return world.transactions.get(key);
  };
  const find = (room: Room, id: string): Event => {
    const event = room.events.find(({ event_id }) => event_id === id);
    if (!event) throw notFound("Event not found.");
    return event;
  };

  const send = (call: Call): unknown => {
    const [, type = "", transaction = ""] = call.ids;
    const room = roomFor(call);
    return once(call, `send ${room.id} ${transaction}`, () => {
      const { body: content } = call;
      if (JSON.stringify(content).length + 500 > EVENT_BYTES) throw new Refusal(413, "M_TOO_LARGE", "event too large");
      const relates = content["m.relates_to"] as { rel_type?: string; event_id?: string; key?: string } | undefined;
      if (relates?.rel_type === "m.annotation") {
        const isKnown = room.events.some(({ sender, content: other }) => {
          const its = other["m.relates_to"] as typeof relates;
          return sender === call.device.user && its?.key === relates.key && its?.event_id === relates.event_id;
        });
        if (isKnown) throw new Refusal(400, "M_DUPLICATE_ANNOTATION", "Can't send same reaction twice");
      }
      const { event_id } = addEvent(world, room, { type, sender: call.device.user, content, transaction });
      return { event_id };
    });
  };

  const redact = (call: Call): unknown => {
    const [, id = "", transaction = ""] = call.ids;
    const room = roomFor(call);
    return once(call, `redact ${room.id} ${transaction}`, () => {
      const event = find(room, id);
      event.content = {};
      const { event_id } = addEvent(world, room, { type: "m.room.redaction", sender: call.device.user, content: { redacts: id } });
      return { event_id };
    });
  };

  const messages = (call: Call): object => {
    const room = roomFor(call);
    const from = Number(/^t(\d+)$/.exec(call.query.get("from") ?? "")?.[1]);
    const to = Number(/^[st](\d+)$/.exec(call.query.get("to") ?? "t0")?.[1]);
    const limit = Number(call.query.get("limit") ?? 10);
    if (call.query.get("dir") !== "b" || Number.isNaN(from)) throw new Refusal(400, "M_INVALID_PARAM", "Unknown token");
    const events = world.log.flatMap((entry, index) =>
      entry.kind === "event" && entry.room === room.id && index < from && index >= to ? [{ event: entry.event, index }] : [],
    );
    const page = events.slice(-limit).reverse();
    const isMore = page.length < events.length;
    return {
      chunk: page.map(({ event }) => shown(event)),
      start: call.query.get("from"),
      ...(isMore && { end: `t${page.at(-1)!.index}` }),
    };
  };

  const login = ({ body }: Call): object => {
    const { type, identifier, password, device_id, initial_device_display_name } = body as Record<string, unknown>;
    const given = String((identifier as Fields | undefined)?.["user"] ?? "");
    const id = given.startsWith("@") ? given : `@${given}:${world.server}`;
    if (type !== "m.login.password" || world.users.get(id)?.password !== password) throw forbidden("Invalid username or password");
    const token = world.next("syt_token_");
    const device = addDevice(
      world,
      id,
      token,
      typeof device_id === "string" ? device_id : world.next("DEVICE"),
      String(initial_device_display_name),
    );
    return { user_id: id, access_token: token, device_id: device.id };
  };

  const routes: Readonly<Record<string, Method["run"]>> = {
    "GET /versions": () => ({ versions: ["v1.11"], unstable_features: {} }),
    "GET /v3/capabilities": () => ({ capabilities: {} }),
    "GET /v3/pushrules/": () => ({ global: {} }),
    "POST /v3/user/:id/filter": ({ body }) => {
      const filter_id = world.next("filter");
      world.filters.set(filter_id, body);
      return { filter_id };
    },
    "GET /v3/rooms/:id/members": (call) => ({
      chunk: [...roomFor(call).state.values()].filter(({ type }) => type === "m.room.member").map(shown),
    }),
    "POST /v3/login": login,
    "POST /v3/logout": ({ token }) => {
      world.logins.delete(token);
      return {};
    },
    "GET /v3/account/whoami": ({ device }) => ({ user_id: device.user, device_id: device.id, is_guest: false }),
    "GET /v3/rooms/:id/state": (call) => [...roomFor(call).state.values()].map(shown),
    "GET /v3/rooms/:id/event/:id": (call) => shown(find(roomFor(call), call.ids[1] ?? "")),
    "GET /v3/rooms/:id/messages": messages,
    "PUT /v3/rooms/:id/send/:id/:id": send,
    "PUT /v3/rooms/:id/redact/:id/:id": redact,
    "PUT /v3/rooms/:id/typing/:id": (call) => {
      typing.push({ room: roomFor(call).id, user: call.device.user });
      return {};
    },
    "POST /v3/rooms/:id/receipt/m.read/:id": (call) => {
      receipts.push({ room: roomFor(call).id, user: call.device.user, event: call.ids[1] ?? "", thread: call.body["thread_id"] });
      return {};
    },
    "POST /v3/rooms/:id/join": ({ device, ids }) => {
      const room = world.rooms.get(ids[0] ?? "");
      if (!room || !["invite", "join"].includes(String(membershipOf(room, device.user))))
        throw forbidden("You are not invited to this room.");
      setMember(world, room, device.user, device.user, "join");
      return { room_id: room.id };
    },
    "GET /v1/rooms/:id/relations/:id/:id/:id": (call) => {
      const [, id, relation, type] = call.ids;
      const chunk = roomFor(call).events.filter((event) => {
        const its = event.content["m.relates_to"] as { rel_type?: string; event_id?: string } | undefined;
        return event.type === type && its?.rel_type === relation && its?.event_id === id;
      });
      return { chunk: chunk.map(shown) };
    },
    "GET /v3/user/:id/account_data/:id": ({ device, ids }) => {
      const data = world.users.get(device.user)?.accountData.get(ids[1] ?? "");
      if (data === undefined) throw notFound("Account data not found");
      return data;
    },
    "POST /v3/keys/upload": ({ device, body }) => uploadKeys(world, device, body),
    "POST /v3/keys/query": ({ body }) => queryKeys(world, body),
    "POST /v3/keys/claim": ({ body }) => claimKeys(world, body),
    "POST /v3/keys/device_signing/upload": ({ device, body }) => uploadIdentity(world, device, body),
    "POST /v3/keys/signatures/upload": ({ body }) => uploadSignatures(world, body),
    "PUT /v3/sendToDevice/:id/:id": (call) =>
      once(call, `to-device ${call.ids[1]}`, () => {
        sendToDevices(world, call.device.user, call.ids[0] ?? "", call.body);
        return {};
      }),
    "PUT /v3/rooms/:id/state/:id/": (call) => {
      const { event_id } = addEvent(world, roomFor(call), {
        type: call.ids[1] ?? "",
        sender: call.device.user,
        content: call.body,
        state_key: "",
      });
      return { event_id };
    },
  };
  const patterns = Object.entries(routes).map(([route, run]) => {
    const [method, path = ""] = route.split(" ");
    return { method, route, run, pattern: new RegExp(`^${path.replaceAll(":id", "([^/]+)")}$`) };
  });

  return (method, path) => {
    for (const { method: its, route, run, pattern } of patterns) {
      const found = its === method ? pattern.exec(path) : null;
      if (found) return { route, run, ids: found.slice(1).map(decodeURIComponent) };
    }
    return undefined;
  };
}
