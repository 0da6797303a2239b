/** What a registry needs as time goes by, and after it is lost: it is said before it is too late, with what to type. */
import { afterEach, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { createRegistryClient } from "../../registry/client/client.ts";
import { createTrustState } from "../../registry/client/state.ts";
import { archiveOf } from "../../registry/name.ts";
import { nextList } from "../../registry/publisher/next-list.ts";
import { createRepository } from "../../registry/repository/create.ts";
import { openRepository } from "../../registry/repository/repository.ts";
import { timeOf } from "../../registry/schema.ts";
import { folderSource } from "../../registry/source.ts";
import { createSigner, type Signer } from "../../registry/trust/key.ts";
import { signMetadata } from "../../registry/trust/metadata.ts";
import { createCliHome } from "../support/cli.ts";
import { startKeptRegistry } from "./kept-registry.ts";
import { startServer } from "./served-registry.ts";

const dayMs = 24 * 60 * 60 * 1000;
const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** One that was made so long ago, and of which nobody has taken care since. */
function forgotten(days: number) {
  const home = mkdtempSync(join(tmpdir(), "pincer-forgotten-"));
  folders.push(home);
  const [folder, keyFolder, offline] = [join(home, "registry"), join(home, "registry-keys"), join(home, "offline")];
  for (const made of [folder, keyFolder, offline]) mkdirSync(made);
  const key = (at: string, name: string): Signer => {
    const { signer, pem } = createSigner();
    writeFileSync(join(at, `${name}.pem`), pem, { mode: 0o600 });
    return signer;
  };
  const ada = key(offline, "ada");
  const founders = {
    ...{ root: [key(offline, "root-1"), key(offline, "root-2")], rootThreshold: 2 },
    ...{ targets: [key(offline, "targets-1"), key(offline, "targets-2")], targetsThreshold: 2 },
    ...{ online: key(keyFolder, "online"), revocations: [key(offline, "revocations")] },
  };
  const then = systemClock.now() - days * dayMs;
  createRepository(folder, { founders, parts: 1, now: () => then });
  const release = { kind: "plugins", id: "weather", version: "1.0.0" } as const;
  const [archive, notes] = [Buffer.from("archive"), { summary: "Tells", publishedAt: timeOf(then), manifest: "0".repeat(64) }];
  const list = nextList(undefined, { ...release, archive, notes }, () => then);
  const repository = openRepository(folder, { online: founders.online, now: () => then });
  repository.claim(release, "ada", [ada]);
  repository.publish("ada", signMetadata(list, [ada]), new Map([[archiveOf(release), archive]]));
  return { home, folder, pem: (name: string) => join(offline, `${name}.pem`) };
}

interface Status {
  readonly ok: boolean;
  readonly due: readonly { readonly role: string; readonly state: string; readonly type: string }[];
}

for (const where of ["server", "folder"] as const)
  test(`what expires in a registry is told with what to type, and what is typed renews it (${where})`, async () => {
    const { home, folder, pem } = forgotten(270);
    await using cli = createCliHome();
    const server =
      where === "server" ? await startServer([...cli.command, "registry", "serve", folder, "--port", "0", "--json"], cli.env) : undefined;
    try {
      const place = server?.url ?? folder;
      const status = () => cli.json<Status>(["registry", "status", place]);
      const due = async () => (await status()).due.map(({ role, state }) => `${role} ${state}`).toSorted();
      const founders = ["publisher-ada due", "revocations expired", "root due", "targets expired"];
      // A server renews by itself what it signs.
      const online = ["catalogue", "names-all", "snapshot", "timestamp"].map((role) => `${role} expired`);
      expect(await due()).toEqual(where === "server" ? founders : [...founders, ...online].toSorted());
      const shown = await cli.pincer(["registry", "status", place]);
      expect(shown.code).toBe(1);
      expect(shown.out).toContain(`  due      revocations has expired`);
      for (const type of [
        `renew ${place} --key <file>`,
        `stage ${place} --renew targets`,
        `stage ${place} --renew root`,
        `renew ${place} --publisher ada --key <file>`,
      ])
        expect(shown.out).toContain(`           pincer registry ${type}\n`);

      const registry = async (...words: string[]) => {
        const { code, out, err } = await cli.pincer(["registry", ...words]);
        expect({ words, code, err }).toEqual({ words, code: 0, err: "" });
        return out;
      };
      // With the keys that are at hand, each founder's on its own machine.
      expect(await registry("renew", place, "--key", pem("revocations"))).toContain("revocations");
      expect(await registry("renew", place, "--key", pem("targets-1"))).toContain(`targets expires`);
      for (const role of ["targets", "root"]) {
        const file = join(home, `${role}.json`);
        await registry("stage", place, "--renew", role, "--write", file, "--key", pem(`${role}-1`));
        await registry("sign", file, "--key", pem(`${role}-2`));
        await registry("apply", file, "--registry", place);
      }
      await registry("renew", place, "--publisher", "ada", "--key", pem("ada"));
      expect(await status()).toMatchObject({ ok: true, due: [] });
    } finally {
      server?.process.kill("SIGTERM");
      await server?.process.exited;
    }
  }, 600_000);

test("a registry that was lost is restored from a mirror, and from a backup that is older than what clients have seen", async () => {
  await using kept = await startKeptRegistry("folder");
  const { home, folder, done, run, client, founder } = kept;
  const ada = kept.key("ada");
  const publish = (version: string) =>
    done("publish", kept.plugin("weather", version), "--registry", folder, "--publisher", "ada", "--key", ada);
  const versions = async (of = client) => {
    await of.refresh();
    return (await of.find({ kind: "plugins", id: "weather" })).releases.map(({ version }) => version);
  };
  const fresh = () =>
    createRegistryClient({
      source: folderSource(folder),
      state: createTrustState(mkdtempSync(join(home, "trust-"))),
      root: readFileSync(join(folder, "metadata", "1.root.json")),
      now: () => systemClock.now(),
    });
  const [backup, mirror] = [join(home, "backup"), join(home, "mirror")];
  await publish("1.0.0");
  cpSync(folder, backup, { recursive: true });
  await publish("1.1.0");
  await done("mirror", folder, mirror, "--root", join(folder, "metadata", "1.root.json"), "--no-dependencies");
  expect(await versions()).toEqual(["1.1.0", "1.0.0"]);

  // The newest there is: nobody sees a difference.
  rmSync(folder, { recursive: true });
  cpSync(mirror, folder, { recursive: true });
  await done("renew", folder);
  expect(await versions()).toEqual(["1.1.0", "1.0.0"]);
  await publish("1.2.0");
  expect(await versions()).toEqual(["1.2.0", "1.1.0", "1.0.0"]);

  // An old one: who has seen what came later refuses it, until the founders give the server another key.
  rmSync(folder, { recursive: true });
  cpSync(backup, folder, { recursive: true });
  await expect(versions()).rejects.toMatchObject({ code: "REGISTRY_METADATA_OLDER" });
  const [online, file] = [kept.key("online-2"), join(home, "restored.json")];
  const keys = ["root-1", "root-2", "targets-1", "targets-2"].flatMap((name) => ["--key", founder(name)]);
  await done("stage", folder, "--add", `online:${online}`, ...keys, "--write", file);
  await done("apply", file, "--registry", folder, "--online", online);
  expect(await versions()).toEqual(["1.0.0"]);
  expect(await versions(fresh())).toEqual(["1.0.0"]);
  // With the key of before nothing is done any more.
  expect(await run("renew", folder)).toMatchObject({ code: 1, said: expect.stringContaining("that key does not sign what changes") });
}, 600_000);
