/** Whose package a name means: nobody takes the place of another. */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { placeOf } from "../../registry/layout.ts";
import { createCliHome } from "../support/cli.ts";
import { startShop } from "../support/packages.ts";
import { entryIn } from "../support/pincer-lock.ts";
import { homeWith } from "../support/shop-home.ts";
import { startServedRegistry } from "./served-registry.ts";

test("a name of this Pincer is never another's, whoever offers it", async () => {
  using shop = startShop();
  const made = await shop.make("9.0.0", { id: "channel-webhook" });
  shop.publish(made);
  await using home = homeWith(shop);
  expect((await home.pincer(["install", "channel-webhook"])).out).toContain("from   this Pincer");
  expect((await home.pincer(["install", "webhook"])).out).toContain("turn on channel-webhook 0.1.0");
  for (const typed of ["home/channel-webhook", made.folder])
    expect(await home.json(["install", typed, "--yes"])).toMatchObject({ error: { code: "REGISTRY_CLIENT_NAME_RESERVED" } });
  expect(existsSync(join(home.path, "plugins"))).toBe(false);
});

test("a name that is like one of this Pincer needs a yes of its own, and one that is like another's is shown beside it", async () => {
  using shop = startShop();
  using elsewhere = startShop();
  for (const id of ["channel-telegran", "radio-dial"]) shop.publish(await shop.make("1.0.0", { id }));
  elsewhere.publish(await elsewhere.make("1.0.0", { id: "radio-dail" }));
  await using home = homeWith(shop, { registries: [shop.registry, { ...elsewhere.registry, name: "other" }] });
  const asked = await home.pincer(["install", "channel-telegran", "--yes"]);
  expect(asked).toMatchObject({ code: 1, err: expect.stringContaining("--accept lookalike") });
  expect(asked.out).toContain('look   did you mean channel-telegram, of this Pincer ("pincer install channel-telegram")?');
  expect(existsSync(join(home.path, "plugins"))).toBe(false);
  expect((await home.pincer(["install", "channel-telegran", "--yes", "--accept", "lookalike"])).code).toBe(0);

  const other = await home.pincer(["install", "radio-dail", "--yes"]);
  expect(other).toMatchObject({ code: 0, out: expect.stringContaining("look   did you mean radio-dial (by ada in home)?") });
  expect((await home.pincer(["install", "radio-dail"])).out).not.toContain("did you mean");
});

test("of two that are like each other the one that far more people have is meant, as their registry has signed it", async () => {
  await using registry = await startServedRegistry();
  const publish = async (id: string, publisher: string) => {
    const folder = registry.temporary(id);
    writeFileSync(join(folder, "SKILL.md"), `---\nname: ${id}\ndescription: Plays.\nmetadata:\n  version: "1.0.0"\n---\n\nTurn it.\n`);
    expect(await registry.publish(folder, publisher, registry.key(publisher).file)).toMatchObject({ ok: true });
  };
  await publish("radio-dial", "ada");
  await publish("radio-dail", "bob");
  const download = async (id: string, households: number, from = 0) => {
    const { releases } = await registry.client().find({ kind: "skills", id });
    const { path, sha256 } = releases[0]!;
    for (let at = from; at < from + households; at++)
      await (await registry.get(`/${placeOf(path, sha256)}`, { "x-forwarded-for": `198.51.${100 + (at >> 8)}.${at & 255}` })).arrayBuffer();
    // With the next renewal.
    await registry.stop();
    await registry.start();
  };
  // Behind a proxy, which says who asks.
  writeFileSync(join(registry.folder, "server.json"), JSON.stringify({ proxies: 1 }));
  await registry.stop();
  await registry.start();
  // Of the one the registry tells the number, and of the other only that it is less.
  await download("radio-dial", 30);
  await download("radio-dail", 33);
  await using home = createCliHome();
  const root = join(registry.folder, "metadata", "1.root.json");
  const config = { registries: [{ name: "home", address: registry.url, root }] };
  mkdirSync(home.path, { recursive: true });
  writeFileSync(join(home.path, "pincer.json5"), JSON.stringify({ plugins: { "registry-client": { enabled: true, config } } }));
  expect((await home.pincer(["install", "skill:radio-dail"])).out).toContain("look   did you mean radio-dial (by ada in home)?");
  await download("radio-dial", 500, 30);
  expect((await home.pincer(["install", "skill:radio-dail"])).out).toContain(
    "look   did you mean radio-dial (by ada in home, far more often downloaded)? radio-dail is like it",
  );
  expect((await home.pincer(["install", "skill:radio-dial"])).out).toContain(
    "note   radio-dail (by bob in home) is like it, and far less downloaded",
  );
}, 120_000);

