import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pack } from "./archive.ts";
import { installDependencies, needsDependencies } from "./install.ts";
import { removeDependencies } from "./runnable.ts";

/** A registry of this machine's with one package, and a cache of its own. */
const base = realpathSync(mkdtempSync(join(tmpdir(), "pincer-install-test-")));
const bytes = (text: string) => new TextEncoder().encode(text);
const tarball = pack([
  {
    path: "package/package.json",
    bytes: bytes(JSON.stringify({ name: "dependency", version: "1.0.0", scripts: { postinstall: "touch ran" } })),
  },
  { path: "package/main.js", bytes: bytes("export const n = 1;") },
]);
const hash = `sha512-${new Bun.CryptoHasher("sha512").update(tarball).digest("base64")}`;
const asked: string[] = [];
const registry: Bun.Server<undefined> = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch(request) {
    const { pathname } = new URL(request.url);
    asked.push(pathname);
    if (pathname === "/dependency/-/dependency-1.0.0.tgz") return new Response(tarball);
    if (pathname !== "/dependency") return new Response("none", { status: 404 });
    const dist = { tarball: `${registry.url.href}dependency/-/dependency-1.0.0.tgz`, integrity: hash };
    const version = { name: "dependency", version: "1.0.0", dist };
    return Response.json({ name: "dependency", "dist-tags": { latest: "1.0.0" }, versions: { "1.0.0": version } });
  },
});
const before = { ...process.env };
beforeAll(() => {
  process.env["BUN_CONFIG_REGISTRY"] = registry.url.href;
});
afterAll(() => {
  for (const name of ["BUN_CONFIG_REGISTRY", "BUN_INSTALL_CACHE_DIR"])
    if (before[name] === undefined) delete process.env[name];
    else process.env[name] = before[name];
  registry.stop(true);
  rmSync(base, { recursive: true, force: true });
});

let folder: string;
let count = 0;
beforeEach(() => {
  folder = join(base, `plugin-${count++}`);
  mkdirSync(folder);
  process.env["BUN_INSTALL_CACHE_DIR"] = join(base, `cache-${count}`);
  asked.length = 0;
});
const entry = (what: string, from = "", checksum: string | undefined = hash) => [what, from, {}, ...(checksum ? [checksum] : [])];
/** Also with the trailing commas that an installer writes. */
function write({
  dependencies = { dependency: "1.0.0" },
  packages = { dependency: entry("dependency@1.0.0") },
  ...rest
}: Readonly<Record<string, unknown>> = {}): void {
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "needy", dependencies, scripts: { postinstall: "touch ran" } }));
  const lock = { lockfileVersion: 1, workspaces: { "": { name: "needy", dependencies } }, packages, ...rest };
  writeFileSync(join(folder, "bun.lock"), JSON.stringify(lock, null, 2).replace(/\n}$/, ",\n}"));
}
const installed = () => installDependencies(folder, () => undefined);

test("what the lock names is fetched from the registry, and no script runs", async () => {
  write();
  expect(needsDependencies(folder)).toBe(true);
  const progress: string[] = [];
  await installDependencies(folder, (line) => progress.push(line));
  expect(needsDependencies(folder)).toBe(false);
  expect(readFileSync(join(folder, "node_modules", "dependency", "main.js"), "utf8")).toBe("export const n = 1;");
  expect(progress.length).toBeGreaterThan(0);
  for (const ran of [join(folder, "ran"), join(folder, "node_modules", "dependency", "ran")]) expect(existsSync(ran)).toBe(false);
});

test("without a lock it is told to bring one", async () => {
  write();
  rmSync(join(folder, "bun.lock"));
  await expect(installed()).rejects.toMatchObject({ code: "PLUGIN_INSTALL_FAILED", message: expect.stringContaining("bun install") });
});

