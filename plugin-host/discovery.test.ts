/** What a manifest from elsewhere may say before anybody runs anything of it. */
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tool } from "@pincer/plugin-sdk/contracts/tool";
import { startHost, writePlugin } from "../tests/fixtures/plugin-host.ts";

const base = mkdtempSync(join(tmpdir(), "pincer-elsewhere-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));

test("an installed plugin says nothing about the settings of another", async () => {
  const folder = mkdtempSync(join(base, "sections-"));
  const config = { type: "object", properties: { isKind: { type: "boolean", default: true } } };
  for (const [id, configKey] of [
    ["notes", "notes"],
    ["reader", "notes.isKind"],
    ["gateway", "gateway"],
    ["own", "own.deep"],
  ] as const)
    await writePlugin(join(folder, id), "1", "", { id, configKey, generated: { config } });
  await using kit = await startHost({ roots: [{ path: folder, layout: "installed", enabled: true }] });
  const states = Object.fromEntries(kit.host.list().map(({ id, error }) => [id, error?.code]));
  expect(states).toEqual({
    notes: "PLUGIN_UNTRUSTED",
    own: "PLUGIN_UNTRUSTED",
    reader: "PLUGIN_MANIFEST_INVALID",
    gateway: "PLUGIN_MANIFEST_INVALID",
  });
});

test("a pattern that may take long is looked at in no manifest from elsewhere, and never matched", async () => {
  const folder = mkdtempSync(join(base, "slow-"));
  const slow = { type: "string", pattern: "^(a+)+$", default: `${"a".repeat(60)}!` };
  const generated = { config: { type: "object", properties: { name: slow } } };
  await writePlugin(join(folder, "slow"), "1", "", { id: "slow", generated });
  await using kit = await startHost({ roots: [{ path: folder, layout: "installed", enabled: true }] });
  expect(kit.host.inspect("slow")).toMatchObject({
    state: "failed",
    error: { code: "PLUGIN_MANIFEST_INVALID", message: expect.stringContaining("/generated/config/properties/name/pattern") },
  });
});

/** As a folder of its author's would have it: the fixture would not write what cannot be recorded. */
const elsewhere = (folder: string, id: string, manifest: string) => {
  mkdirSync(join(folder, id, "1"), { recursive: true });
  writeFileSync(join(folder, id, "1", "plugin.json"), manifest);
};
const method = (params: string) => `{"methods":{"evil.x":{"summary":"x","scope":"operator.read","params":${params},"result":{}}}}`;
const deep = (depth: number) => `${'{"not":'.repeat(depth)}{}${"}".repeat(depth)}`;

test.each([
  ["no regular expression, and ends in the middle", method('{"type":"string","pattern":"["}')],
  ["no regular expression, but a part of it is", method('{"type":"string","pattern":"a)(b+)+$"}')],
  ["deeper than a stack, in a schema that nobody looks into", method(deep(50_000))],
  ["deeper than a stack, in its configuration", `{"config":${deep(50_000)}}`],
  ["deeper than what walks through it after the first has", `{"config":${deep(2_000)}}`],
])("a manifest from elsewhere whose schema is %s fails alone, and keeps no gateway from starting", async (_, generated) => {
  const folder = mkdtempSync(join(base, "broken-"));
  elsewhere(folder, "evil", `{"id":"evil","version":"0.1.0","sdk":"^0.1.0","summary":"x","entry":"plugin.ts","generated":${generated}}`);
  await using kit = await startHost({ roots: [{ path: folder, layout: "installed", enabled: true }] });
  expect(kit.host.inspect("evil")).toMatchObject({ state: "failed", error: { code: "PLUGIN_MANIFEST_INVALID" } });
});

test("a pipe in the place of a manifest fails alone, and keeps no gateway from starting", async () => {
  const folder = mkdtempSync(join(base, "pipe-"));
  mkdirSync(join(folder, "evil", "1"), { recursive: true });
  expect(Bun.spawnSync(["mkfifo", join(folder, "evil", "1", "plugin.json")]).exitCode).toBe(0);
  await using kit = await startHost({ roots: [{ path: folder, layout: "installed", enabled: true }] });
  expect(kit.host.inspect("evil")).toMatchObject({ state: "failed", error: { code: "PLUGIN_MANIFEST_INVALID" } });
});

test("what goes by names keeps them, whatever rank somebody from elsewhere gives himself", async () => {
  const folder = mkdtempSync(join(base, "names-"));
  const provides = (...names: string[]) => ({
    provides: { tool: Object.fromEntries(names.map((name) => [name, { version: 1, arity: "many", record: {} }])) },
  });
  await writePlugin(join(folder, "aaa"), "1", "", { id: "aaa", rank: 1_000, generated: provides("exec", "dice") });
  await using kit = await startHost({
    config: { plugins: { aaa: { isolation: "process" } } },
    prepare: (plugins) => writePlugin(plugins, "own", "", { generated: provides("exec") }).then(() => undefined),
    roots: [{ path: folder, layout: "installed", enabled: true }],
  });
  const tools = kit.host.handle(tool).list();
  expect(tools.map(({ name, plugin }) => [name, plugin])).toEqual([
    ["exec", "own"],
    ["dice", "aaa"],
  ]);
});
