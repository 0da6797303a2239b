/** Every file of what is installed, and of what it needs of others, is compared with what was installed, and had again bit for bit. */
import { expect, test } from "bun:test";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { filesOf, pack } from "../../plugin-kit/archive.ts";
import type { CliHome } from "../support/cli.ts";
import { serveNpm } from "../support/npm-registry.ts";
import { type Shop, startShop } from "../support/packages.ts";
import { entryIn, lockTextIn } from "../support/pincer-lock.ts";
import { contentsOf } from "../support/published.ts";
import { homeWith } from "../support/shop-home.ts";

/** Weather that needs a package of others, which has a program. */
async function publishNeedy(shop: Shop, npm: ReturnType<typeof serveNpm>, version: string) {
  const made = await shop.make(version);
  const files = { "index.js": `module.exports = "${version}";\n`, "bin.js": "#!/usr/bin/env node\n" };
  const { integrity } = npm.publish({ name: "rain", version, files, manifest: { bin: { rain: "bin.js" } } });
  const dependencies = { rain: version };
  writeFileSync(join(made.folder, "package.json"), JSON.stringify({ name: "weather", version, type: "module", dependencies }));
  const packages = { rain: [`rain@${version}`, "", { bin: { rain: "bin.js" } }, integrity] };
  const lock = { lockfileVersion: 1, workspaces: { "": { name: "weather", dependencies } }, packages };
  writeFileSync(join(made.folder, "bun.lock"), JSON.stringify(lock));
  shop.publish({ ...made, archive: pack(filesOf(made.folder)) });
  return integrity;
}

async function startNeedy() {
  const [npm, shop] = [serveNpm(), startShop()];
  const integrities: Readonly<Record<string, string>> = { "1.0.0": await publishNeedy(shop, npm, "1.0.0") };
  const homes: CliHome[] = [];
  return {
    ...{ npm, shop, integrities },
    home() {
      const home = homeWith(shop, {}, { BUN_CONFIG_REGISTRY: npm.url });
      homes.push(home);
      return home;
    },
    async [Symbol.asyncDispose]() {
      for (const home of homes) await home[Symbol.asyncDispose]();
      await npm[Symbol.asyncDispose]();
      shop[Symbol.dispose]();
    },
  };
}

const folderOf = (home: CliHome, digest: string = entryIn(home).digest) => join(home.path, "plugins", "weather", digest);
const frozen = (home: CliHome, ...more: string[]) =>
  home.json<{ ok: boolean; error?: { code: string; message: string } }>(["install", "--frozen", "--yes", ...more]);

test("a file of the package, or of what it needs, that was changed, added or removed is named, and mended from the cache without a network", async () => {
  await using needy = await startNeedy();
  const home = needy.home();
  expect((await home.pincer(["install", "weather", "--yes"])).out).toContain("weather 1.0.0 is installed");
  const folder = folderOf(home);
  const before = contentsOf(folder);
  expect([...before.keys()]).toContain("node_modules/rain/index.js");
  await needy.npm[Symbol.asyncDispose]();
  rmSync(needy.shop.house.folder, { recursive: true, force: true });

  writeFileSync(join(folder, "node_modules", "rain", "index.js"), `module.exports = "stolen";\n`);
  writeFileSync(join(folder, "node_modules", "rain", "more.js"), "");
  rmSync(join(folder, "plugin.json"));
  mkdirSync(join(folder, "node_modules", "sleet"));
  symlinkSync("/etc", join(folder, "node_modules", "sleet", "etc"));
  const changed = ["node_modules/rain/index.js was changed", "node_modules/rain/more.js was added", "node_modules/sleet/etc was added"];
  const drift = await frozen(home);
  expect(drift.error).toMatchObject({
    code: "REGISTRY_CLIENT_DRIFT",
    message: expect.stringContaining(`weather: ${[...changed, "plugin.json is missing"].join(", ")}\n`),
  });
  const mended = await home.pincer(["install", "--frozen", "--mend", "--yes"]);
  expect(mended.out).toContain(`look   not as it was: ${changed[0]}`);
  expect(mended.out).toContain("weather 1.0.0 is as the lock says");
  expect(contentsOf(folder)).toEqual(before);
  expect(existsSync(join(folder, "node_modules", "sleet"))).toBe(false);
  rmSync(folder, { recursive: true });
  symlinkSync(join(home.path, "nowhere"), folder);
  expect(await frozen(home, "--mend")).toMatchObject({ ok: true });
  expect(contentsOf(folder)).toEqual(before);
  expect((await home.pincer(["install", "--frozen"])).out).toBe("keep weather 1.0.0\n");
});