const outside = join(base, "outside");
beforeAll(() => {
  mkdirSync(outside);
  writeFileSync(join(outside, "package.json"), JSON.stringify({ name: "outside", version: "1.0.0" }));
  writeFileSync(join(outside, "secret.txt"), "the secret");
});
const locked = (packed: readonly unknown[]) => ({ packages: { dependency: packed } });
const wanted = (spec: string) => ({ dependencies: { dependency: spec } });
test.each<[string, Readonly<Record<string, unknown>>, string]>([
  ["a folder", locked(["outside@file:../outside", {}]), "outside@file:"],
  ["a link", locked(["outside@link:outside", {}]), "outside@link:"],
  ["a tarball of this machine", locked(["outside@../outside.tgz", {}]), "outside@"],
  ["a tarball from anywhere", locked(["outside@http://127.0.0.1:9/x.tgz", {}]), "outside@http"],
  ["a repository", locked(["outside@git+ssh://git@x/y.git#0123", {}, "0123"]), "outside@git"],
  ["a repository by its short name", locked(["outside@github:x/y#0123", {}, "x-y-0123"]), "outside@github"],
  ["a workspace", locked(["outside@workspace:outside"]), "outside@workspace"],
  [
    "workspaces",
    { workspaces: { "": { name: "needy", dependencies: { dependency: "1.0.0" } }, "../outside": { name: "outside" } } },
    "../outside",
  ],
  ["a range that is a folder", wanted("file:../outside"), "file:../outside"],
  ["a range that is a repository", wanted("git+ssh://git@x/y.git"), "git+ssh"],
  ["a range that is a repository's short name", wanted("x/y"), "x/y"],
  ["a range that is a folder by another name", wanted("npm:../outside"), "npm:../outside"],
  ["an override that leads elsewhere", { overrides: { dependency: "link:outside" } }, "link:outside"],
  ["patches", { patchedDependencies: { "dependency@1.0.0": "../outside/secret.txt" } }, "patches"],
  ["a registry of its own", { packages: { dependency: entry("dependency@1.0.0", registry.url.href) } }, "registry"],
  ["a version without a checksum", { packages: { dependency: entry("dependency@1.0.0", "", "") } }, "without a checksum"],
  [
    "a version with another checksum",
    { packages: { dependency: entry("dependency@1.0.0", "", `sha512-${"A".repeat(86)}==`) } },
    "ntegrity",
  ],
  [
    "a folder for what only its author needs",
    { packages: { dependency: entry("dependency@1.0.0"), own: ["own@file:../outside", {}] } },
    "own@file",
  ],
])("a lock that names %s is refused", async (_, lock, why) => {
  write(lock);
  await expect(installed()).rejects.toMatchObject({ code: "PLUGIN_INSTALL_FAILED", message: expect.stringContaining(why) });
  expect(existsSync(join(folder, "node_modules"))).toBe(false);
});

test("what a lock says twice, or behind its end, is installed as it was read", async () => {
  write();
  const elsewhere = {
    packages: { dependency: entry("dependency@1.0.0", "http://127.0.0.1:9/") },
    overrides: { dependency: "link:outside" },
  };
  const twice = `${JSON.stringify(elsewhere).slice(0, -1)}, "overrides": {}, `;
  const lock = readFileSync(join(folder, "bun.lock"), "utf8").replace("{", twice);
  writeFileSync(join(folder, "bun.lock"), `${lock} ${JSON.stringify(elsewhere)}`);
  await installed();
  expect(readFileSync(join(folder, "node_modules", "dependency", "main.js"), "utf8")).toBe("export const n = 1;");
});

test("a lock that is nested deeper than can be read is refused, and says so", async () => {
  write();
  writeFileSync(join(folder, "bun.lock"), '{"packages":'.repeat(50_000));
  const said = /nested deeper/;
  await expect(installed()).rejects.toMatchObject({ code: "PLUGIN_INSTALL_FAILED", message: expect.stringMatching(said) });
});

test.each(["file:../outside", "git+http://127.0.0.1:9/x.git", "http://127.0.0.1:9/x.tgz", "1.0.0"])(
  "what a manifest wants beyond its lock is not fetched: %s",
  async (spec) => {
    write();
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "needy", dependencies: { dependency: "1.0.0", outside: spec } }));
    await expect(installed()).rejects.toMatchObject({ code: "PLUGIN_INSTALL_FAILED", message: expect.stringContaining("package.json") });
    expect([existsSync(join(folder, "node_modules")), asked]).toEqual([false, []]);
  },
);

