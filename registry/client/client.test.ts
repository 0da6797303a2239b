import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Updater } from "tuf-js";
import { pack } from "../../plugin-kit/archive.ts";
import { placeOf } from "../layout.ts";
import { archiveOf } from "../name.ts";
import { folderSource, joined, type RegistrySource } from "../source.ts";
import { startHouse, telegram } from "../testing/house.ts";
import { serveFolder } from "../testing/serve-folder.ts";

const archive = (text: string) => pack([{ path: "plugin.json", bytes: Buffer.from(text) }]);

for (const parts of [1, 16, 256] as const)
  test(`what was published is found, newest first, and comes as it was published (${parts} parts)`, async () => {
    using house = startHouse(parts);
    for (const version of ["1.9.0", "1.10.0", "1.10.0-rc.1"]) house.publish(version, archive(`{"version":"${version}"}`));
    const client = house.client();
    const { publisher, releases } = await client.find(telegram);
    expect(publisher).toEqual({ name: "ada", keys: [house.publisher.json.keyval.public], threshold: 1 });
    expect(releases.map(({ version }) => version)).toEqual(["1.10.0", "1.10.0-rc.1", "1.9.0"]);
    expect(releases[0]!.notes.summary).toBe("Talks on Telegram");
    expect(await joined(client.download(releases[0]!))).toEqual(Buffer.from(archive('{"version":"1.10.0"}')));
    const [file] = await client.unpack(releases[2]!);
    expect([file!.path, String(file!.bytes)]).toEqual(["plugin.json", '{"version":"1.9.0"}']);
  });

test("a client sees what is new once it has asked for it, and fetches only what has changed", async () => {
  using house = startHouse();
  house.publish("1.0.0", archive("one"));
  const asked: string[] = [];
  const base = folderSource(house.folder);
  const watched: RegistrySource = {
    name: "watched",
    read(path, options) {
      asked.push(path);
      return base.read(path, options);
    },
  };
  const client = house.client({ source: watched });
  await client.find(telegram);
  house.publish("1.1.0", archive("two"));
  expect((await client.find(telegram)).releases).toHaveLength(1);
  asked.length = 0;
  await client.refresh();
  expect((await client.find(telegram)).releases).toHaveLength(2);
  expect(asked.map((path) => path.replace(/\d+/, "N"))).toEqual([
    "metadata/N.root.json",
    "metadata/timestamp.json",
    "metadata/N.snapshot.json",
    expect.stringMatching(/^metadata\/N\.names-/),
    "metadata/N.publisher-ada.json",
  ]);
});

test("what is not there is said so", async () => {
  using house = startHouse();
  house.publish("1.0.0", archive("one"));
  const client = house.client();
  await expect(client.find({ kind: "plugins", id: "nobody" })).rejects.toMatchObject({
    code: "REGISTRY_NOT_FOUND",
    message: expect.stringContaining("no plugin nobody"),
  });
  await expect(client.find({ kind: "skills", id: telegram.id })).rejects.toMatchObject({ code: "REGISTRY_NOT_FOUND" });
  await expect(client.file("nothing.json")).rejects.toMatchObject({ code: "REGISTRY_NOT_FOUND" });
});

test("a client of TUF that is not ours accepts the registry, and finds the same bytes", async () => {
  using house = startHouse();
  // The library that the client is of asks the machine for the time.
  house.clock.now = Date.now();
  house.repository.renew();
  house.publish("1.0.0", archive("one"));
  await using server = serveFolder(house.folder);
  const metadataDir = house.temporary();
  writeFileSync(join(metadataDir, "root.json"), house.root);
  const targetDir = join(house.temporary(), "targets");
  mkdirSync(targetDir);
  const { url } = server;
  const updater = new Updater({ metadataDir, metadataBaseUrl: `${url}/metadata`, targetBaseUrl: `${url}/targets`, targetDir });
  const path = archiveOf({ ...telegram, version: "1.0.0" });
  const target = await updater.getTargetInfo(path);
  expect(target?.path).toBe(path);
  expect(readFileSync(await updater.downloadTarget(target!))).toEqual(Buffer.from(archive("one")));
  expect((await updater.getTargetInfo("revocations.json"))?.path).toBe("revocations.json");
  expect(await updater.getTargetInfo("plugins/00/nobody/1.0.0.tgz")).toBeUndefined();
});

test("whatever byte of an archive is another, it is not accepted", async () => {
  using house = startHouse();
  const bytes = archive(JSON.stringify({ id: "channel-telegram", version: "1.0.0" }));
  house.publish("1.0.0", bytes);
  const client = house.client();
  const [release] = (await client.find(telegram)).releases;
  const place = join(house.folder, placeOf(release!.path, release!.sha256));
  for (let offset = 0; offset < bytes.length; offset++) {
    const spoilt = Uint8Array.from(bytes);
    spoilt[offset] = spoilt[offset]! ^ (1 + (offset % 255));
    writeFileSync(place, spoilt);
    await expect(client.unpack(release!)).rejects.toMatchObject({
      code: expect.stringMatching(/^REGISTRY_(FILE_WRONG|ARCHIVE_INVALID|ARCHIVE_TOO_LARGE)$/),
    });
  }
  for (const length of [0, 1, bytes.length - 1]) {
    writeFileSync(place, bytes.subarray(0, length));
    await expect(client.unpack(release!)).rejects.toMatchObject({ code: expect.stringMatching(/^REGISTRY_(FILE_WRONG|ARCHIVE_INVALID)$/) });
  }
  writeFileSync(place, Buffer.concat([bytes, Buffer.from("x")]));
  await expect(client.unpack(release!)).rejects.toMatchObject({ code: "REGISTRY_TOO_LARGE" });
  writeFileSync(place, bytes);
  expect(await client.unpack(release!)).toHaveLength(1);
});