function rewriteLock(home: CliHome, change: (entry: Record<string, unknown>) => void): string {
  const lock = JSON.parse(lockTextIn(home));
  change(lock.packages["plugins/weather"]);
  const text = `${JSON.stringify(lock, null, 2)}\n`;
  writeFileSync(join(home.path, "pincer.lock"), text);
  return text;
}

test("the lock names each package of others by version and checksum, and what they came to, which no record beside the files can talk out of", async () => {
  await using needy = await startNeedy();
  const home = needy.home();
  await home.pincer(["install", "weather", "--yes"]);
  const { packages, trees } = entryIn(home);
  expect(packages).toEqual({ "rain@1.0.0": needy.integrities["1.0.0"]! });
  const [[system, tree]] = Object.entries(trees ?? {}) as [[string, string]];
  expect([system, tree]).toEqual([expect.stringContaining(`${process.platform}-${process.arch}`), expect.stringMatching(/^[0-9a-f]{64}$/)]);

  const [folder, record] = [folderOf(home), `${folderOf(home)}.files`];
  const recorded = readFileSync(record, "utf8");
  rmSync(record);
  expect(await frozen(home)).toMatchObject({ ok: true });
  const stolen = `module.exports = "stolen";\n`;
  writeFileSync(join(folder, "node_modules", "rain", "index.js"), stolen);
  const sha256 = new Bun.CryptoHasher("sha256").update(stolen).digest("hex");
  writeFileSync(record, JSON.stringify({ ...JSON.parse(recorded), "node_modules/rain/index.js": sha256 }));
  expect((await frozen(home)).error).toMatchObject({
    code: "REGISTRY_CLIENT_DRIFT",
    message: expect.stringContaining("weather: what it needs of others is not what the lock says of this system"),
  });
  const before = lockTextIn(home);
  expect(await frozen(home, "--mend")).toMatchObject({ ok: true });
  expect(readFileSync(record, "utf8")).toBe(recorded);
  expect(lockTextIn(home)).toBe(before);
});

test("on a fresh machine a dependency that drifted is an error, from a mirror too, and nothing is installed", async () => {
  await using needy = await startNeedy();
  const [one, other] = [needy.home(), needy.home()];
  await one.pincer(["install", "weather", "--yes"]);
  const mirror = join(needy.shop.folder, "mirror");
  expect(await one.json(["registry", "mirror", needy.shop.house.folder, mirror])).toMatchObject({ ok: true, dependencies: 1 });
  await needy.npm[Symbol.asyncDispose]();
  const config = join(other.path, "pincer.json5");
  writeFileSync(config, readFileSync(config, "utf8").replaceAll(needy.shop.house.folder, mirror));
  const take = (change: (entry: Record<string, unknown>) => void) => {
    cpSync(join(one.path, "pincer.lock"), join(other.path, "pincer.lock"));
    return rewriteLock(other, change);
  };
  const nothing = () => existsSync(join(other.path, "plugins", "weather", "current"));
  const [system] = Object.keys(entryIn(one).trees ?? {}) as [string];

  take((entry) => (entry["packages"] = { "rain@1.0.0": `sha512-${"A".repeat(86)}==` }));
  expect((await frozen(other)).error).toMatchObject({
    code: "REGISTRY_CLIENT_DRIFT",
    message: expect.stringContaining(`the lock says of rain@1.0.0 sha512-AAA`),
  });
  take((entry) => (entry["trees"] = { [system]: "0".repeat(64) }));
  expect((await frozen(other)).error).toMatchObject({
    code: "REGISTRY_CLIENT_DRIFT",
    message: expect.stringContaining("what it needs of others is not what the lock says of this system"),
  });
  const [archive] = readdirSync(join(mirror, "dependencies")) as [string];
  const bytes = readFileSync(join(mirror, "dependencies", archive));
  writeFileSync(join(mirror, "dependencies", archive), bytes.with(40, bytes[40]! ^ 1));
  rmSync(join(other.path, "cache", "packages"), { recursive: true });
  take(() => undefined);
  expect(await frozen(other)).toMatchObject({ ok: false });
  expect(nothing()).toBe(false);

  // Of another system the checksums count, and the lock stays as it is.
  writeFileSync(join(mirror, "dependencies", archive), bytes);
  const text = take((entry) => (entry["trees"] = { "plan9-mips": "0".repeat(64) }));
  expect(await frozen(other)).toMatchObject({ ok: true });
  expect(lockTextIn(other)).toBe(text);
  expect(contentsOf(folderOf(other))).toEqual(contentsOf(folderOf(one)));
});

