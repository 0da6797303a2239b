/** No registry is reached: what the lock names is installed from the cache, which is said, and nothing else is. */
import { expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { timeOf } from "@pincer/registry/schema";
import { filesOf, pack } from "../../plugin-kit/archive.ts";
import { serveFolder } from "../../registry/testing/serve-folder.ts";
import { serveNpm } from "../support/npm-registry.ts";
import { startShop } from "../support/packages.ts";
import { homeWith } from "../support/shop-home.ts";

test("what was installed before comes from the cache, in the version that is there and the one before, and the plan says so", async () => {
  using shop = startShop();
  const npm = serveNpm();
  const { integrity } = npm.publish({ name: "rain", version: "1.0.0" });
  const dependencies = { rain: "1.0.0" };
  const lock = {
    lockfileVersion: 1,
    workspaces: { "": { name: "weather", dependencies } },
    packages: { rain: ["rain@1.0.0", "", {}, integrity] },
  };
  for (const version of ["1.0.0", "1.1.0"]) {
    const made = await shop.make(version);
    writeFileSync(join(made.folder, "package.json"), JSON.stringify({ name: "weather", version: "1.0.0", type: "module", dependencies }));
    writeFileSync(join(made.folder, "bun.lock"), JSON.stringify(lock));
    shop.publish({ ...made, archive: pack(filesOf(made.folder)) });
  }
  shop.publish(await shop.make("1.0.0", { id: "tides" }));
  await using files = serveFolder(shop.house.folder);
  await using home = homeWith({ ...shop, registry: { ...shop.registry, address: files.url } }, {}, { BUN_CONFIG_REGISTRY: npm.url });
  const install = (typed: string) => home.pincer(["install", typed, "--yes"]);
  expect(await install("weather@1.0.0")).toMatchObject({ code: 0, err: "" });
  expect(await home.pincer(["update", "--yes"])).toMatchObject({
    code: 0,
    err: "",
    out: expect.stringContaining("weather 1.0.0 -> 1.1.0"),
  });
  await Promise.all([files[Symbol.asyncDispose](), npm[Symbol.asyncDispose]()]);

  const said = "home does not answer, so this is what the cache holds of it, as it was installed before";
  expect(await install("weather")).toMatchObject({
    code: 0,
    err: "",
    out: expect.stringMatching(new RegExp(`^keep weather 1\\.1\\.0\n[^]*${said}`)),
  });
  rmSync(join(home.path, "plugins"), { recursive: true });
  const again = await install("weather@^1.1.0");
  expect([again.code, again.err]).toEqual([0, ""]);
  expect(again.out).toContain("restore weather 1.1.0");
  expect(again.out).toContain(said);
  expect(await home.json(["list"])).toMatchObject({ packages: [{ id: "weather", version: "1.1.0", before: "1.0.0" }] });
  const before = await install("weather@1.0.0");
  expect(before).toMatchObject({ code: 0, err: "", out: expect.stringContaining(said) });
  expect(await home.json(["list"])).toMatchObject({ packages: [{ id: "weather", version: "1.0.0", before: "1.1.0" }] });

  for (const typed of ["tides", "weather@^2"])
    expect(await install(typed)).toMatchObject({ code: 1, err: expect.stringMatching(/^error http:\/\/127\.0\.0\.1:\d+\/metadata\//) });
  await home.pincer(["up"]);
  expect(await home.json(["call", "weather.said"])).toEqual({ version: "1.0.0" });
}, 120_000);

test("what was revoked is not taken from the cache either", async () => {
  using shop = startShop();
  shop.publish(await shop.make("1.0.0"));
  await using files = serveFolder(shop.house.folder);
  await using home = homeWith({ ...shop, registry: { ...shop.registry, address: files.url } });
  expect(await home.pincer(["install", "weather", "--yes"])).toMatchObject({ code: 0, err: "" });
  const one = { kind: "plugins" as const, id: "weather", versions: ["1.0.0"], reason: "it sends where you are", at: timeOf(Date.now()) };
  shop.house.repository.revoke([one], shop.house.founders.revocations);
  expect(await home.pincer(["update", "--yes"])).toMatchObject({ code: 0, out: expect.stringContaining("it sends where you are") });
  await files[Symbol.asyncDispose]();
  rmSync(join(home.path, "plugins"), { recursive: true });
  expect(await home.pincer(["install", "weather@1.0.0", "--yes"])).toMatchObject({
    code: 1,
    err: expect.stringContaining("weather 1.0.0 is revoked by home"),
  });
}, 120_000);