test("settings in its folder count for nothing: where from, and where to", async () => {
  write();
  const [elsewhere, cache] = [join(base, "elsewhere"), join(base, "written")];
  writeFileSync(
    join(folder, "bunfig.toml"),
    `[install]\nregistry = "http://127.0.0.1:9/"\n[install.cache]\ndir = ${JSON.stringify(cache)}\n`,
  );
  writeFileSync(join(folder, ".npmrc"), "registry=http://127.0.0.1:9/\n");
  mkdirSync(elsewhere);
  await installed();
  expect([existsSync(cache), needsDependencies(folder)]).toEqual([false, false]);

  rmSync(join(folder, "node_modules"), { recursive: true });
  symlinkSync(elsewhere, join(folder, "node_modules"));
  await expect(installed()).rejects.toMatchObject({ code: "PLUGIN_INSTALL_FAILED", message: expect.stringContaining("is no folder") });
  expect(existsSync(join(elsewhere, "dependency"))).toBe(false);
});

test("removing takes nothing out of a clone, from whose folder every home runs", async () => {
  write();
  await installed();
  removeDependencies(folder, join(base, "home"));
  expect(needsDependencies(folder)).toBe(false);
});

test("what an author has linked stays", async () => {
  write();
  mkdirSync(join(folder, "node_modules", "@pincer"), { recursive: true });
  symlinkSync(outside, join(folder, "node_modules", "@pincer", "plugin-sdk"));
  await installed();
  expect(existsSync(join(folder, "node_modules", "@pincer", "plugin-sdk", "secret.txt"))).toBe(true);
  expect(needsDependencies(folder)).toBe(false);
});

const elsewhere = "/dev/shm";
test.skipIf(!existsSync(elsewhere) || statSync(elsewhere).dev === statSync(tmpdir()).dev)(
  "what is fetched on another file system takes its place all the same, and what somebody left there who was killed goes",
  async () => {
    write();
    const ended = Bun.spawnSync(["true"]).pid;
    mkdirSync(join(folder, `.incoming-${ended}`));
    const stage = mkdtempSync(join(elsewhere, "pincer-install-test-"));
    const left = join(stage, `pincer-install-${ended}-x`);
    const recent = join(stage, `pincer-install-${ended}-y`);
    for (const path of [left, recent]) mkdirSync(path);
    utimesSync(left, 1, 1);
    process.env["TMPDIR"] = stage;
    try {
      await installed();
      expect(readFileSync(join(folder, "node_modules", "dependency", "main.js"), "utf8")).toBe("export const n = 1;");
      expect(readdirSync(folder).sort()).toEqual(["bun.lock", "node_modules", "package.json"]);
      expect(readdirSync(stage)).toEqual([`pincer-install-${ended}-y`]);
    } finally {
      if (before["TMPDIR"] === undefined) delete process.env["TMPDIR"];
      else process.env["TMPDIR"] = before["TMPDIR"];
      rmSync(stage, { recursive: true, force: true });
    }
  },
);

test("packages that would fill the disk when they are unpacked are not handed to the installer", async () => {
  const zeros = Bun.gzipSync(new Uint8Array(128 * 2 ** 20));
  // One behind the other they are one archive.
  const bomb = Buffer.concat([tarball, ...Array.from({ length: 17 }, () => zeros)]);
  const checksum = `sha512-${new Bun.CryptoHasher("sha512").update(bomb).digest("base64")}`;
  write({ packages: { dependency: entry("dependency@1.0.0", "", checksum) } });
  await expect(installDependencies(folder, () => undefined, { archives: async () => bomb })).rejects.toMatchObject({
    code: "PLUGIN_INSTALL_FAILED",
    message: expect.stringContaining("dependency 1.0.0 is too large"),
  });
  expect(existsSync(join(folder, "node_modules"))).toBe(false);
});
