/** What a plugin keeps beyond its removal: what stays is said, what is to go goes, and nobody else's of that name finds it unasked. */
import { expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { CliHome } from "../support/cli.ts";
import { type Shop, startShop } from "../support/packages.ts";
import { lockTextIn } from "../support/pincer-lock.ts";
import { homeWith } from "../support/shop-home.ts";

/** It keeps a word in the gateway's store and in its folder, and says both, and a secret. */
const keeping = {
  permissions: { secrets: ["SKY_KEY"] },
  before: `
    const Words = Type.Object({ value: Type.String(), file: Type.String(), secret: Type.String() });
    const keep = defineMethod({ name: "weather.keep", summary: "x", scope: "operator.read", params: Type.Object({ word: Type.String() }), result: Type.Object({}) });
    const kept = defineMethod({ name: "weather.kept", summary: "x", scope: "operator.read", params: Type.Object({}), result: Words });`,
  setup: `
    const file = ctx.dataDir + "/word";
    ctx.method(keep, async ({ word }) => { await ctx.store.set({ word }); await Bun.write(file, word); return {}; });
    ctx.method(kept, async () => ({
      value: (await ctx.store.get("word")) ?? "none",
      file: (await Bun.file(file).exists()) ? await Bun.file(file).text() : "none",
      secret: (await ctx.secret("SKY_KEY")) ?? "none",
    }));`,
};
const kept = (home: CliHome) => home.json<Record<string, string>>(["call", "weather.kept"]);
const nothing = { value: "none", file: "none", secret: "none" };
const dataOf = (home: CliHome) => join(home.path, "data", "weather");

async function installed(shop: Shop): Promise<CliHome> {
  shop.publish(await shop.make("1.0.0", keeping));
  const home = homeWith(shop);
  expect(await home.pincer(["install", "weather", "--yes"])).toMatchObject({ code: 0, err: "" });
  await home.pincer(["up"]);
  await home.pincer(["secrets", "set", "SKY_KEY"], { stdin: "blue" });
  expect(await home.pincer(["secrets", "grant", "SKY_KEY", "weather"])).toMatchObject({ code: 0 });
  await home.pincer(["call", "weather.keep", '{"word":"rain"}']);
  expect(await kept(home)).toEqual({ value: "rain", file: "rain", secret: "blue" });
  return home;
}

test("in a gateway that runs, what a plugin kept stays and is said, comes back with it, and goes with --data, also later", async () => {
  using shop = startShop();
  await using home = await installed(shop);
  const removed = await home.pincer(["remove", "weather", "--yes"]);
  expect(removed.out).toContain(`what it kept stays: ${dataOf(home)}, and its values in the gateway's store`);
  expect(removed.out).toContain('"pincer remove weather --data" deletes that too');
  const again = await home.pincer(["install", "weather", "--yes"]);
  expect(again.out).toContain("it finds what weather 1.0.0 kept when it was removed");
  expect(await kept(home)).toEqual({ value: "rain", file: "rain", secret: "none" });

  const all = await home.pincer(["remove", "weather", "--yes", "--data"]);
  expect(all.out).toContain(`what it kept is deleted: ${dataOf(home)}, and its values in the gateway's store`);
  expect([existsSync(dataOf(home)), readdirSync(join(home.path, "removed"))]).toEqual([false, []]);
  const anew = await home.pincer(["install", "weather", "--yes"]);
  expect(anew.out).not.toContain("kept");
  expect(await kept(home)).toEqual(nothing);

  await home.pincer(["call", "weather.keep", '{"word":"snow"}']);
  await home.pincer(["remove", "weather", "--yes"]);
  expect((await home.pincer(["remove", "weather", "--yes", "--data"])).out).toContain("remove weather 1.0.0\n");
  expect(existsSync(dataOf(home))).toBe(false);
  await home.pincer(["install", "weather", "--yes"]);
  expect(await kept(home)).toEqual(nothing);
}, 120_000);

test("another publisher's plugin of that name finds nothing unasked, no grant in any case, also where no gateway ran meanwhile", async () => {
  using shop = startShop();
  await using home = await installed(shop);
  await home.pincer(["stop"]);
  await home.pincer(["remove", "weather", "--yes"]);
  const { folder } = await shop.make("2.0.0", keeping);
  const asked = await home.pincer(["install", folder, "--yes"]);
  expect(asked).toMatchObject({ code: 1, err: expect.stringContaining("--accept inherits") });
  expect(asked.out).toContain("it would find what weather 1.0.0 from registry home (ada) kept");

  expect(await home.pincer(["install", folder, "--yes", "--accept", "inherits"])).toMatchObject({ code: 0 });
  await home.pincer(["up"]);
  expect(await kept(home)).toEqual({ value: "rain", file: "rain", secret: "none" });
  await home.pincer(["stop"]);

  await home.pincer(["remove", "weather", "--yes"]);
  expect(await home.pincer(["remove", "weather", "--yes", "--data"])).toMatchObject({ code: 0 });
  expect(await home.json(["remove", "weather", "--yes", "--data"])).toMatchObject({ error: { code: "REGISTRY_CLIENT_NOT_INSTALLED" } });
  expect(await home.pincer(["install", "weather", "--yes"])).toMatchObject({ code: 0, out: expect.not.stringContaining("kept") });
  await home.pincer(["up"]);
  expect(await kept(home)).toEqual(nothing);
}, 120_000);

test("a first installation that is taken back leaves nothing that the next one would be asked about", async () => {
  using shop = startShop();
  const failing = `ctx.health(async () => {
    await ctx.store.set({ word: "rain" });
    await Bun.write(ctx.dataDir + "/word", "rain");
    return { ok: false, detail: "no sky" };
  });`;
  shop.publish(await shop.make("1.0.0", { setup: failing }));
  await using home = homeWith(shop);
  await home.pincer(["up"]);
  expect(await home.pincer(["install", "weather", "--yes"])).toMatchObject({ code: 1, err: expect.stringContaining("no sky") });
  expect(existsSync(dataOf(home))).toBe(false);
  shop.publish(await shop.make("1.1.0", keeping));
  expect(await home.pincer(["install", "weather", "--yes"])).toMatchObject({ code: 0, out: expect.not.stringContaining("kept") });
  expect(await kept(home)).toEqual(nothing);
  expect(lockTextIn(home)).toContain("1.1.0");
}, 120_000);

const working = (run: string) => ({
  permissions: { scopes: ["operator.write" as const] },
  before: `
    import { defineJob } from "@pincer/plugin-sdk/job";
    import { lanes } from "@pincer/plugin-sdk/contracts/lanes";
    const work = defineJob({ kind: "weather.work", journal: 1, input: Type.Object({}), result: Type.Object({ by: Type.String() }) });
    const Key = Type.Object({ key: Type.String() });
    const ask = defineMethod({ name: "weather.ask", summary: "x", scope: "operator.write", params: Key, result: Type.Object({}) });
    const outcome = defineMethod({ name: "weather.outcome", summary: "x", scope: "operator.write", params: Key, result: Type.Any() });`,
  uses: "{ lanes }",
  setup: `
    ctx.job(work, async (job) => { ${run} });
    ctx.method(ask, async ({ key }, { signal }) => {
      await ctx.uses.lanes.admit({ admissions: [{ lane: "job:weather:" + key, kind: "weather.work", key, input: {} }] }, { signal });
      return {};
    });
    ctx.method(outcome, ({ key }, { signal }) => ctx.uses.lanes.wait({ key }, { signal }));`,
});

test("a job of a removed plugin reaches no other plugin of that name, also where no gateway ran meanwhile; what is asked then does", async () => {
  using shop = startShop();
  // Until the gateway stops it waits, and so it is put back.
  shop.publish(
    await shop.make(
      "1.0.0",
      working("await new Promise((_done, fail) => job.signal.addEventListener('abort', () => fail(job.signal.reason)));"),
    ),
  );
  await using home = homeWith(shop);
  const yes = ["--yes", "--accept", "inherits"];
  expect(await home.pincer(["install", "weather", ...yes])).toMatchObject({ code: 0, err: "" });
  await home.pincer(["up"]);
  await home.pincer(["call", "weather.ask", '{"key":"old"}']);
  await home.pincer(["stop"]);
  await home.pincer(["remove", "weather", "--yes"]);
  const { folder } = await shop.make("2.0.0", working("return { by: 'another' };"));
  expect(await home.pincer(["install", folder, ...yes])).toMatchObject({ code: 0 });
  await home.pincer(["up"]);
  expect(await home.json(["call", "weather.outcome", '{"key":"old"}'])).toMatchObject({
    ...{ state: "failed", result: { code: "PLUGIN_UNKNOWN", message: "the weather that old was for was removed" } },
  });
  await home.pincer(["call", "weather.ask", '{"key":"new"}']);
  expect(await home.json(["call", "weather.outcome", '{"key":"new"}'])).toMatchObject({ state: "done", result: { by: "another" } });
  // It goes on with its own over a restart.
  await home.pincer(["restart"]);
  expect(await home.json(["call", "weather.outcome", '{"key":"new"}'])).toMatchObject({ state: "done" });
}, 120_000);