test("a lock of before is read as it is, gets what it lacks with the next change, and what a later Pincer wrote in it stays", async () => {
  await using needy = await startNeedy();
  const home = needy.home();
  await home.pincer(["install", "weather", "--yes"]);
  const { packages, trees } = entryIn(home);
  const old = rewriteLock(home, (entry) => {
    for (const name of ["packages", "trees"]) delete entry[name];
    entry["from-later"] = { kept: true };
  });
  expect(await frozen(home)).toMatchObject({ ok: true });
  expect(await home.json(["list"])).toMatchObject({ packages: [{ id: "weather" }] });
  expect(lockTextIn(home)).toBe(old);
  needy.shop.publish(await needy.shop.make("1.0.0", { id: "tides" }));
  await home.pincer(["install", "tides", "--yes"]);
  expect(entryIn(home)).toMatchObject({ packages, trees, "from-later": { kept: true } });

  // Of what is not as it was installed nothing is written down.
  rewriteLock(home, (entry) => delete entry["trees"]);
  writeFileSync(join(folderOf(home), "node_modules", "rain", "index.js"), `module.exports = "stolen";\n`);
  await home.pincer(["remove", "tides", "--yes"]);
  expect(entryIn(home).trees).toBeUndefined();

  // What cannot be read is no reason to say that what was done has failed.
  rewriteLock(home, (entry) => delete entry["packages"]);
  rmSync(join(folderOf(home), "bun.lock"));
  mkdirSync(join(folderOf(home), "bun.lock"));
  expect(await home.json(["install", "tides", "--yes"])).toMatchObject({ ok: true });
  expect(entryIn(home).packages).toBeUndefined();
});

test("another home has every file of the lock bit for bit", async () => {
  await using needy = await startNeedy();
  const [one, other] = [needy.home(), needy.home()];
  await one.pincer(["install", "weather", "--yes"]);
  cpSync(join(one.path, "pincer.lock"), join(other.path, "pincer.lock"));
  expect(await frozen(other)).toMatchObject({ ok: true });
  expect(contentsOf(folderOf(other))).toEqual(contentsOf(folderOf(one)));
  expect(entryIn(other)).toEqual(entryIn(one));
});

test("a rollback does not run what somebody has changed in the version that was kept", async () => {
  await using needy = await startNeedy();
  const home = needy.home();
  await home.pincer(["install", "weather", "--yes"]);
  const first = folderOf(home);
  const before = contentsOf(first);
  await publishNeedy(needy.shop, needy.npm, "1.1.0");
  await home.pincer(["update", "--yes"]);
  writeFileSync(join(first, "node_modules", "rain", "index.js"), `module.exports = "stolen";\n`);
  const back = await home.pincer(["rollback", "weather", "--yes"]);
  expect(back.out).toContain("is not as it was installed: node_modules/rain/index.js was changed");
  expect(back.out).toContain("weather 1.0.0 is back");
  expect(contentsOf(first)).toEqual(before);

  // Where it cannot be had again, the version that runs goes on.
  const { before: kept } = entryIn(home);
  rmSync(join(folderOf(home, kept?.digest), "plugin.ts"));
  rmSync(join(home.path, "cache"), { recursive: true });
  rmSync(needy.shop.house.folder, { recursive: true, force: true });
  const refused = await home.json<{ error: { code: string; message: string } }>(["rollback", "weather", "--yes"]);
  expect(refused.error).toMatchObject({ code: "REGISTRY_CLIENT_DRIFT", message: expect.stringContaining("plugin.ts is missing") });
  expect(entryIn(home).version).toBe("1.0.0");
});

test("a gateway that runs goes on with what was mended under it", async () => {
  await using needy = await startNeedy();
  const home = needy.home();
  await home.pincer(["install", "weather", "--yes"]);
  await home.pincer(["up"]);
  expect(await home.json(["call", "weather.said"])).toEqual({ version: "1.0.0" });
  writeFileSync(join(folderOf(home), "node_modules", "rain", "index.js"), `module.exports = "stolen";\n`);
  expect((await frozen(home)).error).toMatchObject({ code: "REGISTRY_CLIENT_DRIFT" });
  expect(await frozen(home, "--mend")).toMatchObject({ ok: true });
  expect(await home.json(["call", "weather.said"])).toEqual({ version: "1.0.0" });
  expect(await frozen(home)).toMatchObject({ ok: true });
});
