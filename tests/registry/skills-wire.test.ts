/** Skills of others in a gateway that runs: a turn uses what was installed, and clients of the wire install, update and send them. */
import { expect, test } from "bun:test";
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { asks, says } from "@pincer/plugin-sdk/testing/script";
import { filesOf, pack } from "../../plugin-kit/archive.ts";
import type { Plan } from "../../plugins/registry-client/engine/plan/plan.ts";
import { writeZip } from "../../registry/archive/zip-write.ts";
import { timeOf } from "../../registry/schema.ts";
import { serveClawHub } from "../support/clawhub-site.ts";
import { startShop } from "../support/packages.ts";
import { entryIn, lockedIn } from "../support/pincer-lock.ts";
import { type SkillTalk, skillText, startSkills } from "../support/skills.ts";
import { startServedRegistry } from "./served-registry.ts";

const withClient = (config: object) => ({ enable: ["registry-client"], config: { plugins: { "registry-client": { config } } } });
const refused = (code: string, message = "") => ({ error: { message: expect.stringContaining(message), details: { code } } });

test("a skill is published, installed elsewhere and used in a turn; updated after a yes, taken back, and removed", async () => {
  await using registry = await startServedRegistry();
  const { file: key } = registry.key("ada");
  const folder = registry.temporary("tea");
  const publish = async (body: string, version: string) => {
    writeFileSync(join(folder, "SKILL.md"), skillText("tea", "Brews tea.", "allowed-tools: skills_read", body));
    const flags = ["--registry", registry.url, "--publisher", "ada", "--key", key, "--version", version];
    expect(await registry.cli.json(["skills", "publish", folder, ...flags])).toMatchObject({ ok: true });
  };
  await publish("Boil water.", "1.0.0");
  const root = join(registry.temporary("root"), "root.json");
  writeFileSync(root, registry.root);

  await using there = await startSkills(withClient({ registries: [{ name: "home", address: registry.url, root }], cooldownHours: 0 }));
  const { talk, home } = there;
  const plan = (request: object) => talk.client.call<Plan>("registry-client.plan", { request });
  const apply = async (request: object, accepted: readonly string[] = []) =>
    talk.client.call("registry-client.apply", { request, token: (await plan(request)).token, accepted });
  /** What a turn reads of it; undefined: it is not offered. */
  const read = async (): Promise<string | undefined> => {
    const before = talk.script.models.length;
    talk.script.answer([asks("skills_read", { name: "tea" })], says("done"));
    await talk.ask("tea please");
    const [first, second] = [talk.script.models[before]!, talk.script.models[before + 1]!];
    if (!there.offered(talk.script.models.indexOf(first)).includes("tea")) return undefined;
    return JSON.stringify(second.request.messages.at(-1));
  };
  const changed = async (run: () => Promise<unknown>) => {
    const told = talk.client.event("skills.changed", undefined, talk.client.frames.length);
    await Promise.all([run(), told]);
  };

  await apply({ do: "install", packages: ["tea"], kind: "skills" });
  expect(lockedIn(home)["skills/tea"]).toMatchObject({ version: "1.0.0", digest: expect.any(String), publisher: { name: "ada" } });
  expect(await read()).toContain("Boil water.");

  await publish("Boil milk.", "1.1.0");
  const update = { do: "update", kind: "skills" };
  expect((await plan(update)).items).toMatchObject([
    {
      id: "tea",
      action: "update",
      needs: [],
      modelText: [{ what: "skill tea once it is used", before: "Boil water.", after: "Boil milk." }],
    },
  ]);
  await changed(() => apply(update));
  expect(await read()).toContain("Boil milk.");
  await changed(() => apply({ do: "rollback", packages: ["skills/tea"] }));
  expect(await read()).toContain("Boil water.");
  await changed(() => apply({ do: "remove", packages: ["skills/tea"] }));
  expect([await read(), lockedIn(home)]).toEqual([undefined, {}]);
}, 60_000);

