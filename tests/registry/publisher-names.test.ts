/** Whose a publisher's name is before anything is published under it: of whom it was said, and not of whoever is quickest. */
import { Database } from "bun:sqlite";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { openRepository } from "../../registry/repository/repository.ts";
import { timeOf } from "../../registry/schema.ts";
import { signRequest } from "../../registry/server/request-signature.ts";
import type { Signer } from "../../registry/trust/key.ts";
import { parseMetadata, signMetadata } from "../../registry/trust/metadata.ts";
import { publisherRole } from "../../registry/trust/role.ts";
import { signStatement } from "../../registry/trust/statement.ts";
import { parcel, post } from "./parcel.ts";
import { type ServedRegistry, startServedRegistry } from "./served-registry.ts";

type Key = ReturnType<ServedRegistry["key"]>;
const roomy = { burst: 100_000, perMinute: 100_000 };
let registry: ServedRegistry;
beforeAll(async () => {
  registry = await startServedRegistry({ rates: { files: roomy, reads: roomy, publications: roomy, claims: roomy } });
}, 120_000);
afterAll(() => registry[Symbol.asyncDispose]());

const publicOf = ({ signer }: Key) => signer.json.keyval.public;
const grant = (...words: string[]) => registry.cli.json(["registry", "grant", registry.folder, ...words]);
const publish = (id: string, publisher: string, key: Key) => registry.publish(registry.plugin(id, "1.0.0"), publisher, key.file);
const transfer = (...words: string[]) => registry.cli.json(["registry", "transfer", ...words, "--registry", registry.url]);
/** Names that are given in the folder, as whoever runs the registry may. */
const claim = (id: string, publisher: string, keys: readonly Key[], threshold: number) =>
  openRepository(registry.folder, { online: registry.online, now: () => systemClock.now() }).claim(
    { kind: "plugins", id },
    publisher,
    keys.map(({ signer }) => signer),
    threshold,
  );
const keysOf = (key: Key) => Buffer.from(JSON.stringify({ keys: [publicOf(key)], threshold: 1 }));
async function formPost(path: string, fields: Readonly<Record<string, Uint8Array<ArrayBuffer>>>, by?: Signer) {
  const form = new FormData();
  for (const [name, bytes] of Object.entries(fields)) form.set(name, new Blob([bytes]), name);
  const packed = new Response(form);
  const contentType = packed.headers.get("content-type")!;
  const body = new Uint8Array(await packed.arrayBuffer());
  const to = { method: "POST", url: `${registry.url}${path}` };
  const proof = by && signRequest(to, body, by, systemClock.now(), crypto.randomUUID().replaceAll("-", ""));
  return post(registry.url, { body, headers: { ...proof, "content-type": contentType } }, path);
}
async function lastListOf(publisher: string) {
  const { list } = (await (await registry.get(`/api/v1/publishers/${publisher}`)).json()) as {
    readonly list: { readonly version: number };
  };
  const bytes = await (await registry.get(`/metadata/${list.version}.publisher-${publisher}.json`)).bytes();
  return parseMetadata("targets", publisherRole(publisher), bytes);
}
const kept = (why: string) => ({
  error: { code: "REGISTRY_FORBIDDEN", message: expect.stringMatching(new RegExp(`is kept for who signs with other keys: ${why}`)) },
});

test("who was given a name keeps his own until he comes, whatever somebody else publishes under it", async () => {
  const [ada, mallory] = ["ada", "mallory"].map((name) => registry.key(name)) as [Key, Key];
  expect(await grant("plugins/channel-discord", "ada", "--new-key", publicOf(ada))).toMatchObject({ ok: true });
  expect(await publish("harmless", "ada", mallory)).toMatchObject(kept("whoever runs the registry has said"));
  // Also where somebody gives him one of her own, to take with her key.
  expect(await publish("bait", "mallory", mallory)).toMatchObject({ ok: true });
  const baited = ["offer", "bait", "--to", "ada", "--new-key", publicOf(mallory), "--key", mallory.file];
  expect(await transfer(...baited)).toMatchObject(kept("whoever runs the registry has said"));
  expect(await publish("channel-discord", "ada", ada)).toMatchObject({ ok: true });
  expect(await publish("harmless", "ada", ada)).toMatchObject({ ok: true });
});

