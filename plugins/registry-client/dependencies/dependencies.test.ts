import { afterAll, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pack } from "@pincer/plugin-kit/archive";
import { folderSource } from "@pincer/registry/source";
import { startHouse } from "@pincer/registry/testing/house";
import { attentiveFetch } from "../../../tests/support/attentive-fetch.ts";
import { type NpmVersion, serveNpm } from "../../../tests/support/npm-registry.ts";
import { needsOf } from "../engine/package/package.ts";
import { npmRegistry } from "../sources/npm-registry.ts";
import { npmSettings } from "../sources/npm-settings.ts";
import { archiveCache } from "./cache.ts";
import { createDependencies } from "./dependencies.ts";
import { mirrorDependencies, mirrorDependenciesOf } from "./mirror.ts";

const base = realpathSync(mkdtempSync(join(tmpdir(), "pincer-dependencies-")));
const registry = serveNpm();
const before = process.env["TMPDIR"];
process.env["TMPDIR"] = join(base, "temporary");
mkdirSync(process.env["TMPDIR"]);
afterAll(async () => {
  if (before === undefined) delete process.env["TMPDIR"];
  else process.env["TMPDIR"] = before;
  await registry[Symbol.asyncDispose]();
  rmSync(base, { recursive: true, force: true });
});

/** Waits that a server asks for pass at once. */
const waits: number[] = [];
const clock = {
  now: () => 0,
  sleep: async (ms: number, signal?: AbortSignal) => {
    if (ms < 30_000) return void waits.push(ms);
    await new Promise((_resolve, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
  },
};
const settings = npmSettings({ env: { BUN_CONFIG_REGISTRY: registry.url }, home: base, ask: async () => "" });
const attentive = attentiveFetch();
const npm = npmRegistry(settings, { fetch: attentive.fetch, clock });
const { signal } = new AbortController();
const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error) => error,
  );

const published: Readonly<Record<string, { readonly version: NpmVersion; readonly integrity: string; readonly archive: Uint8Array }>> =
  Object.fromEntries(
    [
      { name: "alpha", manifest: { dependencies: { "@inner/beta": "^1.0.0" }, scripts: { postinstall: "touch ran" } } },
      { name: "@inner/beta" },
      { name: "gamma" },
      { name: "elsewhere", manifest: { os: ["aix"] } },
    ].map(({ name, manifest = {} }) => {
      const noise = Buffer.from(crypto.getRandomValues(new Uint8Array(500))).toString("hex");
      const version: NpmVersion = { name, version: "1.0.0", manifest, files: { "main.js": `export default "${name}";`, noise } };
      return [name, { version, ...registry.publish(version) }];
    }),
  );
const names = Object.keys(published);

let home: string;
let folder: string;
let count = 0;
/** A plugin that needs all of them. */
function plugin(checksums: Readonly<Record<string, string>> = {}): string {
  const path = join(base, `plugin-${count++}`);
  mkdirSync(path);
  const dependencies = { alpha: "1.0.0", gamma: "^1.0.0" };
  const optionalDependencies = { elsewhere: "1.0.0" };
  writeFileSync(join(path, "package.json"), JSON.stringify({ name: "needy", dependencies, optionalDependencies }));
  const info: Readonly<Record<string, object>> = { alpha: { dependencies: { "@inner/beta": "^1.0.0" } }, elsewhere: { os: "aix" } };
  const packages = Object.fromEntries(
    names.map((name) => [name, [`${name}@1.0.0`, "", info[name] ?? {}, checksums[name] ?? published[name]!.integrity]]),
  );
  writeFileSync(
    join(path, "bun.lock"),
    JSON.stringify({ lockfileVersion: 1, workspaces: { "": { name: "needy", dependencies, optionalDependencies } }, packages }),
  );
  return path;
}
beforeEach(() => {
  registry.disturb(() => false);
  home = join(base, `home-${count}`);
  folder = plugin();
});

const dependencies = (over: Partial<Parameters<typeof createDependencies>[0]> = {}) =>
  createDependencies({ home, now: () => 0, npm, ...over });
const install = (over?: Parameters<typeof dependencies>[0], into = folder) => dependencies(over).install(into, () => undefined, signal);
const archives = async (run: () => Promise<unknown>): Promise<readonly string[]> => {
  const asked = registry.asked.length;
  await run();
  return registry.asked.slice(asked).map(({ path }) => path);
};
const textOf = (name: string, of = folder) => readFileSync(join(of, "node_modules", name, "main.js"), "utf8");
const isWhole = (of = folder) => ["alpha", "@inner/beta", "gamma"].every((name) => textOf(name, of) === `export default "${name}";`);
const isUntouched = (of = folder) => readdirSync(of).sort().join() === "bun.lock,package.json";
const cached = () => readdirSync(join(home, "cache", "packages"));

