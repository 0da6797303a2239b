/** Who may publish what, over HTTP, and what a server makes of everything else that comes. */

import { Database } from "bun:sqlite";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { httpSource } from "../../registry/http-source.ts";
import { authorityOf, stage } from "../../registry/repository/stage.ts";
import { signStaged, stagedFile } from "../../registry/repository/staged.ts";
import { timeOf } from "../../registry/schema.ts";
import { signedIn } from "../../registry/status.ts";
import { createSigner } from "../../registry/trust/key.ts";
import { signStatement } from "../../registry/trust/statement.ts";
import { type ParcelOptions, parcel, post } from "./parcel.ts";
import { type ServedRegistry, startServedRegistry } from "./served-registry.ts";

type Key = ReturnType<ServedRegistry["key"]>;
const roomy = { burst: 100_000, perMinute: 100_000 };
let registry: ServedRegistry;
beforeAll(async () => {
  registry = await startServedRegistry({ bodySeconds: 60, rates: { files: roomy, reads: roomy, publications: roomy, claims: roomy } });
}, 60_000);
afterAll(() => registry[Symbol.asyncDispose]());

let count = 0;
/** A publisher and a name that nobody else has. */
function someone() {
  count += 1;
  const { signer } = createSigner();
  const options = (over: Partial<ParcelOptions> = {}): ParcelOptions => ({
    url: registry.url,
    publisher: `publisher-${count}`,
    signer,
    release: { kind: "plugins", id: `plugin-number-${count}`, version: "1.0.0" },
    now: systemClock.now(),
    ...over,
  });
  const fixed = options();
  return { options: (over: Partial<ParcelOptions> = {}) => ({ ...fixed, now: systemClock.now(), ...over }), ...fixed };
}
const publicOf = ({ signer }: Pick<ReturnType<typeof someone>, "signer">) => signer.json.keyval.public;
const grant = (...words: string[]) => registry.cli.json(["registry", "grant", registry.folder, ...words]);
const isThere = async (id: string) => (await registry.get(`/api/v1/packages/plugins/${id}`)).status === 200;

test("a signature with the publisher's key is all that it takes, and the next release builds on the list before", async () => {
  const ada = someone();
  const first = await parcel(ada.options());
  expect(await post(registry.url, first)).toMatchObject({ status: 201, version: 1, claimed: [{ kind: "plugins", id: ada.release.id }] });
  const second = await parcel(ada.options({ before: first.list, release: { ...ada.release, version: "1.1.0" } }));
  expect(await post(registry.url, second)).toMatchObject({ status: 201, version: 2, claimed: [] });
  const { releases } = await registry.client().find(ada.release);
  expect(releases.map(({ version }) => version)).toEqual(["1.1.0", "1.0.0"]);
});

test("a request that came before is not done again, and neither is one of another time", async () => {
  const ada = someone();
  const first = await parcel(ada.options());
  expect(await post(registry.url, first)).toMatchObject({ status: 201 });
  expect(await post(registry.url, first)).toMatchObject({
    status: 401,
    code: "REGISTRY_UNAUTHENTICATED",
    detail: expect.stringContaining("came before"),
  });
  for (const apartMs of [-6 * 60_000, 6 * 60_000]) {
    const late = await parcel(someone().options({ now: systemClock.now() + apartMs }));
    expect(await post(registry.url, late)).toMatchObject({ status: 401, detail: expect.stringContaining("registry's clock") });
  }
});

