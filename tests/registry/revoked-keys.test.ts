/** A key that is revoked stops what it has signed, until somebody whose key counts stands by the same bytes. */
import { expect, test } from "bun:test";
import { mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Plan } from "../../plugins/registry-client/engine/plan/plan.ts";
import { timeOf } from "../../registry/schema.ts";
import { rotateRoot } from "../../registry/testing/rotate.ts";
import { createSigner, type Signer } from "../../registry/trust/key.ts";
import { type Signed, signMetadata } from "../../registry/trust/metadata.ts";
import { signStatement } from "../../registry/trust/statement.ts";
import { refused, startAsking } from "../support/asking-gateway.ts";
import { type Shop, startShop } from "../support/packages.ts";
import { entryIn } from "../support/pincer-lock.ts";
import { publishSkill } from "../support/published-skill.ts";

const reason = "its laptop was stolen";
const today = new Date().toISOString().slice(0, 10);
const at = `${today}T00:00:00Z`;
const weather = { kind: "plugins" as const, id: "weather" };

const hexOf = ({ json }: Signer): string => json.keyval.public;
const revokeKeys = ({ house }: Shop, ...keys: readonly Signer[]) =>
  house.repository.revoke(
    keys.map((key) => ({ key: hexOf(key), reason, at })),
    house.founders.revocations,
  );
const inAWeek = () => timeOf(Date.now() + 7 * 24 * 3_600_000);

/** All that ada has published, signed by another key; the founders want it so, unless `signers` does without them. */
function rekey({ house }: Shop, next: Signer, change: (targets: Signed<"targets">["targets"]) => void = () => undefined, signers = [next]) {
  const { signed } = house.repository.signedBy("ada")!;
  const targets = structuredClone(signed.targets);
  change(targets);
  const list = signMetadata({ ...signed, targets, version: signed.version + 1 }, signers);
  const wish = { _type: "rekey" as const, publisher: "ada", keys: [hexOf(next)], threshold: 1, list: signed.version, expires: inAWeek() };
  const statement = signers.length > 1 ? undefined : signStatement(wish, house.founders.targets);
  house.repository.rekey("ada", { keys: [next], threshold: 1 }, list, statement);
}