test("what the lock names is installed for this system, asked for once, and then had without a network", async () => {
  const asked = await archives(() => install());
  expect(asked.toSorted()).toEqual(["/npm/@inner/beta/-/beta-1.0.0.tgz", "/npm/alpha/-/alpha-1.0.0.tgz", "/npm/gamma/-/gamma-1.0.0.tgz"]);
  expect(isWhole()).toBe(true);
  expect(existsSync(join(folder, "node_modules", "elsewhere"))).toBe(false);
  expect(existsSync(join(folder, "node_modules", "alpha", "ran"))).toBe(false);
  const again = plugin();
  expect(await archives(() => createDependencies({ home, now: () => 0 }).install(again, () => undefined, signal))).toEqual([]);
  expect(isWhole(again)).toBe(true);
  expect(readdirSync(process.env["TMPDIR"]!)).toEqual([]);
});

/** A package inside of so many others that to look around it for each that it needs takes minutes. */
const deep = (() => {
  const path = Array(100_000).fill("a").join("/");
  const integrity = `sha512-${Buffer.alloc(64).toString("base64")}`;
  return JSON.stringify({
    workspaces: { "": { dependencies: { [path]: "1.0.0" } } },
    packages: { [path]: ["a@1.0.0", "", { dependencies: { b: "1", c: "1" } }, integrity] },
  });
})();

test("a plan looks through no lock for long, whatever that says lies inside of what", () => {
  const { dependencies, packages } = needsOf(Buffer.from(deep));
  expect([dependencies?.length, packages]).toEqual([64, undefined]);
});

test("a package.json or a lock in a form that nobody knows is refused with where it is, and nothing is asked for", async () => {
  for (const [file, text] of [
    ["package.json", "null"],
    ["package.json", "{"],
    ["package.json", '{"dependencies":null}'],
    ["package.json", '{"dependencies":["alpha"]}'],
    ["package.json", " ".repeat(2 ** 20 + 1)],
    ["bun.lock", "[".repeat(2 ** 20)],
    ["bun.lock", JSON.stringify({ packages: { alpha: ["x".repeat(2 ** 19), "", {}, ""] } })],
    ["bun.lock", `{"packages":{${'"a":{},'.repeat(200_000)}}}`],
    ["bun.lock", deep],
  ] as const) {
    const odd = plugin();
    writeFileSync(join(odd, file), text);
    const asked = registry.asked.length;
    const { code, message } = (await failureOf(install({}, odd))) as { readonly code: string; readonly message: string };
    expect(registry.asked).toHaveLength(asked);
    expect([code, message.includes(join(odd, file)), message.length < 1_000]).toEqual(["PLUGIN_INSTALL_FAILED", true, true]);
  }
});

test("without a network, what was never had is missed by name", async () => {
  const outcome = await failureOf(createDependencies({ home, now: () => 0 }).install(folder, () => undefined, signal));
  expect(outcome).toMatchObject({
    code: "REGISTRY_CLIENT_DEPENDENCY_MISSING",
    message: expect.stringMatching(/^(alpha|gamma|@inner\/beta) 1\.0\.0, which the lock names/),
  });
  expect(isUntouched()).toBe(true);
});

test("an archive of the cache that was changed is fetched again, whichever byte it was", async () => {
  await install();
  const at = join(
    home,
    "cache",
    "packages",
    cached().find((name) => name.includes(Buffer.from(published["gamma"]!.integrity.slice(7), "base64").toString("hex")))!,
  );
  const right = readFileSync(at);
  for (const byte of [0, right.length >> 1, right.length - 1]) {
    const wrong = Buffer.from(right);
    wrong[byte]! ^= 1;
    writeFileSync(at, wrong);
    const again = plugin();
    expect(await archives(() => install({}, again))).toEqual(["/npm/gamma/-/gamma-1.0.0.tgz"]);
    expect(isWhole(again)).toBe(true);
    expect(readFileSync(at).equals(right)).toBe(true);
  }
});

test("a lock with another checksum is refused, also when the version is at hand", async () => {
  await install();
  const other = plugin({ gamma: `sha512-${"A".repeat(86)}==` });
  expect(await failureOf(install({}, other))).toMatchObject({ code: "REGISTRY_FILE_WRONG", message: expect.stringContaining("gamma") });
  expect(isUntouched(other)).toBe(true);
});

