import { afterAll, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HttpReaderOptions } from "@pincer/registry/http-source";
import { attentiveFetch } from "../../../tests/support/attentive-fetch.ts";
import { serveNpm } from "../../../tests/support/npm-registry.ts";
import { npmPackages } from "./npm.ts";
import { npmRegistry } from "./npm-registry.ts";
import { npmSettings } from "./npm-settings.ts";

const home = mkdtempSync(join(tmpdir(), "pincer-npm-"));
const registry = serveNpm();
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  rmSync(home, { recursive: true, force: true });
});
beforeEach(() => registry.disturb(() => false));

const waits: number[] = [];
const attentive = attentiveFetch();
/** Waits pass at once. */
const options: HttpReaderOptions = {
  fetch: attentive.fetch,
  clock: {
    now: () => 0,
    sleep: async (ms, signal) => {
      if (ms < 30_000) return void waits.push(ms);
      await new Promise((_resolve, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
    },
  },
};
const settings = npmSettings({ env: { BUN_CONFIG_REGISTRY: registry.url }, home, ask: async () => "" });
const source = npmPackages(npmRegistry(settings, options));
const { signal } = new AbortController();
const resolve = (name: string, range?: string) => source.resolve({ from: "npm", name, ...(range !== undefined && { range }) }, signal);
const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error) => error,
  );

let count = 0;
const fresh = () => `pincer-plugin-${count++}`;
const pluginFiles = (version: string) => ({
  "plugin.json": JSON.stringify({ id: "dice", version }),
  "plugin.ts": `export default "${version}";`,
});
const publish = (name: string, version: string, over: Partial<Parameters<typeof registry.publish>[0]> = {}) =>
  registry.publish({ name, version, files: pluginFiles(version), manifest: { scripts: { postinstall: "touch ran" } }, ...over });

test("a package of npm is the plugin that its archive holds", async () => {
  const name = "@pincer-test/dice";
  const { integrity, archive } = publish(name, "1.0.0");
  const found = await resolve(name);
  expect(found).toMatchObject({
    kind: "plugins",
    id: "dice",
    version: "1.0.0",
    size: archive.length,
    origin: { from: "npm", name, integrity },
  });
  expect(found.notices).toEqual([]);
  const files = await found.files(signal);
  expect(files.map(({ path }) => path)).toEqual(["package.json", "plugin.json", "plugin.ts"]);
  expect(registry.asked.at(-2)!.path).toBe("/npm/@pincer-test%2fdice");
  expect(registry.asked.at(-2)!.headers.get("accept")).toContain("application/vnd.npm.install-v1+json");
});

test("a package of npm may hold a skill, whose version is its own or what it consists of", async () => {
  const name = fresh();
  const skill = (more: string) => ({ "SKILL.md": `---\nname: dice\ndescription: Throws dice when asked to.\n${more}---\nThrow.\n` });
  registry.publish({ name, version: "1.0.0", files: skill('metadata:\n  version: "2.1.0"\n') });
  expect(await resolve(name)).toMatchObject({
    kind: "skills",
    id: "dice",
    version: "2.1.0",
    notices: [{ code: "other-version", level: "warning", text: "npm has it as version 1.0.0, and it says itself that it is 2.1.0" }],
  });
  registry.publish({ name, version: "1.0.1", files: skill("") });
  expect((await resolve(name)).version).toMatch(/^0\.0\.0-h[0-9a-f]{12}$/);
});