test("what was signed is what counts: another body, path or host is refused, and so is no signature at all", async () => {
  const ada = someone();
  const { body, headers } = await parcel(ada.options());
  const spoilt = Uint8Array.from(body);
  spoilt[body.length >> 1]! ^= 1;
  expect(await post(registry.url, { body: spoilt, headers })).toMatchObject({ status: 401, detail: expect.stringContaining("body") });
  for (const url of ["http://registry.elsewhere.io", "https://registry.elsewhere.io", registry.url.replace("http:", "https:")]) {
    const elsewhere = await parcel(ada.options({ url }));
    expect(await post(registry.url, { ...elsewhere, headers: { ...elsewhere.headers, host: new URL(url).host } })).toMatchObject({
      status: 421,
      code: "REGISTRY_MISDIRECTED",
      detail: expect.stringContaining(`signed for ${url}/api/v1/publish, and the address of this registry is ${registry.url}`),
    });
  }
  const unsaid = await parcel(ada.options({ url: "http://registry.elsewhere.io" }));
  expect(await post(registry.url, unsaid)).toMatchObject({ status: 401, detail: expect.stringContaining("does not belong") });
  expect(await post(registry.url, { body, headers: { "content-type": headers["content-type"]! } })).toMatchObject({ status: 401 });
  for (const [name, value] of [
    ["signature", "pincer=:AAAA:"],
    ["signature", ""],
    ["signature-input", headers["signature-input"]!.replace("ed25519", "hmac-sha256")],
    ["signature-input", headers["signature-input"]!.replace(' "content-digest"', "")],
    ["signature-input", headers["signature-input"]!.replace(/keyid="[0-9a-f]{64}"/, `keyid="${"0".repeat(64)}"`)],
    ["content-digest", "sha-256=:AAAA:"],
    ["authorization", "Bearer pincer_reg_nothing"],
  ] as const)
    expect(await post(registry.url, { body, headers: { ...headers, [name]: value } })).toMatchObject({
      status: 401,
      code: "REGISTRY_UNAUTHENTICATED",
    });
  expect(await isThere(ada.release.id)).toBe(false);
});

test("nobody publishes under another's name, in another's stead, or with a list that another key has signed", async () => {
  const [ada, eve] = [someone(), someone()];
  const first = await parcel(ada.options());
  await post(registry.url, first);
  const next = { before: first.list, release: { ...ada.release, version: "6.6.6" } };
  const taken = await parcel(eve.options({ release: { ...ada.release, version: "6.6.6" } }));
  expect(await post(registry.url, taken)).toMatchObject({ status: 403, code: "REGISTRY_NAME_TAKEN" });
  expect(await post(registry.url, await parcel(ada.options({ ...next, signer: eve.signer })))).toMatchObject({
    status: 403,
    code: "REGISTRY_FORBIDDEN",
  });
  expect(await post(registry.url, await parcel(ada.options({ ...next, listSigner: eve.signer })))).toMatchObject({
    status: 403,
    code: "REGISTRY_METADATA_UNSIGNED",
  });
  // As if she were new, with keys of her own.
  expect(await post(registry.url, await parcel(eve.options({ publisher: ada.publisher })))).toMatchObject({
    status: 403,
    code: "REGISTRY_FORBIDDEN",
  });
  expect((await registry.client().find(ada.release)).releases.map(({ version }) => version)).toEqual(["1.0.0"]);
});

