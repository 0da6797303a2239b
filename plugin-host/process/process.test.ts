import { expect, test } from "bun:test";
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sessions } from "@pincer/plugin-sdk/contracts/sessions";
import { promptBuilding } from "@pincer/plugin-sdk/hooks";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { type HostOptions, startHost, writePlugin } from "../../tests/fixtures/plugin-host.ts";
import { counter } from "../../tests/fixtures/plugins/everything/contract.ts";
import { confinement, frail, invoke, io, own } from "../../tests/support/frail.ts";

const root = join(import.meta.dir, "..", "..");

const everything = (config = {}): HostOptions => ({
  confinement,
  scopeOf: (event) => (event === "bell.rang" ? "any" : undefined),
  folders: [join(root, "tests", "fixtures", "plugins")],
  provide: (host) => host.provide(sessions, () => ({ ensure: async () => null, get: async () => null }) as never),
  config: {
    plugins: { "scripted-channel": { enabled: false }, counter: { enabled: false }, everything: { isolation: "process", ...config } },
  },
  secret: async (name, plugin) => `${name} of ${plugin}`,
});

test("every kind of registration reaches a plugin in its own process", async () => {
  await using kit = await startHost(everything());
  const { host } = kit;
  expect(host.inspect("everything")).toMatchObject({ isolation: "process", state: "idle" });
  expect(await invoke(host, "everything.status")).toEqual({ greeting: "hello", config: 0, events: 0, services: 1, kept: 1 });
  expect(host.inspect("everything")).toMatchObject({ isolation: "process", enforced: false, state: "active", pid: expect.any(Number) });
  expect(await invoke(host, "everything.status")).toMatchObject({ kept: 2 });
  const prompt = await host.run(promptBuilding, { sessionKey: "s", agentId: "a", runId: "r", sections: [] });
  expect(prompt.sections).toEqual([{ id: "everything", text: "hello" }]);
  const get = async (path: string) => (await host.routes.match(path)!.handle(new Request(`http://x${path}`))).text();
  expect(await get("/everything")).toBe("hello");
  expect(await get("/everything/secret")).toBe("everything-key of everything");
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
  const { scope } = (await host.methods.find("everything.call")!.resolve()).method as { scope: { of(params: unknown): unknown } };
  expect(await scope.of({ method: "x.y" })).toBe("operator.admin");
  host.deliver("bell.rang", () => ({}));
  expect(await invoke(host, "everything.status")).toMatchObject({ events: 1 });
  const admitted = await kit.lanes.admit({ lane: "job:everything:x", kind: "everything.tally", key: "x", input: { amount: 4 } });
  expect(await admitted.outcome).toMatchObject({ state: "done", result: { sum: 4 } });
});

test("a live change of the configuration is seen in the process, and told there", async () => {
  await using kit = await startHost(everything());
  expect(await invoke(kit.host, "everything.status")).toMatchObject({ greeting: "hello", config: 0 });
  await kit.configure({ plugins: { everything: { isolation: "process", config: { greeting: "good day" } } } });
  expect(await invoke(kit.host, "everything.status")).toMatchObject({ greeting: "good day", config: 1 });
});

test("what a plugin throws in its process is blamed and logged as here, and its own errors keep their code", async () => {
  const source = `
import { definePlugin } from "@pincer/plugin-sdk";
import { defineErrors } from "@pincer/plugin-sdk/error";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";
const errors = defineErrors({ FUSSY_REFUSED: { message: "no", wire: "FORBIDDEN" } });
const method = (name) => defineMethod({ name, summary: "x", scope: "operator.read", params: Type.Object({}), result: Type.Object({}) });
export default definePlugin({ setup(ctx) {
  ctx.method(method("fussy.refuses"), () => { throw errors.FUSSY_REFUSED("not today", { data: { day: 1 } }); });
  ctx.method(method("fussy.fails"), () => { throw new Error("inside"); });
  ctx.service("fails", async () => { throw new Error("alone"); });
} });`;
  await using kit = await own("fussy", source);
  await expect(invoke(kit.host, "fussy.refuses")).rejects.toMatchObject({ code: "FUSSY_REFUSED", message: "not today", data: { day: 1 } });
  await expect(invoke(kit.host, "fussy.fails")).rejects.toMatchObject({
    code: "PLUGIN_FAULT",
    message: expect.stringMatching(/^fussy failed in fussy.fails: .* pincer logs$/),
  });
  const faults = () => kit.lines.filter(({ event }) => event === "plugin.fault").map(({ fields }) => fields);
  expect(faults()).toContainEqual(
    expect.objectContaining({ what: "fussy.fails", error: expect.stringMatching(/Error: inside\n.*fussy\/plugin\.ts:10:/) }),
  );
  expect(faults()).toContainEqual(expect.objectContaining({ what: "service fails", error: expect.stringContaining("alone") }));
});