test("of an archive with one byte swapped nothing is installed, wherever the byte is", async () => {
  const { archive } = published["gamma"]!;
  const { archives: source } = dependencies();
  const [, algorithm, base64] = /^(sha512)-(.+)$/.exec(published["gamma"]!.integrity)!;
  const checksum = { algorithm: algorithm as "sha512", hex: Buffer.from(base64!, "base64").toString("hex") };
  for (let at = 0; at < archive.length; at++) {
    registry.disturb(async (exchange, asked) => {
      if (!asked) return false;
      exchange.begin(200, {});
      await exchange.write(asked.map((byte, index) => (index === at ? byte ^ 32 : byte)));
      exchange.end();
      return true;
    });
    expect(await failureOf(source({ name: "gamma", version: "1.0.0", checksum }, signal))).toMatchObject({ code: "REGISTRY_FILE_WRONG" });
  }
  expect(await failureOf(install())).toMatchObject({ code: "REGISTRY_FILE_WRONG" });
  expect(isUntouched()).toBe(true);
  expect(existsSync(join(home, "cache", "packages"))).toBe(false);
});

test("what breaks off goes on, who is busy is waited for, and who fails is asked again", async () => {
  const faults = new Map<string, number>();
  const ranges: string[] = [];
  waits.length = 0;
  registry.disturb(async (exchange, archive) => {
    if (!archive) return false;
    const times = (faults.get(exchange.path) ?? 0) + 1;
    faults.set(exchange.path, times);
    const range = exchange.headers.get("range");
    if (range) ranges.push(range);
    if (times === 1) exchange.send(429, "busy", { "retry-after": "9" });
    else if (times === 2) exchange.send(500, "broken");
    else if (times === 3) {
      const taken = attentive.taken(exchange.path);
      exchange.begin(200, {});
      await exchange.write(archive.subarray(0, 300));
      await taken;
      exchange.breakOff();
    } else return false;
    return true;
  });
  await install();
  expect(isWhole()).toBe(true);
  expect(waits.filter((ms) => ms === 9000)).toHaveLength(3);
  expect(ranges).toEqual(["bytes=300-", "bytes=300-", "bytes=300-"]);
});

test("who does not have it, fails, or wants to know who asks is told of, and nothing is installed", async () => {
  for (const [answer, code] of [
    [404, "REGISTRY_CLIENT_DEPENDENCY_MISSING"],
    [500, "REGISTRY_UNREACHABLE"],
    [401, "REGISTRY_UNREACHABLE"],
  ] as const) {
    registry.disturb((exchange) => {
      exchange.send(answer, "");
      return true;
    });
    expect(await failureOf(install())).toMatchObject({ code });
    expect(isUntouched()).toBe(true);
  }
});

test("who stops waiting stops the installation", async () => {
  const asked = Promise.withResolvers<void>();
  registry.disturb(() => {
    asked.resolve();
    return true;
  });
  const control = new AbortController();
  const outcome = failureOf(dependencies().install(folder, () => undefined, control.signal));
  await asked.promise;
  control.abort(new Error("enough"));
  expect(await outcome).toMatchObject({ message: "enough" });
  expect(isUntouched()).toBe(true);
  expect(readdirSync(process.env["TMPDIR"]!)).toEqual([]);
});

test("an archive that its registry has elsewhere is found where the registry says", async () => {
  const { archive, integrity } = published["gamma"]!;
  const tarball = `${registry.url}files/g.tgz`;
  registry.disturb(async (exchange) => {
    if (exchange.path === "/npm/gamma/-/gamma-1.0.0.tgz") exchange.send(404, "");
    else if (exchange.path === "/npm/gamma")
      exchange.send(
        200,
        JSON.stringify({ name: "gamma", "dist-tags": {}, versions: { "1.0.0": { version: "1.0.0", dist: { tarball, integrity } } } }),
      );
    else if (exchange.path === "/npm/files/g.tgz") {
      exchange.begin(200, {});
      await exchange.write(archive);
      exchange.end();
    } else return false;
    return true;
  });
  await install();
  expect(isWhole()).toBe(true);
});