test("a version stays as it is, and an archive is what its list, its path and its notes say", async () => {
  const ada = someone();
  const first = await parcel(ada.options());
  await post(registry.url, first);
  const path = Object.keys(first.list.targets)[0]!;
  const change = await parcel(
    ada.options({
      before: first.list,
      release: { ...ada.release, version: "2.0.0" },
      change: (list) => ({ ...list, targets: { ...list.targets, [path]: { ...list.targets[path]!, hashes: { sha256: "1".repeat(64) } } } }),
    }),
  );
  expect(await post(registry.url, change)).toMatchObject({ status: 409, code: "REGISTRY_VERSION_TAKEN" });
  const release = { ...ada.release, version: "3.0.0" };
  const bad: readonly (readonly [Partial<ParcelOptions>, string])[] = [
    [{ archive: new Uint8Array(randomBytes(2000)) }, "REGISTRY_ARCHIVE_INVALID"],
    [{ archive: new Uint8Array(0) }, "REGISTRY_ARCHIVE_INVALID"],
    [{ files: { "plugin.json": JSON.stringify({ id: "another", version: "3.0.0" }) } }, "REGISTRY_ARCHIVE_INVALID"],
    [{ files: { "plugin.json": JSON.stringify({ id: ada.release.id, version: "3.0.1" }) } }, "REGISTRY_ARCHIVE_INVALID"],
    [{ files: { "plugin.json": "no json" } }, "REGISTRY_ARCHIVE_INVALID"],
    [{ notes: { manifest: "2".repeat(64) } }, "REGISTRY_ARCHIVE_INVALID"],
    [{ change: (list) => ({ ...list, version: list.version + 1 }) }, "REGISTRY_LIST_CHANGED"],
    [{ change: (list) => ({ ...list, version: 1 }) }, "REGISTRY_LIST_CHANGED"],
    [{ change: (list) => ({ ...list, expires: "2020-01-01T00:00:00Z" }) }, "REGISTRY_METADATA_INVALID"],
    [{ change: (list) => ({ ...list, targets: {} }) }, "REGISTRY_REQUEST_INVALID"],
    [
      { change: ({ targets, ...list }) => ({ ...list, targets: { ...targets, "plugins/00/x/1.0.0.tgz": targets[path]! } }) },
      "REGISTRY_METADATA_INVALID",
    ],
  ];
  for (const [over, code] of bad)
    expect(await post(registry.url, await parcel(ada.options({ before: first.list, release, ...over })))).toMatchObject({ code });
  const wrong = await parcel(
    ada.options({
      before: first.list,
      release,
      change: (list) => ({
        ...list,
        targets: Object.fromEntries(
          Object.entries(list.targets).map(([at, target]) => [at, at === path ? target : { ...target, length: target.length + 1 }]),
        ),
      }),
    }),
  );
  expect(await post(registry.url, wrong)).toMatchObject({ status: 422, code: "REGISTRY_FILE_WRONG" });
  expect((await registry.client().find(ada.release)).releases).toHaveLength(1);
});

test("a name that was claimed with something that was refused is free for whoever comes next", async () => {
  const [ada, bob] = [someone(), someone()];
  await post(registry.url, await parcel(ada.options({ archive: new Uint8Array(randomBytes(500)) })));
  expect(await post(registry.url, await parcel(bob.options({ release: ada.release })))).toMatchObject({ status: 201 });
});

test("whatever comes instead of a publication is refused, and nothing of it is kept", async () => {
  const ada = someone();
  const { body, headers } = await parcel(ada.options());
  const type = headers["content-type"]!;
  const boundary = type.split("boundary=")[1]!;
  const { token } = await registry.cli.json<{ token: string }>(["registry", "token", "create", registry.folder, ada.publisher]);
  const by = { authorization: `Bearer ${token}` };
  const field = (name: string, text: string) => `--${boundary}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${text}\r\n`;
  for (const [what, contentType] of [
    [body, "application/json"],
    [body, "multipart/form-data"],
    [new Uint8Array(0), type],
    [Buffer.from("--"), type],
    [Buffer.from(`${field("publisher", "ada")}--${boundary}--\r\n`), type],
    [Buffer.from(`${field("publisher", "ada")}${field("publisher", "eve")}${field("metadata", "{}")}--${boundary}--\r\n`), type],
    [Buffer.from(`${field("publisher", "../x")}${field("metadata", "{}")}--${boundary}--\r\n`), type],
    [Buffer.from(`${field("publisher", "ada")}${field("metadata", "{}")}${field("../../etc/passwd", "x")}--${boundary}--\r\n`), type],
    [new Uint8Array(randomBytes(50_000)), type],
  ] as const) {
    const answer = await post(registry.url, { body: new Uint8Array(what), headers: { ...by, "content-type": contentType } });
    expect(answer.status >= 400 && answer.status < 500).toBe(true);
    expect(answer.code).toMatch(/^REGISTRY_/);
  }
  for (let cut = 1; cut < body.length; cut += Math.ceil(body.length / 40)) {
    const answer = await post(registry.url, { body: body.slice(0, cut), headers: { ...by, "content-type": type } });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
  }
  expect(await isThere(ada.release.id)).toBe(false);
});

