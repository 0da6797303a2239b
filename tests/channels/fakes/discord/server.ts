/** Discord on loopback: REST API, gateway and files, the people who write there, and a ledger of what bots did. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { readBody } from "./body.ts";
import { type Connection, createGateway, type Gateway } from "./gateway.ts";
import { createLimits } from "./limits.ts";
import { createMethods } from "./methods.ts";
import { createPeople, type People } from "./people.ts";
import { Refusal, unauthorized } from "./refusal.ts";
import { type Bot, createWorld, type Sent, type World } from "./world.ts";

export interface FakeOptions {
  /** Of limits, dates and waits. */
  readonly clock?: Clock;
  /** Holds bots to Discord's limits. */
  readonly limited?: boolean;
  readonly heartbeatMs?: number;
  /** What is said before the first session is told to it. */
  readonly keepsEarly?: boolean;
}

export interface FakeDiscord extends AsyncDisposable, People {
  /** For `apiRoot`. */
  readonly url: string;
  /** For `cdnRoot`. */
  readonly origin: string;
  readonly token: string;
  readonly world: World;
  readonly bot: Bot;
  readonly gateway: Gateway;
  /** Every call, in order. */
  readonly calls: readonly { readonly token: string | undefined; readonly route: string }[];
  /** A further bot. */
  addBot(token: string, username: string): Bot;
  /** As the portal does it. */
  revoke(token: string): void;
  /** How often bots may still identify today. */
  starts: number;
  /** The next calls of that route get this in place of what they ask. */
  refuse(route: string, ...refusals: readonly (Refusal | Response)[]): void;
  /** Resolves once the condition holds, which is looked at after every call. */
  until(holds: () => boolean): Promise<void>;
  /** Resolves with the n-th message of bots, counted from 0. */
  message(index: number): Promise<Sent>;
}

export const TOKEN = "MTAwMDAwMDAwMDAwMDAwMDAx.fake-0.token-of-the-test_0123456789abcdef";
/** Message Content, as an application has it that is in few servers. */
export const CONTENT_FLAG = 1 << 19;

export function startFakeDiscord({
  clock = systemClock,
  limited = false,
  heartbeatMs = 41_250,
  keepsEarly = false,
}: FakeOptions = {}): FakeDiscord {
  const world = createWorld(clock);
  const calls: { token: string | undefined; route: string }[] = [];
  const refusals = new Map<string, (Refusal | Response)[]>();
  const waiting = new Set<{ readonly holds: () => boolean; readonly resolve: () => void }>();
  const look = () => {
    for (const waiter of waiting) {
      if (!waiter.holds()) continue;
      waiting.delete(waiter);
      waiter.resolve();
    }
  };
  const take = limited ? createLimits(clock) : undefined;
  const gatewayUrl = () => `ws://127.0.0.1:${server.port}/gateway`;
  const gateway = createGateway(world, { heartbeatMs, keepsEarly, changed: look, url: gatewayUrl });
  const people = createPeople(world, clock, gateway);
  let starts = 1000;
  const methodOf = createMethods({ world, clock, gatewayUrl, startsLeft: () => starts, published: people.publish });

  async function answer(request: Request, path: string, query: URLSearchParams): Promise<Response> {
    try {
      const method = methodOf(request.method, path);
      if (!method) throw new Refusal(404, 0, "404: Not Found");
      const token = /^Bot (\S+)$/.exec(request.headers.get("authorization") ?? "")?.[1];
      const isOpen = /^\w+ \/(interactions|webhooks)\//.test(method.route);
      const bot = world.bots.get(token ?? "");
      calls.push({ token, route: method.route });
      look();
      if (isOpen === (token !== undefined)) world.oddities.push(`authorization of ${method.route}`);
      if (!/^DiscordBot \(/.test(request.headers.get("user-agent") ?? "")) world.oddities.push("user-agent");
      if (!isOpen && !bot) throw unauthorized();
      const refusal = refusals.get(method.route)?.shift();
      if (refusal instanceof Response) return refusal;
      if (refusal) throw refusal;
      const heads = take?.(token ?? "", isOpen ? undefined : `${method.route} ${method.ids[0] ?? ""}`) ?? {};
      const result = method.run({ bot, body: await readBody(request), query });
      return result === undefined ? new Response(null, { status: 204, headers: heads }) : Response.json(result, { headers: heads });
    } catch (error) {
      if (error instanceof Refusal) return error.response();
      throw error;
    } finally {
      look();
    }
  }

  const server = Bun.serve<Connection>({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    maxRequestBodySize: 128 * 1024 * 1024,
    fetch(request, bun) {
      const { pathname, searchParams, search } = new URL(request.url);
      if (pathname === "/gateway" || pathname === "/gateway/") {
        if (searchParams.get("v") !== "10" || searchParams.get("encoding") !== "json") world.oddities.push(`gateway${search}`);
        return bun.upgrade(request, { data: { session: undefined } })
          ? (undefined as unknown as Response)
          : new Response("expected a WebSocket", { status: 426 });
      }
      const [, path] = /^\/api\/v10(\/.*)$/.exec(pathname) ?? [];
      if (path !== undefined) return answer(request, path, searchParams);
      const file = world.files.get(decodeURIComponent(pathname));
      if (!file || search !== `?${file.signature}`) return new Response("This content is no longer available.", { status: 404 });
      if (request.headers.has("authorization")) world.oddities.push("a token where files are");
      return new Response(file.bytes as Uint8Array<ArrayBuffer>, { headers: { "content-type": file.mimeType } });
    },
    websocket: gateway.websocket,
  });

  const addBot: FakeDiscord["addBot"] = (token, username) => {
    const id = Buffer.from(token.split(".")[0] ?? "", "base64").toString();
    const user = { id, username, global_name: null, discriminator: "0", avatar: null, bot: true };
    const bot: Bot = { token, user, flags: CONTENT_FLAG, commands: [] };
    world.bots.set(token, bot);
    return bot;
  };
  const bot = addBot(TOKEN, "pincer");

  return {
    ...people,
    url: `http://127.0.0.1:${server.port}/api`,
    origin: `http://127.0.0.1:${server.port}`,
    token: TOKEN,
    ...{ world, bot, gateway, calls, addBot },
    revoke(token) {
      world.bots.delete(token);
      gateway.drop(4004);
    },
    get starts() {
      return starts;
    },
    set starts(left) {
      starts = left;
    },
    refuse(route, ...next) {
      refusals.set(route, [...(refusals.get(route) ?? []), ...next]);
    },
    until: (holds) => (holds() ? Promise.resolve() : new Promise((resolve) => void waiting.add({ holds, resolve }))),
    async message(index) {
      await this.until(() => world.sent.length > index);
      return world.sent[index]!;
    },
    async [Symbol.asyncDispose]() {
      gateway.drop(1001);
      await server.stop(true);
    },
  };
}
