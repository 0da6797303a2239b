/** What is revoked stops within a minute, says why, and starts no more: in a gateway that runs, over the wire, against static files. */
import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { timeOf } from "../../registry/schema.ts";
import { serveFolder } from "../../registry/testing/serve-folder.ts";
import { events } from "../conformance/events.ts";
import { fits } from "../conformance/recorder.ts";
import { refused, startAsking } from "../support/asking-gateway.ts";
import { type Shop, startShop } from "../support/packages.ts";
import { entryIn } from "../support/pincer-lock.ts";
import { publishSkill } from "../support/published-skill.ts";

const today = new Date().toISOString().slice(0, 10);
const reason = "it sends where you are to a stranger";

function revoke(shop: Shop, versions: readonly string[], lastGood?: string) {
  const at = timeOf(Date.now());
  const one = { kind: "plugins" as const, id: "weather", versions: [...versions], reason, at, ...(lastGood !== undefined && { lastGood }) };
  shop.house.repository.revoke(versions.length > 0 ? [one] : [], shop.house.founders.revocations);
}

test("what is revoked stops within a minute, starts no more without a network, and goes on when it is taken back", async () => {
  using shop = startShop();
  shop.publish(await shop.make("1.0.0"));
  const hanging = `ctx.method(defineMethod({ name: "weather.wait", summary: "Waits", scope: "operator.read", params: Type.Object({}), result: Type.Object({}) }),
    () => new Promise(() => undefined));`;
  shop.publish(await shop.make("1.1.0", { setup: hanging }));
  const home = mkdtempSync(join(tmpdir(), "pincer-revoked-"));
  const words = `weather 1.1.0 is revoked by home since ${today}: ${reason}; what to type: pincer rollback weather`;
  {
    await using it = await startAsking(shop, home);
    await it.change({ do: "install", packages: ["weather@1.0.0"] });
    await it.change({ do: "update" });
    expect(await it.said()).toBe("1.1.0");
    const inFlight = it.client.call("weather.wait", {});
    inFlight.catch(() => undefined);
    const told = it.client.event("registry-client.revoked");
    revoke(shop, ["1.1.0"], "1.0.0");
    await it.asked();
    expect(await told).toMatchObject({ id: "weather", version: "1.1.0", reason, lastGood: "1.0.0", next: "pincer rollback weather" });
    expect(fits(events["registry-client.revoked"]!.payload, await told)).toBe(true);
    await expect(inFlight).rejects.toMatchObject(refused("PLUGIN_UNLOADED"));
    await expect(it.said()).rejects.toMatchObject({ error: { code: "INVALID_REQUEST" } });
    expect(await it.state()).toEqual({ state: "disabled", error: { code: "PLUGIN_REVOKED", message: words } });
    const { packages } = await it.client.call<{ packages: object[] }>("registry-client.list", {});
    expect(packages).toMatchObject([{ id: "weather", version: "1.1.0", revoked: words }]);
    await expect(it.client.call("plugins.setEnabled", { pluginId: "weather", enabled: true })).rejects.toMatchObject(
      refused("PLUGIN_REVOKED", words),
    );
  }

  const elsewhere = `${shop.house.folder}-gone`;
  renameSync(shop.house.folder, elsewhere);
  {
    await using it = await startAsking(shop, home);
    await expect(it.said()).rejects.toMatchObject({ error: { code: "INVALID_REQUEST" } });
    expect(await it.state()).toEqual({ state: "disabled", error: { code: "PLUGIN_REVOKED", message: words } });
    await it.change({ do: "rollback", packages: ["weather"] });
    expect(await it.said()).toBe("1.0.0");
    await expect(it.change({ do: "rollback", packages: ["weather"] })).rejects.toMatchObject(refused("REGISTRY_CLIENT_REVOKED"));
  }
  renameSync(elsewhere, shop.house.folder);
  {
    await using it = await startAsking(shop, home);
    await it.asked();
    revoke(shop, []);
    const { digest } = entryIn(home).before!;
    expect(existsSync(join(home, "plugins", "weather", `${digest}.revoked`))).toBe(true);
    await it.asked();
    expect(existsSync(join(home, "plugins", "weather", `${digest}.revoked`))).toBe(false);
    await it.change({ do: "rollback", packages: ["weather"] });
    expect(await it.said()).toBe("1.1.0");
  }
  rmSync(home, { recursive: true, force: true });
});

test("a revoked skill is no longer offered, and what the lock says of a revoked version is not restored", async () => {
  using shop = startShop();
  publishSkill(shop.house, "dice");
  const home = mkdtempSync(join(tmpdir(), "pincer-revoked-"));
  {
    await using it = await startAsking(shop, home);
    await it.change({ do: "install", packages: ["dice"], kind: "skills" });
    const status = async () => {
      const { skills } = await it.client.call<{ skills: { name: string; eligible: boolean }[] }>("skills.status", {});
      return skills.find((one) => one.name === "dice");
    };
    expect(await status()).toMatchObject({ eligible: true });
    const one = { kind: "skills" as const, id: "dice", reason, at: `${today}T00:00:00Z` };
    shop.house.repository.revoke([one], shop.house.founders.revocations);
    await it.asked();
    // The system says that the folder has changed when it finds the time to.
    let offered = await status();
    for (let asked = 0; offered?.eligible && asked < 1_000; asked++) offered = await status();
    expect(offered).toMatchObject({ eligible: false });
    const { packages } = await it.client.call<{ packages: object[] }>("registry-client.list", {});
    expect(packages).toMatchObject([
      { id: "dice", revoked: `dice 1.0.0 is revoked by home since ${today}: ${reason}; what to type: pincer update dice` },
    ]);
    rmSync(join(home, "skills"), { recursive: true });
    await expect(it.change({ do: "restore" })).rejects.toMatchObject(refused("REGISTRY_CLIENT_REVOKED"));
  }
  rmSync(home, { recursive: true, force: true });
});

test("a registry of static files on a web server is heard too; one that has expired stops nothing, and is reported", async () => {
  using shop = startShop();
  shop.publish(await shop.make("1.0.0"));
  await using files = serveFolder(shop.house.folder);
  await using it = await startAsking({ registry: { ...shop.registry, address: files.url } });
  await it.change({ do: "install", packages: ["weather"] });
  it.clock.jump(2 * 24 * 3_600_000);
  await it.asked();
  const { plugins } = await it.client.call<{ plugins: { errors: { id: string; error: string }[] } }>("health", {});
  expect(plugins.errors).toMatchObject([
    {
      id: "registry-client",
      error: expect.stringMatching(/^what home revokes is not heard of: timestamp\.json of the registry has expired/),
    },
  ]);
  expect(await it.said()).toBe("1.0.0");

  shop.house.clock.now = it.clock.now();
  shop.house.repository.renew();
  revoke(shop, ["1.0.0"]);
  await it.asked();
  expect(await it.state()).toMatchObject({
    state: "disabled",
    error: { message: expect.stringContaining("what to type: pincer update weather") },
  });
  expect((await it.client.call<{ plugins: { errors: object[] } }>("health", {})).plugins.errors).toEqual([]);
  rmSync(it.home, { recursive: true, force: true });
});
