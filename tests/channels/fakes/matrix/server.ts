/** A homeserver on loopback: the Client-Server API, the people who write there, and a ledger of what bots did. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { createMethods, type MethodDeps } from "./methods.ts";
import { createPeople, type People } from "./people.ts";
import { notFound, Refusal, unknownToken } from "./refusal.ts";
import { syncFor } from "./sync.ts";
import { addDevice, createWorld, type Device, type Event, type Fields, type World } from "./world.ts";

export interface FakeOptions {
  /** Of dates. */
  readonly clock?: Clock;
}

export interface FakeMatrix extends AsyncDisposable, People {
  readonly url: string;
  readonly world: World;
  readonly bot: { readonly user: string; readonly token: string; readonly password: string; readonly device: string };
  /** Every call, in order. */
  readonly calls: readonly { readonly user: string | undefined; readonly route: string; readonly query: string }[];
  readonly typing: MethodDeps["typing"];
  readonly receipts: MethodDeps["receipts"];
  /** Whether a sync of the bot's waits for news. */
  readonly isSynced: boolean;
  /** What the bot has said, oldest first: no changes of what it said, and nothing that was taken back. */
  readonly sent: readonly Event[];
  /** Messages in order, as they are now: what replaced them last. */
  textOf(event: Event): Fields;
  /** Ends a login. A soft one keeps the device. */
  revoke(token: string, isSoft?: boolean): void;
  /** The next calls of that route get this in place of what they ask. */
  refuse(route: string, ...refusals: readonly (Refusal | Response)[]): void;
  /** Resolves once the condition holds, which is looked at after every change. */
  until(holds: () => boolean): Promise<void>;
  /** Resolves with the n-th message of the bot's, counted from 0. */
  message(index: number): Promise<Event>;
}

export const BOT = { user: "@pincer:hs.test", token: "syt_cGluY2Vy_fake_token", password: "fake-password", device: "PINCERDEV" } as const;

const relationOf = ({ content }: Event) =>
  content["m.relates_to"] as { readonly rel_type?: string; readonly event_id?: string } | undefined;

