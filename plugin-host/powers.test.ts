import { expect, test } from "bun:test";
import { call, defineContract } from "@pincer/plugin-sdk/contract";
import { Type } from "@sinclair/typebox";
import { startHost, writePlugin } from "../tests/fixtures/plugin-host.ts";

const members = { greet: call(Type.Object({ name: Type.String() }), Type.Unknown()) };
const power = defineContract({ id: "power", version: 1, arity: "one", scope: "operator.admin", members });

const user = `
import { definePlugin } from "@pincer/plugin-sdk";
import { call, defineContract } from "@pincer/plugin-sdk/contract";
import { Type } from "@sinclair/typebox";
const power = defineContract({ id: "power", version: 1, arity: "one", members: { greet: call(Type.Object({ name: Type.String() }), Type.Unknown()) } });
export default definePlugin({ uses: { power }, setup(ctx) { void ctx.uses.power; } });`;

test("a call of the kernel's own contract carries what the kernel says that it may, whatever a plugin's copy of it says", async () => {
  const loose = user
    .replace("Type.Object({ name: Type.String() }), Type.Unknown()", "Type.Any(), Type.Any()")
    .replace("void ctx.uses.power", "ctx.health(() => ctx.uses.power.greet({ name: 5 }, ctx).then(() => ({ ok: true })))");
  const permissions = { scopes: ["operator.admin"] };
  await using kit = await startHost({ prepare: (plugins) => writePlugin(plugins, "user", loose, { permissions }).then(() => undefined) });
  const came: unknown[] = [];
  kit.host.provide(power, () => ({ greet: async ({ name }) => came.push(name) }));
  await kit.host.activate("user");
  expect(await kit.host.health()).toMatchObject({ user: { ok: false, detail: expect.stringContaining("power/power.greet at /name") } });
  expect(came).toEqual([]);
});

test("what the kernel relies on is provided by a plugin that names its scope, and by no other, however highly that one thinks of itself", async () => {
  const provider = `
import { definePlugin } from "@pincer/plugin-sdk";
import { call, defineContract } from "@pincer/plugin-sdk/contract";
import { Type } from "@sinclair/typebox";
const power = defineContract({ id: "power", version: 1, arity: "one", members: { greet: call(Type.Object({ name: Type.String() }), Type.Unknown()) } });
export default definePlugin({ setup(ctx) { ctx.provide(power, ctx.id, {}, { greet: async ({ name }) => ctx.id + " greets " + name }); } });`;
  const permissions = { scopes: ["operator.admin"] };
  const prepare = async (plugins: string) => {
    await writePlugin(plugins, "impostor", provider, { rank: 99 });
    await writePlugin(plugins, "honest", provider, { permissions });
    await writePlugin(plugins, "user", user);
  };
  await using kit = await startHost({ prepare, idle: true });
  const handle = kit.host.handle(power);
  await kit.host.start();
  const { signal } = new AbortController();
  expect(await handle.greet({ name: "Ada" }, { signal })).toBe("honest greets Ada");
  await expect(kit.host.activate("user")).rejects.toThrow("user uses power, for which permissions.scopes of its manifest must name");
  await kit.configure({ plugins: { honest: { enabled: false } } });
  await expect(handle.greet({ name: "Ada" }, { signal })).rejects.toThrow(
    "there are: impostor (impostor, version 1, whose permissions.scopes must name operator.admin)",
  );
});

test.each([
  [{}, "power, for which permissions.scopes of its manifest must name operator.admin"],
  [{ scopes: ["operator.read"] }, "power, for which permissions.scopes of its manifest must name operator.admin"],
  [{ scopes: ["operator.admin"] }, undefined],
])(
  "a contract that gives power over the gateway asks for its scope, whatever a plugin's copy of it says: %j",
  async (permissions, refusal) => {
    await using kit = await startHost({ prepare: (plugins) => writePlugin(plugins, "user", user, { permissions }).then(() => undefined) });
    kit.host.provide(power, () => ({ greet: async ({ name }) => name }));
    const said = await kit.host.activate("user").then(
      () => undefined,
      (error: Error) => error.message,
    );
    expect(said).toEqual(refusal === undefined ? undefined : expect.stringContaining(refusal));
  },
);

