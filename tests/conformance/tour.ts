/** Good calls of every method, in an order in which each finds what it needs, in a house that has been lived in. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createDeviceKey, type DeviceKey, type WireClient } from "@pincer/plugin-sdk/testing/client";
import { asks, says } from "@pincer/plugin-sdk/testing/script";
import { writeZip } from "../../registry/archive/zip-write.ts";
import { makeWeather } from "../support/packages.ts";
import { type House, MAIN, type Payload } from "./house.ts";
import { methods } from "./map.ts";

/** What the calls refer to. */
export interface World {
  readonly house: House;
  readonly sessionId: string;
  readonly messageId: string;
  readonly runId: string;
  readonly leaf: string;
  readonly room: string;
  /** Requests of devices that wait. */
  readonly requests: readonly [string, string];
  /** Requests of people who wrote on a channel and wait. */
  readonly strangers: readonly string[];
  /** Requests that wait for a yes: two commands and a plugin's. */
  readonly approvals: readonly [string, string, string];
  readonly rotated: DeviceKey;
  readonly removed: DeviceKey;
  /** Itself one of the paired devices. */
  readonly paired: WireClient;
  /** The folder of a plugin that can be installed. */
  readonly weather: string;
}

/** Turns with tools, one that fails, one that is stopped, one that uses a budget up; a channel's message; devices that are in and that ask. */
export async function furnish(house: House): Promise<World> {
  const { script, platform, client } = house;
  const folder = join(house.gateway.home, "workspace", "skills", "tea");
  await mkdir(folder, { recursive: true });
  // What it needs is for a system that nobody runs this on.
  await writeFile(
    join(folder, "SKILL.md"),
    `---\nname: tea\ndescription: Brews tea.\nmetadata: { openclaw: { install: [{ id: kettle, kind: brew, formula: kettle, os: [${process.platform === "win32" ? "linux" : "win32"}] }] } }\n---\nBoil.\n`,
  );
  script.answer([{ thinking: "Where was it?" }, { text: "Let me look." }, asks("look", { text: "home" })], says("Found", " it."));
  script.tool("look", async function* () {
    yield { progress: "looking" };
    yield { content: [{ type: "text", text: "a cat" }], details: { cats: 1 } };
  });
  const runId = await house.say("look it up");
  await house.settled(runId);
  const { messages, sessionId } = await client.call<{ messages: readonly Payload[]; sessionId: string }>("chat.history", {
    sessionKey: MAIN,
  });
  const idOf = (message: Payload | undefined) => String((message?.["__openclaw"] as Payload | undefined)?.["id"]);

  await client.call("sessions.messages.subscribe", { key: MAIN });
  script.answer([{ fail: "auth", message: "no such key" }]);
  await house.settled(await house.say("this one fails", { sessionKey: "failing" }));

  await client.callTwice("agent", { message: "of the other model", idempotencyKey: key(), sessionKey: "aside", model: "scripted/two" })
    .final;
  await client.event("budgets.reached");

  platform.say("room-1", "ada", "hello from the room");
  await platform.message(0);
  const { sessions } = await client.call<{ sessions: readonly Payload[] }>("sessions.list", { search: "room-1" });

  for (const name of ["bob", "eve", "dan", "joe"]) platform.say(`room-of-${name}`, name, "may I come in?");
  await client.event("channels.pairing.requested", ({ id }) => id === "joe");
  const asked = await client.call<{ requests: readonly { requestId: string }[] }>("pairing.list", {});
  const strangers = asked.requests.map(({ requestId }) => requestId);

  const waits = async (method: string, params: Payload) => {
    const { accepted, final } = client.callTwice(method, { ...params, twoPhase: true });
    // What becomes of it is asked for by the tour.
    final.catch(() => undefined);
    return String(((await accepted) as Payload)["id"]);
  };
  await client.call("sessions.messages.subscribe", { key: MAIN, includeApprovals: true });
  const approvals = [
    await waits("exec.approval.request", { id: "first", command: "ls", cwd: null, agentId: "main" }),
    await waits("exec.approval.request", { command: "df", sessionKey: MAIN }),
    await waits("plugin.approval.request", { title: "Buy tea", description: "A pound of it" }),
  ] as const;

  const [rotated, removed] = [createDeviceKey(), createDeviceKey()];
  const paired = await house.pair(rotated);
  await house.pair(removed);
  const requests = [await house.ask(createDeviceKey()), await house.ask(createDeviceKey())] as const;
  return {
    ...{ house, sessionId, runId, requests, strangers, approvals, rotated, removed, paired },
    weather: (await makeWeather(house.gateway.home, "1.0.0")).folder,
    messageId: idOf(messages[0]),
    leaf: idOf(messages.at(-1)),
    room: String(sessions[0]?.["key"]),
  };
}

