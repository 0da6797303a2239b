import { expect, test } from "bun:test";
import { call, defineContract, stream } from "@pincer/plugin-sdk/contract";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { defineHook } from "@pincer/plugin-sdk/hook";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { Type } from "@sinclair/typebox";
import { startHost, writePlugin } from "../tests/fixtures/plugin-host.ts";

const io = { signal: new AbortController().signal };
const Greeting = Type.Object({ text: Type.String() });
const greeter = (version = 1) =>
  defineContract({
    id: "greeter",
    version,
    arity: "one",
    members: {
      greet: call(Type.Object({ name: Type.String({ minLength: 1 }) }), Greeting),
      count: stream(Type.Object({}), Type.Object({ n: Type.Integer() }), Type.Object({})),
    },
  });

/** A plugin that provides it, and says who it is. */
const source = (id: string, { version = 1, greet = `return { text: "${id} " + name };`, also = "" } = {}) => `
import { definePlugin } from "@pincer/plugin-sdk";
import { call, defineContract, stream } from "@pincer/plugin-sdk/contract";
import { defineHook } from "@pincer/plugin-sdk/hook";
import { Type } from "@sinclair/typebox";
const greeter = defineContract({ id: "greeter", version: ${version}, arity: "one", members: {
  greet: call(Type.Object({ name: Type.String({ minLength: 1 }) }), Type.Object({ text: Type.String() })),
  count: stream(Type.Object({}), Type.Object({ n: Type.Integer() }), Type.Object({})) } });
export default definePlugin({ setup(ctx) {
  ctx.provide(greeter, "${id}", {}, {
    async greet({ name }, { signal }) { ${greet} },
    async *count(_, { signal }) { try { for (let n = 0; ; n++) yield { n }; } finally { globalThis.leftWith = signal.aborted; } },
  });
  ${also}
} });`;
const write = (
  plugins: string,
  ids: Readonly<Record<string, Parameters<typeof source>[1]>>,
  manifests: Readonly<Record<string, object>> = {},
) =>
  Promise.all(Object.entries(ids).map(([id, options]) => writePlugin(plugins, id, source(id, options), manifests[id]))).then(
    () => undefined,
  );
const greet = (kit: Awaited<ReturnType<typeof startHost>>, name = "you") => kit.host.handle(greeter()).greet({ name }, io);

test("of several providers the highest rank is used, unless the operator chose another", async () => {
  await using kit = await startHost({ prepare: (plugins) => write(plugins, { low: {}, high: {}, other: {} }, { high: { rank: 5 } }) });
  expect(await greet(kit)).toEqual({ text: "high you" });
  await kit.configure({ capabilities: { greeter: "low" } });
  expect(await greet(kit)).toEqual({ text: "low you" });
  await kit.configure({ capabilities: { greeter: "nobody" } });
  await expect(greet(kit)).rejects.toMatchObject({
    code: "CAPABILITY_MISSING",
    message: expect.stringContaining("capabilities.greeter names nobody; there are: high (high"),
  });
  await kit.configure({ plugins: { high: { enabled: false } } });
  expect(await greet(kit)).toEqual({ text: "low you" });
  expect(kit.host.inspect("other").state).toBe("idle");
});

test("a provider of another major version is no provider", async () => {
  await using kit = await startHost({ prepare: (plugins) => write(plugins, { old: {}, next: { version: 2 } }, { next: { rank: 9 } }) });
  expect(await greet(kit)).toEqual({ text: "old you" });
  expect(await kit.host.handle(greeter(2)).greet({ name: "you" }, io)).toEqual({ text: "next you" });
  await expect(kit.host.handle(greeter(3)).greet({ name: "you" }, io)).rejects.toMatchObject({ code: "CAPABILITY_MISSING" });
});

test("what does not match the contract is refused on the way in and on the way out", async () => {
  await using kit = await startHost({ prepare: (plugins) => write(plugins, { odd: { greet: "return { text: 3 };" } }) });
  await expect(greet(kit, "")).rejects.toMatchObject({
    code: "CAPABILITY_PARAMS_INVALID",
    message: expect.stringContaining("greeter/greeter.greet at /name"),
  });
  await expect(greet(kit)).rejects.toMatchObject({ code: "CAPABILITY_RESULT_INVALID", message: expect.stringContaining("at /text") });
});

test("a fault is blamed on the plugin and the call; what a plugin says on purpose, and an abort, pass unchanged", async () => {
  const kinds = `
    if (name === "coded") { const { defineErrors } = await import("@pincer/plugin-sdk/error"); throw defineErrors({ GREETER_SHY: { message: "shy", wire: "FORBIDDEN" } }).GREETER_SHY(); }
    if (name === "slow") await new Promise((_, fail) => signal.addEventListener("abort", () => fail(new Error("cut"))));
    throw new Error("secret detail");`;
  await using kit = await startHost({ prepare: (plugins) => write(plugins, { rude: { greet: kinds } }) });
  await expect(greet(kit, "fault")).rejects.toMatchObject({
    code: "PLUGIN_FAULT",
    data: { plugin: "rude", what: "greeter/greeter.greet" },
  });
  await expect(greet(kit, "coded")).rejects.toMatchObject({ code: "GREETER_SHY", wire: "FORBIDDEN" });
  const stop = new AbortController();
  const slow = kit.host
    .handle(greeter())
    .greet({ name: "slow" }, { signal: stop.signal })
    .catch((error) => error);
  await new Promise((resolve) => setImmediate(resolve));
  stop.abort(new Error("enough"));
  expect(errorMessage(await slow)).toBe("enough");
});

