/** `pincer doctor` says what is wrong with what is installed, in a line of its own each, and what to type. */
import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CliHome } from "../support/cli.ts";
import { type Shop, startShop } from "../support/packages.ts";
import { entryIn } from "../support/pincer-lock.ts";
import { publishSkill } from "../support/published-skill.ts";
import { homeWith } from "../support/shop-home.ts";

const dayMs = 24 * 3_600_000;
const today = new Date().toISOString().slice(0, 10);

interface Finding {
  readonly check: string;
  readonly level: string;
  readonly detail: string;
  readonly mend?: string;
}

/** Of what is installed, and nothing else. */
async function findingsOf(home: CliHome): Promise<readonly Finding[]> {
  const { findings } = await home.json<{ findings: readonly Finding[] }>(["doctor"]);
  return findings.filter(({ check }) => ["lock", "installation", "registry", "package", "packages", "plugin"].includes(check));
}

/** Until the registry was asked once more, whoever asks it. */
async function untilHeard(home: CliHome, isHeard: (findings: readonly Finding[]) => boolean): Promise<readonly Finding[]> {
  for (let asked = 0; asked < 60; asked++) {
    await home.json(["call", "registry-client.watch"]);
    const findings = await findingsOf(home);
    if (isHeard(findings)) return findings;
  }
  throw new Error("nobody hears of it");
}

async function startHome(shop: Shop): Promise<CliHome> {
  shop.publish(await shop.make("1.0.0"));
  publishSkill(shop.house, "dice");
  const home = homeWith(shop, { pollSeconds: 1 });
  const done = await home.pincer(["install", "weather", "skill:dice", "--yes", "--accept", "tools *"]);
  if (done.code !== 0) throw new Error(done.err);
  await home.pincer(["up"]);
  return home;
}

test("what is revoked, also by its key, stays so after kill -9, and doctor hands on why and what to type", async () => {
  using shop = startShop();
  await using home = await startHome(shop);
  expect(await findingsOf(home)).toEqual([{ check: "packages", level: "ok", detail: "2 installed, each as pincer.lock says" }]);
  const key = shop.house.publisher.json.keyval.public;
  shop.house.repository.revoke([{ key, reason: "its laptop was stolen", at: `${today}T00:00:00Z` }], shop.house.founders.revocations);
  const why = `is signed with a key of ada, which home has revoked, since ${today}: its laptop was stolen`;
  const both = [
    {
      check: "plugin",
      level: "error",
      detail: `weather: weather 1.0.0 ${why}; what to type: pincer update weather`,
      mend: "pincer update weather",
    },
    { check: "package", level: "error", detail: `dice 1.0.0 ${why}`, mend: "pincer update dice" },
  ];
  expect(await untilHeard(home, (findings) => findings.some(({ check }) => check === "plugin"))).toEqual(both);

  const { pid } = JSON.parse(readFileSync(join(home.path, "gateway.json"), "utf8"));
  process.kill(pid, "SIGKILL");
  rmSync(shop.house.folder, { recursive: true, force: true });
  await home.pincer(["up"]);
  expect((await findingsOf(home)).filter(({ check }) => check !== "registry")).toEqual(both);
  expect((await home.pincer(["list"])).out).toContain(why);
}, 180_000);

