/** What becomes of a registry over the years: it is renewed, its keys are changed, and so are those of its publishers and whose its names are. */
import { expect, test } from "bun:test";
import type { RegistryClient } from "../client/client.ts";
import { archiveOf, type PackageName } from "../name.ts";
import { folderSource, type RegistrySource } from "../source.ts";
import { dayMs, type House, startHouse, telegram } from "../testing/house.ts";
import { rotateRoot } from "../testing/rotate.ts";
import { createSigner, type Signer } from "../trust/key.ts";
import { signMetadata } from "../trust/metadata.ts";
import { type Rekey, signStatement, type Transfer } from "../trust/statement.ts";
import { lives, unsigned } from "./lifetime.ts";
import { openRepository } from "./repository.ts";

const code = (name: string) => expect.objectContaining({ code: name });
const bytesOf = (text: string) => Buffer.from(text);
const hexOf = ({ json }: Signer) => json.keyval.public;
const signer = () => createSigner().signer;
const names: readonly PackageName[] = ["channel-telegram", "channel-irc", "channel-slack", "notes"].map((id) => ({ kind: "plugins", id }));

/** With names in several parts. */
function years(): House {
  const house = startHouse(16);
  for (const name of names) house.publish("1.0.0", bytesOf(name.id), name);
  return house;
}
const findAll = async (client: RegistryClient) => {
  for (const name of names) expect((await client.find(name)).releases).toHaveLength(1);
};

test("a registry that is renewed in time never expires, and says what its server cannot sign", async () => {
  using house = years();
  const { targets, revocations } = house.founders;
  const state = house.temporary();
  const began = house.clock.now;
  const end = began + lives.root * 0.4;
  const asked = new Set<string>();
  for (; house.clock.now < end; house.clock.now += 20 * 60 * 60 * 1000) {
    const { expiring } = house.repository.renew();
    for (const { role } of expiring) asked.add(role);
    if (expiring.length > 0) expect(house.repository.renew([...targets, ...revocations]).expiring).toEqual([]);
    await house.client({ state }).refresh();
  }
  await findAll(house.client({ state }));
  expect([...asked].sort()).toEqual(["revocations", "targets"]);
  house.clock.now = began + lives.root * 0.7;
  expect(house.repository.renew([...targets, ...revocations]).expiring.map(({ role }) => role)).toEqual(["root", "publisher-ada"]);
  rotateRoot(house.folder, { next: house.founders, signers: house.founders.root, now: () => house.clock.now });
  expect(house.repository.renew().expiring.map(({ role }) => role)).toEqual(["publisher-ada"]);
});

test("one of two keys of targets does not renew them", () => {
  using house = years();
  house.clock.now += lives.targets * 0.7;
  expect(house.repository.renew([house.founders.targets[0]!]).expiring).toContainEqual(expect.objectContaining({ role: "targets" }));
  expect(house.repository.renew(house.founders.targets).renewed).toContain("targets");
});

test("what says nothing new is not fetched anew: a renewal a day costs a client the timestamp", async () => {
  using house = years();
  const state = house.temporary();
  await house.client({ state }).find(telegram);
  house.clock.now += dayMs / 2;
  expect(house.repository.renew()).toMatchObject({ renewed: [], expiring: [] });
  const asked: string[] = [];
  const base = folderSource(house.folder);
  const source: RegistrySource = {
    name: "watched",
    read(path, options) {
      asked.push(path);
      return base.read(path, options);
    },
  };
  await house.client({ state, source }).find(telegram);
  expect(asked).toEqual(["metadata/2.root.json", "metadata/timestamp.json"]);
});