type Params = Payload | ((world: World) => Payload | Promise<Payload>);
const png = Buffer.from("\x89PNG\r\n\x1a\nrest", "latin1").toString("base64");
const key = () => crypto.randomUUID();
const baseHash = async ({ house }: World) => String((await house.client.call<Payload>("config.get", {}))["hash"]);
const raw = async ({ house }: World) => String((await house.client.call<Payload>("config.get", {}))["raw"]);

const turningOn = { do: "install", packages: ["tools-http"] };
const planned = async (house: House, request: Payload) =>
  (await house.client.call<{ token: string }>("registry-client.plan", { request })).token;

/** A skill as it is sent. */
const coffee = Buffer.from(
  writeZip([{ path: "SKILL.md", bytes: Buffer.from("---\nname: coffee\ndescription: Brews coffee\n---\nBrew.\n") }]),
);
async function begun({ client }: House): Promise<string> {
  const params = { kind: "skill-archive", slug: "coffee", sizeBytes: coffee.length };
  return (await client.call<{ uploadId: string }>("skills.upload.begin", params)).uploadId;
}
async function sent(house: House): Promise<string> {
  const uploadId = await begun(house);
  await house.client.call("skills.upload.chunk", { uploadId, offset: 0, dataBase64: coffee.toString("base64") });
  return uploadId;
}
async function committed(house: House): Promise<string> {
  const uploadId = await sent(house);
  await house.client.call("skills.upload.commit", { uploadId });
  return uploadId;
}

const ofScripted = { channel: "scripted", accountId: "default" };