test("whom a name is offered keeps his own until he takes it, or the offer is another", async () => {
  const [bob, eve, mallory] = ["bob", "eve", "mallory"].map((name) => registry.key(name)) as [Key, Key, Key];
  expect(await publish("weather", "bob", bob)).toMatchObject({ ok: true });
  expect(await publish("storm", "mallet", mallory)).toMatchObject({ ok: true });
  const offer = (id: string, by: Key, to: Key) =>
    transfer("offer", id, "--to", "eve", "--new-key", publicOf(to), "--key", by.file) as Promise<object>;
  // Said with the wrong key, and once more with the right one.
  expect(await offer("weather", bob, mallory)).toMatchObject({ ok: true });
  expect(await publish("rain", "eve", eve)).toMatchObject(kept("weather is offered"));
  expect(await offer("weather", bob, eve)).toMatchObject({ ok: true });
  expect(await publish("rain", "eve", mallory)).toMatchObject(kept("weather is offered"));
  expect(await offer("storm", mallory, mallory)).toMatchObject(kept("weather is offered"));
  // Whoever asks sees what is offered to whom, and of who waits for a name only that somebody does.
  expect(await publish("channel-telegram", "waiting", mallory)).toMatchObject({ error: { code: "REGISTRY_NAME_HELD" } });
  const { out } = await registry.cli.pincer(["registry", "status", registry.url]);
  expect(out).toContain("waits    weather is offered to eve, until ");
  expect(out).toContain("waits    1 publication for the word of whoever runs it");
  expect(out).not.toContain("channel-telegram");
  const take = (id: string, by: Key) => transfer("accept", id, "--publisher", "eve", "--key", by.file);
  expect(await take("weather", mallory)).toMatchObject({ error: { code: expect.stringMatching(/^REGISTRY_/) } });
  expect(await take("weather", eve)).toMatchObject({ ok: true, from: "bob", to: "eve" });

  // Who has handed over everything is still who signed the last list.
  expect(await transfer("offer", "storm", "--to", "bob", "--new-key", publicOf(mallory), "--key", mallory.file)).toMatchObject({
    error: { code: "REGISTRY_FORBIDDEN", message: expect.stringContaining("bob signs with other keys here") },
  });
  expect(await publish("fog", "bob", mallory)).toMatchObject({ ok: false });
  // To name his key beside the own is not to have it.
  const { signed } = await lastListOf("bob");
  const beside = await parcel({
    ...{ url: registry.url, publisher: "bob", signer: mallory.signer, keys: [mallory.signer, bob.signer], now: systemClock.now() },
    ...{ release: { kind: "plugins", id: "fog", version: "1.0.0" }, before: { ...signed, targets: {} } },
  });
  expect(await post(registry.url, beside)).toMatchObject({ status: 403, code: "REGISTRY_FORBIDDEN" });
  expect(await publish("fog", "bob", bob)).toMatchObject({ ok: true });
}, 120_000);

test("who had to sign with several keys comes back with as many, after all of his names are another's", async () => {
  const keys = ["first", "second", "third"].map((name) => registry.key(name)) as [Key, Key, Key];
  const [first, second] = keys;
  claim("lamp", "pair", keys, 2);
  const both = ["--key", second.file];
  expect(await registry.publish(registry.plugin("lamp", "1.0.0"), "pair", first.file, ...both)).toMatchObject({ ok: true });
  const heir = registry.key("heir");
  const offered = ["offer", "lamp", "--to", "heir", "--new-key", publicOf(heir), "--key", first.file, ...both];
  expect(await transfer(...offered)).toMatchObject({ ok: true });
  expect(await transfer("accept", "lamp", "--publisher", "heir", "--key", heir.file)).toMatchObject({ ok: true });

  const { signed } = await lastListOf("pair");
  const alone = async (signers: readonly Signer[]) =>
    post(
      registry.url,
      await parcel({
        ...{ url: registry.url, publisher: "pair", signer: first.signer, keys: signers, now: systemClock.now() },
        ...{ release: { kind: "plugins", id: "candle", version: "1.0.0" }, before: { ...signed, targets: {} } },
      }),
    );
  expect(await alone([first.signer])).toMatchObject({ status: 403, code: "REGISTRY_METADATA_UNSIGNED" });
  // Of a registry that did not keep it yet, the last list says who must sign at least.
  using database = new Database(join(registry.folder, "server.db"));
  type Row = { readonly publisher: string; readonly keys: string; readonly threshold: number };
  const row = database.query<Row, []>("DELETE FROM departed WHERE publisher = 'pair' RETURNING *").get()!;
  const needed = { status: 403, detail: "pair is known here, and has signed with 2 keys, each of which is needed" };
  expect(await alone([first.signer])).toMatchObject(needed);
  expect(await alone([first.signer, second.signer])).toMatchObject(needed);
  database.query("INSERT INTO departed VALUES (?, ?, ?)").run(row.publisher, row.keys, row.threshold);

  expect(await registry.publish(registry.plugin("candle", "1.0.0"), "pair", first.file, ...both)).toMatchObject({ ok: true });
  const page = await (await registry.get("/api/v1/publishers/pair")).json();
  expect(page).toMatchObject({ threshold: 2, keys: keys.map(publicOf).sort() });
}, 120_000);