for (const whose of ["the server's", "who revokes", "of targets", "of the root", "all"] as const)
  test(`other keys for a registry (${whose}): a client that trusted the first root follows, and the old ones count no more`, async () => {
    using house = years();
    const state = house.temporary();
    await findAll(house.client({ state }));
    const { founders } = house;
    const is = (one: string) => whose === one || whose === "all";
    const next = {
      ...founders,
      ...(is("the server's") && { online: signer() }),
      ...(is("who revokes") && { revocations: [signer(), signer()] }),
      ...(is("of targets") && { targets: [signer(), signer(), signer()], targetsThreshold: 3 }),
      ...(is("of the root") && { root: [signer(), signer()], rootThreshold: 2 }),
    };
    const now = () => house.clock.now;
    const old = [...founders.root, ...founders.targets, ...founders.revocations];
    const signers = [...old, ...next.root, ...next.targets, ...next.revocations];
    // Without the founders, or those who follow them, nothing happens.
    for (const without of [founders.root, ...(is("of the root") ? [next.root] : [])])
      expect(() => rotateRoot(house.folder, { next, signers: signers.filter((one) => !without.slice(0, 2).includes(one)), now })).toThrow(
        code("REGISTRY_METADATA_UNSIGNED"),
      );
    await findAll(house.client({ state }));

    rotateRoot(house.folder, { next, signers, now });
    const client = house.client({ state });
    await client.refresh();
    await findAll(client);
    expect(await client.catalogue()).toHaveLength(names.length);
    await findAll(house.client());
    const repository = openRepository(house.folder, { online: next.online, now });
    repository.revoke([], next.revocations.slice(-1));
    if (is("who revokes")) expect(() => repository.revoke([], founders.revocations)).toThrow(code("REGISTRY_METADATA_UNSIGNED"));
    if (is("the server's"))
      expect(() => openRepository(house.folder, { online: founders.online, now })).toThrow(code("REGISTRY_KEY_INVALID"));
    expect(await house.client({ state }).revocations()).toEqual([]);
    if (is("of the root"))
      expect(() => rotateRoot(house.folder, { next: { ...founders, online: next.online }, signers: old, now })).toThrow(
        code("REGISTRY_METADATA_UNSIGNED"),
      );
  });

/** The list once more, as the next version. */
function again(house: House, ...signers: readonly Signer[]): Uint8Array {
  const { signed } = house.repository.signedBy("ada")!;
  return signMetadata({ ...signed, version: signed.version + 1 }, signers);
}

test("a publisher changes keys in every part at once, with the old ones and the new; a client sees which they are", async () => {
  using house = years();
  const [second, third] = [signer(), signer()];
  const owner = { keys: [second, third], threshold: 2 };
  const { publisher: first, repository } = house;
  for (const signers of [[first], [second, third], [first, second]])
    expect(() => repository.rekey("ada", owner, again(house, ...signers))).toThrow(code("REGISTRY_METADATA_UNSIGNED"));
  repository.rekey("ada", owner, again(house, first, second, third));
  const client = house.client();
  await findAll(client);
  for (const name of names)
    expect((await client.find(name)).publisher).toEqual({ name: "ada", keys: [second, third].map(hexOf).sort(), threshold: 2 });
  expect(() => repository.publish("ada", again(house, first), new Map())).toThrow(code("REGISTRY_METADATA_UNSIGNED"));
  repository.publish("ada", again(house, second, third), new Map());
  // Nobody slips in with another key by claiming one more name.
  expect(() => repository.claim({ kind: "plugins", id: "new" }, "ada", [signer()])).toThrow(code("REGISTRY_NAME_TAKEN"));
});

const tomorrow = "2031-05-05T10:00:00Z";
const rekeyTo = (key: Signer, change: Partial<Rekey> = {}): Rekey => ({
  _type: "rekey",
  publisher: "ada",
  keys: [hexOf(key)],
  threshold: 1,
  list: names.length,
  expires: tomorrow,
  ...change,
});

test("a publisher who has lost the key gets another from the founders, by a statement that serves once", async () => {
  using house = years();
  const { repository, founders } = house;
  const other = signer();
  const owner = { keys: [other], threshold: 1 };
  const rekey = (statement: Rekey, signers: readonly Signer[]) =>
    repository.rekey("ada", owner, again(house, other), signStatement(statement, signers));
  for (const signers of [founders.targets.slice(0, 1), [founders.online], founders.root, [other]])
    expect(() => rekey(rekeyTo(other), signers)).toThrow(code("REGISTRY_METADATA_UNSIGNED"));
  const wrong = [{ keys: [hexOf(signer())] }, { threshold: 2 }, { publisher: "eve" }, { list: 1 }, { expires: "2031-05-04T09:00:00Z" }];
  for (const change of wrong) expect(() => rekey(rekeyTo(other, change), founders.targets)).toThrow(code("REGISTRY_METADATA_INVALID"));
  rekey(rekeyTo(other), founders.targets);
  await findAll(house.client());
  expect(() => rekey(rekeyTo(other), founders.targets)).toThrow(code("REGISTRY_METADATA_INVALID"));
});

