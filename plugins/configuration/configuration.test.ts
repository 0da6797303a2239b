import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import {
  validateConfigApplyParams,
  validateConfigPatchParams,
  validateConfigSchemaLookupParams,
  validateConfigSchemaLookupResult,
  validateConfigSetParams,
} from "@openclaw/gateway-protocol";
import { configuration } from "@pincer/plugin-sdk/contracts/configuration";
import type { MethodCall } from "@pincer/plugin-sdk/method";
import { REDACTED } from "@pincer/plugin-sdk/sensitive";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { createConfig } from "../../kernel/config/config.ts";
import { configurationFor } from "../../kernel/config/contract.ts";
import { type HostKit, startHost } from "../../tests/fixtures/plugin-host.ts";
import * as methods from "./methods.ts";

const Gateway = Type.Object({
  port: Type.Integer({ default: 1, title: "Port", maximum: 65_535 }),
  auth: Type.Object({ token: Type.Optional(Type.String()) }, { default: {} }),
});
const Agents = Type.Object({
  list: Type.Array(
    Type.Object({ id: Type.String(), model: Type.Optional(Type.String()), tags: Type.Optional(Type.Array(Type.String())) }),
    { default: [] },
  ),
  names: Type.Array(Type.String(), { default: [] }),
  tokens: Type.Array(Type.String(), { default: [] }),
  env: Type.Record(Type.String(), Type.String(), { default: {}, sensitive: true }),
});
const homes: string[] = [];
const kits: HostKit[] = [];

async function setup(text: string) {
  const home = mkdtempSync(join(tmpdir(), "pincer-config-"));
  homes.push(home);
  const path = join(home, "pincer.json5");
  writeFileSync(path, text);
  const config = createConfig({ home, clock: systemClock, log: { debug() {}, info() {}, warn() {}, error() {} }, env: { KEY: "sk-env" } });
  config.declare("gateway", Gateway, "kernel");
  config.declare("agents", Agents, "routing");
  const kit = await startHost({
    roots: [{ path: dirname(import.meta.dir), layout: "source" }],
    defaults: ["configuration"],
    provide: (host) => host.provide(configuration, () => configurationFor(config)),
  });
  kits.push(kit);
  async function call<R>(name: string, params: Record<string, unknown> = {}, scopes = ["operator.admin"]): Promise<R> {
    const { method, invoke } = await kit.host.methods.find(name)!.resolve();
    expect(Value.Errors(method.params, params).First()?.message).toBeUndefined();
    const result = await invoke(params, { scopes, signal: new AbortController().signal } as unknown as MethodCall);
    expect({ name, problem: Value.Errors(method.result, result).First() }).toEqual({ name, problem: undefined });
    return result as R;
  }
  return { config, call, path, text: () => readFileSync(path, "utf8") };
}
interface Got {
  hash: string;
  raw: string | null;
  parsed: Record<string, unknown>;
  config: Record<string, unknown>;
  valid: boolean;
  issues: { path: string; line?: number }[];
}

afterEach(async () => {
  for (const kit of kits.splice(0)) await kit[Symbol.asyncDispose]();
  for (const home of homes.splice(0)) rmSync(home, { recursive: true, force: true });
});

test("secrets leave redacted from the text, from what was written and from what is in force", async () => {
  const { call } = await setup(
    `{ gateway: { auth: { token: 's3cret' /* mine */ } }, agents: { env: { A: 'hush', B: '\\\${KEY}', C: { secret: 'c' } } } }`.replace(
      "\\$",
      "$",
    ),
  );
  const got = await call<Got>("config.get");
  expect(JSON.stringify(got)).not.toMatch(/s3cret|hush|sk-env/);
  expect(got.raw).toBe(
    `{ gateway: { auth: { token: "${REDACTED}" /* mine */ } }, agents: { env: { A: "${REDACTED}", B: '\${KEY}', C: { secret: 'c' } } } }`,
  );
  expect(got.config).toEqual({
    gateway: { port: 1, auth: { token: REDACTED } },
    agents: { list: [], names: [], tokens: [], env: { A: REDACTED, B: REDACTED, C: { secret: "c" } } },
  });
});

