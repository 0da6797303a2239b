import { expect, test } from "bun:test";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pack } from "../plugin-kit/archive.ts";
import { mirrorRegistry } from "./mirror.ts";
import { archiveOf, folderOf, type PackageName } from "./name.ts";
import { nextList } from "./publisher/next-list.ts";
import { lives, unsigned } from "./repository/lifetime.ts";
import { openRepository } from "./repository/repository.ts";
import { folderSource, joined, type RegistrySource } from "./source.ts";
import { type House, startHouse, telegram } from "./testing/house.ts";
import { rotateRoot } from "./testing/rotate.ts";
import { createSigner } from "./trust/key.ts";
import { signMetadata } from "./trust/metadata.ts";
import { signStatement, type Transfer } from "./trust/statement.ts";
import { verifyRegistry } from "./verify.ts";

const irc: PackageName = { kind: "plugins", id: "channel-irc" };

/** As `pincer registry publish` does it. */
function publish(house: House, name: PackageName, version: string): void {
  const manifest = Buffer.from(JSON.stringify({ id: name.id, version, summary: "Talks" }));
  const archive = pack([{ path: "plugin.json", bytes: manifest }]);
  const notes = {
    summary: "Talks",
    publishedAt: "2031-05-04T10:00:00Z",
    manifest: new Bun.CryptoHasher("sha256").update(manifest).digest("hex"),
  };
  const before = house.repository.signedBy("ada")?.signed;
  const list = nextList(before, { ...name, version, archive, notes }, () => house.clock.now);
  const claim = { names: [name], keys: [house.publisher] };
  house.repository.publish("ada", signMetadata(list, [house.publisher]), new Map([[archiveOf({ ...name, version }), archive]]), { claim });
}

function filled(): House {
  const house = startHouse(16);
  for (const version of ["1.0.0", "1.1.0"]) publish(house, telegram, version);
  publish(house, irc, "0.1.0");
  return house;
}
const filesIn = (folder: string) => readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
const watched = (source: RegistrySource) => {
  const asked: string[] = [];
  const read: RegistrySource["read"] = (path, options) => {
    asked.push(path);
    return source.read(path, options);
  };
  return { asked, source: { name: source.name, read } };
};
const mirrorOf = (house: House, folder: string, more: Partial<Parameters<typeof mirrorRegistry>[0]> = {}) =>
  mirrorRegistry({ source: folderSource(house.folder), folder, root: house.root, now: () => house.clock.now, ...more });
const verify = (house: House, folder: string) =>
  verifyRegistry({ source: folderSource(folder), root: house.root, now: () => house.clock.now });

test("a mirror serves what the registry serves, to clients that trust the registry's root", async () => {
  using house = filled();
  const folder = house.temporary();
  expect(await mirrorOf(house, folder)).toMatchObject({ releases: 3, problems: [] });
  const client = house.client({ source: folderSource(folder) });
  const { releases } = await client.find(telegram);
  expect(releases.map(({ version }) => version)).toEqual(["1.1.0", "1.0.0"]);
  for (const release of releases) expect(await client.unpack(release)).toHaveLength(1);
  expect((await client.catalogue()).map(({ id }) => id)).toEqual(["channel-irc", "channel-telegram"]);
  expect(await client.revocations()).toEqual([]);
  expect(await verify(house, folder)).toMatchObject({ problems: [], releases: 3 });
});

test("a second run fetches only what is new, and what was spoilt meanwhile", async () => {
  using house = filled();
  const folder = house.temporary();
  await mirrorOf(house, folder);
  const { asked, source } = watched(folderSource(house.folder));
  expect(await mirrorOf(house, folder, { source })).toMatchObject({ fetched: 0 });
  expect(asked).toEqual(["metadata/2.root.json", "metadata/timestamp.json"]);
  publish(house, telegram, "1.2.0");
  asked.length = 0;
  expect(await mirrorOf(house, folder, { source })).toMatchObject({ releases: 4 });
  expect(asked.filter((path) => path.endsWith(".tgz"))).toHaveLength(1);
  const [archive] = filesIn(folder).filter(({ name }) => name.endsWith("0.1.0.tgz"));
  writeFileSync(join(archive!.parentPath, archive!.name), "spoilt");
  expect((await verify(house, folder)).problems).toEqual([expect.objectContaining({ code: "REGISTRY_FILE_WRONG" })]);
  expect(await mirrorOf(house, folder)).toMatchObject({ fetched: 1 });
  expect((await verify(house, folder)).problems).toEqual([]);
});

