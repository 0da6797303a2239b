import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { commandOf, testWith } from "@pincer/plugin-sdk/testing/needs";
import kernel from "../package.json" with { type: "json" };

const repository = dirname(dirname(import.meta.dir));
const pinned = kernel.engines.bun;
/** How this machine reaches the registry of npm, whatever that is. */
const network = Object.fromEntries(
  Object.entries(process.env).filter(([name]) =>
    /^(npm_config_|BUN_CONFIG_|(https?|no|all)_proxy$|SSL_CERT|NODE_EXTRA_CA|BUN_INSTALL_CACHE_DIR)/i.test(name),
  ),
);

let folder: string;
let clone: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "pincer-launcher-"));
  clone = join(folder, "a clone with blanks");
  const files = Bun.spawnSync(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: repository,
  }).stdout.toString();
  for (const file of files.split("\0").filter(Boolean)) {
    if (existsSync(join(repository, file))) cpSync(join(repository, file), join(clone, file));
  }
  // The registry that this machine is set up for.
  for (const file of [".npmrc", ".bunfig.toml"]) {
    const own = join(process.env["HOME"] ?? "/", file);
    if (existsSync(own)) cpSync(own, join(folder, file));
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A folder to use as PATH that holds only what is named, beside the ordinary small tools. */
function pathWith(name: string, commands: Readonly<Record<string, string>>): string {
  const bin = join(folder, "bin", name);
  mkdirSync(bin, { recursive: true });
  const tools = ["sh", "uname", "grep", "mkdir", "rm", "mv", "cp", "cat", "chmod", "find", "readlink", "ln", "sleep", "dirname", "env"];
  for (const tool of tools) link(join(bin, tool), Bun.which(tool)!);
  for (const [command, target] of Object.entries(commands)) link(join(bin, command), target);
  return bin;
}
function link(path: string, target: string): void {
  if (!existsSync(path)) symlinkSync(target, path);
}

/** HOME is a folder that must stay as it was, and the caller's folder is not the clone. */
async function launch(path: string, words: readonly string[], launcher = join(clone, "pincer"), more: object = network) {
  const started = Bun.spawn([launcher, ...words], {
    cwd: folder,
    env: { ...more, PATH: path, HOME: folder, PINCER_HOME: join(folder, "home") },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err, code] = await Promise.all([new Response(started.stdout).text(), new Response(started.stderr).text(), started.exited]);
  return { out, err, code };
}

test("launcher, kernel and types are of one Bun", () => {
  const { devDependencies } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8")) as {
    devDependencies: Record<string, string>;
  };
  expect(devDependencies["bun-types"]).toBe(pinned);
  expect(readFileSync(join(repository, "pincer"), "utf8")).toContain(`\nversion=${pinned}\n`);
});

testWith("npm")(
  "on a machine with only Node it fetches Bun, installs, bundles and runs; the second time it only runs",
  async () => {
    const path = pathWith("node", { node: Bun.which("node")!, npm: commandOf("npm")! });
    const first = await launch(path, ["version", "--json"]);
    expect(first.err.trim().split("\n")).toEqual([
      expect.stringContaining(`pincer: fetching Bun ${pinned} (@oven/bun-`),
      "pincer: installing packages",
      "pincer: bundling",
    ]);
    expect(JSON.parse(first.out)).toMatchObject({ bun: pinned });
    const second = await launch(path, ["version", "--json"]);
    expect(second).toEqual({ out: first.out, err: "", code: 0 });
    expect(existsSync(join(clone, ".bun", pinned, "bun"))).toBe(true);
  },
  180_000,
);

test("on a machine with only the right Bun it uses that one, through links and from any folder", async () => {
  rmSync(join(clone, ".bun"), { recursive: true, force: true });
  const path = pathWith("bun", { bun: process.execPath });
  mkdirSync(join(folder, "links"), { recursive: true });
  link(join(folder, "links", "one"), "../a clone with blanks/pincer");
  link(join(folder, "two"), join("links", "one"));
  const outcome = await launch(path, ["version", "--json"], join(folder, "two"));
  expect(outcome.code).toBe(0);
  expect(JSON.parse(outcome.out)).toMatchObject({ bun: pinned });
  expect(existsSync(join(clone, ".bun", pinned))).toBe(false);
}, 120_000);

test("what it runs makes more requests at a time than Bun does by itself, and compiles later, unless somebody says otherwise", async () => {
  const path = pathWith("telling-bun", {});
  const told = "at a time: $BUN_CONFIG_MAX_HTTP_REQUESTS, after: $BUN_JSC_thresholdForOptimizeAfterWarmUp";
  const shim = `#!/bin/sh\n[ "$1" = --version ] || echo "${told}" >&2\nexec '${process.execPath}' "$@"\n`;
  writeFileSync(join(path, "bun"), shim, { mode: 0o755 });
  const { BUN_CONFIG_MAX_HTTP_REQUESTS: _, ...others } = network;
  for (const [said, expected] of [
    [{}, "at a time: 4096, after: 2000"],
    [{ BUN_CONFIG_MAX_HTTP_REQUESTS: "300", BUN_JSC_thresholdForOptimizeAfterWarmUp: "1000" }, "at a time: 300, after: 1000"],
  ] as const) {
    const { err, code } = await launch(path, ["version"], undefined, { ...others, ...said });
    expect({ code, last: err.trim().split("\n").at(-1) }).toEqual({ code: 0, last: expected });
  }
}, 120_000);

test("a Bun of another version fetches the pinned one, and only that is used", async () => {
  rmSync(join(clone, ".bun"), { recursive: true, force: true });
  const path = pathWith("old-bun", {});
  writeFileSync(join(path, "bun"), `#!/bin/sh\n[ "$1" = --version ] && echo 1.0.0 && exit\nexec '${process.execPath}' "$@"\n`, {
    mode: 0o755,
  });
  const { err, out, code } = await launch(path, ["version", "--json"]);
  expect({ code, first: err.split("\n")[0] }).toEqual({ code: 0, first: expect.stringContaining(`pincer: fetching Bun ${pinned}`) });
  expect(JSON.parse(out)).toMatchObject({ bun: pinned });
  expect(existsSync(join(clone, ".bun", pinned, "bun"))).toBe(true);
}, 180_000);

test("a changed source is bundled again, and only then", async () => {
  const path = pathWith("bun", { bun: process.execPath });
  await launch(path, ["version"]);
  expect((await launch(path, ["version"])).err).toBe("");
  mkdirSync(join(clone, "plugins", "provider-openai", "node_modules"));
  expect((await launch(path, ["version"])).err).toBe("");
  const version = join(clone, "kernel", "cli", "version.ts");
  writeFileSync(version, readFileSync(version, "utf8").replace("pincer $", "pincer changed $"));
  expect(await launch(path, ["version"])).toMatchObject({ err: "pincer: bundling\n", out: expect.stringContaining("pincer changed") });
  expect((await launch(path, ["version"])).err).toBe("");
  // What is built beside a plugin is no source; that its folder is new is seen once.
  const build = ["plugin", "build", join(clone, "plugins", "routing")];
  for (const words of [build, ["version"]]) await launch(path, words);
  for (const words of [build, ["version"]]) expect(await launch(path, words)).toMatchObject({ code: 0, err: "" });
}, 120_000);

test("a gateway keeps the bundle that it runs from, however often the source is bundled meanwhile", async () => {
  const path = pathWith("bun", { bun: process.execPath });
  const version = join(clone, "kernel", "cli", "version.ts");
  const port = ["config", "set", "gateway.port", "0"];
  for (const words of [port, ["up"]]) expect(await launch(path, words)).toMatchObject({ code: 0 });
  for (let n = 1; n <= 4; n++) {
    writeFileSync(version, `${readFileSync(version, "utf8")}\n`);
    expect(await launch(path, ["version"])).toMatchObject({ code: 0, err: "pincer: bundling\n" });
  }
  // Loads the plugin that serves it.
  expect(await launch(path, ["call", "secrets.store.list", "{}"])).toMatchObject({ code: 0 });
  expect(await launch(path, ["stop"])).toMatchObject({ code: 0 });
  expect(readdirSync(join(clone, ".build")).filter((name) => /^[0-9a-z]+-\d+$/.test(name)).length).toBeLessThanOrEqual(4);
  rmSync(join(folder, "home"), { recursive: true });
}, 120_000);

test("source that does not compile says where, and keeps nothing half built", async () => {
  const path = pathWith("bun", { bun: process.execPath });
  const version = join(clone, "kernel", "cli", "version.ts");
  const whole = readFileSync(version, "utf8");
  writeFileSync(version, `${whole}\nconst = 1;\n`);
  const broken = await launch(path, ["version"]);
  expect(broken.code).toBe(1);
  expect(broken.err).toContain("kernel/cli/version.ts");
  writeFileSync(version, whole);
  expect((await launch(path, ["version"])).code).toBe(0);
}, 120_000);

/** The tools with which a lock is made, on a machine that does nothing for a while right behind that. */
function slowAtLocks(): string {
  const path = pathWith("slow", { bun: process.execPath });
  for (const tool of ["ln", "mkdir"]) {
    rmSync(join(path, tool), { force: true });
    const script = `${Bun.which(tool)} "$@"; code=$?; case "$*" in *holder | *lock) [ $code = 0 ] && sleep 3 ;; esac; exit $code`;
    writeFileSync(join(path, tool), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
  return path;
}

test("three launchers at once, one of them slow, do not get in each other's way", async () => {
  const path = pathWith("bun", { bun: process.execPath });
  rmSync(join(clone, ".build"), { recursive: true, force: true });
  rmSync(join(clone, "node_modules"), { recursive: true, force: true });
  const outcomes = await Promise.all([slowAtLocks(), path, path].map((one) => launch(one, ["version", "--json"])));
  expect(outcomes.map(({ code }) => code)).toEqual([0, 0, 0]);
  expect(outcomes.filter(({ err }) => err.includes("bundling"))).toHaveLength(1);
  expect(readdirSync(join(clone, ".bun"))).not.toContain("holder");
}, 120_000);

test("a lock whose holder is gone is broken", async () => {
  const path = pathWith("bun", { bun: process.execPath });
  rmSync(join(clone, ".build"), { recursive: true, force: true });
  const gone = Bun.spawnSync(["true"]);
  symlinkSync(`${gone.pid}`, join(clone, ".bun", "holder"));
  const outcomes = await Promise.all([1, 2, 3].map(() => launch(path, ["version"])));
  expect(outcomes.map(({ code }) => code)).toEqual([0, 0, 0]);
  expect(outcomes.filter(({ err }) => err.includes("bundling"))).toHaveLength(1);
}, 120_000);

test.skipIf(process.getuid?.() !== 0 || Bun.which("setpriv") === null)("a lock that another user holds is waited for", async () => {
  const path = pathWith("others", {});
  rmSync(join(clone, ".build"), { recursive: true, force: true });
  rmSync(join(path, "sleep"));
  writeFileSync(join(path, "sleep"), "#!/bin/sh\necho waits >&2\nkill $PPID\n", { mode: 0o755 });
  chmodSync(folder, 0o755);
  symlinkSync(`${process.pid}`, join(clone, ".bun", "holder"));
  const { err } = await launch(path, ["--reuid=65534", "--clear-groups", join(clone, "pincer"), "version"], Bun.which("setpriv")!);
  expect(err).toMatch(RegExp(`^pincer: waits for the process ${process.pid}, .*/holder\nwaits\n$`));
  rmSync(join(clone, ".bun", "holder"));
});

test("a lock that is left over, and that nobody can break, is told", async () => {
  const path = pathWith("stuck", { bun: process.execPath });
  rmSync(join(path, "mv"));
  writeFileSync(join(path, "mv"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
  rmSync(join(clone, ".build"), { recursive: true, force: true });
  symlinkSync(`${Bun.spawnSync(["true"]).pid}`, join(clone, ".bun", "holder"));
  expect(await launch(path, ["version"])).toMatchObject({
    code: 1,
    err: expect.stringContaining(`cannot write into ${join(clone, ".bun")}`),
  });
  rmSync(join(clone, ".bun", "holder"));
}, 60_000);
test("a lock that somebody left who had the same number is broken: in a container that starts again it is the first one's again", async () => {
  const path = pathWith("bun", { bun: process.execPath });
  rmSync(join(clone, ".build"), { recursive: true, force: true });
  const again = join(path, "again");
  writeFileSync(again, `#!/bin/sh\nln -s $$ '${join(clone, ".bun", "holder")}' && exec '${join(clone, "pincer")}' "$@"\n`, { mode: 0o755 });
  const { code, err } = await launch(path, ["version"], again);
  expect([code, err.includes("bundling")]).toEqual([0, true]);
  expect(readdirSync(join(clone, ".bun"))).not.toContain("holder");
}, 120_000);

test("without Node and Bun it says what to install", async () => {
  rmSync(join(clone, ".bun"), { recursive: true, force: true });
  expect(await launch(pathWith("none", {}), ["up"])).toMatchObject({
    code: 1,
    err: expect.stringContaining("install one of them and run this again"),
  });
});

/** Stands in for a machine's own commands, and notes what npm was asked for. */
function machine(name: string, os: string, cpu: string): string {
  const path = pathWith(name, {});
  for (const [command, script] of [
    ["uname", `case $1 in -s) echo ${os} ;; *) echo ${cpu} ;; esac`],
    ["sysctl", "exit 1"],
    ["npm", 'for last; do :; done; echo "asked for $last" >&2; exit 1'],
  ] as const) {
    rmSync(join(path, command), { force: true });
    writeFileSync(join(path, command), `#!/bin/sh\n${script}\n`);
    chmodSync(join(path, command), 0o755);
  }
  return path;
}

test("each kind of machine gets its own package", async () => {
  for (const [os, cpu, wanted] of [
    ["Darwin", "arm64", "@oven/bun-darwin-aarch64"],
    ["Darwin", "x86_64", "@oven/bun-darwin-x64-baseline"],
    ["Linux", "aarch64", "@oven/bun-linux-aarch64"],
  ] as const) {
    const { err, code } = await launch(machine(`${os}-${cpu}`, os, cpu), ["version"]);
    expect(err).toContain(`asked for ${wanted}@${pinned}`);
    expect(err).toContain("check the network");
    expect(code).toBe(1);
  }
  expect((await launch(machine("sun", "SunOS", "sparc"), ["version"])).err).toContain("there is no Bun for the processor sparc");
});

test("nothing is written outside the clone", () => {
  expect(
    readdirSync(folder)
      .filter((name) => !name.startsWith(".npmrc") && !name.startsWith(".bunfig"))
      .sort(),
  ).toEqual(["a clone with blanks", "bin", "links", "two"]);
});

test("who writes a plugin in a clone that has only run gets the types that it is written against", async () => {
  rmSync(join(clone, "node_modules"), { recursive: true, force: true });
  const path = pathWith("author", { bun: process.execPath });
  expect(await launch(path, ["version"])).toMatchObject({ code: 0 });
  expect(["bun-types", "typescript"].filter((name) => existsSync(join(clone, "node_modules", name)))).toEqual([]);
  expect(await launch(path, ["plugin", "new", "tool", "dice", join(clone, "dice")])).toMatchObject({ code: 0 });
  expect(existsSync(join(clone, "node_modules", "bun-types", "package.json"))).toBe(true);
  expect((await launch(path, ["version"])).err).toBe("");
}, 120_000);
