import { expect, test } from "bun:test";
import { join } from "node:path";
import { sessions } from "@pincer/plugin-sdk/contracts/sessions";
import { promptBuilding } from "@pincer/plugin-sdk/hooks";
import { startHost } from "../../tests/fixtures/plugin-host.ts";
import { counter } from "../../tests/fixtures/plugins/everything/contract.ts";
import type { PluginHost } from "./deps.ts";

const fixtures = join(import.meta.dir, "..", "..", "tests", "fixtures", "plugins");
const io = { signal: new AbortController().signal };
const call = { connection: {}, role: "operator", scopes: [], signal: io.signal, accepted: () => undefined } as never;
const invoke = async (host: PluginHost, method: string, params: unknown = {}) =>
  (await host.methods.find(method)!.resolve()).invoke(params, call);
const nobody = { ensure: async () => null, get: async () => null } as never;
const withSessions = (host: PluginHost) => host.provide(sessions, () => nobody);
const everything = { folders: [fixtures], provide: withSessions, config: { plugins: { "scripted-channel": { enabled: false } } } };

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