test("a mirror of named packages has these with their history, and says of the others that they are not there", async () => {
  using house = filled();
  const folder = house.temporary();
  expect(await mirrorOf(house, folder, { packages: [irc] })).toMatchObject({ releases: 1 });
  const client = house.client({ source: folderSource(folder) });
  const [release] = (await client.find(irc)).releases;
  expect(await client.unpack(release!)).toHaveLength(1);
  const other = await client
    .find(telegram)
    .then(
      ({ releases }) => joined(client.download(releases[0]!)),
      (error) => Promise.reject(error),
    )
    .catch((error) => error.code);
  expect(other).toBe("REGISTRY_NOT_FOUND");
});

test("a mirror that was interrupted at any file serves what it served before, and goes on from there", async () => {
  using house = filled();
  const folder = house.temporary();
  await mirrorOf(house, folder);
  publish(house, telegram, "1.2.0");
  const next = createSigner().signer;
  const { founders } = house;
  rotateRoot(house.folder, {
    next: { ...founders, online: next },
    signers: [...founders.root, ...founders.targets, ...founders.revocations],
    now: () => house.clock.now,
  });
  const base = folderSource(house.folder);
  const steps = watched(base);
  await mirrorOf(house, house.temporary(), { source: steps.source });
  let fetched = 0;
  for (let last = 0; last < steps.asked.length; last++) {
    let left = last;
    const source: RegistrySource = {
      name: "interrupted",
      read(path, options) {
        if (left-- === 0) throw new Error("interrupted");
        return base.read(path, options);
      },
    };
    const outcome = await mirrorOf(house, folder, { source }).then(
      () => "done",
      (error: Error) => error.message,
    );
    if (outcome === "done") break;
    expect(outcome).toBe("interrupted");
    fetched += 1;
    const client = house.client({ source: folderSource(folder) });
    expect((await client.find(telegram)).releases).toHaveLength(2);
  }
  expect(fetched).toBeGreaterThan(5);
  await mirrorOf(house, folder);
  expect((await house.client({ source: folderSource(folder) }).find(telegram)).releases).toHaveLength(3);
  expect(await verify(house, folder)).toMatchObject({ problems: [], releases: 4 });
});

test("a mirror takes nothing older, nothing that is not signed, and leaves out what is revoked or cannot be had", async () => {
  using house = filled();
  const [folder, old] = [house.temporary(), house.temporary()];
  await mirrorOf(house, old);
  publish(house, telegram, "1.2.0");
  await mirrorOf(house, folder);
  await expect(mirrorOf(house, folder, { source: folderSource(old) })).rejects.toMatchObject({ code: "REGISTRY_METADATA_OLDER" });
  using other = filled();
  await expect(mirrorOf(house, house.temporary(), { source: folderSource(other.folder) })).rejects.toMatchObject({
    code: "REGISTRY_METADATA_UNSIGNED",
  });
  const reason = { reason: "it sends tokens to a stranger", at: "2031-05-04T10:00:00Z" };
  house.repository.revoke([{ ...telegram, versions: ["1.1.0"], ...reason }], house.founders.revocations);
  const [gone] = filesIn(house.folder).filter(({ name }) => name.endsWith("1.0.0.tgz"));
  rmSync(join(gone!.parentPath, gone!.name));
  const third = house.temporary();
  const { problems, releases } = await mirrorOf(house, third);
  expect(releases).toBe(4);
  expect(problems).toEqual([{ path: expect.stringMatching(/1\.0\.0\.tgz$/), code: "REGISTRY_NOT_FOUND", message: expect.any(String) }]);
  expect(filesIn(third).filter(({ name }) => name.endsWith("1.1.0.tgz"))).toEqual([]);
  expect((await verify(house, third)).problems).toHaveLength(1);
});

test("a client that trusts the first root follows a mirror that was made with a later one", async () => {
  using house = filled();
  const { founders } = house;
  const root = rotateRoot(house.folder, { next: founders, signers: founders.root, now: () => house.clock.now });
  const folder = house.temporary();
  await mirrorOf(house, folder, { root });
  expect((await house.client({ source: folderSource(folder) }).find(irc)).releases).toHaveLength(1);
});