export const goodCalls: readonly (readonly [method: string, params: Params])[] = [
  ["health", {}],
  ["health", { probe: true }],
  ["status", {}],
  ["system-presence", {}],
  ["last-heartbeat", {}],
  ["diagnostics.stability", { limit: 10, sinceSeq: 0 }],
  ["logs.tail", { limit: 20, maxBytes: 100_000 }],
  ["gateway.identity.get", {}],
  ["gateway.loginLink", {}],
  ["agent.identity.get", { agentId: "main" }],
  ["agent.identity.get", { sessionKey: MAIN }],
  ["agents.list", {}],
  ["agents.files.list", { agentId: "main" }],
  ["models.list", { view: "configured" }],
  ["models.list", { view: "all", includeDetails: true, provider: "scripted" }],
  ["models.authStatus", { refresh: true }],
  ["models.authLogout", { provider: "scripted" }],
  ["models.pull", { model: "scripted/three" }],
  ["models.pull.wait", { model: "scripted/three", version: 0 }],
  ["models.pull.cancel", { model: "scripted/three" }],
  ["models.catalogue", {}],
  ["models.catalogue.update", {}],
  ["usage.status", {}],
  ["usage.cost", { days: 7 }],
  ["usage.cost", { user: "shared", days: 1 }],
  ["budgets.show", { sessionKey: MAIN }],
  ["tools.catalog", { agentId: "main" }],
  ["tools.effective", { sessionKey: MAIN }],
  ["commands.list", { includeArgs: true, scope: "text" }],
  ["skills.status", { agentId: "main" }],
  ["skills.bins", {}],
  ["skills.update", { skillKey: "tea", enabled: true, env: { TEA_POT: "blue" } }],
  ["skills.install", { name: "tea", installId: "kettle" }],
  ["channels.status", { probe: true, timeoutMs: 100 }],
  ["delivery.check", {}],
  ["config.get", {}],
  ["config.schema", {}],
  ["config.schema.lookup", { path: "gateway.auth" }],
  ["question.list", {}],
  ["plugin.approval.list", {}],
  ["exec.approval.list", {}],
  ["openclaw.approval.list", {}],
  ["approvals.list", {}],
  ["approval.get", ({ approvals }) => ({ id: approvals[1] })],
  ["exec.approval.get", ({ approvals }) => ({ id: approvals[0] })],
  ["exec.approval.resolve", ({ approvals }) => ({ id: approvals[0], decision: "allow-once" })],
  ["exec.approval.waitDecision", ({ approvals }) => ({ id: approvals[0] })],
  ["approvals.answer", ({ approvals }) => ({ code: approvals[1], decision: "deny" })],
  ["plugin.approval.resolve", ({ approvals }) => ({ id: approvals[2], decision: "allow-always" })],
  ["plugin.approval.waitDecision", ({ approvals }) => ({ id: approvals[2] })],
  [
    "exec.approval.request",
    {
      ...{ commandArgv: ["ls", "a b"], cwd: "/tmp", env: { LANG: "C" }, warningText: "as root", resolvedPath: "/bin/ls", security: "full" },
      scope: { kind: "payment", amount: "3", currency: "EUR", target: "the tea shop" },
      ...{
        unavailableDecisions: ["allow-always"],
        requireDeliveryRoute: true,
        deliverToApprovalClientsOnly: true,
        timeoutMs: 50,
        twoPhase: true,
      },
    },
  ],
  ["approval.resolve", ({ approvals }) => ({ id: approvals[2], kind: "plugin", decision: "deny" })],
  ["approval.get", ({ approvals }) => ({ id: approvals[0] })],
  ["approval.history", { limit: 1 }],
  ["approval.history", { kind: "exec" }],
  ["exec.approval.grants.list", { limit: 5 }],
  ["exec.approval.grants.revoke", { grantId: "none" }],
  ["exec.approvals.get", {}],
  ["exec.approvals.set", { file: { version: 1, agents: { main: { security: "allowlist", allowlist: [{ pattern: "ls" }] } } } }],
  ["approvals.grants", {}],
  ["approvals.revoke", { sessionKey: MAIN, tool: "exec" }],
  ["plugin.approval.request", { title: "Buy tea", description: "A pound of it", severity: "info", timeoutMs: 50, twoPhase: true }],
  ["taskSuggestions.list", { sessionKey: MAIN }],
  ["tasks.list", { limit: 5 }],
  ["node.list", {}],
  ["node.pair.list", {}],
  ["update.status", {}],

  ["chat.history", { sessionKey: MAIN, limit: 2, offset: 1, maxChars: 5_000, maxBytes: 100_000 }],
  ["chat.history", ({ sessionId }) => ({ sessionKey: MAIN, cursor: `${sessionId}.1` })],
  ["chat.history", { sessionKey: MAIN, cursor: "stale.1" }],
  ["chat.history", ({ messageId, runId }) => ({ sessionKey: "main", messageId, inputRunIds: [runId] })],
  ["chat.startup", { sessionKey: MAIN, agentId: "main" }],
  ["chat.metadata", { agentId: "main" }],
  ["chat.message.get", ({ messageId }) => ({ sessionKey: MAIN, messageId, maxChars: 10 })],
  ["chat.message.get", { sessionKey: MAIN, messageId: "nowhere" }],
  ["sessions.list", { limit: 2, includeDerivedTitles: true, includeLastMessage: true, archived: "all", sortBy: "updatedAt" }],
  ["sessions.subscribe", { limit: 1, ownerFirst: true, activeOnly: false }],
  ["sessions.messages.subscribe", { key: MAIN, includeApprovals: true }],
  ["sessions.messages.unsubscribe", { key: "failing" }],
  ["sessions.describe", { key: MAIN, includeLastMessage: true }],
  ["sessions.describe", { key: "nowhere" }],
  ["sessions.preview", ({ room }) => ({ keys: [MAIN, room, "nowhere"], limit: 2, maxChars: 20 })],
  ["sessions.resolve", { key: MAIN }],
  ["sessions.resolve", ({ sessionId }) => ({ shortId: sessionId.slice(0, 8) })],
  ["sessions.resolve", { reference: "nowhere", allowMissing: true }],
  ["sessions.get", { key: MAIN, limit: 10 }],
  ["sessions.search", { query: "look", limit: 5 }],

  [
    "chat.send",
    () => ({ sessionKey: MAIN, message: "hi", idempotencyKey: key(), thinking: "low", queueMode: "followup", timeoutMs: 60_000 }),
  ],
  [
    "chat.send",
    () => ({
      sessionKey: MAIN,
      message: "a picture",
      idempotencyKey: key(),
      attachments: [{ type: "image", mimeType: "image/png", fileName: "a.png", content: png }],
    }),
  ],
  ["agent", () => ({ message: "do it", idempotencyKey: key(), sessionKey: "main", timeout: 60, extraSystemPrompt: "Be brief." })],
  ["agent.wait", ({ runId }) => ({ runId, timeoutMs: 1_000 })],
  ["agent.wait", { runId: "nobody", timeoutMs: 0 }],
  ["sessions.send", () => ({ key: MAIN, message: "and this", idempotencyKey: key() })],
  ["sessions.steer", () => ({ key: MAIN, message: "no, that", idempotencyKey: key() })],
  ["chat.abort", { sessionKey: MAIN }],
  ["sessions.abort", { key: MAIN, clearQueued: true }],
  ["chat.inject", { sessionKey: MAIN, message: "A note.", label: "clock" }],
  [
    "sessions.patch",
    { key: MAIN, label: "home", pinned: true, unread: true, thinkingLevel: "high", model: "scripted/two", verboseLevel: "full" },
  ],
  ["sessions.patch", { key: MAIN, label: null, thinkingLevel: null, model: null }],
  ["sessions.create", () => ({ label: "a new one", model: "scripted/two", message: "hello", idempotencyKey: key() })],
  ["sessions.create", { key: "spare", agentId: "main" }],
  ["sessions.compact", { key: MAIN }],
  ["sessions.compact", { key: MAIN, maxLines: 2 }],
  ["sessions.reset", { key: "spare", reason: "new" }],
  ["sessions.delete", { key: "spare", deleteTranscript: true }],
  ["sessions.delete", { key: "nowhere" }],

  ["send", () => ({ to: "room-1", channel: "scripted", message: "from outside", idempotencyKey: key() })],
  ["poll", () => ({ to: "room-1", channel: "rich", question: "Tea?", options: ["yes", "no"], idempotencyKey: key() })],
  [
    "message.action",
    () => ({ channel: "rich", action: "react", params: { to: "room-1", messageId: "u1", emoji: "🦀" }, idempotencyKey: key() }),
  ],
  ["channels.logout", { channel: "rich", accountId: "default" }],
  ["channels.stop", { channel: "scripted", accountId: "default" }],
  ["channels.start", { channel: "scripted", accountId: "default" }],

  ["agents.create", { name: "Helper", emoji: "🦀", model: "scripted/two" }],
  ["agents.files.set", { agentId: "helper", name: "SOUL.md", content: "Be kind.\n" }],
  ["agents.files.get", { agentId: "helper", name: "SOUL.md" }],
  ["agents.files.get", { agentId: "helper", name: "USER.md" }],
  ["agents.update", { agentId: "helper", name: "Assistant", model: null }],
  ["agents.delete", { agentId: "helper", deleteFiles: true }],
  ["config.patch", async (world) => ({ raw: '{"gateway": {"tickMs": 20000}}', baseHash: await baseHash(world), note: "faster" })],
  ["config.apply", async (world) => ({ raw: await raw(world), baseHash: await baseHash(world) })],
  ["config.set", async (world) => ({ raw: await raw(world), baseHash: await baseHash(world) })],

  ["plugins.list", {}],
  ["plugins.inspect", { pluginId: "scripted-tools" }],
  ["plugins.status", {}],
  ["plugins.status", { pluginId: "agent" }],
  ["plugins.refresh", {}],
  ["plugins.reload", { pluginId: "scripted-tools" }],
  ["plugins.setEnabled", { pluginId: "everything", enabled: true }],
  ["plugins.setEnabled", { pluginId: "everything", enabled: false }],
  ["registry-client.search", { query: "http", limit: 5 }],
  ["registry-client.info", { package: "tools-http" }],
  ["registry-client.plan", { request: turningOn }],
  ["registry-client.apply", async ({ house }) => ({ request: turningOn, token: await planned(house, turningOn), accepted: [] })],
  ["registry-client.list", {}],
  ["registry-client.check", {}],
  ["registry-client.watch", {}],
  ["registry-client.keepUp", {}],
  ["registry-client.pin", { package: "tools-http", pinned: true }],
  ["registry-client.why", { package: "tools-http" }],
  ["plugins.search", { query: "http", limit: 5 }],
  ["skills.search", { query: "dice", limit: 5 }],
  ["skills.search", {}],
  ["skills.detail", { slug: "@ada/nothing" }],
  ["skills.detail", { slug: "@ada/dice" }],
  ["skills.install", { source: "clawhub", slug: "@ada/dice", version: "1.0.0" }],
  ["skills.update", { source: "clawhub", all: true }],
  ["skills.upload.begin", { kind: "skill-archive", slug: "coffee", sizeBytes: coffee.length }],
  ["skills.upload.chunk", async ({ house }) => ({ uploadId: await begun(house), offset: 0, dataBase64: coffee.toString("base64") })],
  ["skills.upload.commit", async ({ house }) => ({ uploadId: await sent(house) })],
  ["skills.install", async ({ house }) => ({ source: "upload", slug: "coffee", uploadId: await committed(house) })],
  ["plugins.install", { source: "official", pluginId: "tools-http" }],
  [
    "plugins.uninstall",
    async ({ house, weather }) => {
      const request = { do: "install", packages: [weather] };
      await house.client.call("registry-client.apply", { request, token: await planned(house, request), accepted: [] });
      return { pluginId: "weather" };
    },
  ],

  ["secrets.store.set", { name: "CONFORMANCE_KEY", value: "not-a-real-secret", kind: "secret" }],
  ["secrets.store.list", {}],
  ["secrets.grant", { name: "CONFORMANCE_KEY", plugin: "scripted-tools" }],
  ["secrets.grants", {}],
  ["secrets.rotate", {}],
  ["secrets.store.delete", { name: "CONFORMANCE_KEY" }],
  ["system-event", { text: "Node: alive", deviceId: "d".repeat(64), host: "phone", mode: "ui", lastInputSeconds: 3, tags: ["a"] }],

  ["channels.pairing.list", { channel: "scripted" }],
  ["channels.pairing.approve", ({ strangers }) => ({ ...ofScripted, requestId: strangers[0] })],
  ["channels.pairing.dismiss", ({ strangers }) => ({ ...ofScripted, requestId: strangers[1] })],
  ["pairing.approve", ({ strangers }) => ({ code: strangers[2] })],
  ["pairing.list", {}],
  ["pairing.reject", ({ strangers }) => ({ code: strangers[3] })],
  ["pairing.revoke", { ...ofScripted, id: "bob" }],

  ["device.pair.setupCode", { bootstrapProfile: "limited" }],
  ["device.pair.list", {}],
  ["device.pair.approve", ({ requests }) => ({ requestId: requests[0] })],
  ["device.pair.reject", ({ requests }) => ({ requestId: requests[1] })],
  ["device.pair.rename", ({ rotated }) => ({ deviceId: rotated.id, label: "my terminal" })],
  ["device.token.rotate", ({ removed }) => ({ deviceId: removed.id, role: "operator", scopes: ["operator.read"] })],
  ["device.token.revoke", ({ removed }) => ({ deviceId: removed.id, role: "operator" })],
  ["device.pair.remove", ({ removed }) => ({ deviceId: removed.id })],
];

export async function paramsOf(world: World, params: Params): Promise<Payload> {
  return typeof params === "function" ? params(world) : params;
}

/** The first good parameters of each method. What they refer to may be gone by then. */
export async function goodParams(world: World): Promise<ReadonlyMap<string, Payload>> {
  const found = new Map<string, Payload>();
  for (const [method, params] of goodCalls) if (!found.has(method)) found.set(method, await paramsOf(world, params));
  return found;
}

/** Calls everything; runs that were begun are over when it resolves. Rejects at the first call that is refused. */
export async function tour(world: World): Promise<void> {
  const { client } = world.house;
  for (const [method, given] of goodCalls) {
    const params = await paramsOf(world, given);
    if (methods[method]?.accepted !== undefined) await client.callTwice(method, params).final;
    else {
      const caller = await world.house.caller(methods[method]?.scope);
      const answer = await caller.call<{ runId?: string; status?: string } | null>(method, params);
      if (answer?.status === "started") await client.call("agent.wait", { runId: answer.runId });
    }
  }
  // A device may renew its own token, and is told the new one.
  await world.paired.call("device.token.rotate", { deviceId: world.rotated.id, role: "operator" });
}
