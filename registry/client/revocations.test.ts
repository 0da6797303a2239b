import { expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { currentSnapshot } from "../repository/current.ts";
import { repositoryFiles } from "../repository/files.ts";
import { lives, stamp, unsigned } from "../repository/lifetime.ts";
import type { Revocation } from "../revocations.ts";
import { folderSource, joined, type RegistrySource } from "../source.ts";
import { dayMs, type House, startHouse, telegram } from "../testing/house.ts";
import { createSigner, type Signer } from "../trust/key.ts";
import { parseMetadata, type Signed, signMetadata } from "../trust/metadata.ts";
import { signStatement } from "../trust/statement.ts";

const bad: Revocation = {
  ...telegram,
  versions: ["1.1.0"],
  reason: "it sends tokens to a stranger",
  at: "2031-05-04T10:00:00Z",
  lastGood: "1.0.0",
};
const code = (name: string) => expect.objectContaining({ code: name });

function published(): House {
  const house = startHouse(1);
  for (const version of ["1.0.0", "1.1.0"]) house.publish(version, Buffer.from(version));
  return house;
}

/** What is asked for, with the versions left out. */
function watched(house: House) {
  const asked: string[] = [];
  const base = folderSource(house.folder);
  const source: RegistrySource = {
    name: "watched",
    read(path, options) {
      asked.push(path.replace(/[0-9a-f]{64}/, "DIGEST").replace(/\d+/, "N"));
      return base.read(path, options);
    },
  };
  return { asked, source };
}

test("a revoked release is neither found nor downloaded, and who asks for it is told why and what to go back to", async () => {
  using house = published();
  const state = house.temporary();
  const client = house.client({ state });
  const [release] = (await client.find(telegram)).releases;
  house.repository.revoke([bad], house.founders.revocations);
  expect(await client.revocations()).toEqual([bad]);
  const refused = expect.objectContaining({
    code: "REGISTRY_REVOKED",
    message: "channel-telegram 1.1.0 is revoked: it sends tokens to a stranger; the last good version is 1.0.0",
  });
  await expect(joined(client.download(release!))).rejects.toEqual(refused);
  // Also one that has not asked, and does not.
  const silent: RegistrySource = {
    name: "silent",
    read() {
      throw new Error("nobody is to be asked");
    },
  };
  await expect(house.client({ state, source: silent }).unpack(release!)).rejects.toEqual(refused);
  await client.refresh();
  const { releases, revoked } = await client.find(telegram);
  expect(releases.map(({ version }) => version)).toEqual(["1.0.0"]);
  expect(revoked).toEqual([{ version: "1.1.0", revocation: bad }]);
  // Who sees the registry for the first time, too.
  expect((await house.client().find(telegram)).releases).toHaveLength(1);
});

test("a package that is revoked is not found in any version, nor in those that are published later, until that is taken back", async () => {
  using house = published();
  const all: Revocation = { ...telegram, reason: "its publisher was robbed", at: "2031-05-04T10:00:00Z" };
  house.repository.revoke([all], house.founders.revocations);
  await expect(house.client().find(telegram)).rejects.toEqual(code("REGISTRY_REVOKED"));
  house.publish("1.2.0", Buffer.from("new"));
  await expect(house.client().find(telegram)).rejects.toEqual(code("REGISTRY_REVOKED"));
  expect(house.repository.revocations()).toEqual([all]);
  house.repository.revoke([], house.founders.revocations);
  expect((await house.client().find(telegram)).releases).toHaveLength(3);
});

test("a key that is revoked counts no more, whatever it has signed, until its publisher has another", async () => {
  using house = published();
  const { publisher } = house;
  house.repository.revoke(
    [{ key: publisher.json.keyval.public, reason: "its laptop was stolen", at: "2031-05-04T10:00:00Z" }],
    house.founders.revocations,
  );
  await expect(house.client().find(telegram)).rejects.toMatchObject({
    code: "REGISTRY_REVOKED",
    message: expect.stringMatching(/^the key of ada is revoked \([0-9a-f]{8}…\): its laptop was stolen$/),
  });
  // Nor does it hand over to another key: that would be the thief's. The founders do.
  const other = createSigner().signer;
  const { signed } = house.repository.signedBy("ada")!;
  const list = (...signers: Signer[]) => signMetadata({ ...signed, version: signed.version + 1 }, signers);
  const owner = { keys: [other], threshold: 1 };
  expect(() => house.repository.publish("ada", list(publisher), new Map())).toThrow(code("REGISTRY_REVOKED"));
  expect(() => house.repository.rekey("ada", owner, list(publisher, other))).toThrow(code("REGISTRY_REVOKED"));
  const wish = signStatement(
    {
      _type: "rekey",
      publisher: "ada",
      keys: [other.json.keyval.public],
      threshold: 1,
      list: signed.version,
      expires: "2031-05-05T10:00:00Z",
    },
    house.founders.targets,
  );
  house.repository.rekey("ada", owner, list(other), wish);
  expect((await house.client().find(telegram)).releases).toHaveLength(2);
});

test("a poll reads the timestamp, and beside it only what was revoked since", async () => {
  using house = published();
  const { asked, source } = watched(house);
  const state = house.temporary();
  await house.client({ state, source }).find(telegram);
  const poll = async () => {
    asked.length = 0;
    // Another client of the same state each time, as after a restart.
    const list = await house.client({ state, source }).revocations();
    return { list, asked: [...asked] };
  };
  const timestamp = ["metadata/N.root.json", "metadata/timestamp.json"];
  expect(await poll()).toEqual({ list: [], asked: timestamp });
  house.publish("1.2.0", Buffer.from("new"));
  expect(await poll()).toEqual({ list: [], asked: timestamp });
  house.repository.revoke([bad], house.founders.revocations);
  expect(await poll()).toEqual({
    list: [bad],
    asked: [...timestamp, "metadata/N.revocations.json", "targets/DIGEST.revocations.json"],
  });
  expect(await poll()).toEqual({ list: [bad], asked: timestamp });
  expect(readFileSync(join(house.folder, "metadata/timestamp.json")).length).toBeLessThan(700);
});

test("a poll of a client that has never seen the registry begins at the root", async () => {
  using house = published();
  house.repository.revoke([bad], house.founders.revocations);
  expect(await house.client().revocations()).toEqual([bad]);
});

test("nobody revokes but whose keys may: neither the server, nor a publisher, nor somebody unknown", async () => {
  using house = published();
  for (const signer of [house.founders.online, house.publisher, createSigner().signer])
    expect(() => house.repository.revoke([bad], [signer])).toThrow(code("REGISTRY_METADATA_UNSIGNED"));
  expect(await house.client().revocations()).toEqual([]);
});

/** A revocation, in a registry whose server has been taken over since. */
async function takenOver() {
  const house = published();
  house.repository.revoke([], house.founders.revocations);
  house.repository.revoke([bad], house.founders.revocations);
  const state = house.temporary();
  await house.client({ state }).find(telegram);
  const files = repositoryFiles(house.folder);
  const now = () => house.clock.now;
  /** Has the server's key say what it likes about which revocations count. */
  const say = (change: (signed: Signed<"timestamp">) => Signed<"timestamp">) => {
    const { timestamp } = currentSnapshot(files)!;
    const signed = change({ ...timestamp, ...unsigned("timestamp", timestamp.version + 1, lives.timestamp, now) });
    files.write("metadata/timestamp.json", signMetadata(signed, [house.founders.online]));
  };
  return { house, state, files, now, say };
}

test("rollback: a server that shows older revocations, or none, is refused, and what was revoked stays so", async () => {
  const { house, state, files, now, say } = await takenOver();
  using _house = house;
  const older = readFileSync(join(house.folder, "metadata/2.revocations.json"));
  const right = readFileSync(join(house.folder, "metadata/timestamp.json"));
  const client = house.client({ state });
  say(({ revocations: _gone, ...rest }) => rest);
  await expect(client.revocations()).rejects.toEqual(code("REGISTRY_METADATA_OLDER"));
  await expect(house.client().find(telegram)).rejects.toEqual(code("REGISTRY_METADATA_MIXED"));
  writeFileSync(join(house.folder, "metadata/timestamp.json"), right);
  say((signed) => ({ ...signed, revocations: { ...signed.revocations!, version: 2 } }));
  await expect(client.revocations()).rejects.toEqual(code("REGISTRY_METADATA_OLDER"));
  writeFileSync(join(house.folder, "metadata/timestamp.json"), right);
  stamp(files, { online: house.founders.online, now, changed: new Map([["revocations", older]]) });
  await expect(client.revocations()).rejects.toEqual(code("REGISTRY_METADATA_OLDER"));
  await expect(client.refresh()).rejects.toEqual(code("REGISTRY_METADATA_OLDER"));
});

test("mix and match: other revocations than the ones that belong there are refused", async () => {
  const { house, state, files, now, say } = await takenOver();
  using _house = house;
  const [place] = readdirSync(join(house.folder, "metadata")).filter((name) => name === "3.revocations.json");
  const right = readFileSync(join(house.folder, "metadata", place!));
  writeFileSync(join(house.folder, "metadata", place!), readFileSync(join(house.folder, "metadata/2.revocations.json")));
  await expect(house.client().revocations()).rejects.toEqual(code("REGISTRY_METADATA_MIXED"));
  writeFileSync(join(house.folder, "metadata", place!), right);
  for (const name of readdirSync(join(house.folder, "targets")).filter((one) => one.endsWith(".revocations.json")))
    writeFileSync(
      join(house.folder, "targets", name),
      '{"revocations":[]}'.padEnd(readFileSync(join(house.folder, "targets", name)).length),
    );
  await expect(house.client().find(telegram)).rejects.toEqual(code("REGISTRY_FILE_WRONG"));
  // A forged list, vouched for by the server's own key.
  const forged = parseMetadata("targets", "revocations", right).signed;
  const bytes = signMetadata({ ...forged, version: 4 }, [house.founders.online]);
  stamp(files, { online: house.founders.online, now, changed: new Map([["revocations", bytes]]) });
  await expect(house.client({ state }).revocations()).rejects.toEqual(code("REGISTRY_METADATA_UNSIGNED"));
  say((signed) => signed);
  await expect(house.client().find(telegram)).rejects.toEqual(code("REGISTRY_METADATA_UNSIGNED"));
});

test("freeze: a server that keeps newer revocations back can do so for a month at most", async () => {
  const { house, state } = await takenOver();
  using _house = house;
  house.clock.now += lives.revocations - 1000;
  house.repository.renew();
  expect(await house.client({ state }).revocations()).toEqual([bad]);
  house.clock.now += 1000;
  house.repository.renew();
  await expect(house.client({ state }).revocations()).rejects.toEqual(code("REGISTRY_METADATA_EXPIRED"));
  await expect(house.client({ state }).find(telegram)).rejects.toEqual(code("REGISTRY_METADATA_EXPIRED"));
  house.repository.revoke([bad], house.founders.revocations);
  expect(await house.client({ state }).revocations()).toEqual([bad]);
});

test("freeze: a timestamp that is kept from changing stops counting for a poll too", async () => {
  const { house, state } = await takenOver();
  using _house = house;
  house.clock.now += dayMs;
  await expect(house.client({ state }).revocations()).rejects.toEqual(code("REGISTRY_METADATA_EXPIRED"));
});
