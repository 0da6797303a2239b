import { expect, test } from "bun:test";
import { tool } from "@pincer/plugin-sdk/contracts/tool";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";
import { type StartPluginOptions, startPlugin } from "@pincer/plugin-sdk/testing/plugin";
import { type ProvidedTool, runTool } from "@pincer/plugin-sdk/testing/run-tool";
import { toolSuite } from "@pincer/plugin-sdk/testing/tool-suite";
import { createWorkspace } from "../../tests/support/workspace.ts";

test("a gateway offers the tools from the manifest, runs them on demand, and unloading leaves nothing behind", async () => {
  const clock = createManualClock();
  await using workspace = await createWorkspace();
  await using gateway = await startTestGateway({ only: ["tools-files"], clock });
  const { host } = gateway.gateway;
  const tools = host.handle(tool);
  expect(
    tools
      .list()
      .map(({ name, record }) => `${name} ${record.access}`)
      .sort(),
  ).toEqual(["edit write", "glob read", "grep read", "list read", "patch write", "read read", "write write"]);
  const timers = clock.timers;
  const run = (name: string, args: Record<string, unknown>) => {
    const provided = [name, tools.list().find((provider) => provider.name === name)!.record, tools.get(name)] as unknown as ProvidedTool;
    return runTool(provided, args, { workspace: workspace.path });
  };
  expect((await run("write", { path: "a/b.txt", content: "hello\n" })).text).toBe("made a/b.txt; it has 6 bytes now");
  expect((await run("grep", { pattern: "h.llo" })).text).toBe("a/b.txt:1: hello");
  expect((await run("read", { path: "../outside/secret.txt" })).outcome).toBe("refused");
  await host.reload("tools-files");
  expect((await run("read", { path: "a/b.txt" })).text).toBe("hello");
  await host.setEnabled("tools-files", false);
  await clock.advance(600_000);
  expect(clock.timers).toBeLessThanOrEqual(timers);
  expect(() => tools.get("read")).toThrow();
  expect(gateway.lines.filter(({ level }) => level === "error")).toEqual([]);
});

test("what the model reads of these tools costs little", async () => {
  await using gateway = await startTestGateway({ only: ["tools-files", "tools-exec"] });
  const records = gateway.gateway.host.handle(tool).list();
  const text = JSON.stringify(records.map(({ name, record }) => ({ name, description: record.summary, parameters: record.parameters })));
  // About four characters a token: half of what an ordinary turn may add.
  expect(text.length).toBeLessThan(3_400);
});

async function startWithNotes(options: Pick<StartPluginOptions, "mode">) {
  const kit = await startPlugin(import.meta.dir, options);
  await kit.tool("write", { path: "notes/a.txt", content: "hello\n" });
  return kit;
}
const outside = "../outside.txt";

toolSuite({
  name: "write",
  startPlugin: startWithNotes,
  works: { path: "notes/b.txt", content: "x" },
  refuses: { path: outside, content: "x" },
});
toolSuite({ name: "read", startPlugin: startWithNotes, works: { path: "notes/a.txt" }, refuses: { path: outside } });
// It looks in a process of its own.
toolSuite({ name: "grep", startPlugin: startWithNotes, works: { pattern: "h.llo" }, refuses: { pattern: "(", path: "notes" } });
