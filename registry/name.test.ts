import { expect, test } from "bun:test";
import { archiveOf, checkedName, compareVersions, isVersion, releaseAt } from "./name.ts";

test("versions are ordered as Semantic Versioning orders them", () => {
  const ordered = [
    "0.9.0",
    "1.0.0-1",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.1",
    "1.2.0",
    "1.10.0",
    "2.0.0",
  ];
  for (const [one, a] of ordered.entries())
    for (const [other, b] of ordered.entries()) expect(Math.sign(compareVersions(a, b))).toBe(Math.sign(one - other));
});

test("what is no version, and no name, is refused", () => {
  for (const text of [
    "1",
    "1.0",
    "v1.0.0",
    "01.0.0",
    "1.0.0-",
    "1.0.0-01",
    "1.0.0+build",
    " 1.0.0",
    "1.0.0/..",
    "1.0.0-é",
    `1.0.0-${"a".repeat(70)}`,
  ])
    expect([text, isVersion(text)]).toEqual([text, false]);
  for (const text of ["", "A", "1a", "a_b", "a--b", "-a", "a-", "a/b", "..", "ä", "a".repeat(65)])
    expect(() => checkedName(text)).toThrow(expect.objectContaining({ code: "REGISTRY_NAME_INVALID" }));
});

test("each release has one place, and a place is one release's", () => {
  const release = { kind: "plugins", id: "channel-telegram", version: "1.2.0-rc.1" } as const;
  const path = archiveOf(release);
  expect(path).toMatch(/^plugins\/[0-9a-f]{2}\/channel-telegram\/1\.2\.0-rc\.1\.tgz$/);
  expect(releaseAt(path)).toEqual(release);
  const bin = path.split("/")[1]!;
  for (const other of [
    path.replace(`/${bin}/`, bin === "00" ? "/01/" : "/00/"),
    path.replace("plugins", "others"),
    path.replace(".tgz", ".zip"),
    `${path}/x`,
    path.replace("1.2.0-rc.1", "1.2"),
  ])
    expect(releaseAt(other)).toBeUndefined();
});
