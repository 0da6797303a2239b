import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { folder, root, type Source, sources } from "./sources.ts";

/** Lines of source, with their place, in which the pattern stands outside a comment. */
const where = (within: readonly Source[], pattern: RegExp) =>
  within.flatMap(({ path, lines }) =>
    lines.flatMap((line, index) =>
      pattern.test(line) && !/^\s*(\/\/|\*|\/\*)/.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [],
    ),
  );
const shipped = sources.filter(({ isTest, path }) => !isTest && !path.startsWith("plugin-sdk/testing/"));
const itself = "tests/architecture/";

test("no channel's or model vendor's name stands in the kernel or the plugin host", () => {
  const ordinary = new Set(["demo", "line", "email", "webhook"]);
  const plugins = readdirSync(join(root, "plugins"));
  const own = plugins.flatMap((id) => /^(?:channel|provider)-(.+)$/.exec(id)?.[1] ?? []).filter((name) => !ordinary.has(name));
  const known = [
    "telegram",
    "discord",
    "slack",
    "whatsapp",
    "imessage",
    "anthropic",
    "openai",
    "gemini",
    "bedrock",
    "ollama",
    "openrouter",
  ];
  const names = new RegExp(`\\b(${[...new Set([...own, ...known])].join("|")})`, "i");
  expect(
    where(
      [...folder("kernel/"), ...folder("plugin-host/")].filter(({ isTest }) => !isTest),
      names,
    ),
  ).toEqual([]);
});

test("time comes from the clock alone", () => {
  const raw = /\b(setTimeout|setInterval|Date\.now|performance\.now|Bun\.sleep)\b/;
  expect(
    where(
      shipped.filter(
        ({ path }) => path !== "plugin-sdk/system-clock.ts" && !path.startsWith("kernel/cli/") && !path.startsWith("plugins/webchat/page/"),
      ),
      raw,
    ),
  ).toEqual([]);
});

test("no test waits by the clock", () => {
  const waits = /\b(Bun\.sleep|setTimeout)\(/;
  expect(
    where(
      sources.filter(({ isTest, path }) => isTest && !path.startsWith("tests/bench/") && !path.startsWith(itself)),
      waits,
    ),
  ).toEqual([]);
});

test("a catch that swallows says why", () => {
  const silent = sources
    .filter(({ isTest }) => !isTest)
    .flatMap(({ path, text }) =>
      [
        ...text.matchAll(/catch(?:\s*\([^)]*\))?\s*\{\s*\}/g),
        ...text.matchAll(/\.catch\(\(\)\s*=>\s*(?:\{\s*\}|undefined|null)\)(?!.*silent-ok)/g),
      ].map((match) => `${path}:${text.slice(0, match.index).split("\n").length}`),
    );
  expect(silent).toEqual([]);
});

test("there are no barrels, and no names that say nothing", () => {
  expect(where(sources, /^export \* from/)).toEqual([]);
  expect(
    sources.map(({ path }) => path).filter((path) => /(^|\/)(utils?|helpers?|common|misc|manager-impl|index)\.tsx?$/.test(path)),
  ).toEqual([]);
});

test("types are not escaped, but in the marked file", () => {
  const escapes = /(: any\b|\bas any\b|<any>|@ts-ignore|@ts-nocheck|@ts-expect-error|biome-ignore)/;
  const escaping = sources.filter(
    ({ path, lines }) =>
      !path.startsWith(itself) && lines.some((line) => !/^\s*(\/\/|\*|\/\*)/.test(line) && escapes.test(line.replace(/"[^"]*"/g, '""'))),
  );
  expect(escaping.filter(({ text }) => !text.includes("types are erased in this file alone")).map(({ path }) => path)).toEqual([]);
  expect(escaping.length).toBeLessThanOrEqual(1);
});

test("nothing unfinished is left behind", () => {
  const words = /\b(TODO|FIXME|XXX|HACK|not implemented|coming soon)\b/;
  expect(
    where(
      sources.filter(({ path }) => !path.startsWith(itself)),
      words,
    ),
  ).toEqual([]);
});

test("lockfiles name no registry host", async () => {
  const locks = ["bun.lock", ...new Bun.Glob("plugins/*/bun.lock").scanSync({ cwd: root })];
  for (const lock of locks) expect(await Bun.file(join(root, lock)).text()).not.toMatch(/https?:\/\//);
});