test("a mirror holds the archives for every system, goes on where it was interrupted, and is enough to install from", async () => {
  const mirror = join(base, `mirror-${count}`);
  const lock = readFileSync(join(folder, "bun.lock"), "utf8");
  const { archives: source } = dependencies();
  registry.disturb((exchange) => {
    if (!exchange.path.includes("gamma")) return false;
    exchange.send(404, "");
    return true;
  });
  const { archives: alone } = createDependencies({ home: join(base, "no-home"), now: () => 0, npm });
  expect(await failureOf(mirrorDependencies(lock, mirror, signal, () => undefined, alone))).toMatchObject({
    code: "REGISTRY_CLIENT_DEPENDENCY_MISSING",
  });
  registry.disturb(() => false);
  const told: string[] = [];
  await mirrorDependencies(lock, mirror, signal, ({ name, done, total }) => told.push(`${name} ${done}/${total}`), source);
  expect(told.toSorted().map((line) => line.split(" ")[0])).toEqual(names.toSorted());
  expect(told.at(-1)).toEndWith("4/4");
  expect(await archives(() => mirrorDependencies(lock, mirror, signal, () => undefined, source))).toEqual([]);

  const mirrors = [folderSource(mirror)];
  const offline = createDependencies({ home: join(base, `home-of-mirror-${count}`), now: () => 0, mirrors });
  expect(await archives(() => offline.install(folder, () => undefined, signal))).toEqual([]);
  expect(isWhole()).toBe(true);

  // A mirror that has something else is not believed, and the next place is asked.
  for (const name of readdirSync(join(mirror, "dependencies"))) writeFileSync(join(mirror, "dependencies", name), "evil");
  const [one, other] = [plugin(), plugin()];
  const fresh = { home: join(base, `fresh-${count}`), now: () => 0, mirrors };
  expect(await failureOf(createDependencies(fresh).install(one, () => undefined, signal))).toMatchObject({ code: "REGISTRY_FILE_WRONG" });
  await createDependencies({ ...fresh, npm }).install(other, () => undefined, signal);
  expect([isUntouched(one), isWhole(other)]).toEqual([true, true]);
});

test("what all plugins of a registry need is mirrored beside them, but for what could not be installed anyway", async () => {
  using house = startHouse();
  const files = [{ path: "plugin.json", bytes: Buffer.from("{}") }];
  const withLock = (text: string) => pack([...files, { path: "bun.lock", bytes: Buffer.from(text) }]);
  house.publish("1.0.0", withLock(readFileSync(join(folder, "bun.lock"), "utf8")));
  house.publish("1.1.0", withLock(JSON.stringify({ packages: { evil: ["evil@file:../evil", {}] } })));
  house.publish("1.2.0", pack(files));
  const { archives: source } = dependencies();
  const { packages, problems } = await mirrorDependenciesOf(house.folder, signal, () => undefined, source);
  expect(packages).toBe(names.length);
  expect(problems).toEqual([
    { path: expect.stringContaining("1.1.0.tgz"), code: "PLUGIN_INSTALL_FAILED", message: expect.stringContaining("evil@file:") },
  ]);
  await createDependencies({ home: join(base, `house-${count}`), now: () => 0, mirrors: [folderSource(house.folder)] }).install(
    folder,
    () => undefined,
    signal,
  );
  expect(isWhole()).toBe(true);
});

test("the cache keeps what was used last, within its bound", () => {
  const at = join(base, `cache-${count}`);
  let now = 1_000_000;
  const cache = archiveCache(at, () => now);
  const keep = (text: string) => {
    const bytes = Buffer.from(text.repeat(100));
    const checksum = { algorithm: "sha256", hex: new Bun.CryptoHasher("sha256").update(bytes).digest("hex") } as const;
    cache.keep(checksum, bytes);
    now += 1000;
    utimesSync(join(at, `sha256-${checksum.hex}.tgz`), now / 1000, now / 1000);
    return checksum;
  };
  const [a, b, c] = [keep("a"), keep("b"), keep("c")];
  now += 1000;
  cache.read(a);
  cache.trim(250);
  expect([a, b, c].map((checksum) => cache.read(checksum) !== undefined)).toEqual([true, false, true]);
});

/** Runs until the moment, is killed there, and answers whether it had ended before. */
async function killedAt(at: number): Promise<boolean> {
  const script = join(import.meta.dir, "../../../tests/support/dependency-install.ts");
  let step = 0;
  const moment = Promise.withResolvers<void>();
  const reach = () => {
    if (step++ === at) moment.resolve();
  };
  registry.disturb(() => {
    reach();
    return false;
  });
  const child = Bun.spawn([process.execPath, script, home, folder, registry.url], {
    env: process.env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const lines = (async () => {
    for await (const chunk of child.stdout) for (const _line of new TextDecoder().decode(chunk).trim().split("\n")) reach();
  })();
  await Promise.race([moment.promise, child.exited]);
  const ended = child.exitCode !== null;
  child.kill("SIGKILL");
  await Promise.all([child.exited, lines]);
  return ended;
}

test("whoever is killed while it installs leaves all or nothing, and the next one installs", async () => {
  let ended = false;
  for (let at = 0; !ended && at < 30; at++) {
    home = join(base, `home-killed-${at}`);
    folder = plugin();
    ended = await killedAt(at);
    registry.disturb(() => false);
    expect(existsSync(join(folder, "node_modules")) ? isWhole() : isUntouched()).toBe(true);
    await install();
    expect(isWhole()).toBe(true);
    expect(readdirSync(folder).filter((name) => name.startsWith("."))).toEqual([]);
  }
  expect(ended).toBe(true);
});