/** Its copies of the events say that anybody may hear them. */
const listener = (events: readonly string[], own = "") => `
import { definePlugin } from "@pincer/plugin-sdk";
import { defineEvent } from "@pincer/plugin-sdk/event";
import { Type } from "@sinclair/typebox";
const event = (name) => defineEvent({ name, summary: "", scope: "any", payload: Type.Unknown() });
export default definePlugin({ setup(ctx) {
  const heard = [];
  ${own};
  for (const name of ${JSON.stringify(events)}) ctx.on(event(name), (payload) => void heard.push(payload));
  ctx.health(() => ({ ok: true, detail: heard.join() }));
} });`;
const announcer = (scope: string) => `
import { definePlugin } from "@pincer/plugin-sdk";
import { defineEvent } from "@pincer/plugin-sdk/event";
import { Type } from "@sinclair/typebox";
export default definePlugin({ setup(ctx) { ctx.event(defineEvent({ name: "bell.rang", summary: "", scope: "${scope}", payload: Type.Unknown() })); } });`;
type Kernels = NonNullable<Parameters<typeof startHost>[0]>["scopeOf"];
const kernels: Kernels = (name) => (name === "kernel.told" ? "operator.pairing" : name === "kernel.said" ? "operator.read" : undefined);
const listens = (scopes: readonly string[], events: readonly string[], own = "") =>
  startHost({
    scopeOf: kernels,
    reserved: (name) => kernels(name) !== undefined,
    prepare: (plugins) => writePlugin(plugins, "spy", listener(events, own), { permissions: { scopes } }).then(() => undefined),
  });

test.each([
  [[], "kernel.said", "operator.read"],
  [["operator.pairing"], "kernel.said", "operator.read"],
  [["operator.read"], "kernel.told", "operator.pairing"],
  [["operator.read", "operator.write"], "kernel.told", "operator.pairing"],
  [["operator.read"], "kernel.said", undefined],
  [["operator.write"], "kernel.said", undefined],
  [["operator.admin"], "kernel.told", undefined],
])("with the scopes %j a plugin that listens to %s lacks %p, whatever its copy of the event says", async (scopes, event, missing) => {
  await using kit = await listens(scopes, [event]);
  const activated = kit.host.activate("spy");
  if (missing === undefined) {
    await activated;
    kit.host.deliver(event, () => "word");
    expect(await kit.host.health()).toMatchObject({ spy: { detail: "word" } });
    return;
  }
  const message = `spy listens to ${event}, for which permissions.scopes of its manifest must name ${missing}`;
  expect(kit.host.inspect("spy")).toMatchObject({ state: "failed", error: { code: "PLUGIN_PERMISSION", message } });
  await expect(activated).rejects.toMatchObject({ code: "PLUGIN_PERMISSION", message });
  kit.host.deliver(event, () => {
    throw new Error("nobody may hear it, so that nobody asks for it");
  });
});

test("a plugin hears its own events, and cannot make another's its own by declaring it", async () => {
  const declares = (name: string) =>
    `ctx.event(defineEvent({ name: "${name}", summary: "", scope: "operator.admin", payload: Type.Unknown() }))`;
  await using own = await listens([], ["spy.saw"], declares("spy.saw"));
  await own.host.activate("spy");
  own.host.deliver("spy.saw", () => "mine");
  expect(await own.host.health()).toMatchObject({ spy: { detail: "mine" } });
  await using thief = await listens([], ["kernel.told"], declares("kernel.told"));
  await expect(thief.host.activate("spy")).rejects.toMatchObject({ code: "PLUGIN_CONFLICT" });
});

test("who listened before the event had a scope is not told once it has one, goes on otherwise, and the operator sees why", async () => {
  await using kit = await listens(["operator.read"], ["bell.rang"]);
  await kit.host.activate("spy");
  const heard = async (word: string) => {
    kit.host.deliver("bell.rang", () => word);
    return (await kit.host.health())["spy"]?.detail;
  };
  expect(await heard("undeclared")).toBe("");
  await writePlugin(kit.plugins, "bell", announcer("operator.read"));
  await kit.host.reload("bell");
  expect(await heard("one")).toBe("one");
  await writePlugin(kit.plugins, "bell", announcer("operator.admin"));
  await kit.host.reload("bell");
  expect(await heard("two")).toBe("one");
  expect(kit.host.inspect("spy")).toMatchObject({
    state: "active",
    error: { message: expect.stringContaining("must name operator.admin") },
  });
  await expect(kit.host.reload("spy")).rejects.toMatchObject({ code: "PLUGIN_PERMISSION" });
  await writePlugin(kit.plugins, "bell", announcer("operator.read"));
  await kit.host.reload("bell");
  expect(await heard("three")).toBe("one,three");
  expect(kit.host.inspect("spy").error).toBeUndefined();
});
