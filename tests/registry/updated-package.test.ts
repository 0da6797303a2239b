/** The package of Pincer is replaced, and goes, under a gateway that runs from it. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { commandOf, testWith } from "@pincer/plugin-sdk/testing/needs";
import { nameContents } from "../../plugin-kit/own-copy.ts";
import { type Published, printedBy, publishPincer, run } from "../support/published.ts";

let published: Published;
beforeAll(async () => {
  published = await publishPincer();
}, 120_000);
afterAll(() => published[Symbol.dispose]());

/** As the next version would be packed, each part of its code another one. */
function nextVersion(): string {
  const root = published.unpack("next");
  const about = join(root, "package.json");
  writeFileSync(about, readFileSync(about, "utf8").replace('"version": "0.1.0"', '"version": "0.1.1"'));
  const gateway = join(root, "dist", "gateway");
  for (const name of readdirSync(gateway)) if (name.endsWith(".js")) appendFileSync(join(gateway, name), "\n// next\n");
  nameContents(root);
  const archive = join(published.folder, "next.tgz");
  const { exitCode } = Bun.spawnSync(["tar", "-czf", archive, "-C", join(published.folder, "next"), "pincer"]);
  expect(exitCode).toBe(0);
  return archive;
}

testWith("npm")(
  "npm installs the next version, and removes it, while turns run: none fails, and the next start has the new one",
  async () => {
    await using user = published.user("updating");
    const prefix = join(user.folder, "global");
    const env = { ...user.env, PATH: process.env["PATH"], npm_config_registry: "http://127.0.0.1:9/" };
    const npm = async (...words: string[]) =>
      printedBy(
        await run([commandOf("npm")!, ...words, "--global", "--prefix", prefix, "--no-audit", "--no-fund", "--offline"], user.folder, env),
      );
    await npm("install", published.archive);
    const root = join(prefix, "lib", "node_modules", "pincer");
    const copies = join(user.folder, ".cache", "pincer", "versions");
    printedBy(await user.pincer(root, ["up"]));
    const [first] = readdirSync(copies);
    const pincer = (...words: string[]) =>
      run([process.execPath, join(copies, first!, "dist", "gateway", "main.js"), ...words], user.folder, user.env);
    const state = () => JSON.parse(readFileSync(join(user.folder, ".pincer", "gateway.json"), "utf8")) as { pid: number };
    const { pid } = state();
    const ranFrom = () => readFileSync(`/proc/${state().pid}/cmdline`, "utf8");

    const installing = npm("install", nextVersion());
    let isDone = false;
    void installing.finally(() => {
      isDone = true;
    });
    for (let turns = 0; turns < 2 || !isDone; turns++)
      expect(printedBy(await pincer("chat", "what time is it"))).toMatch(/It is \*\*\d\d:\d\d/);
    await installing;
    expect(readFileSync(join(root, "package.json"), "utf8")).toContain('"version": "0.1.1"');
    // What it had not loaded yet it has all the same.
    expect(printedBy(await pincer("search", "telegram"))).toContain("channel-telegram");
    expect(printedBy(await pincer("skills", "status"))).toContain("notes");
    expect([state().pid, ranFrom()]).toEqual([pid, expect.stringContaining(first!)]);

    printedBy(await user.pincer(root, ["restart"]));
    const [second] = readdirSync(copies).filter((name) => name !== first);
    expect(ranFrom()).toContain(second!);
    await npm("uninstall", "pincer");
    expect(existsSync(root)).toBe(false);
    const current = (...words: string[]) =>
      run([process.execPath, join(copies, second!, "dist", "gateway", "main.js"), ...words], user.folder, user.env);
    expect(printedBy(await current("chat", "what time is it"))).toMatch(/It is \*\*\d\d:\d\d/);
    expect(printedBy(await current("skills", "status"))).toContain("notes");
    printedBy(await current("stop"));
  },
  240_000,
);

test("a package that is not whole is not run from, and says so", async () => {
  await using user = published.user("careful");
  const root = published.unpack("partial");
  const page = join(root, "plugins", "webchat", "plugin.json");
  const text = readFileSync(page, "utf8");
  writeFileSync(page, text.slice(0, 10));
  const refused = await user.pincer(root, ["version"]);
  expect(refused).toMatchObject({
    code: 1,
    err: expect.stringContaining("is not whole: its files are not those that were packed"),
  });
  const copies = join(user.folder, ".cache", "pincer", "versions");
  expect(existsSync(copies)).toBe(false);
  writeFileSync(page, text);
  printedBy(await user.pincer(root, ["version"]));
  expect(readdirSync(copies)).toHaveLength(1);
}, 120_000);
