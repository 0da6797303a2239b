/** The attacks that TUF names (theupdateframework.github.io/specification, 1.5.2), each by somebody who has what it takes, against a client that has seen the registry before. */
import { expect, test } from "bun:test";
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { placeOf } from "../layout.ts";
import { archiveOf, binOf } from "../name.ts";
import { rootOf } from "../repository/create.ts";
import { repositoryFiles } from "../repository/files.ts";
import { lives, stamp, unsigned } from "../repository/lifetime.ts";
import { folderSource, type RegistrySource } from "../source.ts";
import { dayMs, type House, listWith, startHouse, telegram } from "../testing/house.ts";
import { createSigner, type Signer } from "../trust/key.ts";
import { parseMetadata, type Signed, signMetadata } from "../trust/metadata.ts";

const bytesOf = (text: string) => Buffer.from(text);
const code = (name: string) => expect.objectContaining({ code: name });

/** A registry that a client has seen, with a copy of how it was then. */
async function seen() {
  const house = startHouse(1);
  house.publish("1.0.0", bytesOf("one"));
  const old = join(house.temporary(), "old");
  cpSync(house.folder, old, { recursive: true });
  house.publish("1.1.0", bytesOf("two"));
  const state = house.temporary();
  await house.client({ state }).refresh();
  await house.client({ state }).find(telegram);
  return { house, old, state };
}
const current = (house: House, role: string) => {
  const snapshot = parseMetadata("timestamp", "timestamp", readFileSync(join(house.folder, "metadata/timestamp.json"))).signed.meta[
    "snapshot.json"
  ];
  const { meta } = parseMetadata(
    "snapshot",
    "snapshot",
    readFileSync(join(house.folder, `metadata/${snapshot.version}.snapshot.json`)),
  ).signed;
  const file = `metadata/${meta[`${role}.json`]!.version}.${role}.json`;
  return { file, metadata: parseMetadata("targets", role, readFileSync(join(house.folder, file))) };
};
/** Has the server's key say that this counts now. */
const force = (house: House, changed: ReadonlyMap<string, Uint8Array>, online: Signer = house.founders.online) =>
  stamp(repositoryFiles(house.folder), { online, now: () => house.clock.now, changed });

test("rollback: an older state, in order in itself, is refused by whoever saw the newer one, and taken by nobody as news", async () => {
  const { house, old, state } = await seen();
  using _house = house;
  const client = house.client({ state, source: folderSource(old) });
  await expect(client.refresh()).rejects.toEqual(code("REGISTRY_METADATA_OLDER"));
  // It serves on what it had seen last.
  expect((await house.client({ state }).find(telegram)).releases).toHaveLength(2);
});

test("rollback: a server that signs an older list of a publisher is refused", async () => {
  const { house, old, state } = await seen();
  using _house = house;
  const before = readFileSync(join(old, "metadata/1.publisher-ada.json"));
  force(house, new Map([["publisher-ada", before]]));
  await expect(house.client({ state }).refresh()).rejects.toEqual(code("REGISTRY_METADATA_OLDER"));
});

test("rollback: a server that leaves a role out is refused", async () => {
  const { house, state } = await seen();
  using _house = house;
  const timestamp = parseMetadata("timestamp", "timestamp", readFileSync(join(house.folder, "metadata/timestamp.json"))).signed;
  const { version } = timestamp.meta["snapshot.json"];
  const { "publisher-ada.json": _ada, ...meta } = parseMetadata(
    "snapshot",
    "s",
    readFileSync(join(house.folder, `metadata/${version}.snapshot.json`)),
  ).signed.meta;
  const now = () => house.clock.now;
  const snapshot = signMetadata({ ...unsigned("snapshot", version + 1, lives.snapshot, now), meta }, [house.founders.online]);
  writeFileSync(join(house.folder, `metadata/${version + 1}.snapshot.json`), snapshot);
  const file = {
    version: version + 1,
    length: snapshot.length,
    hashes: { sha256: new Bun.CryptoHasher("sha256").update(snapshot).digest("hex") },
  };
  const next: Signed<"timestamp"> = {
    ...unsigned("timestamp", timestamp.version + 1, lives.timestamp, now),
    meta: { "snapshot.json": file },
  };
  writeFileSync(join(house.folder, "metadata/timestamp.json"), signMetadata(next, [house.founders.online]));
  await expect(house.client({ state }).refresh()).rejects.toEqual(code("REGISTRY_METADATA_OLDER"));
});

