import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pluginsFolder, writePlugin } from "../../tests/fixtures/plugin-host.ts";
import { policy } from "../contracts/policy.ts";
import { tool } from "../contracts/tool.ts";
import { createManualClock } from "./clock.ts";
import { startPlugin } from "./plugin.ts";
import { says } from "./script.ts";

let home: string;
let plugins: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "pincer-kit-"));
  plugins = pluginsFolder(home);
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** A plugin whose method `<id>.go` runs that code. */
const write = (id: string, go: string, { setup = "", manifest = {} } = {}) =>
  writePlugin(
    plugins,
    id,
    `import { definePlugin } from "@pincer/plugin-sdk";
import { defineTool, textOutcome, tool } from "@pincer/plugin-sdk/contracts/tool";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";
const go = defineMethod({ name: "${id}.go", summary: "Goes.", scope: "operator.write", params: Type.Object({}), result: Type.Unknown() });
export default definePlugin({
  config: Type.Object({ word: Type.String({ default: "none" }) }),
  setup(ctx) {
    ctx.method(go, async () => {
${go}
    });
    ${setup}
  },
});
`,
    manifest,
  );

test("configuration, secrets and settings reach the plugin, wherever its configuration stands", async () => {
  const body = "return { word: ctx.config.word, key: (await ctx.secret('KEY')) ?? null };";
  const folder = await write("asker", body, { manifest: { permissions: { secrets: ["KEY"] }, configKey: "channels.asker" } });
  await using kit = await startPlugin(folder, {
    config: { word: "given" },
    secrets: { KEY: "secret" },
    settings: { gateway: { log: { level: "debug" } } },
  });
  expect(await kit.call("asker.go")).toEqual({ word: "given", key: "secret" });
  await using bare = await startPlugin(folder);
  expect(await bare.call("asker.go")).toEqual({ word: "none", key: null });
});

test("a plugin that cannot start is told of at once, with file and line", async () => {
  const folder = await writePlugin(plugins, "broken", "export default { setup() { null.x; } };", { generated: {} });
  await expect(startPlugin(folder)).rejects.toMatchObject({ code: "PLUGIN_LOAD_FAILED", message: expect.stringContaining("plugin.ts:1") });
});

test("what a plugin leaves behind is named, each with where it comes from", async () => {
  const folder = await write(
    "leaky",
    `      ctx.clock.every(1000, () => undefined);
      const kept = ctx.clock.after(5000, () => undefined);
      const gone = ctx.clock.after(5000, () => undefined);
      gone[Symbol.dispose]();
      void ctx.clock.sleep(7000, ctx.signal).catch(() => undefined);
      Bun.spawn(["cat"], { stdin: "pipe" }).unref();
      return kept !== gone;`,
    { setup: "ctx.onUnload(() => (ctx.home.includes('record') ? undefined : new Promise(() => undefined)));" },
  );
  const clock = createManualClock();
  await using kit = await startPlugin(folder, { clock });
  expect(kit.residue()).toEqual(["the plugin itself, which still runs: call unload() first"]);
  const connection = await kit.connect();
  await connection.call("leaky.go");
  const unloading = kit.unload();
  for (let left = true; left; ) {
    await clock.advance(1000);
    left = await Promise.race([unloading.then(() => false), new Promise<boolean>((turn) => setImmediate(turn, true))]);
  }
  const residue = kit.residue();
  expect(residue.filter((line) => !line.startsWith("a process"))).toEqual([
    "a cleanup that did not end: onUnload",
    "a timer of every 1000 ms set at plugin.ts:10",
  ]);
  if (process.platform === "linux")
    expect(residue.filter((line) => line.startsWith("a process"))).toEqual(["a process that still runs: cat"]);
});

test("a plugin that keeps to its lifetime leaves nothing, though it waited, slept and started a program", async () => {
  const folder = await write(
    "tidy",
    `      ctx.own(ctx.clock.every(1000, () => undefined));
      void ctx.clock.sleep(7000, ctx.signal).catch(() => undefined);
      const program = Bun.spawn(["cat"], { stdin: "pipe" });
      ctx.onUnload(async () => { program.kill(); await program.exited; });
      return {};`,
  );
  await using kit = await startPlugin(folder);
  await kit.call("tidy.go");
  await kit.unload();
  expect(kit.residue()).toEqual([]);
  await expect(kit.call("tidy.go")).rejects.toThrow("tidy.go");
});

test("a conversation waits for the whole answer, and a turn that fails says how", async () => {
  const folder = await write("quiet", "return {};");
  await using kit = await startPlugin(folder);
  kit.model.answer(says("Good ", "day."), [{ fail: "billing", message: "the account is empty" }]);
  expect(await kit.say("hello")).toEqual({ text: "Good day.", state: "final", toolResults: [] });
  expect(await kit.say("hello again", { session: "agent:main:other" })).toMatchObject({
    state: "error",
    error: expect.stringContaining("the account is empty"),
  });
  expect(await kit.say("what?")).toMatchObject({ text: "You said: what?" });
  expect(await kit.say("/status")).toMatchObject({ state: "final", text: expect.stringContaining("scripted/one"), toolResults: [] });
  expect(await kit.say("/compact")).toMatchObject({ state: "final" });
  expect(await kit.say("/new", { session: "agent:main:other" })).toMatchObject({ text: "A new conversation." });
  expect(await kit.say("and now?")).toMatchObject({ text: "You said: and now?" });
});

test("over a border only data crosses, inline whatever it is", async () => {
  const setup = `ctx.provide(tool, ...defineTool({ name: "odd", summary: "Odd.", access: "read", parameters: Type.Object({}),
      run: async () => textOutcome("x", { act: () => 1 }) }));`;
  const folder = await write("odd", "return {};", { setup });
  await using inline = await startPlugin(folder);
  expect((await inline.tool("odd", {})).outcome).toBe("ok");
  await using across = await startPlugin(folder, { mode: "loopback" });
  await expect(across.tool("odd", {})).rejects.toMatchObject({ code: "PLUGIN_FAULT" });
});

test("what is asked for in vain is said with what there is", async () => {
  const folder = await write("plain", "return {};");
  await using kit = await startPlugin(folder);
  await expect(kit.call("plain.go", {}, ["operator.read"])).rejects.toMatchObject({ code: expect.stringMatching(/SCOPE|FORBIDDEN/) });
  await expect(async () => kit.tool("hammer", {})).toThrow(/there is no tool "hammer"; there are: .*read/);
  expect(() => kit.uses(tool)).toThrow('plain provides tool as nothing: say which one with uses(tool, "<name>")');
  await expect(kit.uses(policy).decide({} as never, { signal: kit.signal })).rejects.toMatchObject({
    code: expect.stringContaining("CAPABILITY"),
  });
});