test("ten megabytes of junk are refused, with a token and without one, and the server goes on", async () => {
  const junk = new Uint8Array(10 * 2 ** 20).fill(0x41);
  const headers = { "content-type": "multipart/form-data; boundary=x" };
  expect(await post(registry.url, { body: junk, headers })).toMatchObject({ status: 401 });
  const { token } = await registry.cli.json<{ token: string }>(["registry", "token", "create", registry.folder, "junk"]);
  expect(await post(registry.url, { body: junk, headers: { ...headers, authorization: `Bearer ${token}` } })).toMatchObject({
    status: 400,
  });
  expect((await registry.get("/api/v1/")).status).toBe(200);
});

test("a token sends what is signed, for its publisher, for what it may, until it is revoked", async () => {
  const [ada, eve] = [someone(), someone()];
  const make = (publisher: string, ...more: string[]) =>
    registry.cli.json<{ token: string; id: string }>(["registry", "token", "create", registry.folder, publisher, ...more]);
  const { token, id } = await make(ada.publisher);
  const first = await parcel(ada.options({ token }));
  expect(await post(registry.url, first)).toMatchObject({ status: 201 });
  // Another's token, and a list that no key of hers has signed.
  const next = { before: first.list, release: { ...ada.release, version: "2.0.0" } };
  const { token: foreign } = await make(eve.publisher);
  expect(await post(registry.url, await parcel(ada.options({ ...next, token: foreign })))).toMatchObject({
    status: 403,
    code: "REGISTRY_FORBIDDEN",
  });
  expect(await post(registry.url, await parcel(ada.options({ ...next, token, listSigner: eve.signer })))).toMatchObject({
    code: "REGISTRY_METADATA_UNSIGNED",
  });
  const { token: yanking } = await make(ada.publisher, "--scope", "yank");
  expect(await post(registry.url, await parcel(ada.options({ ...next, token: yanking })))).toMatchObject({
    status: 403,
    detail: expect.stringContaining("publish"),
  });
  const { tokens } = await registry.cli.json<{ tokens: readonly { id: string; usedAt: number | null }[] }>([
    "registry",
    "token",
    "list",
    registry.folder,
  ]);
  expect(tokens.find((one) => one.id === id)?.usedAt).toBeNumber();
  expect(JSON.stringify(tokens)).not.toContain(token);
  expect(await registry.cli.json(["registry", "token", "revoke", registry.folder, id])).toMatchObject({ ok: true });
  expect(await post(registry.url, await parcel(ada.options({ ...next, token })))).toMatchObject({
    status: 401,
    detail: expect.stringContaining("revoked"),
  });
  const file = join(registry.temporary("token"), "token");
  const key = registry.key("builder");
  writeFileSync(file, `${(await make("builder")).token}\n`);
  expect(await registry.publish(registry.plugin("built", "1.0.0"), "builder", key.file, "--token-file", file)).toMatchObject({
    ok: true,
    isNew: true,
  });
});

test("of many who publish for one publisher at once each comes to its turn, and no release is lost", async () => {
  const key = registry.key("crew");
  const versions = ["1.0.0", "1.0.1", "1.0.2", "1.0.3"];
  const folders = versions.map((version) => registry.plugin("crewed", version));
  const outcomes = await Promise.all(folders.map((folder) => registry.publish(folder, "crew", key.file)));
  expect(outcomes.map(({ ok, error }) => error ?? ok)).toEqual(versions.map(() => true));
  const { releases } = await registry.client().find({ kind: "plugins", id: "crewed" });
  expect(releases.map(({ version }) => version).sort()).toEqual(versions);
});

test("of two publishers who want one name at once exactly one gets it", async () => {
  for (let round = 0; round < 5; round++) {
    const [ada, bob] = [someone(), someone()];
    const parcels = await Promise.all([ada, bob].map((one) => parcel(one.options({ release: ada.release }))));
    const answers = await Promise.all(parcels.map((one) => post(registry.url, one)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 403]);
  }
});