test("freeze: a state that is kept from changing stops counting within a day", async () => {
  const { house, state } = await seen();
  using _house = house;
  house.clock.now += dayMs - 1000;
  await house.client({ state }).refresh();
  house.clock.now += 1000;
  await expect(house.client({ state }).refresh()).rejects.toEqual(code("REGISTRY_METADATA_EXPIRED"));
  house.repository.renew();
  await house.client({ state }).refresh();
});

test("mix and match: parts of two states that were both in order are refused", async () => {
  const { house, old, state } = await seen();
  using _house = house;
  for (const [role, expected] of [
    ["publisher-ada", "REGISTRY_METADATA_MIXED"],
    ["names-all", "REGISTRY_METADATA_MIXED"],
  ] as const) {
    const { file } = current(house, role);
    const right = readFileSync(join(house.folder, file));
    const other = readdirSync(join(old, "metadata")).find((name) => name.endsWith(`.${role}.json`))!;
    writeFileSync(join(house.folder, file), readFileSync(join(old, "metadata", other)));
    const fresh = house.client();
    await expect(fresh.find(telegram)).rejects.toEqual(code(expected));
    writeFileSync(join(house.folder, file), right);
    expect((await house.client({ state }).find(telegram)).releases).toHaveLength(2);
  }
});

test("wrong software: an archive of another release of the same publisher is refused", async () => {
  const { house, state } = await seen();
  using _house = house;
  const client = house.client({ state });
  const [newer, older] = (await client.find(telegram)).releases;
  const place = (one: typeof newer) => join(house.folder, placeOf(one!.path, one!.sha256));
  writeFileSync(place(newer), readFileSync(place(older)));
  await expect(Array.fromAsync(client.download(newer!))).rejects.toEqual(code("REGISTRY_FILE_WRONG"));
});

test("wrong software: a publisher has no say in a name that is another's, whatever the own list holds", async () => {
  const { house } = await seen();
  using _house = house;
  const mallory = createSigner().signer;
  house.repository.claim({ kind: "plugins", id: "harmless" }, "mallory", [mallory]);
  const path = archiveOf({ ...telegram, version: "9.0.0" });
  const list = { ...listWith(house, { ...telegram, version: "9.0.0" }, bytesOf("evil")), version: 1 };
  expect(() => house.repository.publish("mallory", signMetadata(list, [mallory]), new Map([[path, bytesOf("evil")]]))).toThrow(
    expect.objectContaining({ code: "REGISTRY_NAME_TAKEN" }),
  );
  // Also when the server takes it.
  force(house, new Map([["publisher-mallory", signMetadata(list, [mallory])]]));
  const { releases } = await house.client().find(telegram);
  expect(releases.map(({ version }) => version)).toEqual(["1.1.0", "1.0.0"]);
  await expect(house.client().find({ kind: "plugins", id: "harmless" })).rejects.toEqual(code("REGISTRY_NOT_FOUND"));
});

test("wrong software: a server that gives a publisher other keys in one part gains nothing in another", async () => {
  using house = startHouse(256);
  house.publish("1.0.0", bytesOf("one"));
  const bait = { kind: "plugins", id: "bait" } as const;
  house.publish("1.0.0", bytesOf("bait"), bait);
  const mallory = createSigner().signer;
  const { online } = house.founders;
  // With the server's key: `bait` is ada's, who signs with a key of mallory's there, and the list of ada's is what that key says.
  const part = `names-${binOf(bait)}`;
  const { signed } = current(house, part).metadata;
  const roles = signed.delegations!.roles.map((role) => ({ ...role, keyids: [mallory.id] }));
  const names = { ...signed, version: signed.version + 1, delegations: { keys: { [mallory.id]: mallory.json }, roles } };
  const list = listWith(house, { ...telegram, version: "9.0.0" }, bytesOf("evil"));
  force(
    house,
    new Map([
      [part, signMetadata(names, [online])],
      ["publisher-ada", signMetadata(list, [mallory])],
    ]),
  );
  const client = house.client();
  expect((await client.find(bait)).publisher.keys).toEqual([mallory.json.keyval.public]);
  await expect(client.find(telegram)).rejects.toEqual(code("REGISTRY_METADATA_UNSIGNED"));
});

