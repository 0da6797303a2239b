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