test("of several registries the first that is configured is taken, and it is said; from then on it is always that one", async () => {
  using first = startShop();
  using second = startShop();
  const registries = [first.registry, { ...second.registry, name: "other" }];
  second.publish(await second.make("5.0.0"));
  await using home = homeWith(first, { registries });
  expect((await home.pincer(["info", "weather"])).out).toContain("from   registry other");
  first.publish(await first.make("1.0.0"));
  const installed = await home.pincer(["install", "weather", "--yes"]);
  expect(installed.out).toContain("other (ada) has the name too; home is taken, since it comes first");
  expect(entryIn(home)).toMatchObject({ version: "1.0.0", origin: { registry: "home" } });

  expect((await home.pincer(["update"])).out).toBe("keep weather 1.0.0\n");
  await home.pincer(["config", "set", "plugins.registry-client.config.registries", JSON.stringify(registries.toReversed())]);
  expect((await home.pincer(["install", "weather"])).out).toBe("keep weather 1.0.0\n");
  expect(await home.json(["install", "other/weather", "--yes"])).toMatchObject({ error: { code: "REGISTRY_CLIENT_ORIGIN_CHANGED" } });
});

test("another key, or another publisher, needs a yes of its own", async () => {
  using shop = startShop();
  shop.publish(await shop.make("1.0.0"));
  await using home = homeWith(shop);
  await home.pincer(["install", "weather", "--yes"]);
  const before = entryIn(home);

  // Another registry, whose publisher of that name has another key.
  using other = startShop();
  other.publish(await other.make("1.1.0"));
  await home.pincer(["config", "set", "plugins.registry-client.config.registries", JSON.stringify([other.registry])]);
  const shown = await home.pincer(["update", "--yes"]);
  expect(shown).toMatchObject({ code: 1, err: expect.stringContaining("--accept publisher") });
  expect(shown.out).toMatch(/look {3}ada signs with another key: SHA256:/);
  expect(entryIn(home)).toEqual(before);
  expect((await home.pincer(["update", "--yes", "--accept", "publisher"])).code).toBe(0);
  expect(entryIn(home)).toMatchObject({ version: "1.1.0" });
  expect(entryIn(home).publisher?.keys).not.toEqual(before.publisher?.keys);
});

test("why a plugin is here, and who uses it, can be asked", async () => {
  using shop = startShop();
  shop.publish(await shop.make("1.0.0"));
  await using home = homeWith(shop);
  await home.pincer(["install", "weather", "--yes"]);
  expect((await home.pincer(["why", "weather"])).out).toBe("weather\n  here  you installed it, version 1.0.0, from registry home\n");
  await home.pincer(["up"]);
  const { neededBy, needs } = await home.json<{ neededBy: { id: string; contract: string }[]; needs: { contract: string }[] }>([
    "why",
    "routing",
  ]);
  expect(neededBy).toContainEqual(expect.objectContaining({ id: "delivery", contract: "router" }));
  expect(Array.isArray(needs)).toBe(true);
  expect(await home.pincer(["why", "nothing"])).toMatchObject({ code: 1, err: expect.stringContaining("pincer list") });
});

test("a registry is added with the keys that are trusted in it, listed, and removed", async () => {
  using shop = startShop();
  shop.publish(await shop.make("1.0.0"));
  await using home = homeWith(shop, { registries: [] });
  const { address, root } = shop.registry;
  expect(await home.pincer(["install", "weather"])).toMatchObject({ code: 1 });
  expect(await home.pincer(["registry", "add", "mine", address])).toMatchObject({
    code: 2,
    err: expect.stringContaining("--root <file> is missing"),
  });
  expect(await home.pincer(["registry", "add", "mine", address, "--root", join(home.path, "pincer.json5")])).toMatchObject({ code: 1 });
  const added = await home.pincer(["registry", "add", "mine", address, "--root", root]);
  expect(added.out).toMatch(/^packages of mine are found from now on, at .*\ntrusted are 2 of these root keys:\n( {2}SHA256:\S{43}\n){3}$/);
  expect((await home.pincer(["registry", "list"])).out).toContain(`mine  ${address}`);
  expect((await home.pincer(["install", "weather", "--yes"])).code).toBe(0);
  expect((await home.pincer(["registry", "remove", "mine"])).out).toBe("mine is not asked any more\n");
  expect((await home.pincer(["list"])).out).toContain("registry mine");
  // What came from it is here still, and can be looked at.
  const add = "pincer registry add mine <address> --root <file>";
  expect(await home.pincer(["update"])).toMatchObject({ code: 0, out: expect.stringContaining(`nobody asks mine any more: "${add}"`) });
  expect(await home.pincer(["info", "weather"])).toMatchObject({ code: 0, out: expect.stringMatching(/^ {2}is {5}installed$/m) });
  expect((await home.pincer(["verify"])).out).toMatch(
    /mine, which something here is from, is not configured.*\n.*mend: pincer registry add mine/,
  );
});
