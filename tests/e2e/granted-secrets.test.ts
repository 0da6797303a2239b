/** What an operator does to a secret reaches the plugins that want it, however they run. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testIn } from "@pincer/plugin-sdk/testing/every-mode";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";
import { pluginsFolder, writePlugin } from "../fixtures/plugin-host.ts";

const source = (id: string, setup: string) => `
import { definePlugin } from "@pincer/plugin-sdk";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";
const Has = Type.Object({ held: Type.String(), asked: Type.String() });
const has = defineMethod({ name: "${id}.has", summary: "x", scope: "operator.read", params: Type.Object({}), result: Has });
export default definePlugin({ async setup(ctx) {
  ${setup}
  ctx.method(has, async () => ({ held, asked: (await ctx.secret("LATE_KEY")) ?? "none" }));
} });`;
const holding = `const held = (await ctx.secret("EARLY_KEY")) ?? "none";`;
const needing = `const held = await ctx.secret("EARLY_KEY"); if (held === undefined) throw new Error("no key: pincer secrets set EARLY_KEY");`;

let home: string;
let installed: string;
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "pincer-granted-"));
  const written = pluginsFolder(home);
  installed = join(home, "installed");
  for (const [id, setup] of [["holder", holding] as const, ["needer", needing] as const]) {
    // Recorded while it needs nothing, as an author's manifest is made where setup only registers.
    await writePlugin(written, id, source(id, `const held = "";`), {
      activate: "start",
      permissions: { secrets: ["EARLY_KEY", "LATE_KEY"] },
    });
    await Bun.write(join(written, id, "plugin.ts"), source(id, setup));
    mkdirSync(join(installed, id), { recursive: true });
    renameSync(join(written, id), join(installed, id, "1"));
  }
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

const ways = { inline: { unsandboxed: true }, process: { isolation: "process" } } as const;
async function start(mode: keyof typeof ways) {
  const plugins = Object.fromEntries(["holder", "needer"].map((id) => [id, { enabled: true, ...ways[mode] }]));
  const gateway = await startTestGateway({ installed: [installed], only: ["secrets"], config: { plugins } });
  const client = await gateway.connect();
  const { host } = gateway.gateway;
  const until = async (id: string, is: (info: ReturnType<typeof host.inspect>) => boolean) => {
    while (!is(host.inspect(id))) await new Promise((next) => setImmediate(next));
  };
  return {
    until,
    host,
    has: (id: string) => client.call<{ held: string; asked: string }>(`${id}.has`, {}),
    set: (name: string, value: string) => client.call("secrets.store.set", { name, value, kind: "secret" }),
    grant: (name: string, plugin: string, granted = true) => client.call("secrets.grant", { name, plugin, granted }),
    [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
  };
}

for (const mode of ["inline", "process"] as const) {
  const test = testIn(mode);

  test(`what failed for want of a secret starts as soon as it is granted, ${mode}`, async () => {
    await using kit = await start(mode);
    expect(kit.host.inspect("needer")).toMatchObject({ state: "failed", error: { message: expect.stringContaining("no key") } });
    await kit.set("EARLY_KEY", "one");
    await kit.grant("EARLY_KEY", "needer");
    await kit.until("needer", ({ state }) => state === "active");
    expect(await kit.has("needer")).toEqual({ held: "one", asked: "none" });
  });

  test(`what its setup was given is held, so another value, or none any more, brings a new generation, ${mode}`, async () => {
    await using kit = await start(mode);
    expect(await kit.has("holder")).toEqual({ held: "none", asked: "none" });
    await kit.set("EARLY_KEY", "one");
    await kit.grant("EARLY_KEY", "holder");
    await kit.until("holder", ({ generation }) => generation === 2);
    expect((await kit.has("holder")).held).toBe("one");
    await kit.set("EARLY_KEY", "two");
    await kit.until("holder", ({ generation }) => generation === 3);
    expect((await kit.has("holder")).held).toBe("two");
    await kit.grant("EARLY_KEY", "holder", false);
    await kit.until("holder", ({ generation }) => generation === 4);
    expect((await kit.has("holder")).held).toBe("none");
  });

  test(`what it asks for each time it needs it is not held: only that it comes and goes brings a new generation, ${mode}`, async () => {
    await using kit = await start(mode);
    await kit.set("LATE_KEY", "one");
    await kit.grant("LATE_KEY", "holder");
    expect((await kit.has("holder")).asked).toBe("one");
    const { generation } = kit.host.inspect("holder");
    await kit.set("LATE_KEY", "two");
    expect((await kit.has("holder")).asked).toBe("two");
    await kit.grant("LATE_KEY", "holder", false);
    await kit.until("holder", (info) => info.generation > generation);
    expect([kit.host.inspect("holder").generation, (await kit.has("holder")).asked]).toEqual([generation + 1, "none"]);
  });
}

test("a plugin of this repository needs no grant", async () => {
  const written = mkdtempSync(join(tmpdir(), "pincer-granted-own-"));
  const folder = pluginsFolder(written);
  await writePlugin(folder, "own", source("own", `const held = "";`), { permissions: { secrets: ["LATE_KEY"] } });
  await using gateway = await startTestGateway({ plugins: [folder], enable: ["own"], only: ["secrets"] });
  const client = await gateway.connect();
  await client.call("secrets.store.set", { name: "LATE_KEY", value: "one", kind: "secret" });
  expect(await client.call("own.has", {})).toMatchObject({ asked: "one" });
  rmSync(written, { recursive: true });
});

test("what a removed plugin was granted is not for another one that comes to lie under its name, also when it was removed while no gateway ran", async () => {
  const kept = mkdtempSync(join(tmpdir(), "pincer-granted-kept-"));
  pluginsFolder(kept);
  const folder = join(kept, "installed");
  const gatewayHome = join(kept, "home");
  mkdirSync(gatewayHome);
  const put = () => cpSync(installed, folder, { recursive: true });
  const begin = async () => {
    const plugins = { holder: { enabled: true, unsandboxed: true } };
    const gateway = await startTestGateway({ home: gatewayHome, installed: [folder], only: ["secrets"], config: { plugins } });
    const client = await gateway.connect();
    const grants = async () => (await client.call<{ grants: { name: string; plugin: string }[] }>("secrets.grants", {})).grants;
    return { gateway, client, grants, [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose]() };
  };
  put();
  {
    await using kit = await begin();
    for (const [name, plugin] of [["LATE_KEY", "holder"] as const, ["LATE_KEY", "later"] as const]) {
      await kit.client.call("secrets.store.set", { name, value: "one", kind: "secret" });
      await kit.client.call("secrets.grant", { name, plugin, granted: true });
    }
    expect(await kit.client.call("holder.has", {})).toMatchObject({ asked: "one" });
    rmSync(join(folder, "holder"), { recursive: true });
    await kit.gateway.gateway.host.refresh();
    expect((await kit.grants()).map(({ plugin }) => plugin)).toEqual(["later"]);
    put();
    await kit.gateway.gateway.host.refresh();
    expect(await kit.client.call("holder.has", {})).toMatchObject({ asked: "none" });
    await kit.client.call("secrets.grant", { name: "LATE_KEY", plugin: "holder", granted: true });
  }
  rmSync(join(folder, "holder"), { recursive: true });
  {
    await using kit = await begin();
    expect((await kit.grants()).map(({ plugin }) => plugin)).toEqual(["later"]);
  }
  rmSync(kept, { recursive: true });
});