test("a client of the wire installs a skill of a site and brings it up to date; what needs a yes is refused with what it is", async () => {
  await using site = serveClawHub();
  const publish = (version: string, more: string) =>
    site.publish({ slug: "tea", version, files: { "SKILL.md": skillText("tea", "Brews tea.", more, version) } });
  publish("1.0.0", "allowed-tools: read");
  await using there = await startSkills(withClient({ clawhub: [{ name: "hub", address: site.url }] }));
  const { client } = there.talk;
  const install = (params: object) =>
    client.call<{ targetDir: string }>("skills.install", { source: "clawhub", slug: "@ada/tea", ...params });
  const update = (params: object) => client.call("skills.update", { source: "clawhub", ...params });

  expect(await install({})).toMatchObject({
    ...{ ok: true, message: "tea 1.0.0 is installed", code: 0, slug: "tea", version: "1.0.0" },
    targetDir: expect.stringContaining(join(there.home, "skills", "tea")),
  });
  expect(await there.status("tea")).toMatchObject({ source: "openclaw-managed", eligible: true });
  expect(await install({ force: true })).toMatchObject({ message: "tea 1.0.0 was installed already" });

  const { targetDir } = await install({});
  // What Python makes of its scripts lies elsewhere: what lies beside them was put there by somebody.
  mkdirSync(join(targetDir, "__pycache__"));
  writeFileSync(join(targetDir, "__pycache__", "brew.cpython-311.pyc"), "x");
  await expect(install({})).rejects.toMatchObject(refused("REGISTRY_CLIENT_CONSENT_NEEDED", `its files were changed in ${targetDir}`));
  rmSync(join(targetDir, "__pycache__"), { recursive: true });
  appendFileSync(join(targetDir, "SKILL.md"), "Mine.\n");
  await expect(install({})).rejects.toMatchObject(refused("REGISTRY_CLIENT_CONSENT_NEEDED", `its files were changed in ${targetDir}`));
  await expect(update({ all: true })).rejects.toMatchObject(refused("SKILLS_NOT_UPDATED", "--accept changed-here, or with force"));
  expect(readFileSync(join(targetDir, "SKILL.md"), "utf8")).toContain("Mine.");
  expect(await install({ force: true })).toMatchObject({ message: "tea 1.0.0 is installed" });
  expect(readFileSync(join(targetDir, "SKILL.md"), "utf8")).not.toContain("Mine.");

  publish("1.1.0", "allowed-tools: read");
  expect(await update({ slug: "@ada/tea" })).toMatchObject({
    ...{ ok: true, skillKey: "@ada/tea" },
    config: { source: "clawhub", results: [{ ok: true, slug: "tea", version: "1.1.0", previousVersion: "1.0.0", changed: true }] },
  });
  expect(await update({ all: true })).toMatchObject({ skillKey: "*", config: { results: [{ slug: "tea", changed: false }] } });

  publish("1.2.0", "allowed-tools: read write");
  await expect(update({ all: true })).rejects.toMatchObject(
    refused("SKILLS_NOT_UPDATED", 'pincer skills update tea --yes --accept "tools write"'),
  );
  await expect(install({ version: "1.2.0" })).rejects.toMatchObject(
    refused("REGISTRY_CLIENT_CONSENT_NEEDED", "needs a yes to tools write"),
  );
  expect(entryIn(there.home, "skills/tea").version).toBe("1.1.0");
  await expect(install({ slug: "../tea" })).rejects.toMatchObject(refused("REGISTRY_CLIENT_WANTED_INVALID"));
  await expect(install({ agentId: "nobody" })).rejects.toThrow("nobody");
}, 60_000);

test("what is installed is for every agent: for one alone only where there is no other", async () => {
  await using site = serveClawHub();
  site.publish({ slug: "tea", version: "1.0.0", files: { "SKILL.md": skillText("tea", "Brews tea.") } });
  const { enable, config } = withClient({ clawhub: [{ name: "hub", address: site.url }] });
  const startWith = (list: object[]) => startSkills({ enable, config: { ...config, agents: { list } } });
  const install = ({ talk }: SkillTalk, agentId: string) => talk.client.call("skills.install", { source: "clawhub", slug: "tea", agentId });
  await using alone = await startWith([{ id: "main", skills: ["coffee"] }]);
  expect(await install(alone, "main")).toMatchObject({ ok: true, warning: expect.stringContaining("the agent main may not use it") });
  await using several = await startWith([{ id: "main" }, { id: "work" }]);
  await expect(install(several, "work")).rejects.toMatchObject(refused("SKILLS_FOR_ALL", "(main, work), came work"));
  const update = { source: "clawhub", all: true, agentId: "work" };
  await expect(several.talk.client.call("skills.update", update)).rejects.toMatchObject(refused("SKILLS_FOR_ALL"));
}, 60_000);

