import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock as clock } from "@pincer/plugin-sdk/system-clock";
import { readPlugin } from "../plugin-host/discovery.ts";
import { createCliHome } from "../tests/support/cli.ts";
import { buildPlugin } from "./build.ts";
import { checkPlugin } from "./check.ts";
import { createPlugin, kinds } from "./create.ts";
import { linkPlugin, unlinkPlugin } from "./link.ts";

const pincer = join(import.meta.dir, "..");
const temporary = mkdtempSync(join(tmpdir(), "pincer-new-"));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

const create = (kind: string, id: string, folder = join(temporary, id), takenBy?: string) =>
  createPlugin({ kind, id, folder, takenBy, pincer, clock });

test.each([...kinds])(
  "a new %s is in order as it was made, and nothing in it is left of its template",
  async (kind) => {
    const folder = join(temporary, `night-owl-${kind}`);
    const files = await create(kind, "night-owl", folder);
    expect(files).toEqual(
      expect.arrayContaining(["README.md", "package.json", "plugin.json", "plugin.test.ts", "plugin.ts", "tsconfig.json"]),
    );
    for (const file of files)
      expect(readFileSync(join(folder, file), "utf8")).not.toMatch(/\bmy-(tool|plugin|channel|provider)\b|MY_|My (tool|plugin|channel)/);
    expect(readFileSync(join(folder, "README.md"), "utf8").trim().split("\n").length).toBeLessThanOrEqual(12);
    const verdicts: Record<string, string> = {};
    for await (const { name, verdict, lines } of checkPlugin(folder, { clock, pincer, home: "/nowhere" })) {
      if (verdict !== "passed") console.error(lines.join("\n"));
      verdicts[name] = verdict;
    }
    expect(verdicts).toEqual({ manifest: "passed", types: "passed", tests: "passed", permissions: "passed", size: "passed" });
  },
  300_000,
);

test.each([...kinds])("the template of a %s is a plugin whose manifest is in step with its code", async (kind) => {
  const { isChanged } = await buildPlugin(join(import.meta.dir, "templates", kind), clock, { check: true });
  expect(isChanged).toBe(false);
});

test("what cannot be made is refused with what to do, and nothing is made", async () => {
  const before = readdirSync(temporary);
  const full = join(temporary, "full");
  mkdirSync(full);
  writeFileSync(join(full, "thesis.txt"), "the only copy");
  const refused = async (...given: Parameters<typeof create>) => {
    const error = await create(...given).catch((thrown) => thrown);
    return [error.code, error.message];
  };
  expect(await refused("chanel", "x")).toEqual(["KIT_KIND_UNKNOWN", expect.stringContaining('did you mean "channel"?')]);
  expect(await refused("toString", "x")).toEqual([
    "KIT_KIND_UNKNOWN",
    expect.stringContaining("there are: channel, provider, tool, blank"),
  ]);
  expect(await refused("tool", "My Dice!")).toEqual(["KIT_ID_INVALID", expect.stringContaining('such as "my-dice"')]);
  expect(await refused("tool", "../up")).toEqual(["KIT_ID_INVALID", expect.stringContaining('such as "up"')]);
  expect(await refused("tool", "agent", join(temporary, "agent"), "/somewhere/agent")).toEqual([
    "KIT_ID_TAKEN",
    expect.stringMatching("/somewhere/agent already: choose another"),
  ]);
  expect(await refused("tool", "dice", full)).toEqual(["KIT_FOLDER_NOT_EMPTY", expect.stringContaining("name another folder")]);
  expect(readdirSync(temporary).sort()).toEqual([...before, "full"].sort());
  expect(readdirSync(full)).toEqual(["thesis.txt"]);
});

test("the command says what it made and what comes next, and a gateway uses the plugin from its folder", async () => {
  await using home = createCliHome();
  const folder = join(home.path, "..", "owl");
  const { out, code } = await home.pincer(["plugin", "new", "blank", "owl"]);
  expect(code).toBe(0);
  expect(out).toContain(`owl is in ${folder}: .gitignore, README.md`);
  expect(out.trim().split("\n").slice(1)).toEqual(["  pincer plugin check owl", "  pincer plugin link owl"]);
  expect(await home.pincer(["plugin", "new", "tool", "owl"])).toMatchObject({ code: 1, err: expect.stringContaining("is not empty") });
  expect(await home.pincer(["plugin", "new", "tool", "agent"])).toMatchObject({
    code: 1,
    err: expect.stringContaining("choose another id"),
  });
  expect(await home.json(["plugin", "new", "wool", "x"])).toMatchObject({ ok: false, error: { code: "KIT_KIND_UNKNOWN" } });

  expect((await home.pincer(["plugin", "link", "owl"])).out).toContain(
    "pincer config set plugins.owl.isolation process\n  pincer plugins enable owl",
  );
  await home.pincer(["up"]);
  await home.pincer(["config", "set", "plugins.owl.unsandboxed", "true"]);
  expect((await home.pincer(["plugins", "enable", "owl"])).out).toContain("owl is on");
  expect(await home.json(["call", "owl.greet", '{"name":"Ada"}'])).toEqual({ greeting: "Hello, Ada!", greeted: 1 });
  expect(await home.pincer(["plugin", "new", "tool", "owl", "elsewhere"])).toMatchObject({
    code: 1,
    err: expect.stringContaining("choose another id"),
  });
}, 120_000);

