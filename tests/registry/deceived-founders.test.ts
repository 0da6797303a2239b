/** What a founder is given to sign by one who is false: it says nothing beside what is shown, and all that is shown can be read before. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseStaged, type Staged, stagedFile } from "../../registry/repository/staged.ts";
import { addSignatures } from "../../registry/trust/envelope.ts";
import { createSigner, openSigner } from "../../registry/trust/key.ts";
import { type KeptRegistry, startKeptRegistry } from "./kept-registry.ts";

let kept: KeptRegistry;
beforeAll(async () => {
  kept = await startKeptRegistry("folder");
}, 120_000);
afterAll(() => kept[Symbol.asyncDispose]());

const mallory = createSigner().signer;

/** A file that renews the role, as it becomes on its way. */
async function staged(role: string, change: (staged: Staged) => Staged): Promise<string> {
  const file = join(kept.home, `${crypto.randomUUID()}.json`);
  await kept.done("stage", kept.place, "--renew", role, "--write", file);
  writeFileSync(file, stagedFile(change(parseStaged(readFileSync(file)))));
  return file;
}

test("a key that would say whose names are is not signed along with the division of the names", async () => {
  const file = await staged("targets", (one) => {
    const { delegations } = one.next.targets!.signed;
    delegations!.keys[mallory.id] = mallory.json;
    for (const role of delegations!.roles) if (role.name.startsWith("names-")) role.keyids.push(mallory.id);
    return one;
  });
  const before = readFileSync(file, "utf8");
  expect(await kept.run("sign", file, "--key", kept.founder("targets-1"))).toMatchObject({
    code: 1,
    said: expect.stringContaining("targets says something else than which keys count"),
  });
  expect(readFileSync(file, "utf8")).toBe(before);
});

test("keys of the root that the file says were there before are shown before anybody signs", async () => {
  const deceived = openSigner(readFileSync(kept.founder("root-2"), "utf8"));
  const file = await staged("root", ({ before, next }) => {
    for (const { signed } of [before.root, next.root!]) {
      for (const id of signed.roles.root.keyids) if (id !== deceived.id) delete signed.keys[id];
      signed.keys[mallory.id] = mallory.json;
      signed.roles.root.keyids = [mallory.id, deceived.id];
    }
    return { before: { ...before, root: addSignatures(before.root, [mallory]) }, next };
  });
  const before = readFileSync(file, "utf8");
  const said = await kept.done("sign", file);
  for (const { json } of [mallory, deceived]) expect(said).toContain(`key          = root ${json.keyval.public.slice(0, 16)}`);
  expect(readFileSync(file, "utf8")).toBe(before);
});

test("a list of revocations is signed as it is shown, line by line", async () => {
  const at = "2026-11-30T10:00:00Z";
  const list = JSON.stringify({ revocations: [{ kind: "plugins", id: "weather", versions: ["1.0.0"], reason: "it lies", at }] });
  const file = await staged("revocations", (one) => ({ ...one, list }));
  expect(await kept.run("sign", file, "--key", kept.founder("revocations"))).toMatchObject({
    code: 1,
    said: expect.stringContaining("the list of revocations is not the one that would be signed"),
  });
  const right = await staged("revocations", (one) => {
    const bytes = Buffer.from(list);
    const sha256 = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
    one.next.revocations!.signed.targets["revocations.json"] = { length: bytes.length, hashes: { sha256 } };
    return { ...one, list };
  });
  expect(await kept.done("sign", right, "--key", kept.founder("revocations"))).toContain("revoked      plugins/weather 1.0.0: it lies");
});