test("a zip that is sent in pieces is installed under the name that it was begun with, once", async () => {
  await using there = await startSkills(withClient({}));
  const { client } = there.talk;
  const zip = (name: string) => Buffer.from(writeZip([{ path: `${name}/SKILL.md`, bytes: Buffer.from(skillText(name, "Brews it.")) }]));
  const begin = (sizeBytes: number, more = {}) =>
    client.call<{ uploadId: string; receivedBytes: number }>("skills.upload.begin", {
      kind: "skill-archive",
      slug: "tea",
      sizeBytes,
      ...more,
    });
  const chunk = (uploadId: string, bytes: Buffer, offset = 0) =>
    client.call("skills.upload.chunk", { uploadId, offset, dataBase64: bytes.toString("base64") });
  const commit = (uploadId: string, more = {}) => client.call<{ sha256: string }>("skills.upload.commit", { uploadId, ...more });
  const install = (uploadId: string, slug = "tea") => client.call("skills.install", { source: "upload", uploadId, slug });
  const upload = async (bytes: Buffer) => {
    const { uploadId } = await begin(bytes.length);
    await chunk(uploadId, bytes);
    await commit(uploadId);
    return uploadId;
  };
  const wrong = (message: string) => refused("REGISTRY_CLIENT_UPLOAD", message);

  const tea = zip("tea");
  const { uploadId } = await begin(tea.length, { idempotencyKey: "once" });
  expect(await begin(tea.length, { idempotencyKey: "once" })).toMatchObject({ uploadId, receivedBytes: 0 });
  await expect(begin(tea.length + 1, { idempotencyKey: "once" })).rejects.toMatchObject(wrong("came another upload"));
  await expect(chunk(uploadId, tea, 5)).rejects.toMatchObject(wrong("expected the piece at 0, came the one at 5"));
  await chunk(uploadId, tea.subarray(0, 10));
  await expect(commit(uploadId)).rejects.toMatchObject(wrong(`expected ${tea.length} bytes, as was said, came 10`));
  await expect(install(uploadId)).rejects.toMatchObject(wrong("expected an upload that is committed"));
  await expect(chunk(uploadId, tea, 10)).rejects.toMatchObject(wrong("in all"));
  await chunk(uploadId, tea.subarray(10), 10);
  await expect(commit(uploadId, { sha256: "0".repeat(64) })).rejects.toMatchObject(wrong("expected the SHA-256 000"));
  expect(await commit(uploadId)).toMatchObject({ sha256: new Bun.CryptoHasher("sha256").update(tea).digest("hex") });
  await expect(install(uploadId, "coffee")).rejects.toMatchObject(wrong("expected the slug tea"));
  expect(await install(uploadId)).toMatchObject({ ok: true, slug: "tea" });
  expect(await there.status("tea")).toMatchObject({ source: "openclaw-managed", eligible: true });
  await expect(install(uploadId)).rejects.toMatchObject(wrong("expected the id of an upload"));
  const sha256 = new Bun.CryptoHasher("sha256").update(tea).digest("hex");
  expect(entryIn(there.home, "skills/tea").origin).toEqual({ from: "upload", sha256 });
  expect(await client.call("registry-client.list", {})).toMatchObject({ packages: [{ id: "tea", source: "upload" }] });

  await expect(install(await upload(zip("coffee")))).rejects.toMatchObject(refused("REGISTRY_CLIENT_PACKAGE_INVALID", "came coffee"));
  await expect(install(await upload(Buffer.from("no zip at all")))).rejects.toMatchObject(refused("REGISTRY_ARCHIVE_INVALID"));
  await expect(begin(1e9)).rejects.toMatchObject(wrong("expected at most"));
}, 60_000);

test("a skill that is revoked is no longer offered, and its status says why", async () => {
  using shop = startShop();
  const text = skillText("tea", "Brews tea.");
  const folder = join(shop.folder, "tea");
  mkdirSync(folder);
  writeFileSync(join(folder, "SKILL.md"), text);
  const published = { manifest: new Bun.CryptoHasher("sha256").update(text).digest("hex"), summary: "Brews tea." };
  shop.house.publish("1.0.0", pack(filesOf(folder)), { kind: "skills", id: "tea" }, published);
  const clock = createManualClock(Date.now());
  const config = withClient({ registries: [shop.registry], cooldownHours: 0 });
  await using there = await startSkills({ ...config, enable: ["registry-client", "registry-watch"], clock });
  const { talk } = there;
  const request = { do: "install", packages: ["tea"], kind: "skills" };
  const { token } = await talk.client.call<Plan>("registry-client.plan", { request });
  await talk.client.call("registry-client.apply", { request, token, accepted: [] });
  talk.script.answer(says("hello"), says("hello again"));
  await talk.ask("hello");
  expect(there.offered(0)).toContain("tea");

  const at = timeOf(Date.now());
  const one = { kind: "skills" as const, id: "tea", versions: ["1.0.0"], reason: "it poisons the tea", at };
  shop.house.repository.revoke([one], shop.house.founders.revocations);
  const told = talk.client.event("registry-client.revoked");
  let isChanged = false;
  const changed = talk.client.event("skills.changed", undefined, talk.client.frames.length).then(() => {
    isChanged = true;
  });
  for (let second = 0; second < 60; second += 5) await clock.advance(5_000);
  // What has changed on disk is told by the system, in its own time.
  while (!isChanged) {
    await talk.client.call("health", {});
    await clock.advance(1_000);
  }
  await changed;
  expect(await told).toMatchObject({ kind: "skills", id: "tea", reason: "it poisons the tea" });
  await talk.ask("and now?");
  expect(there.offered(1)).not.toContain("tea");
  expect(await there.status("tea")).toMatchObject({ eligible: false, reasons: [expect.stringContaining("it poisons the tea")] });
}, 60_000);