test("what was linked is unlinked, by its id or its folder, while a gateway runs or not, and leaves nothing of the link", async () => {
  await using home = createCliHome();
  const folder = join(home.path, "..", "owl");
  await home.pincer(["plugin", "new", "blank", "owl"]);
  expect(await home.pincer(["plugin", "unlink", "owl"])).toMatchObject({ code: 1, err: expect.stringContaining("linked; none is") });

  await home.pincer(["plugin", "link", "owl"]);
  await home.pincer(["config", "set", "plugins.owl.unsandboxed", "true"]);
  await home.pincer(["up"]);
  await home.pincer(["plugins", "enable", "owl"]);
  expect(await home.json(["call", "owl.greet", '{"name":"Ada"}'])).toMatchObject({ greeting: "Hello, Ada!" });
  expect(await home.pincer(["plugin", "unlink", "own"])).toMatchObject({ code: 1, err: expect.stringContaining('did you mean "owl"?') });
  expect(await home.pincer(["plugin", "unlink", "owl"])).toMatchObject({
    code: 0,
    out: expect.stringMatching(/owl is linked no more.*\n {2}pincer config set plugins\.owl --unset/),
  });
  expect(existsSync(join(home.path, "plugins", "owl"))).toBe(false);
  expect(existsSync(join(folder, "plugin.json"))).toBe(true);
  expect((await home.json<{ id: string }[]>(["plugins", "list"])).map(({ id }) => id)).not.toContain("owl");
  expect(await home.json(["call", "owl.greet", '{"name":"Ada"}'])).toMatchObject({ error: { code: "BUS_METHOD_UNKNOWN" } });
  expect((await home.pincer(["config", "set", "plugins.owl", "--unset"])).code).toBe(0);

  // Again, and without a gateway, from inside the folder.
  await home.pincer(["plugin", "link", folder]);
  expect((await home.pincer(["plugins", "list"])).out).toContain("owl");
  await home.pincer(["stop"]);
  expect(await home.pincer(["plugin", "unlink", folder])).toMatchObject({ code: 0, out: expect.not.stringContaining("--unset") });
  expect(existsSync(join(home.path, "plugins", "owl"))).toBe(false);
}, 120_000);

test("what was installed before a link is the current one again without it", () => {
  const home = mkdtempSync(join(tmpdir(), "pincer-unlink-"));
  const folder = join(home, "written");
  const versions = join(home, "plugins", "raw");
  for (const at of [folder, join(versions, "abc")]) {
    mkdirSync(at, { recursive: true });
    writeFileSync(
      join(at, "plugin.json"),
      JSON.stringify({ id: "raw", version: "1.0.0", sdk: "*", summary: "Raw.", entry: "plugin.ts", generated: {} }),
    );
  }
  const root = { path: join(home, "plugins"), layout: "installed" } as const;
  expect(readPlugin(root, "raw")?.folder).toBe(realpathSync(join(versions, "abc")));
  linkPlugin(folder, home);
  expect(readPlugin(root, "raw")?.folder).toBe(realpathSync(folder));
  rmSync(folder, { recursive: true });
  expect(unlinkPlugin(folder, home)).toBe("raw");
  expect(readPlugin(root, "raw")?.folder).toBe(realpathSync(join(versions, "abc")));
  rmSync(home, { recursive: true });
});

test("only a plugin that was built is linked", async () => {
  await using home = createCliHome();
  const folder = join(home.path, "..", "raw");
  mkdirSync(folder);
  expect((await home.pincer(["plugin", "link", folder])).err).toContain("raw holds none");
  writeFileSync(
    join(folder, "plugin.json"),
    JSON.stringify({ id: "raw", version: "1.0.0", sdk: "*", summary: "Raw.", entry: "plugin.ts" }),
  );
  expect((await home.pincer(["plugin", "link", folder])).err).toContain("pincer plugin build");
});
