import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Confinement } from "./confinement.ts";
import { bindsOf, masksOf } from "./layout.ts";

const base = realpathSync(mkdtempSync(join(tmpdir(), "layout-")));
afterAll(() => rmSync(base, { recursive: true }));
const at = (path: string) => join(base, path);
for (const folder of ["home/data/mine", "home/skills", "run", "notes/inner/deep", "shared/inner"])
  mkdirSync(at(folder), { recursive: true });
for (const file of ["bun", "entry.js", "notes/file", "shared/tool", "tool"]) writeFileSync(at(file), "", { mode: 0o755 });
symlinkSync("/etc", at("shared/link"));
symlinkSync(at("shared/inner"), at("elsewhere"));
symlinkSync(at("tool"), at("tool-link"));
const listener = Bun.listen({ unix: at("a.sock"), socket: { data: () => undefined } });
afterAll(() => listener.stop(true));

const confinement = (given: Partial<Confinement>): Confinement => ({
  plugin: "notes",
  bun: at("bun"),
  entry: at("entry.js"),
  run: at("run"),
  data: at("home/data/mine"),
  read: [],
  write: [],
  exec: [],
  sockets: [],
  net: [],
  limits: { memoryMb: 64, openFiles: 64, processes: 1 },
  hidden: [at("home")],
  ...given,
});
const libraries = async (binary: string) => (binary === at("bun") ? [{ at: "/lib64/loader.so", real: "/usr/lib64/loader-2.so" }] : []);
const layout = async (given: Partial<Confinement>) => {
  const what = confinement(given);
  const binds = await bindsOf(what, libraries);
  return { binds: binds.map((bind) => `${bind.access} ${bind.from} at ${bind.at}`), masks: await masksOf(what, binds) };
};
const own = [
  "execute /usr/lib64/loader-2.so at /lib64/loader.so",
  `execute ${at("bun")} at /pincer/bun`,
  `read ${at("entry.js")} at /pincer/entry.js`,
  `write ${at("home/data/mine")} at /pincer/data`,
];

test("a plugin that asks for nothing sees Bun, what it needs, itself and its data", async () => {
  expect(await layout({})).toEqual({ binds: own, masks: [] });
});

test("what it was given stands at its own path, links followed, and what is deeper comes later", async () => {
  const { binds } = await layout({
    read: [at("notes/inner/deep"), at("notes")],
    exec: [at("tool-link")],
    sockets: [at("a.sock")],
    write: [at("shared")],
  });
  expect(binds.filter((bind) => !own.includes(bind))).toEqual([
    `read ${at("notes")} at ${at("notes")}`,
    `write ${at("shared")} at ${at("shared")}`,
    `execute ${at("tool")} at ${at("tool-link")}`,
    `connect ${at("a.sock")} at ${at("a.sock")}`,
    `read ${at("notes/inner/deep")} at ${at("notes/inner/deep")}`,
  ]);
});

test("a folder inside one that may be written is there already", async () => {
  const { binds } = await layout({ write: [at("shared"), at("shared/inner")], read: [at("shared/inner")] });
  expect(binds.filter((bind) => !own.includes(bind))).toEqual([`write ${at("shared")} at ${at("shared")}`]);
});

test("what is hidden is masked wherever it would be seen, but for what is declared inside it", async () => {
  expect(await layout({ read: [base] })).toMatchObject({ masks: [at("home")] });
  const { binds, masks } = await layout({ read: [base, at("home/skills")] });
  expect(masks).toEqual([at("home")]);
  expect(binds.at(-1)).toBe(`read ${at("home/skills")} at ${at("home/skills")}`);
});

describe("it is refused", () => {
  test.each<[string, Partial<Confinement>, string]>([
    ["the whole root", { read: ["/"] }, "permissions.files.read names /, where /proc stands"],
    ["other processes", { read: ["/proc/1"] }, "where /proc stands"],
    ["devices", { write: ["/dev/shm"] }, "where /dev stands"],
    ["what names and certificates are taken from", { read: ["/etc"] }, "where /etc stands"],
    ["our own folder", { read: ["/pincer/x"] }, "where /pincer stands"],
    ["what is not there", { read: [at("nothing")] }, "nothing, which cannot be found"],
    ["a folder to execute", { exec: [at("notes")] }, "notes: expected a file"],
    ["a file to connect to", { sockets: [at("notes/file")] }, "file: expected a socket"],
    ["the gateway's home", { read: [at("home")] }, "which is not for plugins"],
    ["to write where a link leads elsewhere", { write: [at("shared"), at("shared/link")] }, "could replace"],
    ["to read where a link leads elsewhere", { write: [at("shared")], read: [at("shared/link")] }, "could replace"],
    ["to read by a link what it could replace", { write: [at("shared")], read: [at("elsewhere")] }, "could replace"],
    ["to execute what it could replace", { write: [at("shared")], exec: [at("shared/tool")] }, "could replace"],
    ["to write its own data's folder", { write: [at("home/data")], hidden: [] }, "could replace"],
    ["to write around the gateway's home", { write: [base] }, "could replace"],
    ["to write where its code lies", { write: [base], hidden: [], data: "/var/tmp" }, "could replace"],
  ])("%s", async (_, given, why) => {
    await expect(layout(given)).rejects.toMatchObject({
      code: "PLUGIN_UNCONFINABLE",
      message: expect.stringContaining(why),
      data: { plugin: "notes" },
    });
  });
});
