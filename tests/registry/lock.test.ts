/** `pincer.lock`: what is installed can be had again, bit for bit, and nothing else takes its place. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Shop, startShop } from "../support/packages.ts";
import { entryIn, lockTextIn } from "../support/pincer-lock.ts";
import { homeWith } from "../support/shop-home.ts";

const dropped = (home: { readonly path: string }, ...folders: readonly string[]) => {
  for (const folder of folders) rmSync(join(home.path, folder), { recursive: true, force: true });
};

async function installed(shop: Shop, config: object = {}) {
  shop.publish(await shop.make("1.0.0"));
  const home = homeWith(shop, config);
  const done = await home.pincer(["install", "weather", "--yes"]);
  if (done.code !== 0) throw new Error(done.err);
  return home;
}

test("the lock is sorted, ends with a line break, and is the same for the same things", async () => {
  using shop = startShop();
  await using home = await installed(shop);
  const lock = lockTextIn(home);
  expect(lock).toEndWith("}\n");
  expect(Object.keys(entryIn(home))).toEqual(["digest", "manifest", "origin", "publisher", "version"]);
  await home.pincer(["remove", "weather", "--yes"]);
  await home.pincer(["install", "weather", "--yes"]);
  expect(lockTextIn(home)).toBe(lock);
});

test("a frozen installation has nothing to do where a plugin of this Pincer is on as the lock says", async () => {
  using shop = startShop();
  await using home = homeWith(shop);
  await home.pincer(["install", "irc", "--yes"]);
  expect(await home.pincer(["install", "--frozen"])).toMatchObject({ code: 0, out: "keep channel-irc 0.1.0\n" });
  await home.pincer(["config", "set", "plugins.channel-irc.enabled", "false"]);
  expect((await home.pincer(["install", "--frozen", "--yes"])).out).toContain("channel-irc 0.1.0 is as the lock says");
});

test("a frozen installation restores what is gone, from the cache while nobody answers, or from where it came", async () => {
  using shop = startShop();
  await using home = await installed(shop);
  const [lock, { digest }] = [lockTextIn(home), entryIn(home)];
  const plugin = join(home.path, "plugins", "weather", digest, "plugin.ts");
  const bytes = readFileSync(plugin, "utf8");
  const frozen = () => home.pincer(["install", "--frozen", "--yes"]);

  expect((await frozen()).out).toBe("keep weather 1.0.0\n");
  dropped(home, "plugins", "cache/archives");
  expect((await frozen()).out).toContain("from   registry home");
  expect([readFileSync(plugin, "utf8"), lockTextIn(home)]).toEqual([bytes, lock]);

  dropped(home, "plugins");
  rmSync(shop.house.folder, { recursive: true, force: true });
  expect((await frozen()).out).toContain("from   the cache");
  expect([readFileSync(plugin, "utf8"), lockTextIn(home)]).toEqual([bytes, lock]);

  dropped(home, "plugins", "cache/archives");
  expect(await frozen()).toMatchObject({ code: 1 });
  expect(existsSync(join(home.path, "plugins"))).toBe(false);
});

test("what was changed, added or replaced behind the lock's back is an error that says what", async () => {
  using shop = startShop();
  await using home = await installed(shop);
  const { digest } = entryIn(home);
  const plugin = join(home.path, "plugins", "weather", digest, "plugin.ts");
  writeFileSync(plugin, `${readFileSync(plugin, "utf8")}// longer\n`);
  const frozen = async () => (await home.json<{ error: { code: string; message: string } }>(["install", "--frozen", "--yes"])).error;
  expect(await frozen()).toMatchObject({
    code: "REGISTRY_CLIENT_DRIFT",
    message: expect.stringMatching(/weather: plugin\.ts was changed\nto have it as the lock says: "pincer install --frozen --mend"$/),
  });

  writeFileSync(join(home.path, "plugins", "weather", "current"), "linked-by-nobody\n");
  expect((await frozen()).message).toContain("weather: expected version 1.0.0");

  writeFileSync(join(home.path, "pincer.lock"), `${JSON.stringify({ lockVersion: 1, packages: {} }, null, 2)}\n`);
  expect((await frozen()).message).toContain("weather: it is installed, and not in the lock");

  writeFileSync(join(home.path, "pincer.lock"), `{"lockVersion": 2}\n`);
  expect(await frozen()).toMatchObject({ code: "REGISTRY_CLIENT_LOCK_INVALID", message: expect.stringContaining("expected") });

  // Whoever has lost it is not told that everything is as it says.
  rmSync(join(home.path, "pincer.lock"));
  expect(await frozen()).toMatchObject({ code: "REGISTRY_CLIENT_LOCK_INVALID", message: expect.stringContaining("there is none") });
});

test("a registry that has other bytes under the same version is refused", async () => {
  using shop = startShop();
  await using home = await installed(shop);
  dropped(home, "plugins", "cache/archives", "registries");
  using other = startShop();
  other.publish(await other.make("1.0.0", { summary: "Says something else" }));
  await home.pincer(["config", "set", "plugins.registry-client.config.registries", JSON.stringify([other.registry])]);
  expect(await home.json(["install", "--frozen", "--yes"])).toMatchObject({
    error: { code: "REGISTRY_FILE_WRONG", message: expect.stringContaining("expected SHA-256") },
  });
});

test("what is pinned stays when everything is updated, until it is let go", async () => {
  using shop = startShop();
  await using home = await installed(shop);
  shop.publish(await shop.make("1.1.0"));
  expect((await home.pincer(["pin", "weather"])).out).toBe("weather stays at 1.0.0\n");
  expect((await home.pincer(["update", "--yes"])).out).toContain("it is pinned");
  expect(entryIn(home)).toMatchObject({ version: "1.0.0", pinned: true });
  expect((await home.pincer(["list"])).out).toMatch(/^id +kind +version +from +by\nweather +tool +1\.0\.0 +registry home +ada +pinned\n$/);
  await home.pincer(["pin", "weather", "--unpin"]);
  await home.pincer(["update", "--yes"]);
  expect(entryIn(home)).toMatchObject({ version: "1.1.0", before: { version: "1.0.0" } });
  expect((await home.pincer(["rollback", "weather", "--yes"])).out).toContain("weather 1.0.0 is back");
  expect(entryIn(home)).toMatchObject({ version: "1.0.0", before: { version: "1.1.0" } });
});

test("a version that is new, or was taken back, is not taken by itself, and by its name it is", async () => {
  using shop = startShop();
  await using home = await installed(shop);
  shop.publish(await shop.make("1.1.0"));
  shop.publish(await shop.make("1.2.0"), { yanked: { at: "2026-01-01T00:00:00Z", reason: "it rains inside" } });
  shop.publish(await shop.make("1.3.0"), { ageHours: 2 });
  expect((await home.pincer(["list", "--outdated"])).out).toMatch(
    /^id +has +gets\nweather +1\.0\.0 +1\.1\.0 +1\.3\.0 is too new, and comes in 22 h/,
  );
  await home.pincer(["update", "--yes"]);
  expect(entryIn(home).version).toBe("1.1.0");
  expect((await home.pincer(["install", "weather@1.2.0", "--yes"])).out).toContain("its publisher has taken it back: it rains inside");
  expect(entryIn(home).version).toBe("1.2.0");
  await home.pincer(["install", "weather@1.3.0", "--yes"]);
  expect(entryIn(home)).toMatchObject({ version: "1.3.0", before: { version: "1.2.0" } });
  const { out } = await home.pincer(["info", "weather"]);
  expect(out).toMatch(/has {4}1\.3\.0 \(.*\), 1\.2\.0 \(.*, yanked\), 1\.1\.0/);
  expect(out).toContain("is     installed, 1.2.0 is kept");
});

test("two versions are kept, and no more", async () => {
  using shop = startShop();
  await using home = await installed(shop);
  const first = entryIn(home).digest;
  for (const version of ["1.1.0", "1.2.0"]) {
    shop.publish(await shop.make(version));
    await home.pincer(["update", "--yes"]);
  }
  expect(existsSync(join(home.path, "plugins", "weather", first))).toBe(false);
  const { digest, before } = entryIn(home);
  for (const kept of [digest, before!.digest]) expect(existsSync(join(home.path, "plugins", "weather", kept))).toBe(true);
});
