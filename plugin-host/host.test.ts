import { expect, test } from "bun:test";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sessions } from "@pincer/plugin-sdk/contracts/sessions";
import { promptBuilding } from "@pincer/plugin-sdk/hooks";
import { type HostKit, pluginsFolder, startHost, writePlugin } from "../tests/fixtures/plugin-host.ts";
import { counter } from "../tests/fixtures/plugins/everything/contract.ts";
import type { PluginHost } from "./host.ts";

const fixtures = join(import.meta.dir, "..", "tests", "fixtures", "plugins");
const io = { signal: new AbortController().signal };
const call = { connection: {}, role: "operator", scopes: [], signal: io.signal, accepted: () => undefined } as never;
const invoke = async (host: PluginHost, method: string, params: unknown = {}) =>
  (await host.methods.find(method)!.resolve()).invoke(params, call);
const nobody = { ensure: async () => null, get: async () => null } as never;
const withSessions = (host: PluginHost) => host.provide(sessions, () => nobody);
const everything = {
  folders: [fixtures],
  provide: withSessions,
  config: { plugins: { "scripted-channel": { enabled: false }, counter: { enabled: false } } },
};

test("a gateway starts from manifests alone, and a plugin's code is loaded by the first use of it", async () => {
  await using kit = await startHost(everything);
  const { host } = kit;
  expect(host.inspect("everything")).toMatchObject({ state: "idle", generation: 0, enforced: false });
  expect(host.methods.find("everything.status")).toMatchObject({ owner: "everything", scope: "operator.read" });
  expect([...host.events.names()]).toEqual(["everything.happened"]);
  expect(host.routes.match("/everything/deep")).toMatchObject({ prefix: "/everything", access: "open" });
  expect(host.routes.match("/everythingelse")).toBeUndefined();
  expect([...host.facets().keys()]).toEqual(["mood"]);
  expect(host.handle(counter).list()).toEqual([{ name: "plain", plugin: "everything", record: { label: "Plain" } }]);
  expect(host.inspect("everything").state).toBe("idle");

  expect(await host.handle(counter).get("plain").add({ to: "a", amount: 2 }, io)).toEqual({ sum: 2 });
  expect(host.inspect("everything")).toMatchObject({ state: "active", generation: 1 });
});

test("every kind of registration reaches its plugin", async () => {
  await using kit = await startHost({ ...everything, secret: async (name, plugin) => `${name} of ${plugin}` });
  const { host } = kit;
  expect(await invoke(host, "everything.status")).toMatchObject({ greeting: "hello", kept: 1, services: 1 });
  expect(await invoke(host, "everything.status")).toMatchObject({ kept: 2 });
  const prompt = await host.run(promptBuilding, { sessionKey: "s", agentId: "a", runId: "r", sections: [] });
  expect(prompt.sections).toEqual([{ id: "everything", text: "hello" }]);
  expect(await (await host.routes.match("/everything")!.handle(new Request("http://x/everything"))).text()).toBe("hello");
  expect(await (await host.routes.match("/everything")!.handle(new Request("http://x/everything/secret"))).text()).toBe(
    "everything-key of everything",
  );
  expect(await host.health()).toEqual({ everything: { ok: true, detail: "0 sums" } });
  const items: unknown[] = [];
  const stream = host.handle(counter).get("plain").count({ until: 3 }, io);
  let step = await stream.next();
  for (; !step.done; step = await stream.next()) items.push(step.value);
  expect({ items, result: step.value }).toEqual({ items: [{ n: 1 }, { n: 2 }, { n: 3 }], result: { last: 3 } });
  expect(host.handle(counter).get("plain").reset).toBeFunction();
  expect(host.handle(counter).get("plain").undo).toBeUndefined();
  await host.handle(counter).get("plain").add({ to: "a", amount: 1 }, io);
  expect(kit.emitted).toContainEqual({ event: "everything.happened", payload: { sum: 1 } });
});

