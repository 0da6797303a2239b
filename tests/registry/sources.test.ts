/** One plugin, installed from wherever packages come from, with what it needs of others. */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";
import { filesOf, pack } from "../../plugin-kit/archive.ts";
import type { Plan } from "../../plugins/registry-client/engine/plan/plan.ts";
import { createCliHome } from "../support/cli.ts";
import { type NpmRegistryServer, serveNpm } from "../support/npm-registry.ts";
import { startShop } from "../support/packages.ts";
import { entryIn } from "../support/pincer-lock.ts";
import { homeWith } from "../support/shop-home.ts";

interface Home {
  readonly path: string;
}
const installedIn = (home: Home) => {
  const folder = join(home.path, "plugins", "weather");
  return join(folder, readFileSync(join(folder, "current"), "utf8").trim());
};
const needed = (home: Home) => readFileSync(join(installedIn(home), "node_modules", "rain", "main.js"), "utf8");

/** A plugin that answers with what a package of npm says. */
async function makeNeedy(shop: ReturnType<typeof startShop>, npm: NpmRegistryServer): Promise<string> {
  const { folder } = await shop.make("1.0.0", {
    before: `const rain = defineMethod({
      name: "weather.rain", summary: "Of a package", scope: "operator.read", params: Type.Object({}), result: Type.Object({ text: Type.String() }),
    });`,
    setup: `ctx.method(rain, async () => ({ text: (await import("rain")).default }));`,
  });
  const manifest = { type: "module", main: "main.js", scripts: { postinstall: "touch ran" } };
  const { integrity } = npm.publish({ name: "rain", version: "1.0.0", manifest, files: { "main.js": 'export default "it rains";' } });
  const dependencies = { rain: "1.0.0" };
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "weather", version: "1.0.0", type: "module", dependencies }));
  const lock = {
    lockfileVersion: 1,
    workspaces: { "": { name: "weather", dependencies } },
    packages: { rain: ["rain@1.0.0", "", {}, integrity] },
  };
  writeFileSync(join(folder, "bun.lock"), JSON.stringify(lock));
  return folder;
}

function commit(folder: string, into: string, tag = "v1"): string {
  const env = { PATH: process.env["PATH"], HOME: into, GIT_CONFIG_NOSYSTEM: "1" };
  const run = (...args: string[]) => {
    const { exitCode, stdout, stderr } = Bun.spawnSync(["git", "-c", "user.name=ada", "-c", "user.email=ada@example.org", ...args], {
      cwd: into,
      env,
    });
    if (exitCode !== 0) throw new Error(String(stderr));
    return String(stdout).trim();
  };
  run("init", "--quiet", "--initial-branch=main");
  for (const { path, bytes } of filesOf(folder)) {
    mkdirSync(join(into, "weather", path, ".."), { recursive: true });
    writeFileSync(join(into, "weather", path), bytes);
  }
  run("add", "--all");
  run("commit", "--quiet", "--message=x");
  run("tag", tag);
  return run("rev-parse", "HEAD");
}

test("from npm, git, an archive and a folder comes the same plugin, with what it needs, and the lock says from where", async () => {
  await using npm = serveNpm();
  using shop = startShop();
  const folder = await makeNeedy(shop, npm);
  const repository = mkdtempSync(join(shop.folder, "repository-"));
  const head = commit(folder, repository);
  const archive = join(shop.folder, "weather.tgz");
  writeFileSync(archive, pack(filesOf(folder)));
  const files = Object.fromEntries(filesOf(folder).map(({ path, bytes }) => [path, Buffer.from(bytes).toString()]));
  const { integrity } = npm.publish({ name: "@ada/weather", version: "1.0.0", files });
  await using home = createCliHome({ BUN_CONFIG_REGISTRY: npm.url });
  const digests = new Set<string>();
  for (const [typed, origin] of [
    ["npm:@ada/weather@^1", { from: "npm", name: "@ada/weather", integrity }],
    [`git:file://${repository}#v1:weather`, { from: "git", url: `file://${repository}`, commit: head, inside: "weather" }],
    [archive, { from: "archive", at: archive }],
    [folder, { from: "folder", path: folder }],
  ] as const) {
    const done = await home.pincer(["install", typed, "--yes"]);
    expect(done).toMatchObject({ code: 0, err: "" });
    const entry = entryIn(home);
    expect(entry).toMatchObject({ version: "1.0.0", origin });
    digests.add(entry.digest);
    expect(needed(home)).toBe('export default "it rains";');
    expect(existsSync(join(installedIn(home), "node_modules", "rain", "ran"))).toBe(false);
    expect(await home.pincer(["remove", "weather", "--yes"])).toMatchObject({ code: 0 });
  }
  expect(digests.size).toBe(1);
  expect(npm.asked.filter(({ path }) => path.endsWith("rain-1.0.0.tgz"))).toHaveLength(1);
});

test("what was installed of a branch is updated from that branch", async () => {
  using shop = startShop();
  const repository = mkdtempSync(join(shop.folder, "repository-"));
  commit((await shop.make("1.0.0")).folder, repository);
  await using home = createCliHome();
  const typed = `git:file://${repository}#main:weather`;
  expect(await home.pincer(["install", typed, "--yes"])).toMatchObject({ code: 0, err: "" });
  const head = commit((await shop.make("1.1.0")).folder, repository, "v2");
  expect(await home.pincer(["update", "--yes"])).toMatchObject({ code: 0, out: expect.stringContaining("update weather 1.0.0 -> 1.1.0") });
  expect(entryIn(home)).toMatchObject({ version: "1.1.0", origin: { commit: head, ref: "main" } });
});

