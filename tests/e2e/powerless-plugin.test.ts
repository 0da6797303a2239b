import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";
import { pluginsFolder, writePlugin } from "../fixtures/plugin-host.ts";

const source = (setup: string, uses: string) => `
import { definePlugin } from "@pincer/plugin-sdk";
import { defineContract } from "@pincer/plugin-sdk/contract";
import { defineEvent } from "@pincer/plugin-sdk/event";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";
const closed = { additionalProperties: false };
export default definePlugin({ uses: { ${uses} }, setup(ctx) { ${setup} } });`;

/** A folder with a plugin of that code. */
async function withPlugin(id: string, setup: string, manifest: object = {}, uses = "") {
  const home = mkdtempSync(join(tmpdir(), "pincer-plugin-"));
  const folder = pluginsFolder(home);
  await writePlugin(folder, id, source(setup, uses), manifest);
  return { folder, [Symbol.dispose]: () => rmSync(home, { recursive: true, force: true }) };
}

test.each([
  ...["session.message", "sessions.changed", "config.changed", "plugins.changed", "presence"].map((name) => [name, "the kernel"] as const),
  ["device.pair.requested", "devices"] as const,
])("no plugin can announce %s in the name of %s", async (name, owner) => {
  using plugin = await withPlugin(
    "herald",
    `ctx.event(defineEvent({ name: "${name}", summary: "x", scope: "any", payload: Type.Unknown() }));`,
  );
  await using gateway = await startTestGateway({ plugins: [plugin.folder], enable: ["herald"], only: ["plugin-control", "devices"] });
  const client = await gateway.connect();
  const { plugins } = await client.call<{ plugins: { id: string; error: unknown }[] }>("plugins.status", { pluginId: "herald" });
  expect(plugins[0]?.error).toMatchObject({
    code: "PLUGIN_CONFLICT",
    message: expect.stringContaining(`${name}, which belongs to ${owner}`),
  });
});

test.each([
  [
    "what a plugin adds to health stands there, but never in place of what the gateway says",
    "{ moon: 1, ok: false, ts: 0 }",
    { moon: 1 },
    [],
  ],
  ["a plugin whose part of health is no JSON is named there, and keeps nobody out", "{ moon: 1n }", {}, ["herald"]],
])("%s", async (_, parts, said, ailing) => {
  using plugin = await withPlugin("herald", `ctx.health(async () => ({ ok: true, parts: ${parts} }));`, { activate: "start" });
  await using gateway = await startTestGateway({ plugins: [plugin.folder], enable: ["herald"], only: [] });
  const health = await (await gateway.connect()).call<{ ts: number; plugins: { errors: { id: string }[] } }>("health");
  expect(health).toMatchObject({ ok: true, ...said });
  expect(health.ts).toBeGreaterThan(0);
  expect(health.plugins.errors.map(({ id }) => id)).toEqual(ailing);
});

const shouting = (parts: string) => `
  const loud = defineEvent({ name: "herald.loud", summary: "x", scope: "any", payload: Type.Unknown() });
  ctx.event(loud);
  ctx.health(async () => ({ ok: true, parts: ${parts} }));
  ctx.method(
    defineMethod({ name: "herald.shout", summary: "x", scope: "operator.read", params: Type.Object({}, closed), result: Type.Object({}) }),
    () => { ctx.emit(loud, "m".repeat(60e6)); return {}; });`;

test("what a plugin says to everybody is no longer than anybody can take, so that nobody is closed over it", async () => {
  using plugin = await withPlugin("herald", shouting('{ moon: "m".repeat(60e6) }'), { activate: "start" });
  await using gateway = await startTestGateway({ plugins: [plugin.folder], enable: ["herald"], only: [] });
  const [client, other] = [await gateway.connect(), await gateway.connect()];
  const health = await client.call<{ plugins: { errors: object[] } }>("health");
  expect(health).not.toHaveProperty("moon");
  expect(health.plugins.errors).toMatchObject([{ id: "herald", error: expect.stringContaining("may take 65536") }]);
  await client.call("herald.shout", {});
  for (const each of [client, other]) expect(await each.call("health")).toMatchObject({ ok: true });
  expect(gateway.lines).toContainEqual(expect.objectContaining({ event: "bus.event-too-large", name: "herald.loud" }));
});

test("of a part of health that two say, the first is believed", async () => {
  const home = mkdtempSync(join(tmpdir(), "pincer-plugin-"));
  const folder = pluginsFolder(home);
  for (const id of ["first", "second"])
    await writePlugin(folder, id, source(`ctx.health(async () => ({ ok: true, parts: { moon: "${id}", ${id}: 1 } }));`, ""), {
      activate: "start",
    });
  await using gateway = await startTestGateway({ plugins: [folder], enable: ["first", "second"], only: [] });
  expect(await (await gateway.connect()).call("health")).toMatchObject({ moon: "first", first: 1, second: 1 });
  rmSync(home, { recursive: true });
});

