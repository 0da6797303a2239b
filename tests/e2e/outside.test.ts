/** An author's own machine: a plugin in a folder elsewhere, with the packages that it installed itself, and no source of Pincer around it. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { unconfinable } from "@pincer/plugin-sdk/testing/modes";
import { packSdk } from "../../pack.ts";
import { pack } from "../../plugin-kit/archive.ts";
import type { Step } from "../../plugin-kit/check.ts";
import { createCliHome } from "../support/cli.ts";

const pincer = dirname(dirname(import.meta.dir));
/** What `bun-types` needs is part of it. */
const thirdParty = ["@sinclair/typebox", "bun-types", "@types/node", "undici-types"];

let desk: string;
let packages: Record<string, string>;
beforeAll(async () => {
  desk = mkdtempSync(join(tmpdir(), "pincer-outside-"));
  packages = { "@pincer/plugin-sdk": `file:${await packSdk(pincer, join(desk, "packages"))}` };
  for (const name of thirdParty) {
    const folder = realpathSync(join(pincer, "node_modules", name));
    const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version: string };
    const file = join(desk, "packages", `${name.replace("/", "-").replace("@", "")}-${version}.tgz`);
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const inside = files.map(({ parentPath, name: own }) => join(parentPath, own));
    writeFileSync(file, pack(inside.map((path) => ({ path: join("package", relative(folder, path)), bytes: readFileSync(path) }))));
    packages[name] = `file:${file}`;
  }
}, 180_000);
afterAll(() => rmSync(desk, { recursive: true, force: true }));

/** `bun install` that could ask no registry if it wanted to. */
function install(folder: string): void {
  const file = join(folder, "package.json");
  const manifest = JSON.parse(readFileSync(file, "utf8"));
  const { typescript: _, ...wanted } = manifest.devDependencies as Record<string, string>;
  const devDependencies = Object.fromEntries(Object.keys(wanted).map((name) => [name, packages[name]]));
  writeFileSync(file, JSON.stringify({ ...manifest, devDependencies, overrides: packages }, null, 2));
  rmSync(join(folder, "node_modules"), { recursive: true });
  const env = {
    PATH: process.env["PATH"],
    HOME: desk,
    BUN_BE_BUN: "1",
    BUN_INSTALL_CACHE_DIR: join(desk, "cache"),
    BUN_CONFIG_REGISTRY: "http://127.0.0.1:9",
  };
  const installing = Bun.spawnSync([process.execPath, "install", "--ignore-scripts"], { cwd: folder, env });
  expect({ code: installing.exitCode, said: installing.exitCode === 0 ? "" : `${installing.stdout}${installing.stderr}` }).toEqual({
    code: 0,
    said: "",
  });
}

test.each(["tool", "channel"] as const)(
  "a %s made elsewhere is checked, tested and typed against the packages alone",
  async (kind) => {
    await using home = createCliHome();
    const folder = join(desk, kind);
    expect(await home.pincer(["plugin", "new", kind, `far-${kind}`, folder])).toMatchObject({ code: 0, err: "" });
    install(folder);
    const sdk = join(folder, "node_modules", "@pincer", "plugin-sdk");
    expect(lstatSync(sdk).isSymbolicLink()).toBe(false);
    expect(realpathSync(sdk)).toStartWith(realpathSync(desk));
    expect(existsSync(join(sdk, "testing", "gateway.ts"))).toBe(false);

    const { ok, steps } = await home.json<{ ok: boolean; steps: Step[] }>(["plugin", "check", folder]);
    // Its suite ran inline, over a border and in a process, unless nothing here can confine one.
    const summary = String(steps.find(({ name }) => name === "tests")?.summary);
    if (!(await unconfinable())) expect(summary).toMatch(/^\d+ tests passed$/);
    expect(steps.filter(({ verdict }) => verdict !== "passed").map(({ name, lines }) => `${name}: ${lines.join("\n")}`)).toEqual([]);
    expect(ok).toBe(true);
  },
  300_000,
);

test("it runs in a gateway, and what is not public cannot be imported", async () => {
  await using home = createCliHome();
  const folder = join(desk, "blank");
  await home.pincer(["plugin", "new", "blank", "far-away", folder]);
  install(folder);
  await home.pincer(["plugin", "link", folder]);
  await home.pincer(["up"]);
  await home.pincer(["config", "set", "plugins.far-away.unsandboxed", "true"]);
  expect((await home.pincer(["plugins", "enable", "far-away"])).out).toContain("far-away is on");
  expect(await home.json(["call", "far-away.greet", '{"name":"Ada"}'])).toEqual({ greeting: "Hello, Ada!", greeted: 1 });
  expect((await home.pincer(["call", "far-away.greet", '{"name":" "}'])).err).toContain("a greeting needs a name");

  for (const inner of ["runtime/context", "testing/gateway", "wire-types/swift"]) {
    const running = Bun.spawnSync([process.execPath, "-e", `await import("@pincer/plugin-sdk/${inner}")`], { cwd: folder });
    expect(running.stderr.toString()).toMatch(/Cannot find (module|package)/);
  }
}, 120_000);
