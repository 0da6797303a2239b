/** Slack on loopback: the Web API, Socket Mode, the people of one workspace, and a ledger of what apps did there. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { Arguments } from "./arguments.ts";
import { createDeliveries, type Deliveries, type DeliveryOptions, type Link } from "./deliveries.ts";
import { createMethods, scopes } from "./methods.ts";
import { Refusal } from "./refusal.ts";
import { type App, type Conversation, createWorld, type Message, type Person, type Sent, TEAM, type World } from "./world.ts";

export interface FakeOptions extends DeliveryOptions {
  /** Of limits, dates and waits. */
  readonly clock?: Clock;
  /** Holds apps to one message a second in a conversation. */
  readonly limited?: boolean;
}

export interface FakeSlack extends AsyncDisposable {
  /** For `slackApiUrl`. */
  readonly url: string;
  readonly world: World;
  readonly app: App;
  readonly deliveries: Deliveries;
  /** Every call, in order. */
  readonly calls: readonly { readonly method: string; readonly app: string }[];
  /** A further app in the workspace. */
  install(over: Partial<App> & Pick<App, "token" | "user">): App;
  deliveriesOf(app: App): Deliveries;
  conversation(id: string, more?: { readonly name?: string; readonly apps?: readonly App[] }): Conversation;
  person(person: Person): void;
  /** Somebody writes; further fields of the message as Slack has them. Answers with its id. `quietly`: nobody is told. */
  write(user: string, conversation: string, message: Readonly<Record<string, unknown>>, quietly?: boolean): string;
  /** Somebody presses the button of that label under a message of an app's. */
  press(user: string, message: Sent, label: string): void;
  /** Somebody types a slash command of the app's. */
  command(user: string, conversation: string, command: string, text: string): string;
  /** A file that somebody sends, as it stands in a message. */
  file(name: string, bytes: Uint8Array, mimetype: string, over?: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>;
  /** The next calls of that method get this in place of what they ask. */
  refuse(method: string, ...refusals: readonly Refusal[]): void;
  /** Resolves once the condition holds, which is looked at after every call and whenever an event is taken. */
  until(holds: () => boolean): Promise<void>;
  /** Resolves with the n-th message of apps, counted from 0. */
  message(index: number): Promise<Sent>;
}

export const TOKEN = "xoxb-700001-fake-token-of-the-test";
export const APP_TOKEN = "xapp-1-A1-fake-token-of-the-test";
export const SIGNING_SECRET = "fake-signing-secret-of-the-test";

const everyScope = [...new Set([...Object.values(scopes), "im:history", "app_mentions:read", "groups:history"])];

export function startFakeSlack({ clock = systemClock, limited = false, ...options }: FakeOptions = {}): FakeSlack {
  const world = createWorld(clock);
  const calls: { method: string; app: string }[] = [];
  const refusals = new Map<string, Refusal[]>();
  const waiting = new Set<{ readonly holds: () => boolean; readonly resolve: () => void }>();
  const look = () => {
    for (const waiter of waiting) {
      if (!waiter.holds()) continue;
      waiting.delete(waiter);
      waiter.resolve();
    }
  };
  const tickets = new Map<string, App>();
  const deliveries = new Map<App, Deliveries>();
  const openTicket = (app: App) => {
    const ticket = crypto.randomUUID();
    tickets.set(ticket, app);
    return ticket;
  };
  const methods = createMethods({ world, clock, limited, openTicket });

  async function answer(request: Request, method: string, origin: string): Promise<Response> {
    const token = /^Bearer (.+)$/.exec(request.headers.get("authorization") ?? "")?.[1];
    const isAppLevel = method === "apps.connections.open";
    const app = world.apps.find((each) => token !== undefined && (isAppLevel ? each.appToken : each.token) === token);
    const headers: Record<string, string> = app && !isAppLevel ? { "x-oauth-scopes": [...app.scopes].join(",") } : {};
    try {
      const args = new Arguments(await request.text());
      if (args.text("token") !== undefined) world.oddities.push("a token among the arguments");
      if (token === undefined) throw new Refusal("not_authed");
      if (!app) throw new Refusal(/^xapp-/.test(token) !== isAppLevel ? "not_allowed_token_type" : "invalid_auth");
      calls.push({ method, app: app.user });
      const refusal = refusals.get(method)?.shift();
      if (refusal) throw refusal;
      if (app.ended !== undefined && !isAppLevel) throw new Refusal(app.ended);
      const run = methods[method];
      if (!run) throw new Refusal("unknown_method");
      const needed = scopes[method];
      if (needed !== undefined && !app.scopes.has(needed))
        throw new Refusal("missing_scope", { needed, provided: [...app.scopes].join(",") });
      const result = run({ app, args, origin });
      world.oddities.push(...args.unread().map((name) => `${method} ${name}`));
      return Response.json({ ok: true, ...result }, { headers });
    } catch (error) {
      if (error instanceof Refusal) return error.response(headers);
      throw error;
    } finally {
      look();
    }
  }

  const server = Bun.serve<Link>({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    maxRequestBodySize: 64 * 1024 * 1024,
    async fetch(request, own) {
      const { pathname, searchParams } = new URL(request.url);
      const origin = `http://127.0.0.1:${own.port}`;
      const method = /^\/api\/([\w.]+)$/.exec(pathname)?.[1];
      if (method !== undefined) return answer(request, method, origin);
      if (pathname === "/link/") {
        const ticket = searchParams.get("ticket") ?? "";
        const app = tickets.get(ticket);
        tickets.delete(ticket);
        if (!app) return new Response("no such ticket", { status: 404 });
        return own.upgrade(request, { data: { app } }) ? undefined : new Response("not a WebSocket", { status: 400 });
      }
      const trigger = /^\/response\/([\w-]+)$/.exec(pathname)?.[1];
      if (trigger !== undefined) {
        const { text, response_type } = (await request.json()) as { readonly text: string; readonly response_type: string };
        if (request.headers.has("authorization") || response_type !== "ephemeral") world.oddities.push("an aside that is none");
        if (world.asides.filter((aside) => aside.trigger === trigger).length >= 5) return new Response("used_url", { status: 404 });
        world.asides.push({ trigger, text });
        look();
        return new Response("ok");
      }
      const upload = world.files.get(/^\/upload\/v1\/(\w+)$/.exec(pathname)?.[1] ?? "");
      if (upload) {
        upload.bytes = await uploaded(request);
        upload.isUploaded = true;
        return new Response(`OK - ${upload.bytes.length}`);
      }
      const file = world.files.get(/^\/files-pri\/\w+-(\w+)\//.exec(pathname)?.[1] ?? "");
      if (!file) return new Response("not found", { status: 404 });
      const token = /^Bearer (.+)$/.exec(request.headers.get("authorization") ?? "")?.[1];
      const app = world.apps.find((each) => each.token === token && each.ended === undefined && each.scopes.has("files:read"));
      // Whoever may not see it is asked to log in, with a page.
      if (!app) return new Response("<html>Sign in</html>", { headers: { "content-type": "text/html; charset=utf-8" } });
      return new Response(file.bytes as Uint8Array<ArrayBuffer>, { headers: { "content-type": file.mimetype } });
    },
    websocket: {
      open: (socket) => deliveries.get(socket.data.app)?.open(socket),
      message: (socket, text) => deliveries.get(socket.data.app)?.take(String(text)),
      close: (socket) => deliveries.get(socket.data.app)?.closed(socket),
    },
  });
  const url = `http://127.0.0.1:${server.port}`;

  const install: FakeSlack["install"] = (over) => {
    const app: App = {
      appToken: `xapp-${over.user}`,
      signingSecret: SIGNING_SECRET,
      bot: `B${over.user.slice(1)}`,
      name: over.user.toLowerCase(),
      scopes: new Set(everyScope),
      ...over,
    };
    world.apps.push(app);
    world.people.set(app.user, { id: app.user, name: app.name, isBot: true });
    deliveries.set(app, createDeliveries(app, clock, look, options));
    return app;
  };
  const app = install({ token: TOKEN, appToken: APP_TOKEN, user: "UBOT1", name: "pincer" });
  const deliveriesOf: FakeSlack["deliveriesOf"] = (of) => deliveries.get(of)!;

  const conversation: FakeSlack["conversation"] = (id, { name, apps = [app] } = {}) => {
    const made: Conversation = world.conversations.get(id) ?? {
      id,
      apps: new Set(apps.map(({ user }) => user)),
      messages: [],
      ...(name !== undefined && { name }),
    };
    world.conversations.set(id, made);
    return made;
  };
  const typeOf = (id: string) => (id.startsWith("D") ? "im" : id.startsWith("G") ? "mpim" : "channel");

  return {
    url,
    ...{ world, app, calls, install, deliveriesOf, conversation },
    get deliveries() {
      return deliveriesOf(app);
    },
    person: (person) => void world.people.set(person.id, person),
    write(user, id, message, quietly = false) {
      const place = conversation(id);
      if (!world.people.has(user)) world.people.set(user, { id: user });
      const ts = typeof message["ts"] === "string" ? message["ts"] : world.nextTs();
      const thread = message["thread_ts"] as string | undefined;
      const parent = place.messages.find((one) => one.ts === thread);
      const fields: Record<string, unknown> = {
        ...{ type: "message", user, text: "", ts, team: TEAM },
        ...(parent && { parent_user_id: parent.fields["user"] }),
        ...message,
      };
      const made: Message = { ts, conversation: id, fields, thread, reactions: new Map() };
      place.messages.push(made);
      if (quietly) return ts;
      for (const [each, events] of deliveries) {
        if (!place.apps.has(each.user)) continue;
        events.event({ ...fields, channel: id, channel_type: typeOf(id), event_ts: ts });
        if (!id.startsWith("D") && String(fields["text"]).includes(`<@${each.user}>`)) {
          events.event({ ...fields, type: "app_mention", channel: id, event_ts: ts });
        }
      }
      return ts;
    },
    press(user, message, label) {
      const button = message.buttons.find(({ text }) => text === label)!;
      const by = world.apps.find((each) => each.user === message.app)!;
      const { ts, thread, text } = message;
      deliveriesOf(by).deliver("interactive", {
        ...{ type: "block_actions", api_app_id: "A1", trigger_id: crypto.randomUUID(), team: { id: TEAM, domain: "engines" } },
        user: { id: user, username: user.toLowerCase(), name: user.toLowerCase(), team_id: TEAM },
        channel: { id: message.conversation, name: world.conversations.get(message.conversation)?.name ?? "directmessage" },
        container: { type: "message", message_ts: ts, channel_id: message.conversation },
        message: { type: "message", user: by.user, bot_id: by.bot, ts, text, ...(thread !== undefined && { thread_ts: thread }) },
        actions: [{ type: "button", block_id: "b", action_id: button.action_id, value: button.value, action_ts: world.nextTs() }],
      });
    },
    command(user, id, command, text) {
      const trigger = crypto.randomUUID();
      const name = id.startsWith("D") ? "directmessage" : (world.conversations.get(id)?.name ?? "general");
      deliveriesOf(app).deliver("slash_commands", {
        ...{ token: "x", team_id: TEAM, team_domain: "engines", channel_id: id, channel_name: name, api_app_id: "A1" },
        ...{ user_id: user, user_name: user.toLowerCase(), command, text, trigger_id: trigger, response_url: `${url}/response/${trigger}` },
      });
      return trigger;
    },
    file(name, bytes, mimetype, over = {}) {
      const id = world.nextId("F");
      world.files.set(id, { id, name, bytes, length: bytes.length, mimetype, shares: new Map(), isUploaded: true });
      const address = `${url}/files-pri/${TEAM}-${id}/${name}`;
      return { id, name, mimetype, size: bytes.length, mode: "hosted", url_private: address, url_private_download: address, ...over };
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
      for (const each of deliveries.values()) each.close();
      await server.stop(true);
    },
  };
}

/** As it is, or as the file of a form (docs.slack.dev/messaging/working-with-files, #uploading_files). */
async function uploaded(request: Request): Promise<Uint8Array> {
  if (!request.headers.get("content-type")?.startsWith("multipart/form-data")) return new Uint8Array(await request.arrayBuffer());
  const [file] = [...(await request.formData()).values()].filter((part) => typeof part !== "string");
  return file === undefined ? new Uint8Array() : new Uint8Array(await new Response(file as unknown as Blob).arrayBuffer());
}