test("which version it is, as npm chooses", async () => {
  const name = fresh();
  for (const version of ["1.0.0", "1.1.0", "1.2.0-beta.1", "2.0.0"]) publish(name, version, { tags: [] });
  publish(name, "1.3.0", { tags: [], deprecated: "use 2" });
  publish(name, "1.0.5", { tags: ["latest"] });
  publish(name, "3.0.0-rc.1", { tags: ["next"] });
  const versions = async (ranges: readonly (string | undefined)[]) =>
    Promise.all(ranges.map(async (range) => (await resolve(name, range)).version));
  expect(
    await versions([undefined, "latest", "next", "2.0.0", "^1", "^1.0.6", "~1.2.0-beta", ">=1.2.0 <2", "*", "^2", "2.x || 3", "1.1 - 1.2"]),
  ).toEqual(["1.0.5", "1.0.5", "3.0.0-rc.1", "2.0.0", "1.0.5", "1.1.0", "1.2.0-beta.1", "1.3.0", "1.0.5", "2.0.0", "2.0.0", "1.1.0"]);
  expect((await resolve(name, "1.3.0")).notices).toMatchObject([{ code: "deprecated", text: `its author gave ${name} 1.3.0 up: use 2` }]);
  expect(await failureOf(resolve(name, "^9"))).toMatchObject({
    code: "REGISTRY_NOT_FOUND",
    message: expect.stringContaining("3.0.0-rc.1, 2.0.0, 1.3.0"),
  });
  for (const range of ["constructor", "__proto__", "lates"])
    expect(await failureOf(resolve(name, range))).toMatchObject({ code: "REGISTRY_NOT_FOUND" });
  expect(await failureOf(resolve(fresh()))).toMatchObject({ code: "REGISTRY_NOT_FOUND" });
});

test("what is neither a plugin nor a skill is refused", async () => {
  const name = fresh();
  registry.publish({ name, version: "1.0.0", files: { "main.js": "1" } });
  expect(await failureOf(resolve(name))).toMatchObject({
    code: "REGISTRY_CLIENT_PACKAGE_INVALID",
    message: expect.stringContaining("a plugin.json or a SKILL.md at its root"),
  });
  registry.publish({ name, version: "1.0.1", files: { "plugin.json": JSON.stringify({ id: "../x", version: "1.0.0" }) } });
  expect(await failureOf(resolve(name))).toMatchObject({
    code: "REGISTRY_CLIENT_PACKAGE_INVALID",
    message: expect.stringContaining("a plugin's id"),
  });
});

test("what a lock names comes again, whatever is newest now, and nothing else does", async () => {
  const name = fresh();
  publish(name, "1.0.0");
  const { origin, ...locked } = await resolve(name);
  publish(name, "1.1.0");
  if (origin.from !== "npm") throw new Error("expected an origin of npm");
  const again = source.exactly(origin, locked);
  const text = (await again.files(signal)).find(({ path }) => path === "plugin.ts")!.bytes;
  expect(String(Buffer.from(text))).toBe('export default "1.0.0";');
  publish(name, "1.0.0", { files: { ...pluginFiles("1.0.0"), "plugin.ts": "evil" } });
  expect(await failureOf(source.exactly(origin, locked).files(signal))).toMatchObject({ code: "REGISTRY_FILE_WRONG" });
});

test("of an archive with one byte swapped nothing is accepted, wherever the byte is", async () => {
  const name = fresh();
  const { archive } = publish(name, "1.0.0");
  let at = 0;
  let sent = 0;
  registry.disturb((exchange, asked) => {
    if (!asked) return false;
    const bytes = Buffer.from(asked);
    bytes[at]! ^= 1 + (at % 255);
    exchange.begin(200, {});
    void exchange.write(bytes).then(() => exchange.end());
    sent++;
    return true;
  });
  for (; at < archive.length; at++) expect(await failureOf(resolve(name))).toMatchObject({ code: "REGISTRY_FILE_WRONG" });
  expect(sent).toBe(2 * archive.length);
});

test("what comes wrong once is asked for again, and what breaks off goes on", async () => {
  const name = fresh();
  publish(name, "1.0.0", {
    files: { ...pluginFiles("1.0.0"), noise: Buffer.from(crypto.getRandomValues(new Uint8Array(3000))).toString("hex") },
  });
  const ranges: (string | null)[] = [];
  registry.disturb(async (exchange, archive) => {
    if (!archive) return false;
    ranges.push(exchange.headers.get("range"));
    if (ranges.length === 1) {
      exchange.begin(200, {});
      await exchange.write(archive.map((byte) => byte ^ 1));
      exchange.end();
      return true;
    }
    if (ranges.length > 2) return false;
    const taken = attentive.taken(exchange.path);
    exchange.begin(200, {});
    await exchange.write(archive.subarray(0, 1000));
    await taken;
    exchange.breakOff();
    return true;
  });
  expect(await resolve(name)).toMatchObject({ version: "1.0.0" });
  expect(ranges).toEqual([null, null, "bytes=1000-"]);
});