test("offers keep the names of few newcomers at once, and of none for long", async () => {
  const keeper = registry.key("keeper");
  const ids = Array.from({ length: 7 }, (_, at) => `kept-${at}`);
  for (const id of ids) claim(id, "keeper", [keeper], 1);
  const offer = async (id: string, to: string, days = 7, key = keeper, before = "") => {
    const expires = timeOf(systemClock.now() + days * 24 * 60 * 60 * 1000);
    const said = { kind: "plugins" as const, id, from: "keeper", to, keys: [publicOf(key)], list: 0, expires };
    const text = new TextDecoder().decode(signStatement({ _type: "transfer", ...said }, [keeper.signer]));
    const statement = new TextEncoder().encode(text.replace('"signed":{', `"signed":{${before}`));
    return formPost(`/api/v1/packages/plugins/${id}/owner`, { statement });
  };
  expect(await offer("kept-0", "new-0", 31)).toMatchObject({ status: 400, detail: expect.stringContaining("30 days at most") });
  for (const at of [0, 1, 2, 3]) expect(await offer(`kept-${at}`, `new-${at}`)).toMatchObject({ status: 200 });
  // What it says twice counts as it is read.
  expect(await offer("kept-4", "new-4", 7, keeper, '"from":"nobody","to":"new-3",')).toMatchObject({ status: 200 });
  const sixth = await offer("kept-5", "new-5");
  const names = "new-0, new-1, new-2, new-3, new-4";
  expect(sixth).toMatchObject({ status: 403, detail: expect.stringContaining(`5 publishers already who are new here (${names})`) });
  // Whoever is known here keeps his name himself, and whose name is kept already is kept no longer; and one offer takes the place of another.
  const known = registry.key("known");
  claim("known-lamp", "known", [known], 1);
  expect(await offer("kept-5", "known", 7, known)).toMatchObject({ status: 200 });
  expect(await offer("kept-6", "new-0")).toMatchObject({ status: 200 });
  expect(await offer("kept-4", "new-5")).toMatchObject({ status: 200 });
});

test("keys that are changed in the folder, beside the server, take along what was granted", async () => {
  const [old, fresh] = ["old", "fresh"].map((name) => registry.key(name)) as [Key, Key];
  expect(await publish("turning", "turner", old)).toMatchObject({ ok: true });
  expect(await grant("plugins/channel-matrix", "turner")).toMatchObject({ keys: [publicOf(old)] });
  // Who may not change them has nothing written down.
  const { signed } = await lastListOf("turner");
  const list = signMetadata({ ...signed, version: signed.version + 1 }, [fresh.signer]);
  const asked = await formPost("/api/v1/publishers/turner/keys", { metadata: list, keys: keysOf(fresh) }, fresh.signer);
  expect(asked).toMatchObject({ status: 403, code: "REGISTRY_METADATA_UNSIGNED" });
  using database = new Database(join(registry.folder, "server.db"));
  expect(database.query("SELECT * FROM rekeys").all()).toEqual([]);
  const there = ["--registry", registry.folder, "--key-folder", registry.keyFolder, "--publisher", "turner"];
  expect(await registry.cli.json(["registry", "rekey", ...there, "--new-key", fresh.file, "--key", old.file])).toMatchObject({ ok: true });
  expect(await publish("channel-matrix", "turner", fresh)).toMatchObject({ ok: true });
});