test("verify says of each file what is wrong with it, and looks at all others", async () => {
  using house = filled();
  const problems = async () => {
    const found = (await verify(house, house.folder)).problems;
    return found.map(({ path, code }) => `${path.replace(/[0-9a-f]{64}\./, "")} ${code}`);
  };
  expect(await problems()).toEqual([]);
  const right = new Map<string, Buffer>();
  const spoil = (end: string, bytes: string) => {
    const [entry] = filesIn(house.folder).filter(({ name }) => name.endsWith(end));
    const path = join(entry!.parentPath, entry!.name);
    right.set(path, readFileSync(path));
    writeFileSync(path, bytes);
  };
  const mend = () => {
    for (const [path, bytes] of right) writeFileSync(path, bytes);
  };
  spoil("1.0.0.tgz", "x");
  spoil("0.1.0.tgz", "");
  expect(await problems()).toEqual([
    expect.stringMatching(/channel-(irc|telegram)\/.*tgz REGISTRY_FILE_WRONG/),
    expect.stringMatching(/channel-(irc|telegram)\/.*tgz REGISTRY_FILE_WRONG/),
  ]);
  mend();
  spoil("3.publisher-ada.json", "{}");
  expect(await problems()).toEqual(["metadata/3.publisher-ada.json REGISTRY_METADATA_MIXED"]);
  mend();
  spoil("timestamp.json", "{}");
  expect(await problems()).toEqual(["metadata REGISTRY_METADATA_INVALID"]);
  mend();
  expect(await problems()).toEqual([]);
  house.clock.now += 2 * 24 * 60 * 60 * 1000;
  expect(await problems()).toEqual(["metadata REGISTRY_METADATA_EXPIRED"]);
});

test("verify sees an archive of another package or version than its place says, and notes that are not true", async () => {
  using house = filled();
  const { repository, publisher } = house;
  const { signed } = repository.signedBy("ada")!;
  const notes = Object.entries(signed.targets).find(([path]) => path.includes("telegram"))![1].custom as object;
  const manifest = Buffer.from(JSON.stringify({ id: telegram.id, version: "9.1.0", summary: "Talks" }));
  const archive = pack([{ path: "plugin.json", bytes: manifest }]);
  const target = { length: archive.length, hashes: { sha256: new Bun.CryptoHasher("sha256").update(archive).digest("hex") } };
  const lies = [
    archiveOf({ ...irc, version: "9.1.0" }),
    archiveOf({ ...telegram, version: "9.0.0" }),
    archiveOf({ ...telegram, version: "9.1.0" }),
  ];
  const targets = { ...signed.targets, ...Object.fromEntries(lies.map((path) => [path, { ...target, custom: notes }])) };
  const list = signMetadata({ ...signed, version: signed.version + 1, targets }, [publisher]);
  repository.publish("ada", list, new Map(lies.map((path) => [path, archive])));
  const { problems } = await verify(house, house.folder);
  expect(problems.map(({ message }) => message).sort()).toEqual([
    expect.stringContaining("expected the id channel-irc in its plugin.json, came channel-telegram"),
    expect.stringContaining("expected the version 9.0.0 in its plugin.json, came 9.1.0"),
    expect.stringContaining("its notes speak of another plugin.json than the one in the archive"),
  ]);
});

test("a mirror of a whole registry can take its place: nothing is missing of a publisher whose names are another's by now", async () => {
  using house = filled();
  const { repository, founders } = house;
  const eve = createSigner().signer;
  for (const name of [telegram, irc]) {
    const { signed } = repository.signedBy("ada")!;
    const theirs = Object.fromEntries(Object.entries(signed.targets).filter(([path]) => path.startsWith(`${folderOf(name)}/`)));
    const before = repository.signedBy("eve")?.signed;
    const list = {
      ...unsigned("targets", (before?.version ?? 0) + 1, lives.publisher, () => house.clock.now),
      targets: { ...before?.targets, ...theirs },
    };
    const expires = "2031-05-05T10:00:00Z";
    const keys = [eve.json.keyval.public];
    const wish: Transfer = { _type: "transfer", ...name, from: "ada", to: "eve", keys, list: signed.version, expires };
    repository.transfer(signStatement(wish, founders.targets), signMetadata(list, [eve]), { keys: [eve], threshold: 1 });
  }
  const folder = house.temporary();
  expect(await mirrorOf(house, folder)).toMatchObject({ releases: 3, problems: [] });
  const restored = openRepository(folder, { online: founders.online, now: () => house.clock.now });
  expect(restored.renew().expiring).toEqual([]);
  expect(restored.signedBy("ada")?.signed.version).toBe(repository.signedBy("ada")?.signed.version);
});
