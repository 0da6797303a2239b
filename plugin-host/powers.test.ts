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