test("a reload swaps processes: calls that run end where they began, and the old process goes", async () => {
  const slow = `const go = Promise.withResolvers();
  ctx.method(method("frail.slow", Type.Object({ version: Type.Integer() })), async () => { ctx.log.info("frail.slow"); await go.promise; return { version: 1 }; });
  ctx.method(method("frail.go"), () => { go.resolve(); return {}; });`;
  await using kit = await own("frail", frail(slow), { clock: systemClock });
  const first = ((await invoke(kit.host, "frail.pid")) as { pid: number }).pid;
  const running = invoke(kit.host, "frail.slow");
  await kit.logged("frail.slow");
  await writePlugin(kit.plugins, "frail", frail(slow.replace("version: 1", "version: 2").replace("await go.promise;", "")));
  expect(await kit.host.reload("frail")).toMatchObject({ generation: 2 });
  expect(await invoke(kit.host, "frail.slow")).toEqual({ version: 2 });
  const [draining] = kit.host.inspect("frail").draining;
  expect(draining).toEqual({ generation: 1, calls: ["frail.slow"] });
  expect(() => process.kill(first, 0)).not.toThrow();
  process.kill(first, "SIGKILL"); // a call cannot be let go over there any more: it dies with its process
  await expect(running).rejects.toMatchObject({ code: "PLUGIN_GONE" });
  expect(await invoke(kit.host, "frail.slow")).toEqual({ version: 2 });
});

test("a plugin has one TypeBox, also when it uses its inner parts: what it registers in one is known in the other", async () => {
  const source = `
import { FormatRegistry, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
${frail(`FormatRegistry.Set("even", (text) => text.length % 2 === 0);
  const fits = (text) => Value.Check(Type.String({ format: "even" }), text);
  ctx.method(method("frail.fits", Type.Array(Type.Boolean())), () => [fits("ab"), fits("abc")]);`).replace(/^import .*typebox";$/m, "")}`;
  await using kit = await own("frail", source);
  expect(await invoke(kit.host, "frail.fits")).toEqual([true, false]);
});

test("several large parameters at once all reach the process, and do not end it", async () => {
  const takes = `ctx.method(method("frail.takes", Type.Object({ length: Type.Integer() })), ({ text }) => ({ length: text.length }));`;
  await using kit = await own("frail", frail(takes));
  const { pid } = (await invoke(kit.host, "frail.pid")) as { pid: number };
  const text = "x".repeat(20_000_000);
  const taken = await Promise.all(Array.from({ length: 8 }, () => invoke(kit.host, "frail.takes", { text })));
  expect(taken).toEqual(Array(8).fill({ length: text.length }));
  expect(await invoke(kit.host, "frail.pid")).toEqual({ pid });
});

test("what goes wrong in a process's setup is told with file, line and reason, and the version that runs stays", async () => {
  await using kit = await own("frail", frail());
  const { pid } = (await invoke(kit.host, "frail.pid")) as { pid: number };
  await writePlugin(kit.plugins, "frail", frail());
  writeFileSync(join(kit.plugins, "frail", "plugin.ts"), frail("throw new Error('not today');"));
  await expect(kit.host.reload("frail")).rejects.toMatchObject({
    code: "PLUGIN_LOAD_FAILED",
    message: expect.stringContaining("not today"),
  });
  writeFileSync(join(kit.plugins, "frail", "plugin.ts"), `${frail()}\nconst half = {`);
  await expect(kit.host.reload("frail")).rejects.toMatchObject({
    code: "PLUGIN_LOAD_FAILED",
    data: { file: "plugin.ts", line: expect.any(Number) },
  });
  writeFileSync(join(kit.plugins, "frail", "plugin.ts"), frail(`ctx.method(method("frail.more"), () => ({}));`));
  await expect(kit.host.reload("frail")).rejects.toMatchObject({
    code: "PLUGIN_UNDECLARED",
    message: expect.stringContaining("frail.more"),
  });
  expect(await invoke(kit.host, "frail.pid")).toEqual({ pid });
});

test("a plugin that is not of this repository does not start where nothing can confine it, unless the operator says so in so many words", async () => {
  const installed = (plugins: string) => join(plugins, "..", "installed");
  const options: HostOptions = {
    confinement: async () => ({ missing: "bubblewrap is not installed", mend: "apt-get install bubblewrap" }),
    idle: true,
  };
  await using kit = await startHost({
    ...options,
    prepare: async (plugins) => {
      await writePlugin(installed(plugins), "frail", frail());
      symlinkSync(join(root, "node_modules"), join(installed(plugins), "node_modules"));
      const versions = join(installed(plugins), "kept", "frail");
      mkdirSync(versions, { recursive: true });
      renameSync(join(installed(plugins), "frail"), join(versions, "v1"));
    },
    roots: [],
  });
  const host = await startHost({
    ...options,
    idle: false,
    roots: [{ path: join(installed(kit.plugins), "kept"), layout: "installed", enabled: true }],
  });
  await using running = host;
  await expect(invoke(running.host, "frail.pid")).rejects.toMatchObject({
    code: "PLUGIN_UNTRUSTED",
    message: expect.stringContaining("plugins.frail.isolation"),
  });
  await running.configure({ plugins: { frail: { isolation: "process" } } });
  await expect(invoke(running.host, "frail.pid")).rejects.toMatchObject({
    code: "PLUGIN_UNTRUSTED",
    message: expect.stringMatching(/bubblewrap is not installed; apt-get install bubblewrap, or set plugins.frail.unsandboxed to true/),
  });
  expect(running.host.inspect("frail")).toMatchObject({ isolation: "process", enforced: false, state: "failed" });
  await running.configure({ plugins: { frail: { unsandboxed: true } } });
  expect(await invoke(running.host, "frail.pid")).toEqual({ pid: process.pid });
  expect(running.host.inspect("frail")).toMatchObject({ isolation: "inline", enforced: false });
});