/** A gateway with weather 1.0.0 of ada, and what its registry publishes from then on. */
async function withWeather(shop: Shop) {
  shop.publish(await shop.make("1.0.0"));
  const home = mkdtempSync(join(tmpdir(), "pincer-keys-"));
  const it = await startAsking(shop, home);
  await it.change({ do: "install", packages: ["weather"] });
  return {
    ...it,
    async [Symbol.asyncDispose]() {
      await it[Symbol.asyncDispose]();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

const words = `weather 1.0.0 is signed with a key of ada, which home has revoked, since ${today}: ${reason}; what to type: pincer update weather`;

test("what a revoked key has signed stops, starts no more without a network, and goes on with the same publisher's new key", async () => {
  using shop = startShop();
  const home = mkdtempSync(join(tmpdir(), "pincer-keys-"));
  shop.publish(await shop.make("1.0.0"));
  {
    await using it = await startAsking(shop, home);
    await it.change({ do: "install", packages: ["weather"] });
    const told = it.client.event("registry-client.revoked");
    revokeKeys(shop, shop.house.publisher);
    await it.asked();
    expect(await told).toMatchObject({ id: "weather", version: "1.0.0", reason, at, lastGood: null, next: "pincer update weather" });
    expect(await it.state()).toEqual({ state: "disabled", error: { code: "PLUGIN_REVOKED", message: words } });
    await expect(it.client.call("plugins.setEnabled", { pluginId: "weather", enabled: true })).rejects.toMatchObject(
      refused("PLUGIN_REVOKED", words),
    );
    await expect(it.change({ do: "restore" })).rejects.toMatchObject(refused("REGISTRY_CLIENT_REVOKED"));
  }
  const elsewhere = `${shop.house.folder}-gone`;
  renameSync(shop.house.folder, elsewhere);
  {
    await using it = await startAsking(shop, home);
    expect(await it.state()).toEqual({ state: "disabled", error: { code: "PLUGIN_REVOKED", message: words } });
  }
  renameSync(elsewhere, shop.house.folder);
  {
    await using it = await startAsking(shop, home);
    await it.asked();
    expect((await it.state()).state).toBe("disabled");
    const next = createSigner().signer;
    rekey(shop, next);
    await it.asked();
    expect(await it.said()).toBe("1.0.0");
    const { publisher, taken } = entryIn(home);
    expect([publisher?.keys, taken?.keys]).toEqual([[hexOf(next)], [hexOf(shop.house.publisher)]]);
    // Nobody has said yes to that key: what else it signs is asked for.
    const made = await shop.make("1.1.0");
    const { signed } = shop.house.repository.signedBy("ada")!;
    const path = Object.keys(signed.targets)[0]!.replace("1.0.0", "1.1.0");
    const hash = new Bun.CryptoHasher("sha256").update(made.archive).digest("hex");
    const target = { ...Object.values(signed.targets)[0]!, length: made.archive.length, hashes: { sha256: hash } };
    const custom = { ...(target.custom as object), manifest: made.manifest };
    const list = { ...signed, version: signed.version + 1, targets: { ...signed.targets, [path]: { ...target, custom } } };
    shop.house.repository.publish("ada", signMetadata(list, [next]), new Map([[path, made.archive]]));
    const { items } = await it.client.call<Plan>("registry-client.plan", { request: { do: "update" } });
    expect(items).toMatchObject([{ to: "1.1.0", needs: ["publisher"] }]);
    await it.change({ do: "update" }, ["publisher"]);
    expect(await it.said()).toBe("1.1.0");
    expect(entryIn(home)).toMatchObject({ publisher: { keys: [hexOf(next)] } });
    expect(entryIn(home).taken).toBeUndefined();
  }
  rmSync(home, { recursive: true, force: true });
});

test("a key that was rotated before it was revoked stops nothing, and the lock follows the new one", async () => {
  using shop = startShop();
  await using it = await withWeather(shop);
  const next = createSigner().signer;
  rekey(shop, next, undefined, [shop.house.publisher, next]);
  revokeKeys(shop, shop.house.publisher);
  await it.asked();
  expect(await it.said()).toBe("1.0.0");
  expect(entryIn(it.home)).toMatchObject({ publisher: { name: "ada", keys: [hexOf(next)] } });
});

test("what its publisher takes back with the new key stays stopped, and the version that the new key stands by is offered", async () => {
  using shop = startShop();
  shop.publish(await shop.make("0.9.0"));
  await using it = await withWeather(shop);
  revokeKeys(shop, shop.house.publisher);
  rekey(shop, createSigner().signer, (targets) => {
    const stolen = Object.entries(targets).find(([path]) => path.includes("1.0.0"))![1];
    stolen.custom = { ...(stolen.custom as object), yanked: { at, reason: "the thief's" } };
  });
  await it.asked();
  expect(await it.state()).toMatchObject({
    state: "disabled",
    error: { message: expect.stringContaining("pincer install weather@0.9.0") },
  });
  await it.change({ do: "install", packages: ["weather@0.9.0"] }, ["publisher"]);
  expect(await it.said()).toBe("0.9.0");
});

test("another publisher who signs the same bytes has it run again only with a yes", async () => {
  using shop = startShop();
  await using it = await withWeather(shop);
  const { repository, founders, publisher } = shop.house;
  revokeKeys(shop, publisher);
  const eve = createSigner().signer;
  const { signed } = repository.signedBy("ada")!;
  const wish = {
    _type: "transfer" as const,
    ...weather,
    from: "ada",
    to: "eve",
    keys: [hexOf(eve)],
    list: signed.version,
    expires: inAWeek(),
  };
  const list = signMetadata({ ...signed, version: 1 }, [eve]);
  repository.transfer(signStatement(wish, founders.targets), list, { keys: [eve], threshold: 1 });
  await it.asked();
  expect(await it.state()).toMatchObject({
    state: "disabled",
    error: { message: expect.stringContaining("pincer install weather@1.0.0") },
  });
  expect(entryIn(it.home)).toMatchObject({ publisher: { name: "ada" } });
  const request = { do: "install", packages: ["weather@1.0.0"] };
  await expect(it.change(request)).rejects.toMatchObject(refused("REGISTRY_CLIENT_CONSENT_NEEDED"));
  expect((await it.state()).state).toBe("disabled");
  await it.change(request, ["publisher"]);
  expect(await it.said()).toBe("1.0.0");
  expect(entryIn(it.home)).toMatchObject({ publisher: { name: "eve", keys: [hexOf(eve)] } });
  await it.asked();
  expect(await it.said()).toBe("1.0.0");
});

test("a skill that a revoked key has signed is withheld, and offered again with the new key", async () => {
  using shop = startShop();
  publishSkill(shop.house, "dice");
  const home = mkdtempSync(join(tmpdir(), "pincer-keys-"));
  await using it = await startAsking(shop, home);
  await it.change({ do: "install", packages: ["dice"], kind: "skills" });
  /** The system says that the folder has changed when it finds the time to. */
  const offered = async (isOffered: boolean) => {
    for (let asked = 0; asked < 1_000; asked++) {
      const { skills } = await it.client.call<{ skills: { name: string; eligible: boolean }[] }>("skills.status", {});
      if (skills.find(({ name }) => name === "dice")?.eligible === isOffered) return true;
    }
    return false;
  };
  expect(await offered(true)).toBe(true);
  revokeKeys(shop, shop.house.publisher);
  await it.asked();
  expect(await offered(false)).toBe(true);
  const { packages } = await it.client.call<{ packages: { revoked: string }[] }>("registry-client.list", {});
  expect(packages[0]!.revoked).toContain(`signed with a key of ada, which home has revoked, since ${today}: ${reason}`);
  rekey(shop, createSigner().signer);
  await it.asked();
  expect(await offered(true)).toBe(true);
  rmSync(home, { recursive: true, force: true });
});

test("a registry too few of whose own keys of targets are left counts no more, until its founders have given it others", async () => {
  using shop = startShop();
  await using it = await withWeather(shop);
  const { house } = shop;
  const [stolen] = house.founders.targets;
  revokeKeys(shop, stolen!);
  await it.asked();
  const own = `weather 1.0.0 is signed with a key of the registry home itself, which home has revoked, since ${today}: ${reason}`;
  expect(await it.state()).toMatchObject({ state: "disabled", error: { message: expect.stringContaining(own) } });
  await expect(it.change({ do: "install", packages: ["weather@1.0.0"] })).rejects.toMatchObject(refused("REGISTRY_REVOKED"));

  const next = createSigner().signer;
  const targets = [next, house.founders.targets[1]!];
  const authority = { ...house.founders, targets };
  rotateRoot(house.folder, { next: authority, signers: [...house.founders.root, ...targets], now: () => house.clock.now });
  await it.asked();
  expect(await it.said()).toBe("1.0.0");
});
