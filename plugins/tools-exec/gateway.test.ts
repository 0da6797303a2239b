import { expect, test } from "bun:test";
import { tool } from "@pincer/plugin-sdk/contracts/tool";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";
import { testWith } from "@pincer/plugin-sdk/testing/needs";
import { startPlugin } from "@pincer/plugin-sdk/testing/plugin";
import { type ProvidedTool, runTool } from "@pincer/plugin-sdk/testing/run-tool";
import { toolSuite } from "@pincer/plugin-sdk/testing/tool-suite";
import { alive } from "../../tests/support/exec-tools.ts";
import { createWorkspace } from "../../tests/support/workspace.ts";

const onLinux = test.skipIf(process.platform !== "linux");
const needle = `7${process.pid}`;

async function start() {
  const clock = createManualClock();
  const workspace = await createWorkspace();
  const gateway = await startTestGateway({ only: ["tools-exec", "sessions"], clock });
  const { host } = gateway.gateway;
  const run = (name: string, args: Record<string, unknown>, sessionKey = "agent:main:main") => {
    const tools = host.handle(tool);
    const provided = [name, tools.list().find((provider) => provider.name === name)!.record, tools.get(name)] as unknown as ProvidedTool;
    return runTool(provided, args, { workspace: workspace.path, sessionKey });
  };
  return {
    ...{ gateway, clock, host, run },
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await workspace[Symbol.asyncDispose]();
    },
  };
}

/** Starts a background command and waits until it has said that it is up. */
async function startSleeping({ run }: Awaited<ReturnType<typeof start>>, seconds: string, sessionKey?: string): Promise<string> {
  const { details } = await run("exec", { command: `echo up; sleep ${seconds}`, background: true }, sessionKey);
  const { id } = details as { id: string };
  while (!(await run("process", { action: "poll", id, wait: 60 }, sessionKey)).text.includes("up"));
  return id;
}

test("a gateway offers the tools from the manifest and runs them on demand", async () => {
  await using started = await start();
  const listed = started.host.handle(tool).list();
  expect(listed.map(({ name, plugin, record }) => [name, plugin, record.access]).sort()).toEqual([
    ["exec", "tools-exec", "exec"],
    ["process", "tools-exec", "exec"],
  ]);
  expect((await started.run("exec", { command: "echo hello" })).text).toStartWith("hello\n[exit code 0");
});

testWith("python")("compiled code that somebody has put beside a script is never run in its place, and none is written there", async () => {
  await using started = await start();
  const hostile = [
    "mkdir -p skill && cd skill && echo 'said = \"stolen\"' > helper.py",
    `python3 -c 'import py_compile as p; print(p.compile("helper.py", cfile="__pycache__/" + "helper." + __import__("sys").implementation.cache_tag + ".pyc", invalidation_mode=p.PycInvalidationMode.UNCHECKED_HASH))'`,
    "echo 'said = \"mine\"' > helper.py && echo 'import helper, json; print(helper.said)' > main.py",
  ];
  expect((await started.run("exec", { command: hostile.join(" && ") })).text).toStartWith("__pycache__/helper.");
  expect((await started.run("exec", { command: "env -u PYTHONPYCACHEPREFIX python3 skill/main.py" })).text).toStartWith("stolen\n");
  expect(
    (await started.run("exec", { command: "python3 skill/main.py && rm -r skill/__pycache__ && python3 skill/main.py && ls skill" })).text,
  ).toStartWith("mine\nmine\nhelper.py\nmain.py\n[exit code 0");
});

onLinux("a reload ends background processes and says so afterwards; a running command is not cut off (#144291)", async () => {
  await using started = await start();
  const { run, host, clock } = started;
  const id = await startSleeping(started, `${needle}1`);
  expect((await run("exec", { command: "echo before the reload" })).outcome).toBe("ok");
  await host.reload("tools-exec");
  let polled = await run("process", { action: "poll", id });
  while (polled.text.includes("is being ended")) {
    await clock.advance(1_000);
    polled = await run("process", { action: "poll", id });
  }
  expect(polled.details).toEqual({ id, running: false });
  expect(polled.text).toContain("[stopped: the plugin was reloaded or the gateway stopped");
  while ((await alive(`${needle}1`)).length > 0) await clock.advance(1_000);
  expect((await run("exec", { command: "echo after" })).text).toStartWith("after\n");
});

onLinux("resetting a session ends what it left running, and nobody else's", async () => {
  await using started = await start();
  const { gateway, clock } = started;
  await startSleeping(started, `${needle}2`, "agent:main:one");
  await startSleeping(started, `${needle}3`, "agent:main:two");
  const client = await gateway.connect();
  await client.call("sessions.reset", { key: "agent:main:one" });
  while ((await alive(`${needle}2`)).length > 0) await clock.advance(1_000);
  expect((await alive(`${needle}3`)).length).toBeGreaterThan(0);
});

onLinux("unloading leaves nothing behind", async () => {
  await using started = await start();
  const { host, clock, gateway } = started;
  const timers = clock.timers;
  await startSleeping(started, `${needle}4`);
  const disabling = host.setEnabled("tools-exec", false);
  let isOver = false;
  void disabling.finally(() => {
    isOver = true;
  });
  while (!isOver) await clock.advance(1_000);
  await disabling;
  while ((await alive(`${needle}4`)).length > 0) await clock.advance(1_000);
  await clock.advance(600_000);
  expect(clock.timers).toBeLessThanOrEqual(timers);
  expect(host.inspect("tools-exec")).not.toMatchObject({ state: "active" });
  expect(gateway.lines.filter(({ level }) => level === "error")).toEqual([]);
});

toolSuite({
  name: "exec",
  startPlugin: (options) => startPlugin(import.meta.dir, options),
  works: { command: "echo hello" },
  refuses: { command: "exit 3" },
});
