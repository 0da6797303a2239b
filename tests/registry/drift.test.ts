/** Every file of what is installed, and of what it needs of others, is compared with what was installed, and had again bit for bit. */
import { expect, test } from "bun:test";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { filesOf, pack } from "../../plugin-kit/archive.ts";
import type { CliHome } from "../support/cli.ts";
import { serveNpm } from "../support/npm-registry.ts";
import { type Shop, startShop } from "../support/packages.ts";
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
}

async function startNeedy() {
  const [npm, shop] = [serveNpm(), startShop()];
  await publishNeedy(shop, npm, "1.0.0");
  const homes: CliHome[] = [];
  return {
    ...{ npm, shop },
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

const lockOf = ({ path }: CliHome) => JSON.parse(readFileSync(join(path, "pincer.lock"), "utf8")).packages["plugins/weather"];
const folderOf = (home: CliHome, digest: string = lockOf(home).digest) => join(home.path, "plugins", "weather", digest);
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
  expect((await home.pincer(["install", "--frozen"])).out).toBe("keep weather 1.0.0\n");
});

test("another home has every file of the lock bit for bit", async () => {
  await using needy = await startNeedy();
  const [one, other] = [needy.home(), needy.home()];
  await one.pincer(["install", "weather", "--yes"]);
  cpSync(join(one.path, "pincer.lock"), join(other.path, "pincer.lock"));
  expect(await frozen(other)).toMatchObject({ ok: true });
  expect(contentsOf(folderOf(other))).toEqual(contentsOf(folderOf(one)));
  expect(lockOf(other)).toEqual(lockOf(one));
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
  const { before: kept } = lockOf(home);
  rmSync(join(folderOf(home, kept.digest), "plugin.ts"));
  rmSync(join(home.path, "cache"), { recursive: true });
  rmSync(needy.shop.house.folder, { recursive: true, force: true });
  const refused = await home.json<{ error: { code: string; message: string } }>(["rollback", "weather", "--yes"]);
  expect(refused.error).toMatchObject({ code: "REGISTRY_CLIENT_DRIFT", message: expect.stringContaining("plugin.ts is missing") });
  expect(lockOf(home).version).toBe("1.0.0");
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
