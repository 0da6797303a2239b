/** The sessions room on a real store in a folder of its own, alone or behind a real bus with the plugin that serves its methods. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Facet, Logger } from "@pincer/plugin-sdk";
import { lanes } from "@pincer/plugin-sdk/contracts/lanes";
import { router } from "@pincer/plugin-sdk/contracts/router";
import { sessionCatalog } from "@pincer/plugin-sdk/contracts/session-catalog";
import { sessionEditor } from "@pincer/plugin-sdk/contracts/session-editor";
import { type Entry, type NewEntry, sessions } from "@pincer/plugin-sdk/contracts/sessions";
import { subscriptions } from "@pincer/plugin-sdk/contracts/subscriptions";
import type { Message } from "@pincer/plugin-sdk/message";
import { reviveSchema } from "@pincer/plugin-sdk/schema";
import type { WireClient } from "@pincer/plugin-sdk/testing/client";
import { createManualClock, type ManualClock } from "@pincer/plugin-sdk/testing/clock";
import { Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { lanesFor } from "../../kernel/lanes/contract.ts";
import { sessionsMigrations } from "../../kernel/sessions/schema.ts";
import { createSessions, type Sessions, SessionsConfig, type SessionsDeps, sessionEvents } from "../../kernel/sessions/sessions.ts";
import { createRetention, type Retention } from "../../store/retention.ts";
import { openStore } from "../../store/sqlite.ts";
import type { Store } from "../../store/store.ts";
import { startHost } from "../fixtures/plugin-host.ts";
import { type BusHost, startBus } from "./bus.ts";

interface SessionsHost extends AsyncDisposable {
  readonly sessions: Sessions;
  readonly store: Store;
  readonly retention: Retention;
  readonly clock: ManualClock;
  readonly ended: { key: string; reason: string }[];
  /** Live. */
  readonly settings: SessionsConfig;
  append(key: string, ...entries: NewEntry[]): Promise<Entry[]>;
  path(key: string, query?: { limit?: number; before?: number; fromSummary?: boolean }): Promise<Entry[]>;
}

/** What an agent plugin might declare. */
export const facets = new Map<string, Facet>(
  Object.entries({
    model: { schema: Type.String(), summary: "Model reference.", patch: "operator.write" },
    thinkingLevel: { schema: Type.Union([Type.Literal("off"), Type.Literal("high")]), summary: "Thinking.", patch: "operator.write" },
    elevatedLevel: { schema: Type.String(), summary: "Who may do more.", patch: "operator.admin" },
    inputTokens: { schema: Type.Integer({ default: 0 }), summary: "Tokens in." },
    outputTokens: { schema: Type.Integer({ default: 0 }), summary: "Tokens out." },
    totalTokensFresh: { schema: Type.Boolean({ default: false }), summary: "Whether the count is of now." },
    kind: { schema: Type.String(), summary: "Direct or group." },
  } satisfies Record<string, Facet>),
);

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