test("a live change of the configuration is seen at the next read, and told to those who asked", async () => {
  await using kit = await startHost(everything);
  expect(await invoke(kit.host, "everything.status")).toMatchObject({ greeting: "hello", config: 0 });
  await kit.configure({ plugins: { everything: { config: { greeting: "good day" } } } });
  expect(await invoke(kit.host, "everything.status")).toMatchObject({ greeting: "good day", config: 1 });
});

const streaming = `
import { definePlugin } from "@pincer/plugin-sdk";
export default definePlugin({ setup(ctx) {
  ctx.route("/stream", { access: "open" }, (request) => {
    const type = new URL(request.url).searchParams.get("type") ?? "text/event-stream";
    const text = new TextEncoder();
    return new Response(new ReadableStream({ async pull(controller) {
      controller.enqueue(text.encode("data: one\\n\\n"));
      await gates.get("go").promise;
      controller.enqueue(text.encode("data: two\\n\\n"));
      controller.close();
    } }), { headers: { "content-type": type } });
  });
  ctx.route("/fails", { access: "token" }, () => { throw new Error("inside"); });
} });`;

test("an answer that streams counts on its generation until its end, or until its reader leaves (#152965)", async () => {
  const gates = new Map([["go", Promise.withResolvers<void>()]]);
  Object.assign(globalThis, { gates });
  await using kit = await startHost({ prepare: (plugins) => writePlugin(plugins, "streams", streaming).then(() => undefined) });
  const get = () => kit.host.routes.match("/stream")!.handle(new Request("http://x/stream"));
  const [first, second] = [(await get()).body!.getReader(), (await get()).body!.getReader()];
  const text = async (reader: typeof first) => new TextDecoder().decode((await reader.read()).value);
  expect(await text(first)).toBe("data: one\n\n");
  await kit.host.reload("streams");
  expect(kit.host.inspect("streams").draining).toEqual([{ generation: 1, calls: ["route /stream"] }]);
  await second.cancel();
  expect(kit.host.inspect("streams").draining.length).toBe(1);
  gates.get("go")!.resolve();
  expect(await text(first)).toBe("data: two\n\n");
  expect((await first.read()).done).toBe(true);
  while (kit.host.inspect("streams").draining.length > 0) await new Promise((resolve) => setImmediate(resolve));
  await expect(kit.host.routes.match("/fails")!.handle(new Request("http://x/fails"))).rejects.toMatchObject({
    code: "PLUGIN_FAULT",
    message: expect.stringMatching(/^streams failed in route \/fails: the gateway/),
  });
  expect((await kit.logged("plugin.fault")).fields).toMatchObject({ what: "route /fails", error: expect.stringContaining("inside") });
});

test("the most specific prefix wins, and ends where a part of the path ends", async () => {
  const routes = (...prefixes: string[]) => ({
    generated: { routes: Object.fromEntries(prefixes.map((prefix) => [prefix, { access: "open" }])) },
  });
  await using kit = await startHost({
    async prepare(plugins) {
      await writePlugin(plugins, "page", "", routes("/"));
      await writePlugin(plugins, "api", "", routes("/v1", "/v1/models"));
    },
  });
  const matched = Object.fromEntries(
    ["/", "/index.html", "/v1", "/v1/chat", "/v1/models/x", "/v10"].map((path) => [path, kit.host.routes.match(path)?.prefix]),
  );
  expect(matched).toEqual({ "/": "/", "/index.html": "/", "/v1": "/v1", "/v1/chat": "/v1", "/v1/models/x": "/v1/models", "/v10": "/" });
});

test("an event wakes those that listen to it, and one that fails there is reported", async () => {
  await using kit = await startHost({ ...everything, scopeOf: () => "any" });
  kit.host.deliver("bell.rang", () => ({}));
  kit.host.deliver("nobody.listens", () => ({}));
  while (kit.host.inspect("everything").state !== "active") await new Promise((resolve) => setImmediate(resolve));
  kit.host.deliver("bell.rang", () => ({}));
  expect(await invoke(kit.host, "everything.status")).toMatchObject({ events: 2 });
});