test("a reader that leaves a stream early stops its provider, and waits for it", async () => {
  await using kit = await startHost({ prepare: (plugins) => write(plugins, { counting: {} }) });
  for await (const { n } of kit.host.handle(greeter()).count({}, io)) if (n === 2) break;
  expect((globalThis as unknown as { leftWith: boolean }).leftWith).toBe(true);
  expect(kit.host.inspect("counting").state).toBe("active");
});

test("one broken plugin never stops the gateway or another plugin (#60143, #135190)", async () => {
  await using kit = await startHost({
    async prepare(plugins) {
      await write(plugins, { fine: {} });
      await writePlugin(plugins, "no-json", source("no-json"));
      await Bun.write(`${plugins}/no-json/plugin.json`, "{ not json");
      await writePlugin(plugins, "odd-manifest", source("odd-manifest"), { generated: {}, permissions: { everything: true } });
      await writePlugin(plugins, "old-sdk", source("old-sdk"), { generated: {}, sdk: "^9.0.0" });
      await writePlugin(plugins, "not-built", source("not-built"), { generated: undefined });
      await writePlugin(plugins, "odd-config", source("odd-config"), { generated: { config: { oneOf: [] } } });
      await writePlugin(plugins, "throws", "throw new Error('at load');", { generated: {}, activate: "start" });
      await writePlugin(plugins, "needy", source("needy"), {
        generated: { uses: { absent: { version: 1, arity: "one" } } },
        activate: "start",
      });
      await Bun.write(`${plugins}/a-file.txt`, "no plugin");
    },
  });
  expect(await greet(kit)).toEqual({ text: "fine you" });
  const errors = Object.fromEntries(kit.host.list().map(({ id, state, error }) => [id, [state, error?.code, error?.message]]));
  expect(errors).toMatchObject({
    fine: ["active", undefined, undefined],
    "no-json": ["failed", "PLUGIN_MANIFEST_INVALID", expect.stringContaining("expected JSON")],
    "odd-manifest": [
      "failed",
      "PLUGIN_MANIFEST_INVALID",
      expect.stringContaining("at /permissions/everything: expected no such property, came true"),
    ],
    "old-sdk": ["failed", "PLUGIN_MANIFEST_INVALID", expect.stringContaining("at /sdk: expected a range that holds 0.1.0")],
    "not-built": ["failed", "PLUGIN_MANIFEST_INVALID", expect.stringContaining("pincer plugin build")],
    "odd-config": ["failed", expect.any(String), expect.stringContaining("oneOf")],
    throws: ["failed", "PLUGIN_LOAD_FAILED", expect.stringContaining("plugin.ts:1:")],
    needy: ["failed", "PLUGIN_DEPENDENCY_MISSING", expect.stringContaining("absent version 1")],
  });
});

test("a plugin that fails to start is not tried again at every call, but after a pause that grows", async () => {
  const clock = createManualClock();
  const counting = "globalThis.tried = (globalThis.tried ?? 0) + 1; throw new Error('not now');";
  await using kit = await startHost({
    clock,
    prepare: (plugins) =>
      writePlugin(plugins, "sick", counting, {
        generated: { provides: { greeter: { sick: { version: 1, arity: "one", record: {} } } } },
      }).then(() => undefined),
  });
  const tries = () => (globalThis as unknown as { tried: number }).tried;
  for (let n = 0; n < 5; n++) await expect(greet(kit)).rejects.toMatchObject({ code: "PLUGIN_LOAD_FAILED" });
  expect(tries()).toBe(1);
  await clock.advance(1_000);
  await expect(greet(kit)).rejects.toMatchObject({ code: "PLUGIN_LOAD_FAILED" });
  await clock.advance(1_000);
  await expect(greet(kit)).rejects.toMatchObject({ code: "PLUGIN_LOAD_FAILED" });
  expect(tries()).toBe(2);
  await clock.advance(1_000);
  await expect(greet(kit)).rejects.toMatchObject({ code: "PLUGIN_LOAD_FAILED" });
  expect(tries()).toBe(3);
});

test("what wants to be active from the start is tried again by itself", async () => {
  const clock = createManualClock();
  Object.assign(globalThis, { well: false });
  const source = "if (!globalThis.well) throw new Error('ill'); export default { setup() {} };";
  await using kit = await startHost({
    clock,
    prepare: (plugins) => writePlugin(plugins, "sick", source, { generated: {}, activate: "start" }).then(() => undefined),
  });
  expect(kit.host.inspect("sick").state).toBe("failed");
  Object.assign(globalThis, { well: true });
  await clock.advance(1_000);
  await kit.host.activate("sick");
  expect(kit.host.inspect("sick")).toMatchObject({ state: "active", error: undefined });
});

