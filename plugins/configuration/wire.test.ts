import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";

interface Got {
  readonly hash: string;
  readonly valid: boolean;
  readonly issues: readonly { readonly path: string; readonly line: number }[];
  readonly config: { readonly gateway: { readonly log: { readonly level: string }; readonly auth: { readonly token: string } } };
}

test("a change over the wire is in force at once, is told to everybody, and no secret is shown", async () => {
  await using gateway = await startTestGateway();
  const [client, other] = [await gateway.connect(), await gateway.connect({ scopes: ["operator.read"] })];
  const before = await client.call<Got>("config.get", {});
  expect(before.config.gateway.auth.token).toBe("__OPENCLAW_REDACTED__");
  expect(JSON.stringify(before)).not.toContain(gateway.token);
  const patched = await client.call<Got>("config.patch", { raw: "{ gateway: { log: { level: 'debug' } } }", baseHash: before.hash });
  expect(await other.event("config.changed")).toEqual({
    path: join(gateway.home, "pincer.json5"),
    hash: patched.hash,
    ts: expect.any(Number),
  });
  expect((await other.call<Got>("config.get", {})).config.gateway.log.level).toBe("debug");
  await expect(other.call("config.patch", { raw: "{}", baseHash: patched.hash })).rejects.toThrow("FORBIDDEN");
});

test("nonsense over the wire is refused with its place, and the gateway goes on as it was (#17700, #25595)", async () => {
  await using gateway = await startTestGateway();
  const client = await gateway.connect();
  const file = join(gateway.home, "pincer.json5");
  const text = readFileSync(file, "utf8");
  const { hash } = await client.call<Got>("config.get", {});
  for (const raw of ["{ gateway: { port: 'x' } }", "{ gateway: { prot: 1 } }", "{", "{ agents: { list: [{}] } }"]) {
    await expect(client.call("config.patch", { raw, baseHash: hash })).rejects.toThrow("INVALID_REQUEST");
  }
  expect(readFileSync(file, "utf8")).toBe(text);

  writeFileSync(file, "{\n  gateway: { port: },\n}");
  await gateway.gateway.config.reload();
  const broken = await client.call<Got>("config.get", {});
  expect(broken).toMatchObject({ valid: false, issues: [{ path: "", line: 2 }] });
  expect(broken.config.gateway.auth.token).toBe("__OPENCLAW_REDACTED__");
  expect(await client.call<{ ok: boolean }>("health")).toMatchObject({ ok: true });
});

test("who may only read is shown no secret, however it was written", async () => {
  const endpoint = { key: "sk-1-declared", headers: { "x-acme": "sk-2-header" }, baseUrl: "http://me:sk-3-url@127.0.0.1:9/v1" };
  await using gateway = await startTestGateway({
    config: {
      plugins: {
        "provider-openai": { enabled: true, config: { endpoints: { acme: endpoint, bob: { kye: "sk-4-misspelled" } } } },
        gone: { config: { bot: "sk-5-nobody" } },
      },
    },
  });
  const reader = await gateway.connect({ scopes: ["operator.read"] });
  const seen = async () => JSON.stringify([await reader.call("config.get", {}), await reader.call("logs.tail", {})]);
  const shown = await seen();
  expect(shown.match(/sk-\d-\w+/g) ?? []).toEqual([]);
  expect(JSON.stringify(await reader.call("models.authStatus", {}))).not.toContain("sk-3-url");
  expect(shown).toContain("x-acme");

  const mistakes = [
    `{ gateway: { auth: { token: "${gateway.token}", // token: "sk-6-comment"\n } } }`,
    `{ gateway: { auth: { token: "${gateway.token}", password: sk_7_bare } } }`,
    `{ gateway: { auth: { token: "${gateway.token}", password: 88887777 } } }`,
    `{ gateway: { auth: { token: "${gateway.token}" }, port: "http://me:sk-9-port@x/" } }`,
  ];
  for (const text of mistakes) {
    writeFileSync(join(gateway.home, "pincer.json5"), text);
    await gateway.gateway.config.reload();
    await gateway.gateway.log.flush();
    expect((await seen()).match(/sk[-_]\d[-_]\w+|88887777|test-token\S{9}/g) ?? []).toEqual([]);
  }
});

test("what was shown redacted comes back as it was, also a number and what nobody declared", async () => {
  await using gateway = await startTestGateway({ config: { plugins: { gone: { config: { bot: "sk-1" } } } } });
  const client = await gateway.connect();
  const { raw, hash } = await client.call<{ raw: string; hash: string }>("config.get", {});
  expect(raw).toContain("__OPENCLAW_REDACTED__");
  await client.call("config.patch", { raw: "{ gateway: { log: { level: 'warn' } } }", baseHash: hash });
  expect(readFileSync(join(gateway.home, "pincer.json5"), "utf8")).toContain('"bot": "sk-1"');
});

test("the hash tells nobody who guesses at a password that he was right, and stays the same when the gateway starts again", async () => {
  const first = await startTestGateway();
  const hashOf = async (gateway: typeof first) => {
    const got = await (await gateway.connect({ scopes: ["operator.read"] })).call<{ raw: string; hash: string }>("config.get", {});
    const guess = got.raw.replace("__OPENCLAW_REDACTED__", gateway.token);
    expect(guess).toBe(readFileSync(join(gateway.home, "pincer.json5"), "utf8"));
    expect(got.hash).not.toBe(new Bun.CryptoHasher("sha256").update(guess).digest("hex"));
    return got.hash;
  };
  const before = await hashOf(first);
  await first.stop();
  await using again = await startTestGateway({ home: first.home });
  expect(await hashOf(again)).toBe(before);
  await first[Symbol.asyncDispose]();
});
