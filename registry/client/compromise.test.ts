/** What somebody can do who has one of a registry's keys, and may change every file that it serves: the table of docs/registry/trust.md, row by row. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { placeOf } from "../layout.ts";
import { archiveOf } from "../name.ts";
import { rootOf } from "../repository/create.ts";
import { currentRoles, currentSnapshot } from "../repository/current.ts";
import { repositoryFiles } from "../repository/files.ts";
import { lives, stamp } from "../repository/lifetime.ts";
import { signRevocations } from "../repository/revoke.ts";
import type { Revocation } from "../revocations.ts";
import { sha256Of } from "../sha256.ts";
import { dayMs, listWith, startHouse, telegram } from "../testing/house.ts";
import { rotateRoot } from "../testing/rotate.ts";
import { createSigner, type Signer } from "../trust/key.ts";
import { signMetadata } from "../trust/metadata.ts";

const table = readFileSync(join(dirname(dirname(import.meta.dir)), "docs/registry/trust.md"), "utf8");
const evil = Buffer.from("evil");
const path = archiveOf({ ...telegram, version: "6.6.6" });
const reason = { reason: "nobody knows", at: "2031-05-04T10:00:00Z" };
const bad: Revocation = { ...telegram, versions: ["1.0.0"], ...reason };
const code = (name: string) => expect.objectContaining({ code: name });
const refused = expect.objectContaining({ code: expect.stringMatching(/^REGISTRY_METADATA_(UNSIGNED|INVALID|OLDER|MIXED)$/) });
const mallory = createSigner().signer;

/** A registry, a client that has seen it, and somebody who writes into its folder. */
async function begin() {
  const house = startHouse(1);
  house.publish("1.0.0", Buffer.from("good"));
  house.publish("1.1.0", Buffer.from("better"));
  const state = house.temporary();
  const look = async () => {
    const client = house.client({ state });
    await client.refresh();
    return client.find(telegram);
  };
  const locked = (await look()).publisher;
  const files = repositoryFiles(house.folder);
  files.write(placeOf(path, sha256Of(evil)), evil);
  const roles = currentRoles(files);
  const now = () => house.clock.now;
  return {
    ...{ house, state, files, roles, now, look, locked, ...house.founders },
    /** Has it count, as far as that key makes it. */
    serve: (online: Signer, changed: Readonly<Record<string, Uint8Array>>) =>
      stamp(files, { online, now, changed: new Map(Object.entries(changed)) }),
    /** What a role says, once more, signed by these. */
    again(role: string, signers: readonly Signer[], keys?: readonly Signer[]): Uint8Array {
      const { signed } = roles(role)!;
      const next = { ...signed, version: signed.version + 1 };
      const delegations = keys && {
        keys: Object.fromEntries(keys.map(({ id, json }) => [id, json])),
        roles: signed.delegations!.roles.map((one) => ({ ...one, keyids: keys.map(({ id }) => id), threshold: 1 })),
      };
      return signMetadata(delegations ? { ...next, delegations } : next, signers);
    },
    /** The publisher's list, with a release that is not the publisher's. */
    forged: (...signers: Signer[]) => signMetadata(listWith(house, { ...telegram, version: "6.6.6" }, evil), signers),
    revoked: (list: readonly Revocation[], ...signers: Signer[]) =>
      signRevocations(files, list, roles("revocations")!.signed.version + 1, signers, now),
    [Symbol.dispose]: () => house[Symbol.dispose](),
  };
}
type Begun = Awaited<ReturnType<typeof begin>>;
const versions = async ({ look }: Begun) => (await look()).releases.map(({ version }) => version);
/** Each in a registry of its own. */
async function each(...attacks: readonly ((on: Begun) => unknown)[]): Promise<void> {
  for (const attack of attacks) {
    using on = await begin();
    await attack(on);
  }
}
/** That what was served is not believed. */
const isRefused = (attack: (on: Begun) => void) => async (on: Begun) => {
  attack(on);
  await expect(on.look()).rejects.toEqual(refused);
};

