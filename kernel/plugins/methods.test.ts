import { expect, test } from "bun:test";
import { dirname, join } from "node:path";
import { sessions } from "@pincer/plugin-sdk/contracts/sessions";
import { reviveSchema } from "@pincer/plugin-sdk/schema";
import { Value } from "@sinclair/typebox/value";
import { type HostKit, startHost, writePlugin } from "../../tests/fixtures/plugin-host.ts";
import { pluginMethods } from "./methods.ts";

const package_ = dirname(Bun.resolveSync("@openclaw/gateway-protocol", import.meta.dir));
const published = await Bun.file(join(package_, "..", "protocol.schema.json")).json();
const fixtures = join(import.meta.dir, "..", "..", "tests", "fixtures", "plugins");
const call = { connection: {}, role: "operator", scopes: [], signal: new AbortController().signal, accepted: () => undefined } as never;

const start = () =>
  startHost({
    folders: [fixtures],
    provide: (host) => host.provide(sessions, () => ({}) as never),
    prepare: (plugins) => writePlugin(plugins, "broken", "", { generated: {}, activate: "nonsense" }).then(() => undefined),
  });
/** As the bus does: what goes out is checked against the method's own schema. */
const ask = async <T>({ host }: HostKit, name: string, params: object = {}): Promise<T> => {
  const { method, invoke } = await pluginMethods(host)
    .find((binding) => binding.name === name)!
    .resolve();
  const answer = await invoke(params, call);
  expect([...Value.Errors(method.result, answer)]).toEqual([]);
  return JSON.parse(JSON.stringify(answer)) as T;
};
const problems = (schema: string, value: unknown) =>
  [...Value.Errors(reviveSchema(published.definitions[schema]), value)].map(({ path, message }) => `${path}: ${message}`);

test("plugins.list, inspect and setEnabled answer in the published shapes", async () => {
  await using kit = await start();
  const list = await ask<{ plugins: { id: string; state: string; error?: string }[] }>(kit, "plugins.list");
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

  const inspected = await ask<{ declared: object; trust: { reasons: string[] } }>(kit, "plugins.inspect", { pluginId: "everything" });
  expect(problems("PluginsInspectResult", inspected)).toEqual([]);
  expect(inspected.declared).toMatchObject({
    contracts: ["counter"],
    hooks: ["prompt.building"],
    cliCommands: ["everything"],
    channels: [],
  });
  expect(inspected.trust.reasons[0]).toContain("enforced: false");

  const off = await ask(kit, "plugins.setEnabled", { pluginId: "everything", enabled: false });
  expect(problems("PluginsSetEnabledResult", off)).toEqual([]);
  expect(off).toMatchObject({ plugin: { id: "everything", enabled: false, state: "disabled" } });
  expect(kit.host.methods.find("everything.status")).toBeUndefined();
  expect(kit.emitted.some(({ event }) => event === "plugins.changed")).toBe(true);
  await ask(kit, "plugins.setEnabled", { pluginId: "everything", enabled: true });
  expect(kit.host.methods.find("everything.status")?.owner).toBe("everything");
  for (const { name, scope } of pluginMethods(kit.host))
    if (published.methods[name]) expect([name, scope]).toEqual([name, published.methods[name].scope]);
});

test("plugins.status says how each plugin is, and plugins.reload swaps one", async () => {
  await using kit = await start();
  await kit.host.activate("everything");
  const { generation, visibleMs } = await ask<{ generation: number; visibleMs: number }>(kit, "plugins.reload", { pluginId: "everything" });
  expect({ generation, isNumber: Number.isFinite(visibleMs) }).toEqual({ generation: 2, isNumber: true });
  const { plugins } = await ask<{ plugins: object[] }>(kit, "plugins.status", { pluginId: "everything" });
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
  await expect(ask(kit, "plugins.inspect", { pluginId: "nobody" })).rejects.toMatchObject({ code: "PLUGIN_UNKNOWN" });
});
