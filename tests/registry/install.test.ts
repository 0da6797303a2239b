/** What a user does with `pincer install` and what follows from it, where no gateway runs. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createCliHome } from "../support/cli.ts";
import { startShop } from "../support/packages.ts";
import { entryIn, lockedIn } from "../support/pincer-lock.ts";
import { homeWith } from "../support/shop-home.ts";

test("a plugin of a registry is shown with all that it may do, installed after a yes, and confined", async () => {
  using shop = startShop();
  const made = await shop.make("1.0.0", { permissions: { net: ["api.weather.example:443"] } });
  shop.publish(made);
  await using home = homeWith(shop);

  const asked = await home.pincer(["install", "weather"]);
  expect(asked).toMatchObject({ code: 1, err: expect.stringContaining("pincer install weather --yes") });
  expect(asked.out).toMatch(/^install weather 1\.0\.0\n {9}The weather, anywhere\.\n {2}from {3}registry home\n {2}size {3}\d/);
  expect(asked.out).toMatch(/ {2}by {5}ada {2}SHA256:/);
  expect(asked.out).toContain("may    It can reach api.weather.example (port 443). [net api.weather.example:443]");
  expect(asked.out).toContain("tells  the model, of tool weather: Says how the weather is");
  expect(existsSync(join(home.path, "plugins"))).toBe(false);
  expect(existsSync(join(home.path, "pincer.lock"))).toBe(false);

  const done = await home.pincer(["install", "weather", "--yes"]);
  expect(done).toMatchObject({ code: 0, err: "" });
  expect(done.out).toContain("weather 1.0.0 is installed");
  const { digest, ...entry } = entryIn(home);
  expect(entry).toMatchObject({
    version: "1.0.0",
    manifest: made.manifest,
    publisher: { name: "ada", threshold: 1 },
  });
  expect(readFileSync(join(home.path, "plugins", "weather", "current"), "utf8")).toBe(`${digest}\n`);
  const config = readFileSync(join(home.path, "pincer.json5"), "utf8");
  expect(config).toStartWith("// mine");
  await home.pincer(["up"]);
  expect(await home.json(["call", "weather.said"])).toEqual({ version: "1.0.0" });
  expect(await home.json(["call", "plugins.status", '{"pluginId":"weather"}'])).toMatchObject({
    plugins: [{ state: "active", origin: "installed", isolation: "process", enforced: true }],
  });
});

test("a plugin of this Pincer is turned on by the last word of its name, and off again", async () => {
  await using home = createCliHome();
  const plan = await home.pincer(["install", "webhook", "--yes"]);
  expect(plan).toMatchObject({ code: 0, err: "" });
  expect(plan.out).toMatch(/^turn on channel-webhook 0\.1\.0\n/);
  expect(lockedIn(home)["plugins/channel-webhook"]).toMatchObject({ version: "0.1.0", origin: { from: "embedded" } });
  expect(await home.pincer(["install", "openai"])).toMatchObject({
    code: 1,
    err: expect.stringContaining("provider-openai or transcriber-openai"),
  });
  // As the page says it, which names the kind.
  expect((await home.pincer(["remove", "plugin:webhook", "--yes"])).out).toContain("channel-webhook 0.1.0 is off");
  expect(lockedIn(home)).toEqual({});
});

test("the launcher, which runs from a bundle, finds the plugins of this Pincer too", async () => {
  await using home = createCliHome();
  const launcher = join(import.meta.dir, "..", "..", "pincer");
  const launched = Bun.spawn([launcher, "install", "webhook"], {
    env: { ...process.env, ...home.env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
  });
  expect(await new Response(launched.stdout).text()).toStartWith("turn on channel-webhook 0.1.0\n");
  expect(await launched.exited).toBe(1);
});
