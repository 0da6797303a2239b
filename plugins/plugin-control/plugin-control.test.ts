import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { reviveSchema } from "@pincer/plugin-sdk/schema";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";
import { Value } from "@sinclair/typebox/value";
import { writePlugin } from "../../tests/fixtures/plugin-host.ts";

const package_ = dirname(Bun.resolveSync("@openclaw/gateway-protocol", import.meta.dir));
const published = await Bun.file(join(package_, "..", "protocol.schema.json")).json();
const fixtures = join(import.meta.dir, "..", "..", "tests", "fixtures", "plugins");

const start = (plugins: readonly string[] = []) =>
  startTestGateway({ only: ["plugin-control"], enable: ["everything"], plugins: [fixtures, ...plugins] });
const problems = (schema: string, value: unknown) =>
  [...Value.Errors(reviveSchema(published.definitions[schema]), value)].map(({ path, message }) => `${path}: ${message}`);

test("plugins.list, inspect and setEnabled answer in the published shapes", async () => {
  const folder = mkdtempSync(join(tmpdir(), "pincer-control-"));
  await writePlugin(folder, "broken", "", { generated: {}, activate: "nonsense" });
  await using running = await start([folder]);
  const client = await running.connect();
  const list = await client.call<{ plugins: { id: string; state: string; error?: string }[] }>("plugins.list", {});
  expect(problems("PluginsListResult", list)).toEqual([]);
  expect(list.plugins.find(({ id }) => id === "everything")).toMatchObject({
    state: "enabled",
    version: "0.1.0",
    installed: true,
    enabled: true,
  });
  expect(list.plugins.find(({ id }) => id === "broken")).toMatchObject({
    state: "error",
    error: expect.stringContaining('expected "demand" or "start"'),
  });

  const inspected = await client.call<{ declared: object; trust: { reasons: string[] } }>("plugins.inspect", { pluginId: "everything" });
  expect(problems("PluginsInspectResult", inspected)).toEqual([]);
  expect(inspected.declared).toMatchObject({
    contracts: ["counter"],
    hooks: ["prompt.building"],
    cliCommands: ["everything"],
    channels: [],
  });
  expect(inspected.trust.reasons[0]).toContain("enforced: false");

  const { host } = running.gateway;
  const off = await client.call("plugins.setEnabled", { pluginId: "everything", enabled: false });
  expect(problems("PluginsSetEnabledResult", off)).toEqual([]);
  expect(off).toMatchObject({ plugin: { id: "everything", enabled: false, state: "disabled" } });
  expect(host.methods.find("everything.status")).toBeUndefined();
  await client.event("plugins.changed");
  await client.call("plugins.setEnabled", { pluginId: "everything", enabled: true });
  expect(host.methods.find("everything.status")?.owner).toBe("everything");
  for (const name of ["plugins.list", "plugins.inspect", "plugins.setEnabled"])
    expect([name, host.methods.find(name)?.scope]).toEqual([name, published.methods[name].scope]);
  rmSync(folder, { recursive: true });
});

test("plugins.status says how each plugin is, and plugins.reload swaps one", async () => {
  await using running = await start();
  const client = await running.connect();
  await running.gateway.host.activate("everything");
  const { generation, visibleMs } = await client.call<{ generation: number; visibleMs: number }>("plugins.reload", {
    pluginId: "everything",
  });
  expect({ generation, isNumber: Number.isFinite(visibleMs) }).toEqual({ generation: 2, isNumber: true });
  const { plugins } = await client.call<{ plugins: object[] }>("plugins.status", { pluginId: "everything" });
  expect(plugins).toEqual([
    expect.objectContaining({
      id: "everything",
      state: "active",
      generation: 2,
      enforced: false,
      isolation: "inline",
      error: null,
      permissions: expect.objectContaining({ secrets: ["everything-key"] }),
    }),
  ]);
  await expect(client.call("plugins.inspect", { pluginId: "nobody" })).rejects.toMatchObject({
    error: { code: "INVALID_REQUEST", details: { code: "PLUGIN_UNKNOWN" } },
  });
});

test("it reloads itself, and does not disable itself", async () => {
  await using running = await start();
  const client = await running.connect();
  expect(await client.call("plugins.reload", { pluginId: "plugin-control" })).toMatchObject({ ok: true, generation: 2 });
  await expect(client.call("plugins.setEnabled", { pluginId: "plugin-control", enabled: false })).rejects.toMatchObject({
    error: { details: { code: "PLUGIN_CONTROL_ITSELF" } },
  });
});

test("unloading leaves nothing behind", async () => {
  await using running = await start();
  const client = await running.connect();
  await client.call("plugins.status", {});
  await running.gateway.host.setEnabled("plugin-control", false);
  await expect(client.call("plugins.status", {})).rejects.toMatchObject({ error: { code: "INVALID_REQUEST" } });
  expect(running.lines.filter(({ event }) => event === "plugin.hangs" || event === "plugin.drain-late")).toEqual([]);
});