test.each([
  ["session.message", "operator.read"],
  ["sessions.changed", "operator.read"],
  ["device.pair.requested", "operator.pairing"],
  ["config.changed", "operator.read"],
  ["chat", "operator.read"],
])("a plugin without scopes hears nothing of %s, and the operator reads which scope it would need", async (name, scope) => {
  using plugin = await withPlugin(
    "herald",
    `const copy = defineEvent({ name: "${name}", summary: "x", scope: "any", payload: Type.Unknown() });
     ctx.on(copy, () => { throw new Error("it was told"); });`,
  );
  await using gateway = await startTestGateway({ plugins: [plugin.folder], enable: ["herald"] });
  const { host } = gateway.gateway;
  const message = `herald listens to ${name}, for which permissions.scopes of its manifest must name ${scope}`;
  expect(host.inspect("herald")).toMatchObject({ state: "failed", error: { code: "PLUGIN_PERMISSION", message } });
  await expect(host.activate("herald")).rejects.toMatchObject({ code: "PLUGIN_PERMISSION", message });
  const client = await gateway.connect();
  const { runId } = await client.call<{ runId: string }>("chat.send", { sessionKey: "main", message: "hi", idempotencyKey: "1" });
  await client.event("chat", (payload) => payload["runId"] === runId && payload["state"] === "final");
  expect(gateway.lines.filter(({ event }) => event === "listener.failed")).toEqual([]);
});

test.each([
  "sessions",
  "lanes",
  "session-catalog",
  "session-editor",
  "subscriptions",
  "configuration",
  "secrets",
  "audit",
  "gateway",
  "diagnostics",
])("a plugin without scopes gets no hold of %s, whatever its copy of the contract says", async (id) => {
  using plugin = await withPlugin(
    "herald",
    "ctx.health(() => ({ ok: ctx.uses.it !== undefined }))",
    {},
    `it: defineContract({ id: "${id}", version: 1, arity: "one", members: {} })`,
  );
  await using gateway = await startTestGateway({ plugins: [plugin.folder], enable: ["herald"], only: [] });
  await expect(gateway.gateway.host.activate("herald")).rejects.toMatchObject({
    code: "PLUGIN_PERMISSION",
    message: expect.stringMatching(new RegExp(`^herald uses ${id}, for which permissions.scopes of its manifest must name operator\\.`)),
  });
});

test("a secret that a plugin was given stands in no line of the log, whatever the plugin says", async () => {
  const say = `ctx.method(
    defineMethod({ name: "herald.say", summary: "x", scope: "operator.read", params: Type.Object({}, closed), result: Type.Object({}) }),
    async () => {
      for (const name of ["BOT", "LAB_TOKEN", "LAB_HOST"]) ctx.log.warn("request.failed", { url: "https://api.example/bot" + (await ctx.secret(name)) + "/get" });
      throw new Error("no answer from https://api.example/bot" + (await ctx.secret("BOT")));
    });`;
  using plugin = await withPlugin("herald", say, { permissions: { secrets: ["BOT", "LAB_TOKEN", "LAB_HOST"] } });
  const env = { LAB_TOKEN: "from-the-environment", LAB_HOST: "lab.example" };
  await using gateway = await startTestGateway({ plugins: [plugin.folder], enable: ["herald"], env });
  const client = await gateway.connect();
  await client.call("secrets.store.set", { name: "BOT", kind: "secret", value: "12345:from-the-store" });
  await expect(client.call("herald.say", {})).rejects.toMatchObject({ error: { code: "UNAVAILABLE" } });
  const logged = JSON.stringify([await client.call("logs.tail", {}), gateway.lines]);
  expect(logged).toContain("lab.example");
  expect(logged.match(/from-the-\w+/g)).toBeNull();
});

test("a plugin's keys are its own, and the same for the same purpose", async () => {
  const code = (id: string) => `
import { definePlugin } from "@pincer/plugin-sdk";
import { keys } from "@pincer/plugin-sdk/contracts/keys";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";
const key = defineMethod({ name: "${id}.key", summary: "x", scope: "operator.read", params: Type.Object({ purpose: Type.String() }), result: Type.Unknown() });
export default definePlugin({ uses: { keys }, setup(ctx) {
  ctx.method(key, async (params, call) => Buffer.from((await ctx.uses.keys.derive(params, call)).key).toString("hex"));
} });`;
  const home = mkdtempSync(join(tmpdir(), "pincer-plugin-"));
  const folder = pluginsFolder(home);
  for (const id of ["one", "other"]) await writePlugin(folder, id, code(id));
  await using gateway = await startTestGateway({ plugins: [folder], enable: ["one", "other"], only: [] });
  const client = await gateway.connect();
  const asked = [...[["one", "a"] as const, ["one", "b"] as const, ["other", "a"] as const, ["one", "a"] as const]].map(([id, purpose]) =>
    client.call<string>(`${id}.key`, { purpose }),
  );
  const [first, second, third, again] = await Promise.all(asked);
  expect(first).toMatch(/^[0-9a-f]{64}$/);
  expect(new Set([first, second, third]).size).toBe(3);
  expect(again).toBe(first as string);
  rmSync(home, { recursive: true });
});