test("what was read redacted can be written back: every secret is still there", async () => {
  const { call, text } = await setup("{ gateway: { auth: { token: 's3cret' } }, agents: { env: { A: 'hush' } } } // end");
  const { raw, hash } = await call<Got>("config.get");
  await call("config.set", { raw: raw!.replace("// end", "// END"), baseHash: hash });
  expect(text()).toBe(`{ gateway: { auth: { token: "s3cret" } }, agents: { env: { A: "hush" } } } // END`);
  await expect(
    call("config.set", { raw: `{ gateway: { auth: { token: "s3cret" } }, agents: { env: { NEW: "${REDACTED}" } } }` }),
  ).rejects.toMatchObject({ code: "CONFIG_INVALID" });
});

test("a patch merges, keeps comments, removes with null, is applied at once and says what changed", async () => {
  const { call, text, config } = await setup("{\n  // the door\n  gateway: { port: 5, auth: { token: 't' } },\n}\n");
  const { hash } = await call<Got>("config.get");
  const result = await call<{ changedPaths: string[]; hash: string; config: unknown }>("config.patch", {
    raw: "{ gateway: { port: 6, auth: { token: null } }, agents: { names: ['a'] } }",
    baseHash: hash,
  });
  expect(text()).toBe('{\n  // the door\n  gateway: { port: 6, auth: { } },\n  agents: {\n    names: ["a"],\n  },\n}\n');
  expect(result.changedPaths).toEqual(["gateway.port", "gateway.auth.token", "agents"]);
  expect(config.section<{ port: number }>("gateway")().port).toBe(6);
  expect((await call<Got>("config.get")).hash).toBe(result.hash);
});

test("nonsense from an agent is refused, and not a character changes (#17700)", async () => {
  const { call, text, config } = await setup("{ gateway: { port: 5 } }");
  const { hash } = await call<Got>("config.get");
  for (const raw of [
    "{ gateway: { port: 'high' } }",
    "{ gateway: { prot: 1 } }",
    "{ gatway: {} }",
    "not json",
    "[1]",
    "{ gateway: null, agents: 3 }",
    "{ __proto__: { port: 1 } }",
    "{ agents: { names: [{}] } }",
  ]) {
    await expect(call("config.patch", { raw, baseHash: hash })).rejects.toMatchObject({ wire: "INVALID_REQUEST" });
  }
  for (const raw of ["{ gateway: { port: 1e9 } }", "", "{", "{ unknown: 1 }"].filter((raw) => raw !== "")) {
    await expect(call("config.apply", { raw, baseHash: hash })).rejects.toMatchObject({ wire: "INVALID_REQUEST" });
  }
  expect(text()).toBe("{ gateway: { port: 5 } }");
  expect(config.current().issues).toEqual([]);
});

test("a writer who has not seen the present text is told to read it again", async () => {
  const { call, path } = await setup("{}");
  const { hash } = await call<Got>("config.get");
  await expect(call("config.patch", { raw: "{ gateway: {} }" })).rejects.toThrow("config base hash required; re-run config.get and retry");
  writeFileSync(path, "{ gateway: {} }");
  await expect(call("config.apply", { raw: "{}", baseHash: hash })).rejects.toThrow(
    "config changed since last load; re-run config.get and retry",
  );
});

test("a list does not lose items by accident; items with an id merge", async () => {
  const { call, config } = await setup("{ agents: { names: ['a', 'b'], list: [{ id: 'x', model: 'm', tags: ['1', '2'] }] } }");
  const agents = config.section<{ names: string[]; list: { id: string }[] }>("agents");
  const patch = async (raw: string, replacePaths?: string[]) =>
    call("config.patch", { raw, baseHash: (await call<Got>("config.get")).hash, ...(replacePaths && { replacePaths }) });
  await expect(patch("{ agents: { names: ['a'] } }")).rejects.toThrow("agents.names would lose 1 of 2 items");
  await patch("{ agents: { names: ['a', 'b', 'c'] } }");
  await patch("{ agents: { names: ['c'] } }", ["agents.names"]);
  expect(agents().names).toEqual(["c"]);
  await patch("{ agents: { list: [{ id: 'y' }, { id: 'x', model: null }] } }");
  expect(agents().list).toEqual([{ id: "x", tags: ["1", "2"] }, { id: "y" }] as never);
  await expect(patch("{ agents: { list: [{ id: 'x', tags: ['2'] }] } }")).rejects.toThrow("agents.list.0.tags would lose 1 of 2 items");
  await patch("{ agents: { list: [{ id: 'x', tags: ['2'] }] } }", ["agents.list[].tags"]);
  expect(agents().list[0]).toEqual({ id: "x", tags: ["2"] } as never);
  await patch("{ agents: { list: [{ id: 'z' }] } }", ["agents.list"]);
  expect(agents().list).toEqual([{ id: "z" }]);
});

