/** Skills of a registry, by the same commands as plugins; and what is said of a name that nobody has. */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CliHome, createCliHome } from "../support/cli.ts";
import { startShop } from "../support/packages.ts";
import { homeWith } from "../support/shop-home.ts";
import { startServedRegistry } from "./served-registry.ts";

function skillIn(folder: string, version: string): string {
  mkdirSync(folder, { recursive: true });
  const head = `name: tea\ndescription: Knows how long tea steeps.\nallowed-tools: read\nmetadata:\n  version: "${version}"`;
  writeFileSync(join(folder, "SKILL.md"), `---\n${head}\n---\n\nGreen: two minutes.\n`);
  return folder;
}

test("a skill is found, installed by its bare name, used, updated, taken back and removed", async () => {
  await using registry = await startServedRegistry();
  const ada = registry.key("ada").file;
  for (const version of ["1.0.0", "1.1.0"])
    expect(await registry.publish(skillIn(registry.temporary("tea"), version), "ada", ada)).toMatchObject({ ok: true });
  const root = join(registry.temporary("root"), "root.json");
  writeFileSync(root, registry.root);
  await using home = createCliHome();
  expect((await home.pincer(["registry", "add", "home", registry.url, "--root", root])).code).toBe(0);

  expect((await home.pincer(["search", "steeps"])).out).toMatch(
    /^tea +skill +1\.1\.0 +registry home \(ada\) +Knows how long tea steeps\./m,
  );
  const installed = await home.pincer(["install", "tea@1.0.0", "--yes"]);
  expect(installed).toMatchObject({ code: 0, err: "" });
  expect(installed.out).toMatch(/^install skill tea 1\.0\.0\n/);
  expect(installed.out).toContain("tea 1.0.0 is installed");
  expect(await home.json(["install", "plugin:tea"])).toMatchObject({ error: { code: "REGISTRY_CLIENT_UNKNOWN" } });
  expect((await home.pincer(["install", "skill:tea", "--yes"])).out).toContain("tea 1.1.0 is up to date now");
  expect((await home.pincer(["info", "tea"])).out).toMatch(/^tea 1\.1\.0\n/);
  await home.pincer(["up"]);
  expect((await home.pincer(["skills", "status", "tea"])).out).toContain("can be used");
  expect((await home.pincer(["rollback", "skill:tea", "--yes"])).out).toContain("tea 1.0.0 is back");
  // Whoever takes back what they published need not say what kind it is.
  const at = ["--registry", registry.url, "--publisher", "ada", "--key", ada, "--reason", "too hot"];
  expect((await home.pincer(["registry", "yank", "tea@1.1.0", ...at])).out).toBe("● tea 1.1.0 is yanked\n");
  expect(await home.pincer(["registry", "yank", "tea@9.9.9", ...at])).toMatchObject({
    code: 1,
    err: expect.stringContaining("there is no tea@9.9.9, neither a plugin nor a skill"),
  });
  expect((await home.pincer(["remove", "tea", "--yes"])).out).toContain("tea 1.0.0 is removed");
  expect(existsSync(join(home.path, "skills", "tea", "current"))).toBe(false);
}, 120_000);

test("a name that nobody has is answered with a near one and where was looked; a skill that is there already, with that", async () => {
  using shop = startShop();
  shop.publish(await shop.make("1.0.0"));
  await using plain = createCliHome();
  await using home = homeWith(shop);
  for (const [at, typed, said] of [
    [plain, "telegrm", 'this Pincer has no plugin or skill "telegrm"; did you mean "telegram"?'],
    [plain, "zzzzzzzzzz", '"pincer search" shows what there is, "pincer registry add" where more is looked for'],
    [plain, "skill:notes", 'notes is a skill of this Pincer, and needs no installing: "pincer skills status notes"'],
    [plain, "notes", "is a skill of this Pincer"],
    [home, "wether", 'this Pincer has no plugin or skill "wether", nor has home; did you mean "weather"?'],
    [home, "home/wether", 'the registry home has no plugin or skill "wether"; did you mean "weather"?'],
  ] as const)
    expect(await at.pincer(["install", typed])).toMatchObject({ code: 1, out: "", err: expect.stringContaining(said) });
  expect((await plain.pincer(["search", "notes"])).out).toMatch(/^notes +skill +\d+\.\d+\.\d+ +this Pincer/m);
  // What was likely meant is found as well, here and in a registry that is nothing but files; where something has the word itself, that alone is.
  const found = async (at: CliHome, words: string) =>
    (await at.json<{ hits: readonly { id: string }[] }>(["search", words])).hits.map(({ id }) => id);
  expect([await found(plain, "telegarm"), await found(home, "wether")]).toEqual([["channel-telegram"], ["weather"]]);
  expect(await found(home, "weather")).toEqual(["weather"]);
  expect(await found(home, "telegarm zzzzzz")).toEqual([]);
  // A registry that does not answer is named, and everything else is searched.
  rmSync(shop.house.folder, { recursive: true });
  const silent = /^channel-telegram .*\nhome did not answer, and was not searched: /m;
  expect(await home.pincer(["search", "telegram"])).toMatchObject({ code: 0, out: expect.stringMatching(silent) });
  await plain.pincer(["up"]);
  expect(await found(plain, "telegarm")).toEqual(["channel-telegram"]);
  expect(await plain.pincer(["remove", "telegram"])).toMatchObject({ code: 1, err: expect.stringContaining("channel-telegram is not on") });
}, 120_000);