test("a server signs nothing of what it is sent: what the founders have not signed is refused, even where the server's own key revokes", async () => {
  const ada = someone();
  await post(registry.url, await parcel(ada.options()));
  const there = httpSource({ url: registry.url, clock: systemClock, fetch });
  const signed = await signedIn({ source: there, root: registry.root, signal: new AbortController().signal });
  const now = () => systemClock.now();
  const eve = createSigner().signer;
  const reason = { reason: "it is mine now", at: "2031-05-04T10:00:00Z" };
  const authority = authorityOf(signed);
  const changes = {
    revocations: stage(signed, { revocations: [{ kind: "plugins", id: ada.release.id, ...reason }], now }),
    keys: stage(signed, { next: { ...authority, root: [eve], targets: [eve], revocations: [eve] }, now }),
    renewal: stage(signed, { renew: ["root", "targets", "revocations"], now }),
  };
  const noRoles = structuredClone({ ...changes.renewal }) as Omit<typeof changes.renewal, "next"> & {
    next: { targets: { signed: object } };
  };
  Reflect.deleteProperty(noRoles.next.targets.signed, "delegations");
  const spoilt = join(registry.temporary("staged"), "staged.json");
  writeFileSync(spoilt, stagedFile(noRoles as typeof changes.renewal));
  expect(await registry.cli.json(["registry", "sign", spoilt, "--key", registry.key("eve").file])).toMatchObject({
    error: { code: "REGISTRY_METADATA_INVALID", message: expect.stringContaining("expected delegations") },
  });
  for (const [what, change] of Object.entries(changes))
    for (const signers of [[], [eve]]) {
      const form = new FormData();
      form.set("staged", new Blob([stagedFile(signStaged(change, signers))]));
      const response = await fetch(`${registry.url}/api/v1/staged`, { method: "POST", body: form });
      expect({ what, ...((await response.json()) as object) }).toMatchObject({ what, status: 403, code: "REGISTRY_METADATA_UNSIGNED" });
    }
  const { token } = await registry.cli.json<{ token: string }>(["registry", "token", "create", registry.folder, ada.publisher]);
  const form = new FormData();
  form.set("keys", JSON.stringify({ keys: [eve.json.keyval.public] }));
  const rekey = () =>
    fetch(`${registry.url}/api/v1/publishers/${ada.publisher}/keys`, {
      method: "POST",
      body: form,
      headers: { authorization: `Bearer ${token}` },
    });
  expect(await (await rekey()).json()).toMatchObject({ status: 403, code: "REGISTRY_FORBIDDEN" });
  const client = registry.client();
  expect(await client.revocations()).toEqual([]);
  expect((await client.find(ada.release)).publisher.keys).toEqual([ada.signer.json.keyval.public]);
});

test("the names of what comes with Pincer, and those that are like them, wait for the operator", async () => {
  for (const [kind, id] of [
    ["plugins", "channel-telegram"],
    ["skills", "docker"],
    ["plugins", "channel-telegarm"],
    ["skills", "dokcer"],
  ] as const) {
    const eve = someone();
    const release = { kind, id, version: "1.0.0" } as const;
    const skill = `---\nname: ${id}\ndescription: Does things.\n---\n`;
    const files: Partial<ParcelOptions> = kind === "skills" ? { files: { "SKILL.md": skill }, manifest: skill } : {};
    expect(await post(registry.url, await parcel(eve.options({ release, ...files })))).toMatchObject({
      status: 403,
      code: "REGISTRY_NAME_HELD",
      detail: expect.stringContaining("comes with Pincer"),
    });
    expect(await grant(`${kind}/${id}`, eve.publisher)).toMatchObject({ ok: true, keys: [publicOf(eve)] });
    expect(await post(registry.url, await parcel(eve.options({ release, ...files })))).toMatchObject({ status: 201 });
  }
});