export function startFakeMatrix({ clock = systemClock }: FakeOptions = {}): FakeMatrix {
  const calls: { user: string | undefined; route: string; query: string }[] = [];
  const refusals = new Map<string, (Refusal | Response)[]>();
  const waiting = new Set<{ readonly holds: () => boolean; readonly resolve: () => void }>();
  const look = () => {
    for (const waiter of waiting) {
      if (!waiter.holds()) continue;
      waiting.delete(waiter);
      waiter.resolve();
    }
  };
  const until: FakeMatrix["until"] = (holds) =>
    holds() ? Promise.resolve() : new Promise((resolve) => void waiting.add({ holds, resolve }));
  const world = createWorld(clock, look);
  world.users.set(BOT.user, { password: BOT.password, accountData: new Map(), crossSigning: {} });
  addDevice(world, BOT.user, BOT.token, BOT.device, "A bot");
  const people = createPeople(world, BOT.user);
  const typing: MethodDeps["typing"] = [];
  const receipts: MethodDeps["receipts"] = [];
  const methodOf = createMethods({ world, typing, receipts });
  const ended = new AbortController();
  const softly = new Set<string>();
  let waitingSyncs = 0;

  async function sync(device: Device, token: string, query: URLSearchParams, gone: AbortSignal): Promise<object> {
    const since = query.has("since") ? Number(/^s(\d+)$/.exec(query.get("since") ?? "")?.[1]) : undefined;
    if (Number.isNaN(since)) throw new Refusal(400, "M_INVALID_PARAM", "Unknown token");
    const named = query.get("filter") ?? "{}";
    const filter = (world.filters.get(named) ?? JSON.parse(named)) as {
      readonly room?: { readonly timeline?: { readonly limit?: number } };
    };
    const news = () => syncFor(world, device, { since, limit: filter.room?.timeline?.limit ?? 10 });
    const isOver = () => gone.aborted || ended.signal.aborted || world.logins.get(token) !== device;
    const waitMs = Number(query.get("timeout") ?? 0);
    if (waitMs > 0 && news().isEmpty) {
      let isTime = false;
      using _timer = systemClock.after(waitMs, () => {
        isTime = true;
        look();
      });
      gone.addEventListener("abort", look);
      const isBot = device.user === BOT.user;
      if (isBot) waitingSyncs++;
      look();
      await until(() => isTime || isOver() || !news().isEmpty);
      if (isBot) waitingSyncs--;
    }
    if (world.logins.get(token) !== device) throw unknownToken(softly.has(token));
    const { answer } = news();
    return answer;
  }

  async function media(request: Request, path: string, query: URLSearchParams): Promise<Response> {
    if (request.method === "POST" && path === "/media/v3/upload") {
      const bytes = new Uint8Array(await request.arrayBuffer());
      const address = people.file(
        bytes,
        request.headers.get("content-type") ?? "application/octet-stream",
        query.get("filename") ?? undefined,
      );
      return Response.json({ content_uri: address });
    }
    const id = /^\/client\/v1\/media\/download\/hs\.test\/([^/]+)$/.exec(path)?.[1];
    const found = world.media.get(id ?? "");
    if (!found) throw notFound();
    return new Response(found.bytes as Uint8Array<ArrayBuffer>, { headers: { "content-type": found.type } });
  }

  async function answer(request: Request): Promise<Response> {
    const { pathname, searchParams: query } = new URL(request.url);
    const path = pathname.replace(/^\/_matrix/, "");
    const isMedia = path.includes("/media/");
    const method = methodOf(request.method, path.replace(/^\/client/, ""));
    const route = isMedia
      ? `${request.method} ${path.replace(/(download)\/.*/, "$1")}`
      : path === "/client/v3/sync"
        ? "GET /v3/sync"
        : method?.route;
    const token = /^Bearer (\S+)$/.exec(request.headers.get("authorization") ?? "")?.[1];
    const device = world.logins.get(token ?? "");
    const isOpen = route === "POST /v3/login" || route === "GET /versions";
    calls.push({ user: device?.user, route: route ?? `${request.method} ${path}`, query: query.toString() });
    look();
    try {
      if (!device && !isOpen) throw unknownToken(softly.has(token ?? ""));
      if (route === "POST /v3/login" && token !== undefined) world.oddities.push("a token beside a login");
      const refusal = refusals.get(route ?? "")?.shift();
      if (refusal instanceof Response) return refusal;
      if (refusal) throw refusal;
      if (isMedia) return await media(request, path, query);
      if (device && route === "GET /v3/sync") return Response.json(await sync(device, token ?? "", query, request.signal));
      if (!method) throw new Refusal(404, "M_UNRECOGNIZED", "Unrecognized request");
      const given: unknown = ["PUT", "POST"].includes(request.method) ? await request.json() : {};
      const result = method.run({ device: device!, token: token ?? "", ids: method.ids, body: given as Fields, query });
      return Response.json(result);
    } catch (error) {
      if (error instanceof Refusal) return error.response();
      throw error;
    } finally {
      look();
    }
  }

  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, idleTimeout: 0, maxRequestBodySize: 128 * 1024 * 1024, fetch: answer });
  const events = () => [...world.rooms.values()].flatMap((room) => room.events);
  const sent = () =>
    world.log.flatMap((entry) => {
      if (entry.kind !== "event" || entry.event.sender !== BOT.user) return [];
      const { event } = entry;
      const isMessage = event.type === "m.room.message" || event.type === "m.room.encrypted";
      return isMessage && Object.keys(event.content).length > 0 && relationOf(event)?.rel_type !== "m.replace" ? [event] : [];
    });

  return {
    ...people,
    url: `http://127.0.0.1:${server.port}`,
    bot: BOT,
    ...{ world, calls, typing, receipts, until },
    get isSynced() {
      return waitingSyncs > 0;
    },
    get sent() {
      return sent();
    },
    textOf(event) {
      const edit = events().findLast(
        (other) => relationOf(other)?.rel_type === "m.replace" && relationOf(other)?.event_id === event.event_id,
      );
      return (edit?.content["m.new_content"] as Fields | undefined) ?? event.content;
    },
    revoke(token, isSoft = false) {
      if (isSoft) softly.add(token);
      world.logins.delete(token);
      look();
    },
    refuse(route, ...next) {
      refusals.set(route, [...(refusals.get(route) ?? []), ...next]);
    },
    async message(index) {
      await until(() => sent().length > index);
      return sent()[index]!;
    },
    async [Symbol.asyncDispose]() {
      ended.abort();
      look();
      await server.stop(true);
    },
  };
}
