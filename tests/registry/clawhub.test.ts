/** ClawHub's API, both ways: the published `clawhub` program, unchanged, against `pincer registry serve`, and `pincer install` from such sites. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { commandOf, testUnless } from "@pincer/plugin-sdk/testing/needs";
import { writeZip } from "../../registry/archive/zip-write.ts";
import { clawHubCli } from "../support/clawhub-cli.ts";
import { serveClawHub } from "../support/clawhub-site.ts";
import { createCliHome } from "../support/cli.ts";
import { lockedIn } from "../support/pincer-lock.ts";
import { type ServedRegistry, startServedRegistry } from "./served-registry.ts";

/** What an older Node lacks, the program cannot do without. */
function whyNoNode(): string | undefined {
  const node = commandOf("node");
  if (node === undefined) return "https://nodejs.org";
  const version = Bun.spawnSync([node, "--version"]).stdout.toString().trim();
  return Number(/^v(\d+)/.exec(version)?.[1]) >= 20 ? undefined : `Node 20 or later, this is ${version}`;
}

let registry: ServedRegistry;
let key: string;

const skillFiles = (version: string): Readonly<Record<string, string | Uint8Array>> => ({
  "SKILL.md": `---\nname: weather\ndescription: Says what the weather will be at a place\nmetadata:\n  version: ${version}\n---\n# Weather ${version}\n\nGrüße.\n`,
  "scripts/ask.sh": `#!/bin/sh\necho ${version}\n`,
  "assets/icon.png": Uint8Array.from({ length: 3000 }, (_byte, index) => (index * 7) % 256),
});

function skillFolder(files: Readonly<Record<string, string | Uint8Array>>): string {
  const folder = registry.temporary("weather");
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return folder;
}

async function publish(version: string): Promise<void> {
  expect(await registry.publish(skillFolder(skillFiles(version)), "ada", key)).toMatchObject({ ok: true });
}

/** Every file below a folder that is not hidden, with its bytes. */
function filesIn(folder: string, inside = ""): readonly (readonly [path: string, bytes: Buffer])[] {
  return readdirSync(join(folder, inside))
    .filter((name) => !name.startsWith("."))
    .sort()
    .flatMap((name) => {
      const path = join(inside, name);
      return statSync(join(folder, path)).isDirectory() ? filesIn(folder, path) : [[path, readFileSync(join(folder, path))] as const];
    });
}

const published = (version: string) =>
  Object.entries(skillFiles(version))
    .map(([path, content]) => [path, Buffer.from(content as Uint8Array)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));

beforeAll(async () => {
  registry = await startServedRegistry({ rates: { reads: { burst: 500, perMinute: 500 } } });
  key = registry.key("ada").file;
  await publish("1.0.0");
  await publish("1.1.0");
}, 60_000);
afterAll(() => registry[Symbol.asyncDispose]());

test("clawhub searches, inspects, installs, lists and updates without an account", async () => {
  using cli = clawHubCli(process.execPath, { CLAWHUB_SITE: registry.url });
  const out = (...words: string[]) => cli.succeed(...words);
  expect(await out("search", "weather at a place")).toMatch(/^weather v1\.1\.0 +@ada +weather/m);
  const inspected = JSON.parse(await out("inspect", "weather", "--versions", "--files", "--version", "1.0.0", "--json"));
  expect(inspected).toMatchObject({
    skill: { slug: "weather", summary: "Says what the weather will be at a place" },
    owner: { handle: "ada" },
    latestVersion: { version: "1.1.0" },
    versions: [{ version: "1.1.0" }, { version: "1.0.0" }],
    version: { version: "1.0.0", security: { status: "clean" } },
  });
  expect(inspected.version.files.map(({ path, size }: { path: string; size: number }) => [path, size])).toEqual(
    published("1.0.0").map(([path, bytes]) => [path, bytes.length]),
  );
  expect(await out("inspect", "weather", "--file", "SKILL.md")).toBe(String(skillFiles("1.1.0")["SKILL.md"]));
  await out("install", "@ada/weather", "--version", "1.0.0");
  const folder = join(cli.folder, "skills", "@ada", "weather");
  expect(filesIn(folder)).toEqual(published("1.0.0"));
  expect(await out("list")).toContain("@ada/weather  1.0.0");
  expect(await out("update", "@ada/weather")).toContain("1.1.0");
  expect(filesIn(folder)).toEqual(published("1.1.0"));
  expect(await out("explore", "--sort", "downloads")).toMatch(/^weather +v1\.1\.0/m);
}, 240_000);

