import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pack } from "@pincer/plugin-kit/archive";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { serveHttp } from "@pincer/plugin-sdk/testing/http-server";
import { httpReader } from "@pincer/registry/http-source";
import { archivePackages } from "./archive.ts";
import { shownOrigin } from "./sources.ts";

const base = realpathSync(mkdtempSync(join(tmpdir(), "pincer-archive-")));
afterAll(() => rmSync(base, { recursive: true, force: true }));
const { signal } = new AbortController();
const source = archivePackages(httpReader({ fetch, clock: systemClock }));
const resolve = (at: string) => source.resolve({ from: "archive", at }, signal);
const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error) => error,
  );

const files = (version: string, folder = "") =>
  Object.entries({ "plugin.json": JSON.stringify({ id: "dice", version }), "plugin.ts": "1" }).map(([path, text]) => ({
    path: `${folder}${path}`,
    bytes: Buffer.from(text),
  }));

test("an archive of this machine is the plugin that it holds, also in a folder of its own", async () => {
  for (const folder of ["", "dice-main/"]) {
    const at = join(base, "one.tgz");
    writeFileSync(at, pack(files("1.0.0", folder)));
    const found = await resolve(at);
    expect(found).toMatchObject({ kind: "plugins", id: "dice", version: "1.0.0", origin: { from: "archive", at } });
    expect((await found.files(signal)).map(({ path }) => path)).toEqual(["plugin.json", "plugin.ts"]);
  }
});

test("what Bun packs is read", async () => {
  const folder = join(base, "packed");
  mkdirSync(folder);
  for (const { path, bytes } of files("1.2.0")) writeFileSync(join(folder, path), bytes);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "dice", version: "1.2.0" }));
  const { exitCode } = Bun.spawnSync([process.execPath, "pm", "pack", "--ignore-scripts"], {
    cwd: folder,
    env: { ...process.env, BUN_BE_BUN: "1" },
  });
  expect(exitCode).toBe(0);
  expect(await resolve(join(folder, "dice-1.2.0.tgz"))).toMatchObject({ id: "dice", version: "1.2.0" });
});

test("an archive at an address is fetched, and what a lock names is these bytes", async () => {
  let archive = pack(files("1.0.0"));
  await using server = serveHttp(async (exchange) => {
    if (exchange.path !== "/dice.tgz") return exchange.send(404, "");
    exchange.begin(200, {});
    await exchange.write(archive);
    exchange.end();
  });
  const at = `${server.origin}/dice.tgz`;
  const { origin, ...locked } = await resolve(at);
  expect(locked).toMatchObject({ id: "dice", version: "1.0.0", size: archive.length });
  if (origin.from !== "archive") throw new Error("expected an archive");
  expect(await source.exactly(origin, locked).files(signal)).toHaveLength(2);
  const right = archive;
  for (let byte = 0; byte < right.length; byte++) {
    archive = right.map((value, index) => (index === byte ? value ^ 64 : value));
    expect(await failureOf(source.exactly(origin, locked).files(signal))).toMatchObject({ code: "REGISTRY_FILE_WRONG" });
  }
  archive = pack(files("2.0.0"));
  expect(await failureOf(source.exactly(origin, locked).files(signal))).toMatchObject({ code: "REGISTRY_FILE_WRONG" });
  expect(await failureOf(resolve(`${server.origin}/other.tgz`))).toMatchObject({ code: "REGISTRY_NOT_FOUND" });
});

test("what is behind the question mark of an address fetches, and is shown to nobody", async () => {
  await using server = serveHttp(async (exchange) => {
    if (!exchange.path.endsWith("/dice.tgz?token=s3cret")) return exchange.send(404, "");
    exchange.begin(200, {});
    await exchange.write(pack(files("1.0.0")));
    exchange.end();
  });
  const { origin } = await resolve(`${server.origin}/dice.tgz?token=s3cret`);
  expect(shownOrigin(origin)).toBe(`${server.origin}/dice.tgz?…`);
  expect(await failureOf(resolve(`${server.origin}/other.tgz?token=s3cret`))).toMatchObject({
    code: "REGISTRY_NOT_FOUND",
    message: `${server.origin}/other.tgz?… is not there (404)`,
  });
});

test("what is no archive, or too large for one, is refused", async () => {
  const at = join(base, "bad.tgz");
  for (const [bytes, code] of [
    [Buffer.from("no gzip"), "REGISTRY_ARCHIVE_INVALID"],
    [pack([{ path: "notes.md", bytes: Buffer.from("1") }]), "REGISTRY_CLIENT_PACKAGE_INVALID"],
    [new Uint8Array(17 * 2 ** 20), "REGISTRY_TOO_LARGE"],
    [pack([{ path: "../plugin.json", bytes: Buffer.from("{}") }]), "REGISTRY_ARCHIVE_INVALID"],
  ] as const) {
    writeFileSync(at, bytes);
    expect(await failureOf(resolve(at))).toMatchObject({ code });
  }
  expect(await failureOf(resolve(join(base, "none.tgz")))).toMatchObject({ code: "REGISTRY_NOT_FOUND" });
  expect(await failureOf(resolve("http://example.invalid/x.tgz"))).toMatchObject({ code: "REGISTRY_CLIENT_WANTED_INVALID" });
});