test("a list of secrets loses none by accident, and those that stay are written as they were", async () => {
  const { call, text } = await setup("{ agents: { tokens: ['one', 'two'] } }");
  const patch = async (raw: string) => call("config.patch", { raw, baseHash: (await call<Got>("config.get")).hash });
  await expect(patch(`{ agents: { tokens: ['${REDACTED}', 'new'] } }`)).rejects.toThrow("agents.tokens would lose 1 of 2 items");
  await patch("{ gateway: { port: 3 } }");
  expect(text()).toStartWith("{ agents: { tokens: ['one', 'two'] }, gateway: {");
});

test("a file with an error is shown as it is, with the place, and can be replaced as a whole", async () => {
  const { call, text } = await setup("{ gateway: { port: } }");
  const got = await call<Got>("config.get");
  expect(got).toMatchObject({ raw: null, valid: false, issues: [{ path: "", line: 1, column: 20 }] });
  await expect(call("config.patch", { raw: "{ gateway: { port: 2 } }", baseHash: got.hash })).rejects.toThrow("line 1, column 20");
  await call("config.apply", { raw: "{ gateway: { port: 2 } }", baseHash: got.hash });
  expect(text()).toBe("{ gateway: { port: 2 } }");
});

test("the schema describes everything that is declared, as today's clients read it", async () => {
  const { call } = await setup("{}");
  const schema = await call<{ uiHints: object; schema: { properties: object } }>("config.schema");
  expect(Object.keys(schema.schema.properties)).toEqual(["gateway", "agents"]);
  expect(schema.uiHints).toMatchObject({
    "gateway.port": { label: "Port" },
    "gateway.auth.token": { sensitive: true },
    "agents.env": { sensitive: true },
  });

  const lookup = await call<{ children: object[] }>("config.schema.lookup", { path: "agents.list[]" });
  expect(validateConfigSchemaLookupResult(lookup)).toBe(true);
  expect(lookup).toMatchObject({ path: "agents.list", reloadKind: "hot", children: [{ key: "*", hasChildren: true }] });
  expect(await call("config.schema.lookup", { path: "gateway" })).toMatchObject({
    children: [{ key: "port", type: "integer", required: true }, { key: "auth" }],
  });
  await expect(call("config.schema.lookup", { path: "nowhere.at.all" })).rejects.toThrow("config schema path not found: nowhere.at.all");
});

test("parameters are those of the protocol's own schemas", async () => {
  for (const [method, validate, params] of [
    [methods.configSet, validateConfigSetParams, { raw: "{}", baseHash: "h" }],
    [
      methods.configPatch,
      validateConfigPatchParams,
      {
        raw: "{}",
        baseHash: "h",
        note: "n",
        restartDelayMs: 0,
        sessionKey: "main",
        replacePaths: ["a"],
        deliveryContext: { channel: "c", threadId: 1 },
      },
    ],
    [methods.configApply, validateConfigApplyParams, { raw: "{}", deliveryContext: { to: "x" } }],
    [methods.configSchemaLookup, validateConfigSchemaLookupParams, { path: "a.b[0]" }],
  ] as const) {
    for (const given of [params, { ...params, surplus: 1 }, { ...params, raw: "" }, { ...params, path: "a b" }, {}]) {
      expect({ name: method.name, given, ok: Value.Check(method.params, given) }).toEqual({
        name: method.name,
        given,
        ok: validate(given),
      });
    }
  }
});