const rows: Readonly<Record<string, () => Promise<void>>> = {
  "no key": () =>
    each(
      isRefused((on) => on.serve(mallory, {})),
      isRefused((on) => on.serve(mallory, { "publisher-ada": on.forged(mallory) })),
      async (on) => {
        on.house.clock.now += dayMs;
        await expect(on.look()).rejects.toEqual(code("REGISTRY_METADATA_EXPIRED"));
      },
    ),

  "a publisher's key": () =>
    each(
      isRefused((on) => on.serve(mallory, { "publisher-ada": on.forged(on.house.publisher) })),
      async (on) => {
        const { repository, publisher, founders } = on.house;
        repository.publish("ada", on.forged(publisher), new Map([[path, evil]]));
        expect(await versions(on)).toEqual(["6.6.6", "1.1.0", "1.0.0"]);
        const { signed } = repository.signedBy("ada")!;
        const emptied = signMetadata({ ...signed, version: signed.version + 1, targets: {} }, [publisher]);
        expect(() => repository.publish("ada", emptied, new Map())).toThrow(code("REGISTRY_VERSION_TAKEN"));
        repository.claim({ kind: "plugins", id: "other" }, "bob", [mallory]);
        expect(() => repository.claim({ kind: "plugins", id: "other" }, "ada", [publisher])).toThrow(code("REGISTRY_NAME_TAKEN"));
        repository.revoke([{ key: publisher.json.keyval.public, ...reason }], founders.revocations);
        await expect(on.look()).rejects.toEqual(code("REGISTRY_REVOKED"));
      },
    ),

  "the server's key": () =>
    each(
      isRefused((on) => on.serve(on.online, { "publisher-ada": on.forged(on.online) })),
      isRefused((on) => on.serve(on.online, { revocations: on.revoked([bad], on.online) })),
      isRefused((on) => on.serve(on.online, { targets: on.again("targets", [on.online], [on.online]) })),
      async (on) => {
        on.serve(on.online, { "names-all": on.again("names-all", [on.online], [mallory]), "publisher-ada": on.forged(mallory) });
        const { publisher, releases } = await on.look();
        expect(releases[0]!.version).toBe("6.6.6");
        expect(publisher.keys).not.toEqual(on.locked.keys);
      },
      async (on) => {
        // It signs what is old again and again, and cannot do that with what revokes.
        on.house.clock.now += lives.revocations - 1000;
        on.serve(on.online, { "names-all": on.again("names-all", [on.online]) });
        expect(await versions(on)).toEqual(["1.1.0", "1.0.0"]);
        on.house.clock.now += 1000;
        await expect(on.look()).rejects.toEqual(code("REGISTRY_METADATA_EXPIRED"));
      },
      async (on) => {
        // Nor leave it out for whoever comes for the first time.
        const { snapshot, timestamp } = currentSnapshot(on.files)!;
        const { "revocations.json": _role, ...meta } = snapshot.meta;
        const version = snapshot.version + 1;
        const bytes = signMetadata({ ...snapshot, version, meta }, [on.online]);
        on.files.write(`metadata/${version}.snapshot.json`, bytes);
        const { revocations: _list, ...said } = timestamp;
        const next = { version, length: bytes.length, hashes: { sha256: sha256Of(bytes) } };
        const signed = signMetadata({ ...said, version: timestamp.version + 1, meta: { "snapshot.json": next } }, [on.online]);
        on.files.write("metadata/timestamp.json", signed);
        for (const ask of ["find", "revocations"] as const) {
          const newcomer = on.house.client();
          const asked = ask === "find" ? newcomer.find(telegram) : newcomer.revocations();
          await expect(asked).rejects.toEqual(code("REGISTRY_METADATA_MIXED"));
        }
      },
    ),

  "the key of revocations": () => each(isRefused((on) => on.serve(mallory, { revocations: on.revoked([bad], ...on.revocations) }))),

  "the server's key and that of revocations": () =>
    each(
      async (on) => {
        on.serve(on.online, { revocations: on.revoked([bad], ...on.revocations) });
        expect(await versions(on)).toEqual(["1.1.0"]);
        on.serve(on.online, { revocations: on.revoked([], ...on.revocations) });
        expect(await versions(on)).toEqual(["1.1.0", "1.0.0"]);
      },
      isRefused((on) => on.serve(on.online, { "publisher-ada": on.forged(on.online, ...on.revocations) })),
    ),

  "one key of targets": () =>
    each(
      isRefused((on) => on.serve(on.online, { targets: on.again("targets", [on.targets[0]!], [mallory]) })),
      isRefused((on) => on.serve(on.online, { targets: on.again("targets", [on.targets[0]!, on.online, mallory], [mallory]) })),
    ),

  "one key of the root": () =>
    each(
      ...[[0], [1], [2]].map(([index]) =>
        isRefused((on) => {
          const next = rootOf({ ...on.house.founders, root: [mallory, on.root[index!]!], rootThreshold: 1 }, 2, on.now);
          on.files.write("metadata/2.root.json", signMetadata(next, [on.root[index!]!, mallory, on.online]));
        }),
      ),
    ),

  "two keys of the root": () =>
    each(async (on) => {
      const { releases } = await on.look();
      const next = { ...on.house.founders, root: [mallory], rootThreshold: 1, targets: [mallory], targetsThreshold: 1, online: mallory };
      rotateRoot(on.house.folder, { next, signers: [mallory, ...on.root.slice(0, 2)], now: on.now });
      on.serve(mallory, { "names-all": on.again("names-all", [mallory], [mallory]), "publisher-ada": on.forged(mallory) });
      expect(await versions(on)).toEqual(["6.6.6", "1.1.0", "1.0.0"]);
      // What a lock names is asked for by its digest, whoever speaks of it.
      const locked = releases[0]!;
      on.files.write(placeOf(locked.path, locked.sha256), Buffer.from("poison"));
      await expect(Array.fromAsync(on.house.client({ state: on.state }).download(locked))).rejects.toEqual(code("REGISTRY_FILE_WRONG"));
    }),
};

for (const [who, attacks] of Object.entries(rows)) test(`key compromise: ${who}`, attacks);

test("every row of the table is a test, and every test a row", () => {
  const [, part = ""] = /\| who has \|.*\n\|[-|]+\n((?:\|.*\n)+)/.exec(table) ?? [];
  const named = part
    .trim()
    .split("\n")
    .map((row) => row.split("|")[1]!.trim());
  expect(named).toEqual(Object.keys(rows));
});