test("a name goes to another publisher with all its releases, when the old one wants it, and a client sees whose it is now", async () => {
  using house = years();
  const { repository, publisher: ada, founders } = house;
  house.publish("1.1.0", bytesOf("two"));
  const eve = signer();
  const state = house.temporary();
  expect((await house.client({ state }).find(telegram)).publisher.name).toBe("ada");
  const wish = (change: Partial<Transfer> = {}): Transfer => ({
    _type: "transfer",
    ...telegram,
    from: "ada",
    to: "eve",
    keys: [hexOf(eve)],
    list: names.length + 1,
    expires: tomorrow,
    ...change,
  });
  const theirs = Object.entries(repository.signedBy("ada")!.signed.targets).filter(([path]) => path.includes(`/${telegram.id}/`));
  const listOf = (targets: typeof theirs) =>
    signMetadata({ ...unsigned("targets", 1, lives.publisher, () => house.clock.now), targets: Object.fromEntries(targets) }, [eve]);
  const newcomer = { keys: [eve], threshold: 1 };
  const transfer = (signers: readonly Signer[], change: Partial<Transfer> = {}, list = listOf(theirs)) =>
    repository.transfer(signStatement(wish(change), signers), list, newcomer);
  for (const signers of [[eve], [founders.online], founders.targets.slice(0, 1), []])
    expect(() => transfer(signers)).toThrow(code("REGISTRY_METADATA_UNSIGNED"));
  expect(() => transfer([ada], { list: 2 })).toThrow(code("REGISTRY_METADATA_INVALID"));
  expect(() => transfer([ada], { expires: "2031-05-04T10:00:00Z" })).toThrow(code("REGISTRY_METADATA_INVALID"));
  expect(() => transfer([ada], { from: "bob" })).toThrow(code("REGISTRY_NOT_FOUND"));
  expect(() => transfer([ada], { id: "unknown" })).toThrow(code("REGISTRY_NOT_FOUND"));
  // Who calls himself eve before eve does is not the one that was meant.
  expect(() => transfer([ada], { keys: [hexOf(signer())] })).toThrow(code("REGISTRY_FORBIDDEN"));
  // No release is lost or made another on the way.
  expect(() => transfer([ada], {}, listOf(theirs.slice(0, 1)))).toThrow(code("REGISTRY_VERSION_TAKEN"));
  const [[path, target]] = theirs as [(typeof theirs)[number]];
  const forged = listOf([[path, { ...target, hashes: { sha256: "0".repeat(64) } }], ...theirs.slice(1)]);
  expect(() => transfer([ada], {}, forged)).toThrow(code("REGISTRY_VERSION_TAKEN"));
  expect(() => repository.transfer(signStatement(wish(), [ada]), listOf(theirs))).toThrow(code("REGISTRY_NOT_FOUND"));

  transfer([ada]);
  const client = house.client({ state });
  await client.refresh();
  const found = await client.find(telegram);
  expect(found.publisher).toEqual({ name: "eve", keys: [hexOf(eve)], threshold: 1 });
  expect(found.releases.map(({ version }) => version)).toEqual(["1.1.0", "1.0.0"]);
  expect((await client.find(names[1]!)).publisher.name).toBe("ada");
  expect((await client.catalogue()).map(({ id, publisher }) => `${id} ${publisher}`)).toContain("channel-telegram eve");
  // Nor can it be said again, and the old publisher has no say in it any more.
  expect(() => transfer([ada])).toThrow(code("REGISTRY_NOT_FOUND"));
  expect(() => repository.publish("ada", again(house, ada), new Map())).toThrow(code("REGISTRY_NAME_TAKEN"));
  const kept = Object.fromEntries(Object.entries(repository.signedBy("ada")!.signed.targets).filter(([one]) => !one.includes(telegram.id)));
  const { signed } = repository.signedBy("ada")!;
  repository.publish("ada", signMetadata({ ...signed, version: signed.version + 1, targets: kept }, [ada]), new Map());
  expect(Object.keys(repository.signedBy("ada")!.signed.targets)).toHaveLength(names.length - 1);
});

test("a name whose publisher is gone goes to another by the founders' word", async () => {
  using house = years();
  const eve = signer();
  const { repository, founders } = house;
  const path = archiveOf({ ...telegram, version: "1.0.0" });
  const target = repository.signedBy("ada")!.signed.targets[path]!;
  const list = signMetadata({ ...unsigned("targets", 1, lives.publisher, () => house.clock.now), targets: { [path]: target } }, [eve]);
  const keys = [hexOf(eve)];
  const wish: Transfer = { _type: "transfer", ...telegram, from: "ada", to: "eve", keys, list: names.length, expires: tomorrow };
  repository.transfer(signStatement(wish, founders.targets), list, { keys: [eve], threshold: 1 });
  expect((await house.client().find(telegram)).publisher.name).toBe("eve");
});