test("a busy registry is left alone as long as it asks, a broken one is asked again, and one that stays so is told of", async () => {
  const name = fresh();
  publish(name, "1.0.0");
  const answers: [number, Record<string, string>][] = [
    [429, { "retry-after": "7" }],
    [500, {}],
    [503, { "retry-after": "2" }],
  ];
  waits.length = 0;
  registry.disturb((exchange) => {
    const next = answers.shift();
    if (next) exchange.send(next[0], "busy", next[1]);
    return next !== undefined;
  });
  expect(await resolve(name)).toMatchObject({ version: "1.0.0" });
  expect(waits).toEqual([7000, 1000, 2000]);
  registry.disturb((exchange) => {
    exchange.send(500, "broken");
    return true;
  });
  expect(await failureOf(resolve(name))).toMatchObject({ code: "REGISTRY_UNREACHABLE" });
});

test("what stalls is given up", async () => {
  const name = fresh();
  publish(name, "1.0.0");
  let idle = () => {};
  const stalling: HttpReaderOptions["clock"] = {
    now: () => 0,
    sleep: (ms, given) =>
      new Promise((resolve, reject) => {
        if (ms < 30_000) resolve();
        idle = resolve;
        given?.addEventListener("abort", () => reject(given.reason));
      }),
  };
  let stalled = 0;
  registry.disturb(async (exchange, archive) => {
    if (!archive) return false;
    const taken = attentive.taken(exchange.path);
    exchange.begin(200, {});
    await exchange.write(archive.subarray(0, 10));
    await taken;
    stalled++;
    idle();
    return true;
  });
  const slow = npmPackages(npmRegistry(settings, { ...options, clock: stalling }));
  expect(await failureOf(slow.resolve({ from: "npm", name }, signal))).toMatchObject({
    code: "REGISTRY_UNREACHABLE",
    message: expect.stringContaining("sends nothing for 30000 ms"),
  });
  expect(stalled).toBe(4);
});

test("more than an archive may have is not taken", async () => {
  const name = fresh();
  publish(name, "1.0.0");
  registry.disturb(async (exchange, archive) => {
    if (!archive) return false;
    exchange.begin(200, {});
    for (let sent = 0; sent < 17; sent++) await exchange.write(new Uint8Array(2 ** 20));
    exchange.end();
    return true;
  });
  expect(await failureOf(resolve(name))).toMatchObject({ code: "REGISTRY_TOO_LARGE" });
});

test("what a registry says in another form is refused", async () => {
  const name = fresh();
  publish(name, "1.0.0");
  for (const body of ["", "no json", "[]", JSON.stringify({ name: "other", versions: {} }), JSON.stringify({ name, versions: [] })]) {
    registry.disturb((exchange) => {
      exchange.send(200, body);
      return true;
    });
    expect(await failureOf(resolve(name))).toMatchObject({ code: "REGISTRY_METADATA_INVALID" });
  }
  const dist = { tarball: `${registry.url}x.tgz`, shasum: "0".repeat(40) };
  const answer = (over: object) =>
    JSON.stringify({ name, "dist-tags": { latest: "1.0.0" }, versions: { "1.0.0": { version: "1.0.0", dist: { ...dist, ...over } } } });
  for (const over of [
    {},
    { integrity: "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=" },
    { integrity: "sha512-short" },
    { integrity: `sha512-${"A".repeat(86)}==`, tarball: "http://127.0.0.1:9/x.tgz" },
    { integrity: `sha512-${"A".repeat(86)}==`, tarball: "file:///etc/passwd" },
  ]) {
    registry.disturb((exchange) => {
      exchange.send(200, answer(over));
      return true;
    });
    expect(await failureOf(resolve(name))).toMatchObject({ code: "REGISTRY_METADATA_INVALID" });
  }
});