export async function startSessions(
  over: Partial<Omit<SessionsDeps, "clock">> = {},
  settings: Partial<SessionsConfig> = {},
): Promise<SessionsHost> {
  const home = await mkdtemp(join(tmpdir(), "pincer-sessions-"));
  const store = over.store ?? (await openStore({ path: join(home, "store.db"), migrations: sessionsMigrations }));
  const clock = createManualClock();
  const ended: SessionsHost["ended"] = [];
  const live = Value.Default(SessionsConfig, { ...settings }) as SessionsConfig;
  const retention = createRetention({ store, clock, log: silent });
  const room = createSessions({
    retention,
    clock,
    log: silent,
    settings: () => live,
    emit: () => {},
    facets: () => facets,
    defaultAgentId: () => "main",
    ended: async (key, reason) => void ended.push({ key, reason }),
    ...over,
    store,
  });
  const io = { signal: new AbortController().signal };
  return {
    sessions: room,
    store,
    retention,
    clock,
    ended,
    settings: live,
    append: async (key, ...entries) => (await room.contract.append({ key, entries }, io)).entries,
    path: async (key, query) => (await room.contract.path({ key, ...query }, io)).entries,
    async [Symbol.asyncDispose]() {
      retention[Symbol.dispose]();
      if (!over.store) await store.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}

export type Row = Record<string, unknown> & { key: string; sessionId: string };

interface ServedSessions extends SessionsHost {
  readonly bus: BusHost;
  readonly client: WireClient;
  /** What sessions.list answers with, and its keys without the agent's part. */
  rows(params?: object): Promise<Row[]>;
  keys(params?: object): Promise<string[]>;
  /** What sessions.describe answers with. */
  row(key: string): Promise<Row>;
  /** Sessions with two messages each that came up one second after another. */
  seed(...names: string[]): Promise<void>;
}

/** What the reference package says of a payload: nothing, or where it is wrong. */
export const wrong = (schema: unknown, payload: unknown): string[] =>
  [...Value.Errors(reviveSchema(JSON.parse(JSON.stringify(schema))), payload)].map(({ path, message }) => `${path} ${message}`);

interface ServedOptions {
  /** Of the plugin. */
  readonly config?: object;
  /** Agents that a router knows; absent: there is no router. */
  readonly agentIds?: readonly string[];
}

/** The room behind the plugin and a bus; every result and payload is checked against its schema there. */
export async function serveSessions({
  config = {},
  agentIds,
  ...over
}: Partial<Omit<SessionsDeps, "clock">> & ServedOptions = {}): Promise<ServedSessions> {
  const bus = await startBus({ events: sessionEvents });
  const host = await startSessions({ emit: bus.bus.emit, ...over });
  const agents = agentIds?.map((id) => ({ id, name: id, isDefault: id === "main", workspace: "/", tools: { allow: [], deny: [] } }));
  const plugins = await startHost({
    clock: host.clock,
    roots: [{ path: join(import.meta.dir, "../../plugins"), layout: "source" }],
    defaults: ["sessions"],
    config: { plugins: { sessions: { config } } },
    provide(to) {
      to.provide(sessions, () => host.sessions.contract);
      to.provide(sessionCatalog, () => host.sessions.catalog);
      to.provide(sessionEditor, () => host.sessions.editor);
      to.provide(lanes, () => lanesFor(plugins.lanes, () => []));
      to.provide(subscriptions, () => ({
        async subscribe({ connectionId, topic }) {
          bus.bus.subscribe(connectionId, topic);
          return {};
        },
        async unsubscribe({ connectionId, topic }) {
          bus.bus.unsubscribe(connectionId, topic);
          return {};
        },
      }));
      if (agents) {
        const route = async () => ({ agentId: "main", sessionKey: "agent:main:main", owner: true });
        to.provide(router, () => ({ route, agent: async () => agents[0]!, agents: async () => ({ agents }) }));
      }
    },
  });
  for (const name of plugins.host.methods.names()) bus.plugins.methods.set(name, plugins.host.methods.find(name)!);
  const client = await bus.connect();
  const rows = async (params: object = {}) => (await client.call<{ sessions: Row[] }>("sessions.list", params)).sessions;
  return {
    ...host,
    bus,
    client,
    rows,
    keys: async (params) => (await rows(params)).map(({ key }) => key.replace("agent:main:", "")),
    row: async (key) => (await client.call<{ session: Row }>("sessions.describe", { key, includeLastMessage: true })).session,
    async seed(...names) {
      for (const name of names) {
        await host.sessions.contract.ensure({ key: name }, io);
        const messages = [entry(`${name}-1`, user(`hello from ${name}`)), entry(`${name}-2`, assistant(`answer to ${name}`))];
        await host.append(`agent:main:${name}`, ...messages);
        await host.clock.advance(1_000);
      }
    },
    async [Symbol.asyncDispose]() {
      await bus[Symbol.asyncDispose]();
      await plugins[Symbol.asyncDispose]();
      await host[Symbol.asyncDispose]();
    },
  };
}

export const io = { signal: new AbortController().signal };

export const user = (text: string): Message => ({ role: "user", content: text, timestamp: 1 });
export const assistant = (text: string): Message => ({ role: "assistant", content: [{ type: "text", text }], timestamp: 2 });
export const entry = (id: string, message: Message = user(id), more: Partial<NewEntry> = {}): NewEntry => ({
  id,
  kind: "message",
  message,
  ...more,
});
