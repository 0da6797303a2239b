import { expect } from "bun:test";
import { inEveryMode } from "@pincer/plugin-sdk/testing/every-mode";
import { startPlugin } from "@pincer/plugin-sdk/testing/plugin";

// In the gateway's process, across an imitated border, and in a process of its own, where it may only do what its manifest names.
inEveryMode("my-plugin", (mode, test) => {
  test("it greets by name, and counts", async () => {
    await using kit = await startPlugin(import.meta.dir, { mode, config: { greeting: "Welcome" } });
    expect(await kit.call("my-plugin.greet", { name: "Ada" })).toEqual({ greeting: "Welcome, Ada!", greeted: 1 });
    expect(await kit.call("my-plugin.greet", { name: "Grace" })).toMatchObject({ greeted: 2 });
    expect(await kit.health()).toEqual({ ok: true, detail: "2 greeted" });
  });

  test("a greeting without a name is refused with a code", async () => {
    await using kit = await startPlugin(import.meta.dir, { mode });
    await expect(kit.call("my-plugin.greet", { name: " " })).rejects.toMatchObject({ code: "MY_PLUGIN_NAMELESS" });
  });

  test("who may only read may not greet", async () => {
    await using kit = await startPlugin(import.meta.dir, { mode });
    await expect(kit.call("my-plugin.greet", { name: "Ada" }, ["operator.read"])).rejects.toThrow("operator.write");
  });

  test("a newer generation goes on with the count", async () => {
    await using kit = await startPlugin(import.meta.dir, { mode });
    await kit.call("my-plugin.greet", { name: "Ada" });
    await kit.reload();
    expect(await kit.call("my-plugin.greet", { name: "Grace" })).toMatchObject({ greeted: 2 });
  });

  test("unloading leaves nothing behind", async () => {
    await using kit = await startPlugin(import.meta.dir, { mode });
    await kit.call("my-plugin.greet", { name: "Ada" });
    await kit.unload();
    expect(kit.residue()).toEqual([]);
  });
});