test("while no gateway runs the home alone says what was changed, interrupted, revoked as it was heard last, and how old that is", async () => {
  using shop = startShop();
  shop.publish(await shop.make("1.0.0"));
  publishSkill(shop.house, "dice");
  await using home = homeWith(shop);
  expect((await home.pincer(["verify"])).out).toBe("nothing was installed\n");
  await home.pincer(["install", "weather", "skill:dice", "--yes", "--accept", "tools *"]);
  expect(await findingsOf(home)).toEqual([{ check: "packages", level: "ok", detail: "2 installed, each as pincer.lock says" }]);
  expect(await home.pincer(["verify"])).toMatchObject({ code: 0, out: expect.stringContaining("2 installed") });

  // Heard by a command, and no gateway has put a word beside it.
  shop.house.repository.revoke(
    [{ kind: "plugins", id: "weather", versions: ["1.0.0"], reason: "it lies", at: `${today}T00:00:00Z` }],
    shop.house.founders.revocations,
  );
  await home.pincer(["search", "weather"]);
  await home.pincer(["install", "weather", "--yes"]);
  const { digest } = entryIn(home, "skills/dice");
  writeFileSync(join(home.path, "skills", "dice", digest, "more.md"), "more");
  const revoked = {
    ...{ check: "package", level: "error", mend: "pincer update weather" },
    detail: `weather 1.0.0 is revoked by home since ${today}: it lies`,
  };
  const wrong = [revoked, { check: "package", level: "error", detail: "dice: more.md was added", mend: "pincer install --frozen --mend" }];
  expect(await findingsOf(home)).toEqual(wrong);
  expect(await home.json(["verify"])).toEqual({ ok: false, findings: wrong });
  for (const words of [["list"], ["info", "weather"]])
    expect(await home.pincer(words)).toMatchObject({ code: 0, out: expect.stringContaining(revoked.detail) });

  // Names of files are somebody else's too: none of them commands a terminal.
  const commanding = join(home.path, "skills", "dice", digest, "\u001b]0;owned\u0007");
  writeFileSync(commanding, "");
  for (const command of ["doctor", "verify"]) {
    const { out } = await home.pincer([command]);
    expect(out).toContain("\ufffd]0;owned\ufffd was added");
  }
  rmSync(commanding);
  // One that cannot be looked at hides nothing of the others.
  const unnameable = Buffer.concat([Buffer.from(`${join(home.path, "skills", "dice", digest)}/`), Buffer.from([255])]);
  writeFileSync(unnameable, "");
  expect(await findingsOf(home)).toEqual([
    revoked,
    { check: "package", level: "error", detail: "dice: more.md was added, \ufffd was added", mend: "pincer install --frozen --mend" },
  ]);
  rmSync(unnameable);

  // Somebody was killed in the middle, and what was heard is as old as the state of the registry that is kept.
  const { version, origin, manifest } = entryIn(home, "skills/dice");
  const begun = { name: { kind: "skills", id: "dice" }, entry: { version, origin, digest, manifest }, undo: [] };
  mkdirSync(join(home.path, "staging"), { recursive: true });
  writeFileSync(join(home.path, "staging", "begun.json"), JSON.stringify(begun));
  for (const name of new Bun.Glob("registries/*/timestamp.json").scanSync({ cwd: home.path })) rmSync(join(home.path, name));
  expect((await findingsOf(home)).slice(0, 2)).toEqual([
    {
      ...{ check: "installation", level: "warning", mend: "pincer install --frozen" },
      detail: "dice: its installation was interrupted; the next one first brings it to an end",
    },
    {
      ...{ check: "registry", level: "warning", mend: "pincer up asks it" },
      detail: "what home revokes is not known as of now: nothing was ever heard",
    },
  ]);
}, 600_000);

test("a registry that has expired, a lock that drifted, a journal and a lock that cannot be read are told, and mended by what is to be typed", async () => {
  using shop = startShop();
  await using home = await startHome(shop);
  const folder = join(home.path, "plugins", "weather", entryIn(home).digest);
  writeFileSync(join(folder, "plugin.ts"), "// nothing\n");
  mkdirSync(join(home.path, "staging"));
  writeFileSync(join(home.path, "staging", "begun.json"), `{"name":`);
  const broken = [
    {
      ...{ check: "installation", level: "error", mend: "pincer install --frozen --mend" },
      detail: `${join(home.path, "staging", "begun.json")}, which says what was interrupted, cannot be read`,
    },
    { check: "package", level: "error", detail: "weather: plugin.ts was changed", mend: "pincer install --frozen --mend" },
  ];
  expect(await findingsOf(home)).toEqual(broken);
  expect(await home.json(["update", "--yes"])).toMatchObject({ error: { code: "REGISTRY_CLIENT_JOURNAL_INVALID" } });
  expect((await home.pincer(["install", "--frozen", "--mend", "--yes"])).out).toContain("weather 1.0.0 is as the lock says");
  expect(await findingsOf(home)).toMatchObject([{ check: "packages", level: "ok" }]);

  shop.house.clock.now = Date.now() - 3 * dayMs;
  shop.house.repository.revoke([], shop.house.founders.revocations);
  const expired = await untilHeard(home, (findings) => findings.some(({ check }) => check === "registry"));
  expect(expired).toEqual([
    {
      ...{ check: "registry", level: "error", mend: "whoever runs home types: pincer registry renew <its folder>" },
      detail: expect.stringMatching(/^what home revokes is not heard of: timestamp\.json of the registry has expired at /),
    },
  ]);

  writeFileSync(join(home.path, "pincer.lock"), "{");
  expect(await findingsOf(home)).toMatchObject([
    {
      check: "lock",
      level: "error",
      detail: expect.stringContaining("pincer.lock: expected JSON"),
      mend: "restore pincer.lock from a backup",
    },
  ]);
}, 180_000);
