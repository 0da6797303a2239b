import { afterEach, expect, test } from "bun:test";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { systemClock as clock } from "@pincer/plugin-sdk/system-clock";
import { filesOf, pack } from "./archive.ts";
import { buildPlugin } from "./build.ts";
import { createPlugin } from "./create.ts";

const pincer = join(import.meta.dir, "..");
const made: string[] = [];
afterEach(() => {
  for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true });
});
const temporary = () => {
  const path = mkdtempSync(join(tmpdir(), "pincer-pack-"));
  made.push(path);
  return path;
};
const write = (folder: string, files: Readonly<Record<string, string>>) => {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
};

test("two builds in different folders, at different times, under different umasks give the same bytes", async () => {
  const [first, second] = [join(temporary(), "one"), join(temporary(), "a", "much", "longer", "way")];
  await createPlugin({ kind: "tool", id: "owl", folder: first, takenBy: undefined, pincer, clock });
  const before = process.umask(0o077);
  try {
    // Written in another order, by another hand, in another year.
    mkdirSync(second, { recursive: true });
    for (const name of readdirSync(first).reverse()) cpSync(join(first, name), join(second, name), { recursive: true });
    for (const name of readdirSync(second)) utimesSync(join(second, name), 1_000_000_000, 1_000_000_000);
    chmodSync(join(second, "plugin.ts"), 0o600);
  } finally {
    process.umask(before);
  }
  const build = async (folder: string, umask: number) => {
    const own = process.umask(umask);
    try {
      const { archive } = await buildPlugin(folder, clock, {
        bundle: join(folder, "dist", "plugin.js"),
        archive: join(folder, "dist"),
      });
      return archive!;
    } finally {
      process.umask(own);
    }
  };
  const [one, two] = [await build(first, 0o022), await build(second, 0o077)];
  expect(one.path).toBe(join(first, "dist", "owl-0.1.0.tgz"));
  expect(two.sha256).toBe(one.sha256);
  expect(await Bun.file(two.path).bytes()).toEqual(await Bun.file(one.path).bytes());
  expect((await build(first, 0o002)).sha256).toBe(one.sha256);

  const listing = Bun.spawnSync(["tar", "-tvzf", one.path], {
    env: { TZ: "UTC", LC_ALL: "C", PATH: process.env["PATH"] },
  }).stdout.toString();
  const rows = listing
    .trim()
    .split("\n")
    .map((row) => row.split(/\s+/));
  expect(rows.map((row) => row.at(-1))).toEqual(["README.md", "dice.ts", "package.json", "plugin.json", "plugin.ts", "tsconfig.json"]);
  expect(new Set(rows.map(([mode, owner]) => `${mode} ${owner}`))).toEqual(new Set(["-rw-r--r-- 0/0"]));
  expect(listing.match(/1970-01-01/g)).toHaveLength(6);
  const packed = await Bun.file(one.path).bytes();
  expect([...packed.subarray(0, 10)]).toEqual([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
});

test("an archive holds what others need, and nothing of the author's desk", () => {
  const folder = temporary();
  write(folder, {
    "plugin.json": "{}",
    "plugin.ts": "1",
    "parts/page.html": "<p>",
    "parts/deep/a.ts": "2",
    LICENSE: "MIT",
    "bun.lock": "{}",
    "plugin.test.ts": "t",
    "parts/a.test.tsx": "t",
    "tests/fake.ts": "t",
    ".env": "SECRET=1",
    ".git/config": "x",
    "node_modules/left/index.js": "x",
    "parts/node_modules/x.js": "x",
    "dist/plugin.js": "x",
    "old-0.1.0.tgz": "x",
  });
  symlinkSync("plugin.ts", join(folder, "same.ts"));
  symlinkSync(".", join(folder, "round"));
  expect(filesOf(folder).map(({ path }) => path)).toEqual([
    "LICENSE",
    "bun.lock",
    "parts/deep/a.ts",
    "parts/page.html",
    "plugin.json",
    "plugin.ts",
    "same.ts",
  ]);
});

test("a link that leads out of the folder is refused by name", () => {
  for (const to of ["/etc/passwd", "../elsewhere", "/nonexistent"]) {
    const folder = temporary();
    write(folder, { "plugin.json": "{}" });
    symlinkSync(to, join(folder, "notes.md"));
    expect(() => filesOf(folder)).toThrow(/^notes\.md is a link to .*: put the file itself there, or remove the link$/);
  }
});

test("long names survive, and one that is too long is refused", async () => {
  const folder = temporary();
  const long = `${"d".repeat(90)}/${"e".repeat(60)}/${"n".repeat(95)}.ts`;
  const files = [
    { path: long, bytes: new TextEncoder().encode("ü") },
    { path: "empty", bytes: new Uint8Array() },
  ];
  await Bun.write(join(folder, "a.tgz"), pack(files));
  expect(Bun.spawnSync(["tar", "-tzf", join(folder, "a.tgz")]).stdout.toString()).toBe(`${long}\nempty\n`);
  expect(Bun.spawnSync(["tar", "-xzOf", join(folder, "a.tgz"), long]).stdout.toString()).toBe("ü");
  expect(() => pack([{ path: "x".repeat(101), bytes: new Uint8Array() }])).toThrow("is too long for an archive");
});
