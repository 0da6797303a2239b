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