test("a name is given to a publisher with his keys: nobody gets it by calling himself the same", async () => {
  const [ada, mallory, bob] = [someone(), someone(), someone()];
  const release = { kind: "plugins", id: "channel-discord", version: "1.0.0" } as const;
  const ask = async (who: typeof ada, publisher = ada.publisher) => post(registry.url, await parcel(who.options({ publisher, release })));
  for (const who of [ada, mallory]) expect(await ask(who)).toMatchObject({ status: 403, code: "REGISTRY_NAME_HELD" });
  const waits = (who: typeof ada) => ({ id: release.id, publisher: ada.publisher, keys: [publicOf(who)], threshold: 1 });
  expect(await grant()).toMatchObject({ held: expect.arrayContaining([ada, mallory].map((who) => expect.objectContaining(waits(who)))) });
  const { out } = await registry.cli.pincer(["registry", "grant", registry.folder]);
  for (const who of [ada, mallory]) expect(out).toMatch(new RegExp(`channel-discord +${ada.publisher} +${publicOf(who).slice(0, 16)} `));
  // The operator says which of the two, and may copy what is shown.
  expect(await grant("plugins/channel-discord", ada.publisher)).toMatchObject({
    error: { message: expect.stringContaining(`2 call themselves ${ada.publisher} (`) },
  });
  expect(await grant("plugins/channel-discord", ada.publisher, "--new-key", publicOf(ada).slice(0, 16))).toMatchObject({
    keys: [publicOf(ada)],
  });
  expect(JSON.stringify(await grant())).not.toContain(publicOf(mallory));
  expect(await ask(mallory)).toMatchObject({ status: 403, code: "REGISTRY_FORBIDDEN", detail: expect.stringContaining("with other keys") });
  expect(await ask(bob, bob.publisher)).toMatchObject({ status: 403, code: "REGISTRY_FORBIDDEN" });
  expect(await ask(ada)).toMatchObject({ status: 201 });
});

test("who neither waits nor has published gets a name with the keys that the operator was told", async () => {
  const [ada, mallory] = [someone(), someone()];
  const release = { kind: "plugins", id: "channel-slack", version: "1.0.0" } as const;
  const ask = async (who: typeof ada) => post(registry.url, await parcel(who.options({ publisher: ada.publisher, release })));
  expect(await grant("plugins/channel-slack", ada.publisher)).toMatchObject({
    error: { message: expect.stringContaining("--new-key is missing") },
  });
  expect(await grant("plugins/channel-slack", ada.publisher, "--new-key", publicOf(ada))).toMatchObject({ ok: true });
  expect(await ask(mallory)).toMatchObject({ status: 403, code: "REGISTRY_FORBIDDEN" });
  expect(await ask(ada)).toMatchObject({ status: 201 });
});

test("whoever published under the name of one who waits is not given what that one asked for", async () => {
  const [ada, mallory] = [someone(), someone()];
  const release = { kind: "plugins", id: "channel-webhook", version: "1.0.0" } as const;
  await post(registry.url, await parcel(ada.options({ release })));
  expect(await post(registry.url, await parcel(mallory.options({ publisher: ada.publisher })))).toMatchObject({ status: 201 });
  expect(await grant("plugins/channel-webhook", ada.publisher)).toMatchObject({
    error: { message: expect.stringContaining("2 call themselves") },
  });
  expect(await grant("plugins/channel-webhook", ada.publisher, "--new-key", publicOf(ada))).toMatchObject({
    error: { message: expect.stringContaining(`signs with ${publicOf(mallory).slice(0, 16)} here`) },
  });
});

