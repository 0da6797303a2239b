/** What the commands of a registry say of files that are not what they should be, and where keys may lie. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type KeptRegistry, startKeptRegistry } from "./kept-registry.ts";

let kept: KeptRegistry;
beforeAll(async () => {
  kept = await startKeptRegistry("folder");
}, 120_000);
afterAll(() => kept[Symbol.asyncDispose]());

const file = (name: string, text: string, mode = 0o600): string => {
  const path = join(kept.home, name);
  writeFileSync(path, text, { mode });
  return path;
};
const publish = (key: string, ...more: string[]) => [
  ...["publish", kept.plugin("weather", "1.0.0"), "--registry", kept.folder, "--publisher", "ada", "--key", key, ...more],
];

test("a key that is none is refused with what was expected and what came", async () => {
  const rsa = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  const p256 = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  const wrong = [
    [
      join(kept.home, "missing.pem"),
      "REGISTRY_CLIENT_KEY_MISSING",
      "expected a private key, as pincer registry keygen makes one, and there is none",
    ],
    [kept.home, "REGISTRY_CLIENT_KEY_MISSING", "came a folder"],
    [file("public.pem", rsa.publicKey), "REGISTRY_KEY_INVALID", "expected a private key as PKCS#8 PEM, came a PEM of the type PUBLIC KEY"],
    [file("rsa.pem", rsa.privateKey), "REGISTRY_KEY_INVALID", "expected an Ed25519 key, came one of the type rsa"],
    [file("p256.pem", p256.privateKey), "REGISTRY_KEY_INVALID", "expected an Ed25519 key, came one of the type ec"],
    [file("note.pem", "remember the milk\n"), "REGISTRY_KEY_INVALID", "came something else"],
    [file("empty.pem", ""), "REGISTRY_KEY_INVALID", "came something else"],
  ] as const;
  for (const [path, code, why] of wrong) {
    const { error } = await kept.cli.json<{ readonly error: { readonly code: string; readonly message: string } }>([
      "registry",
      ...publish(path),
    ]);
    expect(error.code).toBe(code);
    expect(error.message).toStartWith(`${path}: `);
    expect(error.message).toContain(why);
    expect(error.message).not.toContain("ENOENT");
  }
});

test("an encrypted key is opened with its passphrase, and with no other", async () => {
  const [right, other, none] = [file("right", "correct horse\n"), file("other", "battery\n"), file("none", "\n")];
  const key = join(kept.home, "closed.pem");
  await kept.done("keygen", key, "--passphrase-file", right);
  expect(readFileSync(key, "utf8")).toStartWith("-----BEGIN ENCRYPTED PRIVATE KEY-----");
  expect(await kept.run(...publish(key))).toMatchObject({ code: 1, said: expect.stringContaining("--passphrase-file <file> says it") });
  expect(await kept.run(...publish(key, "--passphrase-file", other))).toMatchObject({
    code: 1,
    said: expect.stringContaining("the passphrase is not the one of that key"),
  });
  expect(await kept.run(...publish(key, "--passphrase-file", none))).toMatchObject({
    code: 2,
    said: expect.stringContaining("empty line"),
  });
  expect(await kept.done(...publish(key, "--passphrase-file", right))).toContain("published weather 1.0.0 as ada");
  const eve = publish(kept.key("eve")).map((word) => (word === "ada" ? "eve" : word));
  expect(await kept.run(...eve)).toMatchObject({
    code: 1,
    said: expect.stringMatching(/weather is ada's here, and not eve's: .*\("pincer registry transfer offer weather --to eve"\)/),
  });
});

test("a key that others may read is used, and it is said", async () => {
  const key = kept.key("open");
  chmodSync(key, 0o644);
  const { code, said } = await kept.run("keygen", key);
  expect({ code, said }).toEqual({ code: 1, said: expect.stringContaining("is not written over") });
  const shown = await kept.run("sign", join(kept.home, "nothing.json"), "--key", key);
  expect(shown.said).toContain("expected what pincer registry stage has written");
  const wish = [
    "rekey",
    "--registry",
    kept.folder,
    "--publisher",
    "ada",
    "--new-key",
    "0".repeat(64),
    "--write",
    join(kept.home, "w.json"),
  ];
  expect(await kept.done(...wish, "--key", key)).toContain(`look  others on this machine may read ${key}: chmod 600 ${key}`);
});

test("each other file of a command is named when it is not what it should be", async () => {
  const key = kept.key("fine");
  const nowhere = join(kept.home, "nowhere");
  const junk = file("junk.json", "{}");
  const there = ["--registry", kept.folder];
  for (const [words, why] of [
    [publish(key, "--token-file", nowhere), "expected a file with a token, and there is none"],
    [publish(key, "--passphrase-file", nowhere), "expected a file with a passphrase, and there is none"],
    [["transfer", "offer", "weather", ...there, "--statement", nowhere], "expected a transfer, as --write makes one, and there is none"],
    [["transfer", "offer", "weather", ...there, "--statement", junk], "the transfer that was asked for"],
    [["transfer", "lend", "weather"], 'expected offer or accept, came "lend"'],
    [["sign", junk, "--key", key], "expected what pincer registry stage has written, or --write, came something else"],
    [["apply", junk, ...there], `${junk}: what was staged`],
    [publish(file("fine.pub", `${"a".repeat(64)}\n`)), `came a public key: say ${key}, which lies beside it`],
    [["mirror", kept.folder, `${kept.folder}/`], `${kept.folder} is the registry itself: expected another folder`],
    [["export", kept.folder, kept.home], `${kept.home}: expected a file to write`],
    [["export", kept.folder, join(nowhere, "x.tar")], `there is no folder ${nowhere}`],
    [["verify", junk], `${junk} is no file that pincer registry export has written`],
    [["publish", kept.home, "--registry", nowhere, "--publisher", "ada", "--key", key], `there is no ${nowhere}`],
    [["apply", nowhere, ...there], "and there is none"],
    [["verify", kept.folder, "--root", nowhere], "expected the root of a registry, as 1.root.json, and there is none"],
    [["status", kept.home], `there is no registry in ${kept.home}`],
    [["stage", kept.folder, "--add", "everything:x"], "--add: expected root, targets, revocations, online"],
    [["stage", kept.folder, "--remove", `root:${"0".repeat(16)}`], "--remove: expected one of the keys of root"],
    [["stage", kept.folder, "--threshold", "root:9"], "root would have 3 keys, of which 9 must sign"],
    [["stage", kept.folder, "--threshold", "revocations:2"], "expected root or targets"],
    [["stage", kept.folder], "nothing would change"],
    [
      ["rekey", ...there, "--publisher", "ada", "--new-key", key, "--key", key, "--threshold", "2"],
      "--threshold: expected a number from 1 to 1",
    ],
  ] as const) {
    const { code, said } = await kept.run(...words);
    expect({ words, code: code > 0, said }).toEqual({ words, code: true, said: expect.stringContaining(why) });
  }
});

test("a registry of a newer format says that a newer Pincer reads it", async () => {
  const newer = join(kept.home, "newer");
  cpSync(kept.folder, newer, { recursive: true });
  const root = join(newer, "metadata", "1.root.json");
  writeFileSync(root, readFileSync(root, "utf8").replace('"spec_version":"1.0.31"', '"spec_version":"2.1.0"'));
  expect(await kept.run("status", newer)).toMatchObject({
    code: 1,
    said: expect.stringContaining("it is written as TUF 2.1 says, and this Pincer reads 1.0: a newer one is needed"),
  });
});

test("keys never lie where the registry is served from", async () => {
  const folder = join(kept.home, "another");
  for (const keys of [folder, join(folder, "keys"), kept.home]) {
    const { code, said } = await kept.run("init", folder, "--key-folder", keys);
    expect({ code, said }).toEqual({ code: 2, said: expect.stringContaining("--key-folder: expected a folder") });
  }
  expect(readdirSync(kept.home)).not.toContain("another");
  mkdirSync(folder);
  await kept.done("init", folder, "--key-folder", join(kept.home, "another-keys"));
  expect(readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".pem"))).toEqual([]);
});
