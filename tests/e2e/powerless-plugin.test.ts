import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";
import { pluginsFolder, writePlugin } from "../fixtures/plugin-host.ts";

const source = (setup: string) => `
import { definePlugin } from "@pincer/plugin-sdk";
import { defineEvent } from "@pincer/plugin-sdk/event";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";
const closed = { additionalProperties: false };
export default definePlugin({ setup(ctx) { ${setup} } });`;

/** A folder with a plugin of that code. */
async function withPlugin(id: string, setup: string, manifest: object = {}) {
  const home = mkdtempSync(join(tmpdir(), "pincer-plugin-"));
  const folder = pluginsFolder(home);
  await writePlugin(folder, id, source(setup), manifest);
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