testUnless("node", whyNoNode())(
  "clawhub, run by Node as its users run it, installs and sees what was changed since, and what is not there",
  async () => {
    using cli = clawHubCli(commandOf("node")!, { CLAWHUB_REGISTRY: `${registry.url}/clawhub` });
    await cli.succeed("install", "weather");
    const folder = join(cli.folder, "skills", "weather");
    expect(filesIn(folder)).toEqual(published("1.1.0"));
    expect(await cli.succeed("update", "--all")).toContain("up to date");
    writeFileSync(join(folder, "scripts", "ask.sh"), "mine");
    expect(await cli.succeed("update", "weather")).toContain("local changes");
    const { code, out } = await cli.run("install", "@eve/weather");
    expect({ code, out }).toEqual({ code: 1, out: expect.stringContaining("Skill not found") });
  },
  240_000,
);

test("Pincer installs a skill from a ClawHub-compatible address, asks about what its site calls bad, and holds it to its lock", async () => {
  await using site = serveClawHub();
  const suspicious = { isSuspicious: true, isMalwareBlocked: false, summary: "Runs what it fetches" };
  site.publish({
    slug: "dice",
    version: "1.0.0",
    files: { "SKILL.md": "---\nname: dice\ndescription: Rolls dice\n---\nRoll.\n" },
    moderation: suspicious,
  });
  const sites = [
    { name: "own", address: registry.url },
    { name: "other", address: site.url },
  ];
  await using home = createCliHome();
  mkdirSync(home.path, { recursive: true });
  writeFileSync(
    join(home.path, "pincer.json5"),
    JSON.stringify({ plugins: { "registry-client": { config: { clawhub: sites }, enabled: true } } }),
  );
  const installed = (id: string) => {
    const folder = join(home.path, "skills", id);
    return filesIn(join(folder, readFileSync(join(folder, "current"), "utf8").trim()));
  };

  const shown = await home.pincer(["install", "clawhub:@ada/weather@1.0.0"]);
  expect(shown).toMatchObject({ code: 1, out: expect.stringMatching(/^install skill weather 1\.0\.0\n/) });
  expect(existsSync(join(home.path, "skills"))).toBe(false);
  expect(await home.pincer(["install", "clawhub:weather@1.0.0", "--yes"])).toMatchObject({ code: 0, err: "" });
  expect(installed("weather")).toEqual(published("1.0.0"));
  expect(lockedIn(home)["skills/weather"]).toMatchObject({
    version: "1.0.0",
    origin: { from: "clawhub", site: `${registry.url}`, slug: "@ada/weather" },
  });
  expect(await home.pincer(["update", "weather", "--yes"])).toMatchObject({ code: 0, err: "" });
  expect(installed("weather")).toEqual(published("1.1.0"));

  expect(await home.pincer(["install", "clawhub:other:dice", "--yes"])).toMatchObject({
    code: 1,
    err: expect.stringContaining("suspicious"),
  });
  expect(await home.pincer(["install", "clawhub:other:dice", "--yes", "--accept", "suspicious"])).toMatchObject({ code: 0 });
  rmSync(join(home.path, "skills"), { recursive: true });
  expect(await home.pincer(["install", "--frozen", "--yes"])).toMatchObject({ code: 0 });
  expect(installed("weather")).toEqual(published("1.1.0"));
  // Without what was kept of it, it is had from its site again, which has another one now.
  for (const kept of ["skills", "cache"]) rmSync(join(home.path, kept), { recursive: true });
  site.disturb(async (exchange, zip) => {
    if (!zip) return false;
    exchange.begin(200, {});
    await exchange.write(writeZip([{ path: "SKILL.md", bytes: Buffer.from("---\nname: dice\ndescription: Rolls dice\n---\nCheat.\n") }]));
    exchange.end();
    return true;
  });
  const swapped = await home.pincer(["install", "--frozen", "--yes"]);
  expect(swapped).toMatchObject({ code: 1, err: expect.stringContaining("is another one now: expected SHA-256") });
}, 240_000);
