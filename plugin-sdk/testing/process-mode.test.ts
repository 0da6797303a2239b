/** A plugin from elsewhere in a process of its own, as its author's tests see it. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pluginsFolder, writePlugin } from "../../tests/fixtures/plugin-host.ts";
import { createManualClock } from "./clock.ts";
import { inEveryMode, testIn } from "./every-mode.ts";
import { startFaults } from "./faults.ts";
import { type PluginKit, type StartPluginOptions, startPlugin } from "./plugin.ts";

const source = `import { definePlugin } from "@pincer/plugin-sdk";
import { readFileSync } from "node:fs";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";
const go = defineMethod({ name: "far.go", summary: "Goes.", scope: "operator.write", params: Type.Object({ what: Type.String() }), result: Type.Unknown() });
export default definePlugin({
  config: Type.Object({ word: Type.String({ default: "none" }), url: Type.String({ default: "http://127.0.0.1:9" }) }),
  setup(ctx) {
    const acts = {
      word: () => ctx.config.word,
      secret: async () => (await ctx.secret("FAR_KEY")) ?? null,
      keep: async () => { await ctx.store.set({ kept: 1 + ((await ctx.store.get("kept")) ?? 0) }); return ctx.store.get("kept"); },
      fetch: async () => (await ctx.fetch(ctx.config.url)).text(),
      peek: () => readFileSync(ctx.config.word, "utf8").length,
      wait: () => new Promise(() => undefined),
    };
    ctx.method(go, ({ what }) => acts[what]());
  },
});
`;

let home: string;
let folder: string;
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "pincer-far-"));
  folder = await writePlugin(pluginsFolder(home), "far", source, { permissions: { secrets: ["FAR_KEY"], net: ["config:/url"] } });
});
afterAll(() => rmSync(home, { recursive: true, force: true }));
const start = (options: StartPluginOptions): Promise<PluginKit> => startPlugin(folder, options);
const go = (kit: PluginKit, what: string) => kit.call<unknown>("far.go", { what });

inEveryMode("what a test scripts", (mode, test) => {
  test("reaches the plugin: its configuration, its secrets, its store through an upgrade, and a server by its address", async () => {
    using server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("reached") });
    await using kit = await start({ mode, config: { word: "given", url: server.url.href }, secrets: { FAR_KEY: "secret" } });
    expect([await go(kit, "word"), await go(kit, "secret"), await go(kit, "keep")]).toEqual(["given", "secret", 1]);
    await kit.reload();
    expect([await go(kit, "keep"), await go(kit, "fetch")]).toEqual([2, "reached"]);
    await kit.unload();
    expect(kit.residue()).toEqual([]);
  });

  test("that there is no secret for it", async () => {
    await using kit = await start({ mode });
    expect(await go(kit, "secret")).toBeNull();
  });
});

const inProcess = testIn("process");

inProcess("there it may what its manifest names, and nothing else: no file, no secret that was not given, no other host", async () => {
  using other = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("reached") });
  const config = { word: join(folder, "plugin.json"), url: "http://127.0.0.1:9" };
  await using kit = await start({ mode: "process", config });
  expect(await go(kit, "secret")).toBeNull();
  expect(await kit.logged("secret.withheld")).toMatchObject({ level: "warn", plugin: "far", next: "pincer secrets grant FAR_KEY far" });
  await expect(go(kit, "fetch")).rejects.toMatchObject({ code: "PLUGIN_FAULT" });
  await expect(go(kit, "peek")).rejects.toMatchObject({ code: "PLUGIN_FAULT" });
  expect(other.pendingRequests).toBe(0);
  const { plugins } = await kit.call<{ plugins: { id: string; isolation: string; enforced: boolean }[] }>("plugins.status", {
    pluginId: "far",
  });
  expect(plugins).toMatchObject([{ id: "far", isolation: "process", enforced: true }]);
});

inProcess("killed in the middle of a call, it is gone for who called, logged, and at work again with what it kept", async () => {
  await using kit = await start({ mode: "process" });
  expect(await go(kit, "keep")).toBe(1);
  const waiting = go(kit, "wait").catch((error) => error.code);
  expect(await kit.crash(() => go(kit, "word"))).toMatchObject({ code: "PLUGIN_GONE" });
  expect(await waiting).toBe("PLUGIN_GONE");
  expect((await kit.logged("plugin.crashed"))["error"]).toContain("the process of far ended");
  expect(await go(kit, "keep")).toBe(2);
});

inProcess("killed while a request of its own is under way, it lets go of the other side", async () => {
  const asked = Promise.withResolvers<AbortSignal>();
  using server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      asked.resolve(request.signal);
      return new Promise(() => undefined);
    },
  });
  await using faults = startFaults(server.url.href.replace(/\/$/, ""));
  await using kit = await start({ mode: "process", config: { url: faults.url } });
  const fetching = go(kit, "fetch").catch((error) => error.code);
  const signal = await asked.promise;
  const left = new Promise((resolve) => signal.addEventListener("abort", resolve));
  await kit.crash();
  expect(await fetching).toBe("PLUGIN_GONE");
  await left;
});

inProcess("what ends of itself has not been killed in the middle, and that is said", async () => {
  await using kit = await start({ mode: "process" });
  await expect(kit.crash(async () => "done")).rejects.toThrow('came "done"');
});

test("what a process cannot have is refused with what to do", async () => {
  await expect(start({ mode: "process", clock: createManualClock() })).rejects.toThrow('leave out "clock"');
  await using kit = await start({});
  await expect(kit.crash()).rejects.toThrow('start it with { mode: "process" }');
});