test("wrong software: a role that takes the name of one of the top level has no say", async () => {
  const { house } = await seen();
  using _house = house;
  const { metadata } = current(house, "names-all");
  const { online } = house.founders;
  const roles = metadata.signed.delegations!.roles.map((role) => ({ ...role, name: "snapshot", keyids: [online.id] }));
  const signed = { ...metadata.signed, version: metadata.signed.version + 1, delegations: { keys: { [online.id]: online.json }, roles } };
  force(house, new Map([["names-all", signMetadata(signed, [online])]]));
  await expect(house.client().find(telegram)).rejects.toEqual(code("REGISTRY_METADATA_INVALID"));
});

test("fast forward: a stolen key of the server's that says the highest version there is does no harm that outlives the key", async () => {
  const { house, state } = await seen();
  using _house = house;
  const now = () => house.clock.now;
  const file = { version: 2 ** 31, length: 1, hashes: { sha256: "0".repeat(64) } };
  const right = readFileSync(join(house.folder, "metadata/timestamp.json"));
  const timestamp: Signed<"timestamp"> = {
    ...parseMetadata("timestamp", "timestamp", right).signed,
    version: 2 ** 31,
    meta: { "snapshot.json": file },
  };
  writeFileSync(join(house.folder, "metadata/timestamp.json"), signMetadata(timestamp, [house.founders.online]));
  await expect(house.client({ state }).refresh()).rejects.toMatchObject({ code: "REGISTRY_NOT_FOUND" });
  writeFileSync(join(house.folder, "metadata/timestamp.json"), right);
  await expect(house.client({ state }).refresh()).rejects.toEqual(code("REGISTRY_METADATA_OLDER"));
  // The founders take the key back; what it said is forgotten with it.
  const online = createSigner().signer;
  const root = signMetadata(rootOf({ ...house.founders, online }, 2, now), house.founders.root);
  writeFileSync(join(house.folder, "metadata/2.root.json"), root);
  const { metadata } = current(house, "targets");
  const { delegations } = metadata.signed;
  const keys = { ...delegations!.keys, [online.id]: online.json };
  const roles = delegations!.roles.map((role) => (role.name === "revocations" ? role : { ...role, keyids: [online.id] }));
  const targets = signMetadata({ ...metadata.signed, version: 2, delegations: { keys, roles } }, house.founders.targets);
  const names = current(house, "names-all").metadata.signed;
  force(
    house,
    new Map([
      ["targets", targets],
      ["names-all", signMetadata({ ...names, version: names.version + 1 }, [online])],
    ]),
    online,
  );
  const client = house.client({ state });
  await client.refresh();
  expect((await client.find(telegram)).releases).toHaveLength(2);
});

test("endless data: no more is taken than was announced, and of the timestamp no more than one can have", async () => {
  const { house } = await seen();
  using _house = house;
  const base = folderSource(house.folder);
  async function* endless(limit: number, taken: { bytes: number }): AsyncGenerator<Uint8Array, void, void> {
    for (;;) {
      taken.bytes += 1024;
      if (taken.bytes > limit + 4096) throw new Error("more was taken than allowed");
      yield new Uint8Array(1024).fill(0x20);
    }
  }
  for (const part of ["timestamp.json", ".snapshot.json", ".targets.json", ".names-all.json", ".publisher-ada.json", ".tgz"]) {
    const taken = { bytes: 0 };
    const source: RegistrySource = {
      name: "endless",
      // A server may send what it likes; the client is who stops.
      read: (path, options) => (path.endsWith(part) ? endless(options.limit, taken) : base.read(path, options)),
    };
    const client = house.client({ source });
    const asked = client.find(telegram).then(({ releases }) => Array.fromAsync(client.download(releases[0]!)));
    await expect(asked).rejects.toEqual(code("REGISTRY_TOO_LARGE"));
  }
});

