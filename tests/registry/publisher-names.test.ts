/** Whose a publisher's name is before anything is published under it: of whom it was said, and not of whoever is quickest. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { parseMetadata } from "../../registry/trust/metadata.ts";
import { publisherRole } from "../../registry/trust/role.ts";
import { parcel, post } from "./parcel.ts";
import { type ServedRegistry, startServedRegistry } from "./served-registry.ts";

type Key = ReturnType<ServedRegistry["key"]>;
const roomy = { burst: 100_000, perMinute: 100_000 };
let registry: ServedRegistry;
beforeAll(async () => {
  registry = await startServedRegistry({ rates: { files: roomy, reads: roomy, publications: roomy, claims: roomy } });
}, 60_000);
afterAll(() => registry[Symbol.asyncDispose]());

const publicOf = ({ signer }: Key) => signer.json.keyval.public;
const grant = (...words: string[]) => registry.cli.json(["registry", "grant", registry.folder, ...words]);
const publish = (id: string, publisher: string, key: Key) => registry.publish(registry.plugin(id, "1.0.0"), publisher, key.file);
const transfer = (...words: string[]) => registry.cli.json(["registry", "transfer", ...words, "--registry", registry.url]);
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
    error: { code: "REGISTRY_FORBIDDEN", message: expect.stringContaining("bob is known here") },
  });
  expect(await publish("fog", "bob", mallory)).toMatchObject({ ok: false });
  // To name his key beside the own is not to have it.
  const { list } = (await (await registry.get("/api/v1/publishers/bob")).json()) as { readonly list: { readonly version: number } };
  const { signed } = parseMetadata(
    "targets",
    publisherRole("bob"),
    await (await registry.get(`/metadata/${list.version}.publisher-bob.json`)).bytes(),
  );
  const beside = await parcel({
    ...{ url: registry.url, publisher: "bob", signer: mallory.signer, keys: [mallory.signer, bob.signer], now: systemClock.now() },
    ...{ release: { kind: "plugins", id: "fog", version: "1.0.0" }, before: { ...signed, targets: {} } },
  });
  expect(await post(registry.url, beside)).toMatchObject({ status: 403, code: "REGISTRY_FORBIDDEN" });
  expect(await publish("fog", "bob", bob)).toMatchObject({ ok: true });
}, 60_000);

test("keys that are changed in the folder, beside the server, take along what was granted", async () => {
  const [old, fresh] = ["old", "fresh"].map((name) => registry.key(name)) as [Key, Key];
  expect(await publish("turning", "turner", old)).toMatchObject({ ok: true });
  expect(await grant("plugins/channel-matrix", "turner")).toMatchObject({ keys: [publicOf(old)] });
  const there = ["--registry", registry.folder, "--key-folder", registry.keyFolder, "--publisher", "turner"];
  expect(await registry.cli.json(["registry", "rekey", ...there, "--new-key", fresh.file, "--key", old.file])).toMatchObject({ ok: true });
  expect(await publish("channel-matrix", "turner", fresh)).toMatchObject({ ok: true });
});
