import { expect, test } from "bun:test";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findingsFile } from "./catalogue.ts";
import { archiveOf } from "./name.ts";
import { listWith, startHouse, telegram } from "./testing/house.ts";
import { signMetadata } from "./trust/metadata.ts";

const irc = { kind: "plugins", id: "channel-irc" } as const;
const row = { kind: "plugins", publisher: "ada", summary: "Talks on Telegram" } as const;

for (const parts of [1, 16] as const)
  test(`the catalogue has the newest version of each package that somebody may install (${parts} parts)`, async () => {
    using house = startHouse(parts);
    const state = house.temporary();
    const rows = async () => {
      const client = house.client({ state });
      await client.refresh();
      return client.catalogue();
    };
    expect(await rows()).toEqual([]);
    for (const version of ["1.0.0", "1.1.0", "2.0.0-rc.1"]) house.publish(version, Buffer.from(version));
    house.publish("0.1.0", Buffer.from("irc"), irc);
    const both = [
      { ...row, id: "channel-irc", version: "0.1.0" },
      { ...row, id: "channel-telegram", version: "1.1.0" },
    ];
    expect(await rows()).toEqual(both);
    const reason = { reason: "it forgets messages", at: "2031-05-04T10:00:00Z" };
    house.repository.revoke([{ ...telegram, versions: ["1.1.0"], ...reason }], house.founders.revocations);
    expect(await rows()).toEqual([both[0]!, { ...both[1]!, version: "1.0.0" }]);
    house.repository.revoke([{ ...telegram, ...reason }], house.founders.revocations);
    expect(await rows()).toEqual([both[0]!]);
    house.repository.revoke([], house.founders.revocations);
    expect(await rows()).toEqual(both);
  });

test("a yanked release stays where it was, says so, and is not what the catalogue shows; nothing else of a release is ever changed", async () => {
  using house = startHouse(1);
  for (const version of ["1.0.0", "1.1.0"]) house.publish(version, Buffer.from(version));
  const { repository, publisher } = house;
  const listWith = (change: (notes: Record<string, unknown>) => unknown) => {
    const { signed } = repository.signedBy("ada")!;
    const targets = Object.entries(signed.targets).map(([path, target]) => [
      path,
      path.endsWith("/1.1.0.tgz") ? { ...target, custom: change(target.custom as Record<string, unknown>) } : target,
    ]);
    return signMetadata({ ...signed, version: signed.version + 1, targets: Object.fromEntries(targets) }, [publisher]);
  };
  const yanked = { at: "2031-05-04T11:00:00Z", reason: "it forgets messages" };
  repository.publish(
    "ada",
    listWith((notes) => ({ ...notes, yanked })),
    new Map(),
  );
  const { releases } = await house.client().find(telegram);
  expect(releases.map(({ version, notes }) => [version, notes.yanked])).toEqual([
    ["1.1.0", yanked],
    ["1.0.0", undefined],
  ]);
  expect((await house.client().catalogue()).map(({ version }) => version)).toEqual(["1.0.0"]);
  for (const change of [{ summary: "Something else" }, { manifest: "1".repeat(64) }, { publishedAt: "2031-05-04T12:00:00Z" }, { sdk: "*" }])
    expect(() =>
      repository.publish(
        "ada",
        listWith((notes) => ({ ...notes, ...change })),
        new Map(),
      ),
    ).toThrow(expect.objectContaining({ code: "REGISTRY_VERSION_TAKEN" }));
  repository.publish(
    "ada",
    listWith(({ yanked: _back, ...notes }) => notes),
    new Map(),
  );
  expect((await house.client().catalogue()).map(({ version }) => version)).toEqual(["1.1.0"]);
});

test("what was found in a version is believed as it was signed, or not at all; in which nobody has looked, nobody says", async () => {
  using house = startHouse(16);
  house.publish("1.0.0", Buffer.from("1.0.0"));
  const found = { rule: "hides-text", severity: "high", file: "plugin.ts", line: 3, sentence: "it hides what it says" } as const;
  for (const [version, findings] of [
    ["1.1.0", [found, { ...found, line: 9, severity: "low" }]],
    ["1.2.0", []],
  ] as const) {
    const [release, archive] = [{ ...telegram, version }, Buffer.from(version)];
    const path = archiveOf(release);
    const list = signMetadata(listWith(house, release, archive), [house.publisher]);
    house.repository.publish("ada", list, new Map([[path, archive]]), { findings: new Map([[path, findings]]) });
  }
  const asked = (version: string) => house.client().findings({ ...telegram, version });
  expect(await asked("1.0.0")).toBeUndefined();
  expect(await asked("1.1.0")).toEqual([{ rule: "hides-text", severity: "high" }]);
  expect(await asked("1.2.0")).toEqual([]);
  expect(await house.client().findings({ ...irc, version: "1.1.0" })).toBeUndefined();
  const folder = join(house.folder, "targets", "catalogue");
  const files = readdirSync(folder).filter((name) => name.endsWith("-findings.json.gz"));
  for (const name of files) writeFileSync(join(folder, name), findingsFile([{ ...telegram, versions: { "1.1.0": [] } }]));
  await expect(asked("1.1.0")).rejects.toMatchObject({ code: "REGISTRY_FILE_WRONG" });
  for (const name of files) rmSync(join(folder, name));
  await expect(asked("1.1.0")).rejects.toMatchObject({ code: "REGISTRY_NOT_FOUND" });
});
