import { expect, test } from "bun:test";
import { cpSync, existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sessions } from "@pincer/plugin-sdk/contracts/sessions";
import { bundleSource } from "@pincer/plugin-sdk/runtime/bundler";
import { keptBundle } from "@pincer/plugin-sdk/runtime/bundles";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { discover } from "../plugin-host/discovery.ts";
import { pluginsFolder, startHost, writePlugin } from "../tests/fixtures/plugin-host.ts";
import { counter } from "../tests/fixtures/plugins/everything/contract.ts";
import { buildDefaultSet, buildPlugin } from "./build.ts";
import { readBundle } from "./known-manifests.ts";
import { reloadOnSave } from "./reload-on-save.ts";

const root = join(import.meta.dir, "..");
const everything = join(root, "tests", "fixtures", "plugins", "everything");
const io = { signal: new AbortController().signal };

function temporary(): Disposable & { readonly path: string; readonly plugins: string } {
  const path = mkdtempSync(join(tmpdir(), "pincer-build-"));
  return { path, plugins: pluginsFolder(path), [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
const simple = (body: string, top = "") => `
import { definePlugin } from "@pincer/plugin-sdk";
import { sessions } from "@pincer/plugin-sdk/contracts/sessions";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";
${top}
export default definePlugin({ uses: { sessions }, config: Type.Object({ port: Type.Integer({ default: 4 }) }), setup(ctx) { ${body} } });`;
/** What `sessions` asks for. */
const permissions = { scopes: ["operator.write"] };

test("the manifests of the repository are what their code says", async () => {
  const found = [
    ...discover([
      { path: join(root, "plugins"), layout: "source" },
      { path: join(root, "tests", "fixtures", "plugins"), layout: "source" },
      { path: join(root, "plugin-sdk", "testing", "plugins"), layout: "source" },
      { path: join(root, "tests", "chaos", "plugins"), layout: "source" },
      { path: join(root, "tests", "bench", "plugins"), layout: "source" },
    ]).values(),
  ];
  expect(found.length).toBeGreaterThan(3);
  for (const { folder, error } of found) {
    expect({ folder, error: error?.message }).toEqual({ folder, error: undefined });
    expect((await buildPlugin(folder, systemClock, { check: true })).isChanged).toBe(false);
  }
});

test("a process's bundle is made once, again when what it holds has changed, and old ones go", async () => {
  using temp = temporary();
  const folder = await writePlugin(temp.plugins, "simple", simple("", `import { word } from "./word.ts"; console.log(word);`), {
    generated: {},
  });
  const out = join(temp.path, "out");
  const write = (number: number) => Bun.write(join(folder, "word.ts"), `export const word = "word-${number}";`);
  const make = () => keptBundle({ id: "simple", folder, entry: "plugin.ts" }, out, import.meta.dir, bundleSource);
  await write(0);
  const first = await make();
  const made = statSync(first).ino;
  await Bun.write(join(out, "simple-2-0123456789abcdef.js"), "another plugin's");
  expect(await make()).toBe(first);
  expect(statSync(first).ino).toBe(made);
  const all = [first];
  for (let number = 1; number <= 10; number++) {
    await write(number);
    all.push(await make());
    expect(await readFile(all.at(-1)!, "utf8")).toContain(`word-${number}`);
  }
  expect(new Set(all).size).toBe(11);
  expect(all.map((path) => existsSync(path))).toEqual([...Array(3).fill(false), ...Array(8).fill(true)]);
  expect(existsSync(join(out, "simple-2-0123456789abcdef.js"))).toBe(true);
  rmSync(all.at(-1)!);
  expect(await make()).toBe(all.at(-1)!);
});

test("a process's bundle holds the plugin's own, and TypeBox only where its inner parts are used", async () => {
  using temp = temporary();
  const sizes: number[] = [];
  for (const [id, top] of [
    ["plain", ""],
    ["inner", `import { Value } from "@sinclair/typebox/value"; console.log(Value.Check(Type.String(), ""));`],
  ] as const) {
    const folder = await writePlugin(temp.plugins, id, simple("", top), { generated: {} });
    const made = await keptBundle({ id, folder, entry: "plugin.ts" }, join(temp.path, "out"), import.meta.dir, bundleSource);
    sizes.push(statSync(made).size);
  }
  expect(sizes[0]).toBeLessThan(20_000);
  expect(sizes[1]).toBeGreaterThan(100_000);
});

test("a manifest that is not what the code says fails the check, and is the same however often it is built", async () => {
  using temp = temporary();
  const folder = join(temp.plugins, "everything");
  cpSync(everything, folder, { recursive: true });
  const before = await readFile(join(folder, "plugin.json"), "utf8");
  await buildPlugin(folder, systemClock);
  expect(await readFile(join(folder, "plugin.json"), "utf8")).toBe(before);
  const source = await readFile(join(folder, "plugin.ts"), "utf8");
  await Bun.write(join(folder, "plugin.ts"), source.replace('"What the fixture has seen."', '"Something else."'));
  const stale = await buildPlugin(folder, systemClock, { check: true }).catch((error) => error);
  expect(stale).toMatchObject({ code: "PLUGIN_MANIFEST_INVALID", message: expect.stringContaining("pincer plugin build") });
  expect((await buildPlugin(folder, systemClock)).isChanged).toBe(true);
  expect((await buildPlugin(folder, systemClock, { check: true })).manifest.generated?.methods?.["everything.status"]?.summary).toBe(
    "Something else.",
  );
});

test.each([
  ["works before it is called", simple("return ctx.store.get('x');"), "PLUGIN_LOAD_FAILED", "uses the store"],
  ["calls a capability", simple("return ctx.uses.sessions.get({ key: 'x' });"), "PLUGIN_LOAD_FAILED", "uses the capability sessions"],
  ["throws", simple("null.x;"), "PLUGIN_LOAD_FAILED", "plugin.ts:"],
  [
    "has a schema that cannot be checked",
    simple(
      "ctx.method(odd, () => ({}));",
      "const odd = defineMethod({ name: 'a.b', summary: '', scope: 'any', params: Type.Unsafe({ oneOf: [] }), result: Type.Object({}) });",
    ),
    "SCHEMA_UNSUPPORTED",
    "oneOf",
  ],
  [
    "has a recursive schema without a name",
    simple("ctx.facet('tree', { summary: '', schema: Type.Recursive((This) => Type.Object({ kids: Type.Array(This) })) });"),
    "PLUGIN_MANIFEST_INVALID",
    "$id of its own",
  ],
  [
    "has a configuration that the gateway could not judge",
    simple("").replace("{ port: Type", "{ both: Type.Intersect([Type.Object({}), Type.Object({})]), port: Type"),
    "CONFIG_SCHEMA_UNSUPPORTED",
    "plugins.odd.config.both uses allOf",
  ],
])("a plugin whose setup %s is not built, and the message says why", async (_, source, code, said) => {
  using temp = temporary();
  const folder = await writePlugin(temp.plugins, "odd", source, { generated: {}, permissions });
  expect(await buildPlugin(folder, systemClock).catch((error) => error)).toMatchObject({ code, message: expect.stringContaining(said) });
});

test.each([
  ["uses: { sessions }, setup() {}", [], "odd uses sessions, for which permissions.scopes of its manifest must name operator.write"],
  ["uses: { it: ifPresent(sessions) }, setup() {}", ["operator.read"], "odd uses sessions, for which"],
  [
    "setup(ctx) { ctx.on(sessionsChanged, () => {}); }",
    [],
    "odd listens to sessions.changed, for which permissions.scopes of its manifest must name operator.read",
  ],
  ["setup(ctx) { ctx.on(sessionsChanged, () => {}); }", ["operator.write"], undefined],
  ["setup(ctx) { ctx.on(own, () => {}); ctx.event(own); }", [], undefined],
])("what the gateway would refuse for want of a scope is refused when it is built: %s with %j", async (definition, scopes, refusal) => {
  using temp = temporary();
  const source = `
import { definePlugin } from "@pincer/plugin-sdk";
import { ifPresent } from "@pincer/plugin-sdk/contract";
import { sessions } from "@pincer/plugin-sdk/contracts/sessions";
import { defineEvent } from "@pincer/plugin-sdk/event";
import { sessionsChanged } from "@pincer/plugin-sdk/wire/session";
import { Type } from "@sinclair/typebox";
const own = defineEvent({ name: "odd.happened", summary: "", scope: "operator.admin", payload: Type.Object({}) });
export default definePlugin({ ${definition} });`;
  const folder = await writePlugin(temp.plugins, "odd", source, { generated: {}, permissions: { scopes } });
  const built = await buildPlugin(folder, systemClock).catch((error: Error) => error.message);
  if (refusal === undefined) expect(built).toMatchObject({ isChanged: true });
  else expect(built).toContain(refusal);
});

test("a plugin is set up with the very configuration that a gateway gives it where nothing is written", async () => {
  using temp = temporary();
  const config = `Type.Object({ inner: Type.Object({ size: Type.Integer({ default: 3 }) }), rows: Type.Array(Type.Object({ on: Type.Boolean({ default: true }) }), { default: [{}] }), name: Type.Optional(Type.String()) })`;
  const source = simple("ctx.facet(JSON.stringify(ctx.config).replaceAll('\"', ''), { summary: '', schema: Type.Integer() });")
    .replace("uses: { sessions }, ", "")
    .replace(/Type\.Object\(\{ port.*?\}\)(?=, setup)/, config);
  await writePlugin(temp.plugins, "told", source);
  await using kit = await startHost({ folders: [temp.plugins] });
  await kit.host.activate("told");
  expect([...kit.host.facets().keys()]).toEqual(["{inner:{size:3},rows:[{on:true}]}"]);
});

test("a bundled plugin runs as its source does, and only when it was built from the manifest that was found", async () => {
  using temp = temporary();
  const folder = join(temp.plugins, "everything");
  cpSync(everything, folder, { recursive: true });
  await writePlugin(temp.plugins, "second", simple(""), { permissions });
  const out = join(temp.path, "out");
  await buildDefaultSet({ out, entries: [join(root, "store", "writer.ts")], plugins: [folder, join(temp.plugins, "second")] });
  const files = (await readdir(out)).sort();
  expect(files).toEqual(expect.arrayContaining(["everything.js", "second.js", "writer.js", "plugins.json"]));
  expect(files.some((file) => file.startsWith("chunk-"))).toBe(true);
  const bundle = readBundle(out);
  const [found] = [...discover([{ path: temp.plugins, layout: "source" }]).values()];
  expect(bundle.entryOf(found!)).toBe(join(out, "everything.js"));
  expect(bundle.entryOf({ ...found!, digest: "of another manifest" })).toBeUndefined();
  const roots = [{ path: temp.plugins, layout: "source" }] as const;
  const [outlined, read] = [discover(roots, bundle), discover(roots)].map((all) => all.get("everything")!);
  expect(outlined!.manifest).not.toEqual(read!.manifest);
  expect(outlined!.whole()).toEqual(read!.whole());

  await Bun.write(join(folder, "plugin.ts"), "throw new Error('the source was run');");
  await using kit = await startHost({ folders: [temp.plugins], bundle, provide: (host) => host.provide(sessions, () => ({}) as never) });
  expect(await kit.host.handle(counter).get("plain").add({ to: "x", amount: 3 }, io)).toEqual({ sum: 3 });
});

test("a plugin bundles into one file that needs nothing beside it", async () => {
  using temp = temporary();
  const folder = await writePlugin(temp.plugins, "alone", simple("ctx.facet('n', { summary: '', schema: Type.Integer() });"), {
    permissions,
  });
  const bundle = join(temp.path, "elsewhere", "alone.js");
  await buildPlugin(folder, systemClock, { bundle });
  const text = await readFile(bundle, "utf8");
  expect(text).not.toMatch(/from\s*"(@pincer|@sinclair|\.)/);
  const first = text;
  await buildPlugin(folder, systemClock, { bundle });
  expect(await readFile(bundle, "utf8")).toBe(first);
  rmSync(folder, { recursive: true });
  expect((await import(bundle)).default.setup).toBeFunction();
});

test("a saved file is in force at once, its manifest too; a broken one is told with file, line and reason, and the old one stays", async () => {
  const methods =
    "import { definePlugin } from '@pincer/plugin-sdk'; import { defineMethod } from '@pincer/plugin-sdk/method'; import { Type } from '@sinclair/typebox';";
  const source = (name: string) =>
    `${methods} const ask = defineMethod({ name: "${name}", summary: "", scope: "any", params: Type.Object({}), result: Type.String() }); export default definePlugin({ setup(ctx) { ctx.method(ask, () => "${name}"); } });`;
  await using kit = await startHost({
    clock: systemClock,
    prepare: (plugins) => writePlugin(plugins, "saved", source("saved.one")).then(() => undefined),
  });
  await kit.host.activate("saved");
  const swaps: object[] = [];
  let wake = Promise.withResolvers<void>();
  const note = (event: string, fields = {}) => {
    swaps.push({ event, ...fields });
    wake.resolve();
  };
  const quiet = () => undefined;
  using _watch = reloadOnSave(kit.host, systemClock, { debug: quiet, info: note, warn: note, error: note });
  const save = async (text: string) => {
    wake = Promise.withResolvers();
    await Bun.write(join(kit.plugins, "saved", "plugin.ts"), text);
    await wake.promise;
    return swaps.at(-1);
  };
  expect(await save(source("saved.two"))).toMatchObject({ event: "plugin.swapped", plugin: "saved", generation: 2 });
  expect([...kit.host.methods.names()]).toEqual(["saved.two"]);
  expect(await save(source("saved.three").replace("definePlugin({", "definePlugin({{"))).toMatchObject({
    event: "plugin.not-swapped",
    file: "plugin.ts",
    line: 1,
  });
  expect([...kit.host.methods.names()]).toEqual(["saved.two"]);
  expect(await save(source("saved.three"))).toMatchObject({ event: "plugin.swapped", generation: 3 });
  expect([...kit.host.methods.names()]).toEqual(["saved.three"]);
  expect(swaps.length).toBe(3);
});

test("fifty installed plugins are read in a fraction of a start", async () => {
  using temp = temporary();
  const manifest = JSON.parse(await readFile(join(everything, "plugin.json"), "utf8"));
  const tool = {
    version: 1,
    arity: "many",
    record: { summary: "x".repeat(200), access: "read", parameters: manifest.generated.methods["everything.status"].result },
  };
  for (let n = 0; n < 50; n++) {
    const methods = Object.fromEntries(Object.values(manifest.generated.methods).map((method, m) => [`plugin-${n}.m${m}`, method]));
    const generated = {
      provides: { tool: Object.fromEntries(Array.from({ length: 10 }, (_, t) => [`t${n}-${t}`, tool])) },
      methods,
      config: manifest.generated.config,
    };
    await Bun.write(
      join(temp.plugins, `plugin-${n}`, "plugin.json"),
      JSON.stringify({ ...manifest, id: `plugin-${n}`, generated }, null, 2),
    );
  }
  const before = process.cpuUsage();
  const found = discover([{ path: temp.plugins, layout: "source" }]);
  const readMs = process.cpuUsage(before).user / 1_000;
  await using kit = await startHost({ clock: createManualClock(), folders: [temp.plugins] });
  expect(found.size).toBe(50);
  expect(kit.host.list().filter(({ state }) => state === "idle").length).toBe(50);
  expect(readMs).toBeLessThan(500);
});