test("a name belongs to the first plugin that declares it; the second is listed with the reason", async () => {
  const methods = { "common.ask": { summary: "", scope: "any", params: {}, result: {} } };
  await using kit = await startHost({
    reserved: (name) => name === "health",
    async prepare(plugins) {
      await writePlugin(plugins, "first", source("first"), { generated: { methods } });
      await writePlugin(plugins, "second", source("second"), { generated: { methods } });
      await writePlugin(plugins, "third", source("third"), { generated: { methods: { health: methods["common.ask"] } } });
    },
  });
  expect(kit.host.methods.find("common.ask")?.owner).toBe("first");
  expect(kit.host.inspect("second").error).toEqual({
    code: "PLUGIN_CONFLICT",
    message: "second declares methods common.ask, which belongs to first",
  });
  expect(kit.host.inspect("third").error?.message).toBe("third declares methods health, which belongs to the kernel");
});

const hooks = {
  first: defineHook.first("test.first", "", Type.Object({ n: Type.Integer() }), Type.String()),
  series: defineHook.series("test.series", "", Type.Object({ n: Type.Integer() })),
  all: defineHook.all("test.all", "", Type.Object({ n: Type.Integer() })),
  transform: defineHook.transform("test.transform", "", Type.Object({ n: Type.Integer() })),
  gate: defineHook.gate("test.gate", "", Type.Object({ n: Type.Integer() })),
};
/** Handles every hook with the given bodies. */
const handling = (bodies: Partial<Record<keyof typeof hooks, string>>) => `
const payload = Type.Object({ n: Type.Integer() });
${Object.entries(bodies)
  .map(
    ([kind, body]) =>
      `ctx.hook(defineHook.${kind}("test.${kind}", "", payload${kind === "first" ? ", Type.String()" : ""}), async ({ n }, { signal }) => { ${body} });`,
  )
  .join("\n")}`;

test("a hook runs as its kind says, in order, and a handler that fails means what its kind says it means", async () => {
  const told: string[] = [];
  Object.assign(globalThis, { hookTold: told });
  const says = (id: string) => `hookTold.push("${id}");`;
  await using kit = await startHost({
    prepare: (plugins) =>
      write(
        plugins,
        {
          a: {
            also: handling({
              first: `${says("a")} throw new Error("no");`,
              series: `${says("a")} throw new Error("no");`,
              all: says("a"),
              transform: "throw new Error('no');",
              gate: "return { allow: n < 2 ? true : false, reason: 'too many' };",
            }),
          },
          b: {
            also: handling({
              first: says("b"),
              series: says("b"),
              all: `${says("b")} throw new Error("no");`,
              transform: "return { n: n * 10 };",
              gate: "if (n === 1) throw new Error('cannot tell'); return { allow: true };",
            }),
          },
          c: {
            also: handling({
              first: `${says("c")} return "c";`,
              series: says("c"),
              all: says("c"),
              transform: "return { n: n + 1 };",
              gate: "return { allow: true };",
            }),
          },
          d: { also: handling({ first: `${says("d")} return "d";`, transform: "return { wrong: n };" }) },
        },
        { c: { order: -1 } },
      ),
  });
  const { host } = kit;
  expect(await host.run(hooks.first, { n: 1 })).toBe("c");
  expect(told.splice(0)).toEqual(["c"]);
  await host.run(hooks.series, { n: 1 });
  expect(told.splice(0)).toEqual(["c", "a", "b"]);
  await host.run(hooks.all, { n: 1 });
  expect(told.splice(0).sort()).toEqual(["a", "b", "c"]);
  expect(await host.run(hooks.transform, { n: 1 })).toEqual({ n: 20 });
  expect(await host.run(hooks.gate, { n: 0 })).toEqual({ allow: true });
  expect(await host.run(hooks.gate, { n: 2 })).toEqual({ allow: false, reason: "too many" });
  expect(await host.run(hooks.gate, { n: 1 })).toMatchObject({ allow: false, reason: expect.stringContaining("b could not decide") });
  const failures = kit.lines.filter(({ event }) => event === "hook.failed").map(({ fields }) => `${fields.plugin} ${fields.hook}`);
  expect(failures).toEqual(["a test.series", "b test.all", "a test.transform", "d test.transform", "b test.gate"]);
});

test("a hook's handler that does not answer in a second is left behind, and told so", async () => {
  const clock = createManualClock();
  const hanging = "await new Promise((r) => signal.addEventListener('abort', r)); globalThis.hookAborted = true;";
  await using kit = await startHost({
    clock,
    prepare: (plugins) => write(plugins, { a: { also: handling({ transform: hanging, gate: hanging }) } }),
  });
  const running = Promise.all([kit.host.run(hooks.transform, { n: 1 }), kit.host.run(hooks.gate, { n: 1 })]);
  await clock.armed(2);
  await clock.advance(1_000);
  expect(await running).toEqual([{ n: 1 }, { allow: false, reason: expect.stringContaining("did not end in 1000 ms") }]);
  expect((globalThis as unknown as { hookAborted: boolean }).hookAborted).toBe(true);
});