const told: string[] = [];
Object.assign(globalThis, { starts: told });
const starting = (id: string, provides: string, uses: string) => `
import { definePlugin } from "@pincer/plugin-sdk";
import { defineContract } from "@pincer/plugin-sdk/contract";
const one = (id) => defineContract({ id, version: 1, arity: "one", members: {} });
export default definePlugin({ uses: { ${uses ? `it: one("${uses}")` : ""} }, setup(ctx) { starts.push("${id}"); ctx.provide(one("${provides}"), "${id}", {}, {}); } });`;

test("what starts with the gateway starts after what it uses; a cycle is reported, and starts all the same", async () => {
  await using kit = await startHost({
    async prepare(plugins) {
      const write = (id: string, provides: string, uses: string) =>
        writePlugin(plugins, id, starting(id, provides, uses), { activate: "start" });
      await write("a", "pa", "pb");
      await write("b", "pb", "pc");
      await write("c", "pc", "");
      await write("d", "pd", "pe");
      await write("e", "pe", "pd");
      told.length = 0;
    },
  });
  expect(told.filter((id) => "abc".includes(id))).toEqual(["c", "b", "a"]);
  expect(told.length).toBe(5);
  expect((await kit.logged("plugin.cycle")).fields).toEqual({ cycle: "d -> e -> d" });
});

test("a plugin is enabled by the operator, by default, or because what it waits for was found", async () => {
  const source = "export default { setup() {} };";
  const prepare = async (home: string) => {
    for (const [id, manifest] of Object.entries({
      plain: {},
      wanted: {},
      keyed: { enableWhen: { env: ["KEY"] } },
      unkeyed: { enableWhen: { env: ["OTHER"] } },
    }))
      await writePlugin(home, id, source, manifest);
  };
  const folder = mkdtempSync(join(tmpdir(), "pincer-roots-"));
  const plugins = pluginsFolder(folder);
  await prepare(plugins);
  const states = (kit: HostKit) => Object.fromEntries(kit.host.list().map(({ id, state }) => [id, state]));
  await using kit = await startHost({
    roots: [{ path: plugins, layout: "source" }],
    defaults: ["plain"],
    found: ({ env = [] }) => env.includes("KEY"),
  });
  expect(states(kit)).toEqual({ plain: "idle", wanted: "disabled", keyed: "idle", unkeyed: "disabled" });
  await kit.host.setEnabled("wanted", true);
  expect(states(kit)).toMatchObject({ wanted: "idle" });
  await kit.configure({ plugins: { plain: { enabled: false }, keyed: { enabled: false } } });
  expect(states(kit)).toMatchObject({ plain: "disabled", wanted: "disabled", keyed: "disabled" });
  await expect(kit.host.activate("plain")).rejects.toMatchObject({ code: "PLUGIN_DISABLED" });
  rmSync(folder, { recursive: true });
});

test("of an installed plugin's versions the one that was chosen runs, and an upgrade is a swap", async () => {
  const folder = mkdtempSync(join(tmpdir(), "pincer-installed-"));
  const plugins = pluginsFolder(folder);
  const source = (text: string) => `
    import { definePlugin } from "@pincer/plugin-sdk"; import { defineMethod } from "@pincer/plugin-sdk/method"; import { Type } from "@sinclair/typebox";
    const say = defineMethod({ name: "up.say", summary: "", scope: "any", params: Type.Object({}), result: Type.String() });
    export default definePlugin({ setup(ctx) { ctx.method(say, () => "${text}"); } });`;
  for (const version of ["1.0.0", "2.0.0"]) {
    const written = await writePlugin(join(plugins, "up"), "up", source(version), { version });
    cpSync(written, join(plugins, "up", `digest-${version}`), { recursive: true });
    rmSync(written, { recursive: true });
  }
  writeFileSync(join(plugins, "up", "current"), "digest-1.0.0\n");
  await using kit = await startHost({
    roots: [{ path: plugins, layout: "installed" }],
    config: { plugins: { up: { enabled: true } } },
    confinement: async () => ({ missing: "there is no sandbox", mend: "install one" }),
  });
  await expect(invoke(kit.host, "up.say")).rejects.toMatchObject({
    code: "PLUGIN_UNTRUSTED",
    message: expect.stringContaining("plugins.up.unsandboxed"),
  });
  await kit.configure({ plugins: { up: { enabled: true, unsandboxed: true } } });
  expect(await invoke(kit.host, "up.say")).toBe("1.0.0");
  expect(kit.host.inspect("up")).toMatchObject({ origin: "installed", manifest: { version: "1.0.0" } });
  writeFileSync(join(plugins, "up", "current"), "digest-2.0.0\n");
  await kit.host.reload("up");
  expect(await invoke(kit.host, "up.say")).toBe("2.0.0");
  expect(kit.host.inspect("up")).toMatchObject({ state: "active", manifest: { version: "2.0.0" } });
  rmSync(folder, { recursive: true });
});

