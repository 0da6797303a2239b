import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { mirrorRegistry } from "../mirror.ts";
import { folderSource, type RegistrySource } from "../source.ts";
import { dayMs, type House, startHouse, telegram } from "../testing/house.ts";
import { lives } from "./lifetime.ts";

const hourMs = dayMs / 24;
const placesIn = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(folder, join(parentPath, name)));

/** Files are written by the system's clock; the registry of a test has its own, which is years ahead. */
function dateFiles({ folder, clock }: House): void {
  for (const place of placesIn(folder)) {
    const file = join(folder, place);
    if (statSync(file).mtimeMs < clock.now - 365 * dayMs) utimesSync(file, clock.now / 1000, clock.now / 1000);
  }
}

test("renewals remove what others have followed, and whoever holds a timestamp that counts finds all that it names", async () => {
  using house = startHouse(1);
  const { folder, clock, repository } = house;
  const stamps: { readonly bytes: Uint8Array; readonly until: number; readonly version: string }[] = [];
  const gone: string[] = [];
  const hold = (version: string) => {
    dateFiles(house);
    stamps.push({ bytes: readFileSync(join(folder, "metadata", "timestamp.json")), until: clock.now + lives.timestamp, version });
  };
  for (let step = 0; step < 12; step++) {
    const version = `1.${step}.0`;
    house.publish(version, Buffer.from(version), telegram, { summary: `Talks ${step}` });
    const revocation = { kind: "plugins", id: "other", reason: `It is bad, ${step}`, at: "2031-05-04T10:00:00Z" } as const;
    repository.revoke([revocation], house.founders.revocations);
    hold(version);
    clock.now += 7 * hourMs;
    gone.push(...repository.renew().removed);
    hold(version);
    for (const { bytes, until, version: newest } of stamps) {
      if (until <= clock.now) continue;
      const base = folderSource(folder);
      const source: RegistrySource = {
        name: "as it was",
        read: (path, options) => (path === "metadata/timestamp.json" ? new Blob([Buffer.from(bytes)]).stream() : base.read(path, options)),
      };
      const client = house.client({ source });
      expect((await client.find(telegram)).releases[0]?.version).toBe(newest);
      expect((await client.catalogue()).map((row) => row.version)).toEqual([newest]);
      expect(await client.revocations()).toHaveLength(1);
    }
  }
  const left = placesIn(folder);
  expect(gone.filter((place) => left.includes(place))).toEqual([]);
  // Three publications a day, of each of which every kind of file is made anew; a claim and a revocation make some twice.
  for (const kind of ["snapshot.json", "publisher-ada.json", "catalogue.json", "revocations.json", "all.json.gz"]) {
    const those = left.filter((place) => place.endsWith(`.${kind}`));
    expect(those.length).toBeGreaterThanOrEqual(2);
    expect(those.length).toBeLessThanOrEqual(16);
    expect(gone.filter((place) => place.endsWith(`.${kind}`)).length).toBeGreaterThanOrEqual(6);
  }
  expect(gone.filter((place) => /root\.json|timestamp\.json|^targets\/plugins\//.test(place))).toEqual([]);
  expect(left.filter((place) => place.endsWith(".tgz"))).toHaveLength(12);
});

test("what an interrupted change left is removed after a day, and what is being written is not", () => {
  using house = startHouse(1);
  const { folder, clock, repository } = house;
  house.publish("1.0.0", Buffer.from("archive"));
  const part = `${"0".repeat(64)}.all.json.gz`;
  mkdirSync(join(folder, "targets", "catalogue"), { recursive: true });
  const places = ["metadata/9.names-all.json.7.next", `targets/catalogue/${part}.7.next`, "metadata/9.names-all.json"];
  for (const place of places) writeFileSync(join(folder, place), "{}");
  dateFiles(house);
  clock.now += dayMs - 1000;
  expect(repository.renew().removed).toEqual([]);
  dateFiles(house);
  clock.now += 1000;
  const { removed } = repository.renew();
  expect(removed).toEqual(expect.arrayContaining(places.slice(0, 2)));
  // A version that nobody names yet is about to be.
  expect(removed).not.toContain("metadata/9.names-all.json");
});

test("a mirror that is brought up to date over and over holds no more than the registry does", async () => {
  using house = startHouse(1);
  const { folder, clock, repository, root } = house;
  const mirrored = house.temporary();
  for (let step = 0; step < 6; step++) {
    house.publish(`1.${step}.0`, Buffer.from(`archive ${step}`));
    repository.renew();
    await mirrorRegistry({ source: folderSource(folder), folder: mirrored, root, now: () => clock.now });
    clock.now += dayMs / 2;
  }
  const metadataIn = (of: string) => readdirSync(join(of, "metadata")).filter((name) => !name.endsWith("root.json"));
  expect(metadataIn(mirrored).length).toBeGreaterThan(5);
  expect(metadataIn(mirrored).length).toBeLessThanOrEqual(metadataIn(folder).length);
  expect((await house.client({ source: folderSource(mirrored) }).find(telegram)).releases).toHaveLength(6);
});
