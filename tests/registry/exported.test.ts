/** A registry that is carried in one file to where no network is. */
import { expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { filesOf, head, pack, padding } from "../../plugin-kit/archive.ts";
import { tarSource } from "../../registry/tar-source.ts";
import { serveNpm } from "../support/npm-registry.ts";
import { startShop } from "../support/packages.ts";
import { homeWith } from "../support/shop-home.ts";

test("what is exported with what it needs is installed where neither the registry nor npm is, and again by the lock", async () => {
  using shop = startShop();
  const npm = serveNpm();
  const { integrity } = npm.publish({ name: "rain", version: "1.0.0" });
  const dependencies = { rain: "1.0.0" };
  const lock = {
    lockfileVersion: 1,
    workspaces: { "": { name: "weather", dependencies } },
    packages: { rain: ["rain@1.0.0", "", {}, integrity] },
  };
  const made = await shop.make("1.0.0");
  writeFileSync(join(made.folder, "package.json"), JSON.stringify({ name: "weather", version: "1.0.0", type: "module", dependencies }));
  writeFileSync(join(made.folder, "bun.lock"), JSON.stringify(lock));
  shop.publish({ ...made, archive: pack(filesOf(made.folder)) });
  shop.publish(await shop.make("1.0.0", { id: "tides" }));
  const [first, second, folder] = ["one.tar", "two.tar", "carried"].map((name) => join(shop.folder, name)) as [string, string, string];
  {
    await using home = homeWith(shop, {}, { BUN_CONFIG_REGISTRY: npm.url });
    const put = ["registry", "export", shop.house.folder, first, "--root", shop.registry.root, "--package", "weather"];
    expect(await home.json(put)).toMatchObject({ ok: true, file: first, releases: 1, dependencies: 1, root: { isTrusted: true } });
    expect(await home.json(put.with(3, second))).toMatchObject({ ok: true });
  }
  expect(readFileSync(second).equals(readFileSync(first))).toBe(true);
  expect(readdirSync(shop.folder).filter((name) => name.startsWith(".export"))).toEqual([]);

  await npm[Symbol.asyncDispose]();
  {
    // The file itself is a registry, by the same root as any other, and by no other one.
    await using direct = homeWith(shop, { registries: [] }, { BUN_CONFIG_REGISTRY: npm.url });
    using stranger = startShop();
    const named = (root: string) => direct.json(["registry", "add", "carried", first, "--root", root]);
    expect(await named(stranger.registry.root)).toMatchObject({ ok: true });
    expect(await direct.json(["install", "weather", "--yes"])).toMatchObject({ ok: false });
    await direct.pincer(["registry", "remove", "carried"]);
    expect(await named(shop.registry.root)).toMatchObject({ ok: true, registry: { address: first } });
    expect(await direct.pincer(["install", "weather", "--yes"])).toMatchObject({
      code: 0,
      out: expect.stringContaining("registry carried"),
    });
    for (const name of ["plugins", "cache"]) rmSync(join(direct.path, name), { recursive: true });
    expect(await direct.pincer(["install", "--frozen", "--yes"])).toMatchObject({ code: 0, err: "" });
  }
  await using there = homeWith({ ...shop, registry: { ...shop.registry, address: folder } }, {}, { BUN_CONFIG_REGISTRY: npm.url });
  const got = ["registry", "mirror", first, folder, "--root", shop.registry.root, "--package", "weather"];
  // What is signed names more than the file holds: only who names what it holds can be told that all of that is there.
  expect(await there.json(got.slice(0, -2))).toMatchObject({ error: { message: expect.stringContaining("--package <name>") } });
  const seen = ["registry", "verify", first, "--root", shop.registry.root];
  expect((await there.pincer(seen)).out).toContain("--package <name>");
  expect(await there.json([...seen, "--package", "weather"])).toMatchObject({ ok: true, releases: 1, problems: [] });
  expect(await there.json(got)).toMatchObject({ ok: true, releases: 1, dependencies: 1 });
  const unknown = ["registry", "export", shop.house.folder, join(shop.folder, "none.tar"), "--package", "wether"];
  expect(await there.json(unknown)).toMatchObject({
    ok: false,
    releases: 0,
    problems: [{ message: expect.stringContaining('no plugin "wether"') }],
  });
  expect(await there.pincer(["install", "weather", "--yes"])).toMatchObject({ code: 0, err: "" });
  for (const name of ["plugins", "cache"]) rmSync(join(there.path, name), { recursive: true });
  expect(await there.pincer(["install", "--frozen", "--yes"])).toMatchObject({ code: 0, err: "" });
  await there.pincer(["up"]);
  expect(await there.json(["call", "weather.said"])).toEqual({ version: "1.0.0" });
}, 120_000);

test("a file that is no such tar, leads out of its folder, links, is cut off or was changed is refused", async () => {
  using shop = startShop();
  shop.publish(await shop.make("1.0.0"));
  await using home = homeWith(shop);
  const at = mkdtempSync(join(tmpdir(), "pincer-exported-"));
  const [whole, file] = [join(at, "whole.tar"), join(at, "spoilt.tar")];
  expect(await home.json(["registry", "export", shop.house.folder, whole])).toMatchObject({ ok: true });
  const right = readFileSync(whole);
  const entry = (path: string, text: string, kind = "0") => {
    const header = Buffer.from(head(path, text.length));
    const sum = header.readUIntBE(148, 6);
    header.write(kind, 156);
    const next = header.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 32 : byte), 0);
    header.write(`${next.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
    expect(kind === "0" || header.readUIntBE(148, 6) !== sum).toBe(true);
    return Buffer.concat([header, Buffer.from(text), Buffer.alloc(padding(text.length))]);
  };
  const end = Buffer.alloc(1024);
  const read = async (bytes: Uint8Array) => {
    writeFileSync(file, bytes);
    const source = await tarSource(file);
    return Array.fromAsync(source.read("metadata/1.root.json", { limit: 1e6 }));
  };
  const code = (bytes: Uint8Array) =>
    read(bytes).then(
      () => "read",
      (error) => error.code,
    );
  expect(await code(right)).toBe("read");
  for (const bytes of [
    Buffer.from("no tar"),
    Buffer.concat([entry("../up", "x"), end]),
    Buffer.concat([entry("/root", "x"), end]),
    Buffer.concat([entry("metadata/1.root.json", "", "2"), end]),
    Buffer.concat([entry("a", "x"), entry("a", "y"), end]),
    Buffer.concat([entry("a", "x")]),
    right.subarray(0, right.length - 1500),
    Buffer.concat([head("metadata/1.root.json", 8 ** 11 - 1), Buffer.from("x".repeat(600)), end]),
  ])
    expect(await code(bytes)).toBe("REGISTRY_ARCHIVE_INVALID");
  expect(await code(Buffer.concat([entry("metadata/1.root.json", "x".repeat(1_000_001)), end]))).toBe("REGISTRY_TOO_LARGE");

  // What is in an archive of a package is another's: it is left out, and said.
  const spoilt = Buffer.from(right);
  // Its name is long: it stands in an extension, and the header of the file comes behind that.
  const content = 512 * (Math.floor(spoilt.indexOf(".1.0.0.tgz") / 512) + 2);
  spoilt[content + 40] = spoilt[content + 40]! ^ 1;
  writeFileSync(file, spoilt);
  expect(await home.json(["registry", "mirror", file, join(at, "mirror")])).toMatchObject({
    ok: false,
    problems: [expect.objectContaining({ code: "REGISTRY_FILE_WRONG" })],
  });
  expect(await home.json(["registry", "verify", whole])).toMatchObject({ ok: true, releases: 1 });
  copyFileSync(join(shop.folder, "root.json"), file);
  expect(await home.json(["registry", "mirror", file, join(at, "mirror")])).toMatchObject({ ok: false });
  rmSync(at, { recursive: true, force: true });
}, 120_000);
