import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { folderPackages } from "./folder.ts";

const base = realpathSync(mkdtempSync(join(tmpdir(), "pincer-folder-")));
afterAll(() => rmSync(base, { recursive: true, force: true }));
let count = 0;
function folder(files: Readonly<Record<string, string>>): string {
  const path = join(base, `made-${count++}`);
  mkdirSync(join(path, "parts"), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return path;
}
const { signal } = new AbortController();
const plugin = (version = "1.0.0") => JSON.stringify({ id: "dice", version });
const resolve = (path: string) => folderPackages.resolve({ from: "folder", path }, signal);

test("a folder is the plugin whose manifest lies in it, without what nobody needs who installs it", async () => {
  const path = folder({ "plugin.json": plugin(), "plugin.ts": "1", "plugin.test.ts": "2", ".env": "secret", "parts/dice.ts": "3" });
  const found = await resolve(path);
  expect(found).toMatchObject({ kind: "plugins", id: "dice", version: "1.0.0", origin: { from: "folder", path } });
  expect((await found.files(signal)).map((file) => file.path)).toEqual(["parts/dice.ts", "plugin.json", "plugin.ts"]);
});

test("what is locked is these files, and no others", async () => {
  const path = folder({ "plugin.json": plugin(), "plugin.ts": "1" });
  const { origin, ...locked } = await resolve(path);
  if (origin.from !== "folder") throw new Error("expected a folder");
  expect(await folderPackages.exactly(origin, locked).files(signal)).toHaveLength(2);
  writeFileSync(join(path, "plugin.ts"), "2");
  await expect(folderPackages.exactly(origin, locked).files(signal)).rejects.toMatchObject({ code: "REGISTRY_FILE_WRONG" });
});

test("a skill without a version has another one with every change", async () => {
  const path = folder({ "SKILL.md": "---\nname: dice\ndescription: Throws dice.\n---\nThrow." });
  const [first, again] = [await resolve(path), await resolve(path)];
  expect(first.version).toBe(again.version);
  writeFileSync(join(path, "notes.md"), "more");
  expect((await resolve(path)).version).not.toBe(first.version);
});

test("what is no plugin's or skill's folder is refused, before it is read", async () => {
  const refused = (path: string) =>
    resolve(path).then(
      () => undefined,
      (error) => error,
    );
  expect(await refused(folder({ "notes.md": "1" }))).toMatchObject({ code: "REGISTRY_CLIENT_PACKAGE_INVALID" });
  expect(await refused(join(base, "none"))).toMatchObject({ code: "REGISTRY_NOT_FOUND", message: expect.stringContaining("there is no") });
  const file = folder({ "plugin.json": plugin() });
  expect(await refused(join(file, "plugin.json"))).toMatchObject({
    code: "REGISTRY_NOT_FOUND",
    message: expect.stringContaining("is a file"),
  });
  expect(await refused(folder({ "plugin.json": "{" }))).toMatchObject({ message: expect.stringContaining("expected JSON") });
  expect(await refused(folder({ "plugin.json": "null" }))).toMatchObject({ message: expect.stringContaining("a plugin's id") });
  expect(await refused(folder({ "plugin.json": plugin("1.0") }))).toMatchObject({
    message: expect.stringContaining("a version such as 1.2.0"),
  });
  expect(await refused(folder({ "SKILL.md": "---\nname: dice\n---\n" }))).toMatchObject({ code: "SKILL_INVALID" });
  expect(await refused(folder({ "plugin.json": plugin(), "nul.ts": "1" }))).toMatchObject({ code: "REGISTRY_ARCHIVE_INVALID" });
  const linked = folder({ "plugin.json": plugin() });
  symlinkSync("/etc/hostname", join(linked, "hostname"));
  expect(await refused(linked)).toMatchObject({ code: "KIT_FILE_OUTSIDE" });
});
