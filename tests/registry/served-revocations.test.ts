/** A skill on a registry that `pincer registry serve` serves: what its operator revokes and hands over reaches a gateway, and what that does is in the audit log. */
import { expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Plan } from "../../plugins/registry-client/engine/plan/plan.ts";
import { refused, startAsking } from "../support/asking-gateway.ts";
import { entryIn } from "../support/pincer-lock.ts";
import { skillText } from "../support/skills.ts";
import { startServedRegistry } from "./served-registry.ts";

test("a skill is revoked, taken back, handed over to another publisher, and stopped with the first one's key", async () => {
  await using registry = await startServedRegistry();
  const [ada, eve] = [registry.key("ada"), registry.key("eve")];
  const folder = registry.temporary("dice");
  const publish = async (version: string, publisher: string, key: string) => {
    writeFileSync(join(folder, "SKILL.md"), skillText("dice", "Throws dice.", "allowed-tools: skills_read", `Throw them, ${version}.`));
    const flags = ["--registry", registry.url, "--publisher", publisher, "--key", key, "--version", version];
    expect(await registry.cli.json(["skills", "publish", folder, ...flags])).toMatchObject({ ok: true });
  };
  /** By whoever runs the registry, beside the server. */
  const operate = async (...words: string[]) => {
    const there = ["--registry", registry.folder, "--key-folder", registry.keyFolder];
    expect(await registry.cli.json(["registry", ...words, ...there])).toMatchObject({ ok: true });
  };
  const revoke = (what: string, ...more: string[]) => operate("revoke", what, ...more, "--key", join(registry.keyFolder, "online.pem"));
  await publish("1.0.0", "ada", ada.file);
  const root = join(registry.temporary("root"), "root.json");
  writeFileSync(root, registry.root);

  await using it = await startAsking({ registry: { name: "home", address: registry.url, root } });
  const status = async () => {
    const { packages } = await it.client.call<{ packages: { id: string; revoked: string | null }[] }>("registry-client.list", {});
    return packages.find(({ id }) => id === "dice")?.revoked;
  };
  /** What was done without anybody asking for it. */
  const audited = async () => {
    const { audit } = it.running.gateway.access;
    await audit.append({ principal: "test", action: "test.end", resources: [], outcome: "ok" });
    const rows = await audit.page({ limit: 200 });
    const own = rows.filter(({ principal }) => principal === "plugin:registry-client").reverse();
    return own.map(({ action, resources, outcome }) => [action, ...resources, outcome]);
  };
  const isOffered = async (wanted: boolean) => {
    // The system says that the folder has changed when it finds the time to.
    for (let asked = 0; asked < 1_000; asked++) {
      const { skills } = await it.client.call<{ skills: { name: string; eligible: boolean }[] }>("skills.status", {});
      if (skills.find(({ name }) => name === "dice")?.eligible === wanted) return true;
    }
    return false;
  };
  await it.change({ do: "install", packages: ["dice"], kind: "skills" });

  await revoke("dice@1.0.0", "--reason", "it throws sixes only");
  await it.asked();
  expect(await status()).toContain("it throws sixes only; what to type: pincer update dice");
  expect(await isOffered(false)).toBe(true);
  await revoke("dice@1.0.0", "--undo");
  await it.asked();
  expect([await status(), await isOffered(true)]).toEqual([null, true]);

  await operate("transfer", "offer", "dice", "--to", "eve", "--new-key", eve.signer.json.keyval.public, "--key", ada.file);
  await operate("transfer", "accept", "dice", "--publisher", "eve", "--key", eve.file);
  await it.asked();
  expect(await status()).toBeNull();
  await revoke(`key:${ada.signer.json.keyval.public}`, "--reason", "lost on a train");
  await it.asked();
  expect(await status()).toMatch(/signed with a key of ada, .*: lost on a train; what to type: pincer install dice@1\.0\.0$/);
  const request = { do: "install", packages: ["dice@1.0.0"], kind: "skills" };
  const { items } = await it.client.call<Plan>("registry-client.plan", { request });
  expect(items).toMatchObject([{ needs: ["publisher"], notices: [{ text: "its publisher was ada, and is eve now" }] }]);
  await expect(it.change(request)).rejects.toMatchObject(refused("REGISTRY_CLIENT_CONSENT_NEEDED"));
  await it.change(request, ["publisher"]);
  expect([await status(), await isOffered(true)]).toEqual([null, true]);
  expect(entryIn(it.home, "skills/dice").publisher).toMatchObject({ name: "eve" });

  await publish("1.1.0", "eve", eve.file);
  await it.change({ do: "install", packages: ["dice@1.1.0"], kind: "skills" });
  expect(await audited()).toEqual([
    ["registry-client.revoked", "skills/dice@1.0.0", "registry home", "offered: pincer update dice", "ok"],
    ["registry-client.restored", "skills/dice@1.0.0", "ok"],
    ["registry-client.revoked", "skills/dice@1.0.0", "registry home", "offered: pincer install dice@1.0.0", "ok"],
  ]);
  rmSync(it.home, { recursive: true, force: true });
}, 120_000);