test("a branch that went on after its plan was shown is not what somebody said yes to", async () => {
  using shop = startShop();
  const repository = mkdtempSync(join(shop.folder, "repository-"));
  commit((await shop.make("1.0.0")).folder, repository);
  await using running = await startTestGateway();
  const client = await running.connect();
  const request = { do: "install", packages: [`git:file://${repository}#main:weather`] };
  const { token, items } = await client.call<Plan>("registry-client.plan", { request });
  const accepted = items.flatMap(({ needs }) => needs);
  commit((await shop.make("1.0.0", { summary: "Says something else" })).folder, repository, "v2");
  const outcome = await client.call("registry-client.apply", { request, token, accepted }).catch(({ error }) => error);
  expect(outcome).toMatchObject({ details: { code: "REGISTRY_CLIENT_PLAN_CHANGED" } });
  expect((await client.call<{ packages: readonly unknown[] }>("registry-client.list", {})).packages).toEqual([]);
});

test("what the lock says is installed again without a network, and runs", async () => {
  await using npm = serveNpm();
  using shop = startShop();
  const folder = await makeNeedy(shop, npm);
  const files = Object.fromEntries(filesOf(folder).map(({ path, bytes }) => [path, Buffer.from(bytes).toString()]));
  npm.publish({ name: "weather", version: "1.0.0", files });
  await using home = createCliHome({ BUN_CONFIG_REGISTRY: npm.url });
  expect(await home.pincer(["install", "npm:weather", "--yes"])).toMatchObject({ code: 0, err: "" });
  rmSync(join(home.path, "plugins"), { recursive: true });
  const asked = npm.asked.length;
  expect(await home.pincer(["install", "--frozen", "--yes"])).toMatchObject({ code: 0, err: "" });
  expect(npm.asked).toHaveLength(asked);
  expect(needed(home)).toBe('export default "it rains";');
  await home.pincer(["up"]);
  expect(await home.json(["call", "weather.rain"])).toEqual({ text: "it rains" });
});

test("a mirror holds what its plugins need of npm, and is enough where nothing else answers", async () => {
  await using npm = serveNpm();
  using shop = startShop();
  const folder = await makeNeedy(shop, npm);
  const manifest = new Bun.CryptoHasher("sha256").update(readFileSync(join(folder, "plugin.json"))).digest("hex");
  shop.publish({ id: "weather", version: "1.0.0", folder, manifest, archive: pack(filesOf(folder)) });
  const mirror = join(shop.folder, "mirror");
  await using home = homeWith(
    { ...shop, registry: { ...shop.registry, address: mirror } },
    {},
    { BUN_CONFIG_REGISTRY: "http://127.0.0.1:9/" },
  );
  const words = ["registry", "mirror", shop.house.folder, mirror, "--root", shop.registry.root];
  const mirrored = await home.pincer(words, { env: { BUN_CONFIG_REGISTRY: npm.url } });
  expect(mirrored).toMatchObject({ code: 0, err: "", out: expect.stringContaining("with      1 package of npm that its plugins need") });
  expect(await home.json([...words, "--no-dependencies"])).toMatchObject({ ok: true, dependencies: 0 });
  npm.disturb(() => {
    throw new Error("nobody asks for what is there already");
  });
  expect(await home.json(words)).toMatchObject({ ok: true, dependencies: 1, fetched: 0 });
  expect(await home.pincer(["install", "weather", "--yes"])).toMatchObject({ code: 0, err: "" });
  expect(needed(home)).toBe('export default "it rains";');
});

test("what cannot be read, found or believed is said in one line, and nothing is written", async () => {
  await using npm = serveNpm();
  using shop = startShop();
  const folder = await makeNeedy(shop, npm);
  const lock = readFileSync(join(folder, "bun.lock"), "utf8");
  npm.publish({ name: "no-plugin", version: "1.0.0" });
  npm.publish({ name: "rain", version: "1.0.0", files: { "main.js": "something else" } });
  await using home = createCliHome({ BUN_CONFIG_REGISTRY: npm.url });
  for (const [typed, said] of [
    ["npm:none", "npm/none is not there"],
    ["npm:no-plugin", "expected a plugin.json or a SKILL.md at its root"],
    ["git:ext::sh", "expected https, ssh or file"],
    ["http://example.invalid/x.tgz", "expected https"],
    [`git:file://${shop.folder}/none`, "git ls-remote"],
    ["./none", "there is no"],
    ["npm:x@file:../x", "expected a version, a range or a tag"],
    [folder, "rain 1.0.0 must be"],
  ] as const) {
    const { code, err } = await home.pincer(["install", typed, "--yes"]);
    expect({ typed, code, err }).toEqual({ typed, code: 1, err: expect.stringContaining(said) });
    expect(existsSync(join(home.path, "plugins", "weather", "current"))).toBe(false);
  }
  expect(readFileSync(join(folder, "bun.lock"), "utf8")).toBe(lock);
});