test("what was granted follows keys that the keys of before have signed, and not the founders' word for others", async () => {
  const [old, fresh, lost] = ["old", "fresh", "lost"].map((name) => registry.key(name)) as [Key, Key, Key];
  const rekey = (to: Key, ...by: string[]) =>
    registry.cli.json(["registry", "rekey", "--registry", registry.url, "--publisher", "rotating", "--new-key", to.file, ...by]);
  expect(await registry.publish(registry.plugin("rotating-first", "1.0.0"), "rotating", old.file)).toMatchObject({ ok: true });
  expect(await grant("plugins/channel-matrix", "rotating")).toMatchObject({ keys: [old.signer.json.keyval.public] });
  expect(await grant("plugins/channel-irc", "rotating", "--new-key", old.file)).toMatchObject({ ok: true });
  expect(await rekey(fresh, "--key", old.file)).toMatchObject({ ok: true });
  expect(await registry.publish(registry.plugin("channel-matrix", "1.0.0"), "rotating", fresh.file)).toMatchObject({ ok: true });
  const statement = signStatement(
    {
      _type: "rekey",
      ...{ publisher: "rotating", keys: [lost.signer.json.keyval.public], threshold: 1, list: 3 },
      expires: timeOf(systemClock.now() + 60_000),
    },
    registry.founders.targets,
  );
  const file = join(registry.temporary("statement"), "rekey.json");
  writeFileSync(file, statement);
  expect(await rekey(lost, "--statement", file)).toMatchObject({ ok: true });
  expect(await registry.publish(registry.plugin("channel-irc", "1.0.0"), "rotating", lost.file)).toMatchObject({
    error: { code: "REGISTRY_FORBIDDEN", message: expect.stringContaining("kept for rotating with other keys") },
  });
  expect(await grant("plugins/channel-irc", "rotating")).toMatchObject({ keys: [lost.signer.json.keyval.public] });
  expect(await registry.publish(registry.plugin("channel-irc", "1.0.0"), "rotating", lost.file)).toMatchObject({ ok: true });
});

test("what a database from before gave to a name alone counts for nobody, and waits to be given again", async () => {
  const [ada, mallory] = [someone(), someone()];
  expect(await registry.stop()).toBe(0);
  const database = new Database(join(registry.folder, "server.db"));
  database.exec(
    `DROP INDEX grants_publisher; ALTER TABLE grants DROP COLUMN keys; ALTER TABLE grants DROP COLUMN threshold; DROP TABLE held; DROP TABLE rekeys; DROP INDEX offers_to; DROP INDEX offers_from; DROP TABLE departed; PRAGMA user_version = 2;
     CREATE TABLE held (kind TEXT NOT NULL, id TEXT NOT NULL, publisher TEXT NOT NULL, why TEXT NOT NULL, at INTEGER NOT NULL,
       PRIMARY KEY (kind, id, publisher)) STRICT, WITHOUT ROWID;
     INSERT INTO grants VALUES ('plugins', '${ada.release.id}', '${ada.publisher}');
     INSERT INTO held VALUES ('plugins', 'channel-line', '${ada.publisher}', 'it comes with Pincer', 0);`,
  );
  database.close();
  await registry.start();
  const ask = async (who: typeof ada) => post(registry.url, await parcel(who.options({ publisher: ada.publisher, release: ada.release })));
  const unknown = { publisher: ada.publisher, keys: [] };
  // What somebody has taken needs no grant any more.
  const { held } = (await grant()) as { held: readonly object[] };
  expect(held.filter((one) => (one as typeof unknown).keys.length === 0)).toMatchObject([
    { id: "channel-line", ...unknown },
    { id: ada.release.id, why: expect.stringContaining("give it again"), ...unknown },
  ]);
  expect(await grant(`plugins/${ada.release.id}`, ada.publisher)).toMatchObject({
    error: { message: expect.stringContaining("--new-key is missing") },
  });
  for (const who of [mallory, ada])
    expect(await ask(who)).toMatchObject({ code: "REGISTRY_NAME_HELD", detail: expect.stringContaining("before the keys were kept") });
  expect(await grant(`plugins/${ada.release.id}`, ada.publisher, "--new-key", publicOf(ada))).toMatchObject({ ok: true });
  expect(await ask(mallory)).toMatchObject({ code: "REGISTRY_FORBIDDEN" });
  expect(await ask(ada)).toMatchObject({ status: 201 });
});