test("an optional use is absent while nobody provides it", async () => {
  const source = `
    import { definePlugin } from "@pincer/plugin-sdk"; import { ifPresent } from "@pincer/plugin-sdk/contract"; import { sessions } from "@pincer/plugin-sdk/contracts/sessions";
    import { policy } from "@pincer/plugin-sdk/contracts/policy"; import { defineMethod } from "@pincer/plugin-sdk/method"; import { Type } from "@sinclair/typebox";
    const has = defineMethod({ name: "has.it", summary: "", scope: "any", params: Type.Object({}), result: Type.Unknown() });
    export default definePlugin({ uses: { policy: ifPresent(policy), sessions: ifPresent(sessions) }, setup(ctx) { ctx.method(has, () => [ctx.uses.policy === undefined, ctx.uses.sessions === undefined]); } });`;
  await using kit = await startHost({
    provide: withSessions,
    prepare: (plugins) => writePlugin(plugins, "has", source, { permissions: { scopes: ["operator.write"] } }).then(() => undefined),
  });
  expect(await invoke(kit.host, "has.it")).toEqual([true, false]);
});

test("the panels that a manifest names are there for whoever shows plugins, without running any", async () => {
  const ui = { panels: [{ id: "main", title: "Panel", path: "/shown" }] };
  const shows = `import { definePlugin } from "@pincer/plugin-sdk";
    import { plugins } from "@pincer/plugin-sdk/contracts/plugin-host";
    import { defineMethod } from "@pincer/plugin-sdk/method";
    import { Type } from "@sinclair/typebox";
    const panels = defineMethod({ name: "shows.panels", summary: "", scope: "any", params: Type.Object({}), result: Type.Unknown() });
    export default definePlugin({ uses: { plugins }, setup(ctx) {
      ctx.method(panels, async (_, call) => (await ctx.uses.plugins.list({}, call)).plugins.map(({ id, manifest }) => [id, manifest.ui]));
    } });`;
  await using kit = await startHost({
    async prepare(plugins) {
      await writePlugin(plugins, "shown", "export default { setup() {} };", { ui });
      await writePlugin(plugins, "shows", shows, { permissions: { scopes: ["operator.read"] } });
    },
  });
  const panels = (await invoke(kit.host, "shows.panels")) as [string, unknown][];
  expect(Object.fromEntries(panels)).toEqual({ shown: ui, shows: undefined });
  expect(kit.host.inspect("shown").state).toBe("idle");
});

test("a plugin that was installed or mended meanwhile is found when it is asked for", async () => {
  const source = "export default { setup() {} };";
  await using kit = await startHost({
    async prepare(plugins) {
      await writePlugin(plugins, "mended", source);
      writeFileSync(join(plugins, "mended", "plugin.json"), "{ broken");
    },
  });
  expect(kit.host.inspect("mended").state).toBe("failed");
  await expect(kit.host.activate("mended")).rejects.toMatchObject({ code: "PLUGIN_MANIFEST_INVALID" });
  await writePlugin(kit.plugins, "mended", source);
  await kit.host.reload("mended");
  expect(kit.host.inspect("mended")).toMatchObject({ state: "active", error: undefined });
  await writePlugin(kit.plugins, "late", source);
  await kit.host.setEnabled("late", true);
  await kit.host.activate("late");
  expect(kit.host.inspect("late").state).toBe("active");
  await expect(kit.host.setEnabled("nobody", true)).rejects.toMatchObject({ code: "PLUGIN_UNKNOWN" });
});
