/** The wire's own methods about installing, over a registry: what needs a yes is refused with a token, and done with it. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";
import { refused } from "../support/asking-gateway.ts";
import { type Shop, startShop } from "../support/packages.ts";
import { entryIn } from "../support/pincer-lock.ts";
import { publishSkill } from "../support/published-skill.ts";

async function startWire(shop: Shop) {
  const home = mkdtempSync(join(tmpdir(), "pincer-wire-"));
  const config = { plugins: { "registry-client": { config: { registries: [shop.registry] } } } };
  const running = await startTestGateway({ home, config, enable: ["skills"] });
  const client = await running.connect();
  return {
    client,
    entry: (key: string) => entryIn(home, key),
    /** The token of a refusal. */
    async refusedWith(params: object): Promise<string> {
      const error = await client.call("plugins.install", params).then(
        () => undefined,
        (thrown: { error: { details: { code: string; reviewToken: string } } }) => thrown.error.details,
      );
      expect(error?.code).toBe("REGISTRY_CLIENT_CONSENT_NEEDED");
      return error!.reviewToken;
    },
    async [Symbol.asyncDispose]() {
      await running[Symbol.asyncDispose]();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

test("a plugin of a registry is refused at first with a token, installed with it, and not with one of another plan", async () => {
  using shop = startShop();
  shop.publish(await shop.make("1.0.0"));
  await using wire = await startWire(shop);
  const source = { source: "clawhub", packageName: "weather" };
  const first = await wire.refusedWith({ ...source, version: "1.0.0" });
  shop.publish(await shop.make("1.1.0", { permissions: { net: ["api.weather.example:443"] } }));
  const install = (reviewToken: string, more: object = {}) =>
    wire.client.call("plugins.install", { ...source, ...more, acknowledgeCapabilities: { reviewToken } });
  // The newest is another one by now.
  await expect(install(first)).rejects.toMatchObject(refused("REGISTRY_CLIENT_PLAN_CHANGED"));
  await expect(install("f".repeat(64), { version: "1.0.0" })).rejects.toMatchObject(refused("REGISTRY_CLIENT_PLAN_CHANGED"));
  expect(await install(first, { version: "1.0.0" })).toMatchObject({
    ...{ ok: true, restartRequired: true },
    plugin: { id: "weather", version: "1.0.0", installed: true, enabled: true, state: "enabled", removable: true },
  });
  expect(await wire.client.call("weather.said", {})).toEqual({ version: "1.0.0" });
  // Once it is there nothing is left to say yes to, and more than before is asked for anew.
  expect(await wire.client.call("plugins.install", { ...source, version: "1.0.0" })).toMatchObject({
    ok: true,
    plugin: { version: "1.0.0" },
  });
  const wider = await wire.refusedWith(source);
  expect(wire.entry("plugins/weather")).toMatchObject({ version: "1.0.0" });
  expect(await install(wider)).toMatchObject({ ok: true, plugin: { version: "1.1.0" } });
  await expect(wire.client.call("plugins.install", { ...source, packageName: "../weather" })).rejects.toMatchObject(
    refused("REGISTRY_CLIENT_WANTED_INVALID"),
  );
  await expect(wire.client.call("plugins.install", { ...source, packageName: "nothing-like-it" })).rejects.toMatchObject(
    refused("REGISTRY_CLIENT_UNKNOWN"),
  );
}, 60_000);

test("what nobody means well needs its own yes beside the token", async () => {
  using shop = startShop();
  shop.publish(await shop.make("1.0.0", { before: `const all = { ...process.env };` }));
  await using wire = await startWire(shop);
  const source = { source: "clawhub", packageName: "weather" };
  const reviewToken = await wire.refusedWith(source);
  const told = { ...source, acknowledgeCapabilities: { reviewToken } };
  expect(await wire.refusedWith(told)).toBe(reviewToken);
  expect(await wire.client.call("plugins.install", { ...told, acknowledgeInstallPolicyWarning: true })).toMatchObject({
    ...{ ok: true, plugin: { version: "1.0.0" } },
    warnings: expect.arrayContaining([expect.stringContaining("it takes the whole environment")]),
  });
}, 60_000);

test("a skill of a registry is found over the wire, and installed and brought up to date by the reference that it was found with", async () => {
  using shop = startShop();
  publishSkill(shop.house, "dice");
  await using wire = await startWire(shop);
  const { results } = await wire.client.call<{ results: { installRef: string }[] }>("skills.search", { query: "dice" });
  expect(results.map(({ installRef }) => installRef)).toContain("registry:home/dice");
  const slug = "registry:home/dice";
  expect(await wire.client.call("skills.detail", { slug })).toMatchObject({ skill: { slug: "dice" }, owner: { handle: "ada" } });
  const install = (more: object = {}) => wire.client.call("skills.install", { source: "clawhub", slug, ...more });
  expect(await install()).toMatchObject({ ok: true, slug: "dice", version: "1.0.0" });
  expect(wire.entry("skills/dice")).toMatchObject({ origin: { from: "registry", registry: "home" }, publisher: { name: "ada" } });
  publishSkill(shop.house, "dice", "1.1.0", { text: "Throw them twice." });
  publishSkill(shop.house, "dice", "1.2.0", { text: "Throw them thrice." });
  expect(await install({ version: "1.1.0" })).toMatchObject({ ok: true, version: "1.1.0" });
  expect(await wire.client.call("skills.update", { source: "clawhub", slug })).toMatchObject({
    config: { results: [{ slug: "dice", version: "1.2.0", previousVersion: "1.1.0", changed: true }] },
  });
  for (const wrong of [
    "registry:nowhere/dice",
    "registry:home/nothing",
    "registry:home/../dice",
    "registry:",
    "registry:npm:left-pad",
    "registry:/etc",
  ])
    await expect(wire.client.call("skills.install", { source: "clawhub", slug: wrong })).rejects.toMatchObject({
      error: { details: { code: expect.stringMatching(/^REGISTRY_CLIENT_(UNKNOWN|WANTED_INVALID)$/) } },
    });
}, 60_000);