test("what a registry calls a version or a tag, and is none, is neither chosen nor shown, and no answer keeps whoever reads it busy", async () => {
  const name = fresh();
  const { integrity } = publish(name, "1.0.0");
  const evil = "\u001b[2J\nnext pincer install evil";
  const version = (called: string) => ({ version: called, dist: { tarball: `${registry.url}${name}/-/${name}-1.0.0.tgz`, integrity } });
  const answer = (body: string) =>
    registry.disturb((exchange, archive) => {
      if (archive) return false;
      exchange.send(200, body);
      return true;
    });
  const versions = Object.fromEntries([evil, "newest", "9".repeat(100_000), "1.0.0"].map((called) => [called, version(called)]));
  answer(JSON.stringify({ name, "dist-tags": { [evil]: "1.0.0", latest: evil }, versions }));
  expect(await resolve(name, "*")).toMatchObject({ version: "1.0.0", notices: [] });
  for (const range of [undefined, "^9"])
    expect(await failureOf(resolve(name, range))).toMatchObject({
      code: "REGISTRY_NOT_FOUND",
      message: `npm's registry has no ${name}@${range ?? "latest"}; the newest are 1.0.0, and its tags latest`,
    });
  answer("[".repeat(30_000_000));
  expect(await failureOf(resolve(name))).toMatchObject({
    code: "REGISTRY_METADATA_INVALID",
    message: expect.stringContaining("200 objects and lists inside each other"),
  });
});

test("what a package says of itself is told only as far as anybody reads it", async () => {
  const name = fresh();
  for (const files of [
    { "plugin.json": JSON.stringify({ id: "X".repeat(900_000), version: "1.0.0" }) },
    { "plugin.json": JSON.stringify({ id: "dice", version: "1".repeat(900_000) }) },
    { "plugin.json": "[".repeat(900_000) },
  ]) {
    registry.publish({ name, version: "1.0.0", files });
    const failure = (await failureOf(resolve(name))) as Error;
    expect(failure).toMatchObject({ code: "REGISTRY_CLIENT_PACKAGE_INVALID" });
    expect(failure.message.length).toBeLessThan(400);
  }
});

test("the machine's settings count: registries of scopes, and tokens, which go to their registry alone", async () => {
  const rc = mkdtempSync(join(home, "rc-"));
  writeFileSync(
    join(rc, ".npmrc"),
    `; mine\nregistry = http://127.0.0.1:9/\n@acme:registry=${registry.url}\n${registry.url.replace("http:", "")}:_authToken=\${TOKEN}\n`,
  );
  const own = npmSettings({ env: { TOKEN: "t-1" }, home: rc, ask: async () => "" });
  expect(String((await own.registryOf("x", signal)).url)).toBe("http://127.0.0.1:9/");
  expect((await own.registryOf("x", signal)).authorization).toBeUndefined();
  publish("@acme/dice", "1.0.0");
  const asked = registry.asked.length;
  await npmPackages(npmRegistry(own, options)).resolve({ from: "npm", name: "@acme/dice" }, signal);
  expect(registry.asked.slice(asked).map(({ headers }) => headers.get("authorization"))).toEqual(["Bearer t-1", "Bearer t-1"]);

  await using elsewhere = serveNpm();
  registry.disturb((exchange, archive) => {
    if (!archive) return false;
    exchange.send(302, "", { location: elsewhere.url });
    return true;
  });
  await failureOf(npmPackages(npmRegistry(own, options)).resolve({ from: "npm", name: "@acme/dice" }, signal));
  expect(elsewhere.asked).toHaveLength(0);
});

test("without settings it is the registry that Bun has by itself", async () => {
  const empty = mkdtempSync(join(home, "empty-"));
  const own = npmSettings({ env: {}, home: empty, ask: async (name) => `https://host.invalid/${name}/-/${name}-1.0.0.tgz` });
  expect(await own.registryOf("x", signal)).toEqual({ url: new URL("https://host.invalid/") });
  const none = npmSettings({ env: {}, home: empty, ask: () => Promise.reject(new Error("no network")) });
  expect(await failureOf(none.registryOf("x", signal))).toMatchObject({
    code: "REGISTRY_UNREACHABLE",
    message: expect.stringContaining("no network"),
  });
});
