/** What a manifest from elsewhere may say before anybody runs anything of it. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
