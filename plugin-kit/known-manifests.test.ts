import { afterAll, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { discover } from "../plugin-host/discovery.ts";
import { knownManifests } from "./known-manifests.ts";

const base = mkdtempSync(join(tmpdir(), "pincer-known-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));

let home: string;
let count = 0;
beforeEach(() => {
  home = join(base, String(count++));
});
const kept = () => join(home, "cache", "manifests.json");
const digests = (): readonly string[] => JSON.parse(readFileSync(kept(), "utf8")).digests;

/** Its one setting has this pattern. */
function write(id: string, pattern: string): void {
  const config = { type: "object", properties: { name: { type: "string", pattern } } };
  const manifest = { id, version: "1.0.0", sdk: "^0.1.0", summary: "Has a setting.", entry: "plugin.ts", generated: { config } };
  mkdirSync(join(home, "plugins", id, "1"), { recursive: true });
  writeFileSync(join(home, "plugins", id, "1", "plugin.json"), JSON.stringify(manifest));
}

/** As a start of a gateway does; answers with the codes of what is wrong with whom. */
async function start() {
  const known = knownManifests(home);
  const found = discover([{ path: join(home, "plugins"), layout: "installed" }], known);
  await Promise.resolve(); // what is found in order is kept behind all of them
  return Object.fromEntries([...found].map(([id, { error }]) => [id, error?.code]));
}

test("what was in order is known at the next start, until its text is another one", async () => {
  write("own", "^[a-z]+$");
  write("slow", "^(a+)+$");
  expect(await start()).toEqual({ own: undefined, slow: "PLUGIN_MANIFEST_INVALID" });
  expect(digests()).toHaveLength(1);
  const isKnown = knownManifests(home).isChecked("own", digests()[0]!);
  expect(isKnown).toBe(true);
  write("own", "^(b+)+$");
  expect(await start()).toEqual({ own: "PLUGIN_MANIFEST_INVALID", slow: "PLUGIN_MANIFEST_INVALID" });
});

test("what is there no more is kept no longer, once another one comes", async () => {
  write("first", "^1$");
  write("second", "^2$");
  await start();
  const before = digests();
  rmSync(join(home, "plugins", "first"), { recursive: true });
  write("third", "^3$");
  await start();
  expect(digests()).toHaveLength(2);
  expect(before.filter((digest) => digests().includes(digest))).toHaveLength(1);
});

test.each([
  ["is damaged", () => "{"],
  ["is of another Pincer", (text: string) => text.replace('"by":"', '"by":"9.')],
])("where the file %s everything is looked at, and kept again", async (_, spoil) => {
  write("own", "^[a-z]+$");
  await start();
  const whole = readFileSync(kept(), "utf8");
  writeFileSync(kept(), spoil(whole));
  expect(await start()).toEqual({ own: undefined });
  expect(readFileSync(kept(), "utf8")).toBe(whole);
});

test("where nothing can be kept, everything is looked at each time", async () => {
  write("own", "^[a-z]+$");
  writeFileSync(join(home, "cache"), "a file where the folder should be");
  expect([await start(), await start()]).toEqual([{ own: undefined }, { own: undefined }]);
  expect(existsSync(kept())).toBe(false);
});