test("endless data: a stolen key of the server's that announces any length makes nobody take so much", async () => {
  const { house } = await seen();
  using _house = house;
  const { online } = house.founders;
  const base = folderSource(house.folder);
  const timestampFile = join(house.folder, "metadata/timestamp.json");
  const { signed: timestamp } = parseMetadata("timestamp", "timestamp", readFileSync(timestampFile));
  const { version } = timestamp.meta["snapshot.json"];
  const endless = { version: version + 1, length: 2 ** 40, hashes: { sha256: "0".repeat(64) } };
  const say = (snapshot: typeof endless) =>
    writeFileSync(
      timestampFile,
      signMetadata({ ...timestamp, version: timestamp.version + 1, meta: { "snapshot.json": snapshot } }, [online]),
    );
  const limitOf = async (part: string) => {
    let asked = 0;
    const source: RegistrySource = {
      name: "endless",
      read(path, options) {
        if (!path.endsWith(part)) return base.read(path, options);
        asked = options.limit;
        throw new Error("seen");
      },
    };
    await expect(house.client({ source }).find(telegram)).rejects.toThrow("seen");
    return asked;
  };
  const { signed: snapshot } = parseMetadata("snapshot", "snapshot", readFileSync(join(house.folder, `metadata/${version}.snapshot.json`)));
  say(endless);
  expect(await limitOf(".snapshot.json")).toBe(64 * 2 ** 20);
  const lying = signMetadata({ ...snapshot, version: version + 1, meta: { ...snapshot.meta, "publisher-ada.json": endless } }, [online]);
  writeFileSync(join(house.folder, `metadata/${version + 1}.snapshot.json`), lying);
  say({ version: version + 1, length: lying.length, hashes: { sha256: new Bun.CryptoHasher("sha256").update(lying).digest("hex") } });
  expect(await limitOf(".publisher-ada.json")).toBe(64 * 2 ** 20);
});

const stolen = [
  { who: "the publisher's key of another publisher", signers: () => [createSigner().signer], role: "publisher-ada" },
  { who: "nobody's key, in place of the server's", signers: () => [createSigner().signer], role: "names-all" },
  { who: "one of the two keys of targets", signers: ({ founders }: House) => [founders.targets[0]!], role: "targets" },
  { who: "one key of targets, twice", signers: ({ founders }: House) => [founders.targets[0]!, founders.targets[0]!], role: "targets" },
  { who: "the server's key, for targets", signers: ({ founders }: House) => [founders.online], role: "targets" },
] as const;
for (const { who, signers, role } of stolen)
  test(`key compromise: ${who} does not suffice for ${role}`, async () => {
    const { house } = await seen();
    using _house = house;
    const { metadata } = current(house, role);
    force(house, new Map([[role, signMetadata({ ...metadata.signed, version: metadata.signed.version + 1 }, signers(house))]]));
    await expect(house.client().find(telegram)).rejects.toMatchObject({
      code: expect.stringMatching(/^REGISTRY_METADATA_(UNSIGNED|INVALID)$/),
    });
  });

test("key compromise: with one of the root's three keys nobody makes a new root, with two the founders do", async () => {
  const { house, state } = await seen();
  using _house = house;
  const { root } = house.founders;
  const mine = createSigner().signer;
  const now = () => house.clock.now;
  const next = (signers: readonly Signer[]) =>
    signMetadata(rootOf({ ...house.founders, root: [mine, root[0]!], rootThreshold: 1 }, 2, now), signers);
  const file = join(house.folder, "metadata/2.root.json");
  for (const signers of [[mine], [root[0]!], [mine, root[0]!]]) {
    writeFileSync(file, next(signers));
    await expect(house.client({ state }).refresh()).rejects.toEqual(code("REGISTRY_METADATA_UNSIGNED"));
  }
  // One that skips a version is not looked for, and one that says another version than its name is refused.
  writeFileSync(file, signMetadata(rootOf(house.founders, 3, now), root));
  await expect(house.client({ state }).refresh()).rejects.toEqual(code("REGISTRY_METADATA_INVALID"));
  writeFileSync(file, next([root[0]!, root[1]!]));
  await house.client({ state }).refresh();
});

test("key compromise: one key under two names counts once", async () => {
  const { house } = await seen();
  using _house = house;
  const { targets } = house.founders;
  const now = () => house.clock.now;
  const root = rootOf(house.founders, 2, now);
  const twice = {
    ...root,
    keys: { ...root.keys, ["f".repeat(64)]: targets[0]!.json },
    roles: { ...root.roles, targets: { keyids: [targets[0]!.id, "f".repeat(64)], threshold: 2 } },
  };
  writeFileSync(join(house.folder, "metadata/2.root.json"), signMetadata(twice, house.founders.root));
  await expect(house.client().refresh()).rejects.toEqual(code("REGISTRY_METADATA_INVALID"));
});

test("a client that was ended while it wrote, or whose files were spoilt, trusts no less than before", async () => {
  const { house, state } = await seen();
  using _house = house;
  for (const role of ["root", "timestamp", "snapshot", "targets", "publisher-ada"]) {
    for (const spoilt of ["", "{", "[]", '{"signatures":[],"signed":{}}']) {
      writeFileSync(join(state, `${role}.json`), spoilt);
      const client = house.client({ state });
      await client.refresh();
      expect((await client.find(telegram)).releases).toHaveLength(2);
    }
  }
});
