import { expect, test } from "bun:test";
import { alive, type ExecTools, startExecTools, zombies } from "../../tests/support/exec-tools.ts";

const onLinux = test.skipIf(process.platform !== "linux");
let next = 0;
const mark = () => `8${process.pid}${next++}`;

async function start(tools: ExecTools, command: string, sessionKey = "agent:main:main"): Promise<string> {
  const { outcome, text, details } = await tools.exec({ command, background: true }, { sessionKey });
  expect(outcome).toBe("ok");
  const { id } = details as { id: string };
  expect(text).toBe(`started in the background as ${id}; process {action: "poll", id: "${id}"} shows what it writes`);
  return id;
}

/** Polls until the text has come; each poll waits for news. */
async function until(tools: ExecTools, id: string, wanted: string, sessionKey = "agent:main:main"): Promise<string> {
  let all = "";
  while (!all.includes(wanted)) all += `${(await tools.process({ action: "poll", id, wait: 60 }, { sessionKey })).text}\n`;
  return all;
}

test("a background process is listed, polled for what is new, written to, and ends", async () => {
  await using tools = await startExecTools();
  const id = await start(tools, 'echo ready; while read -r line; do echo "got $line"; done; echo bye; exit 4');
  await until(tools, id, "ready");
  expect((await tools.process({ action: "list" })).text).toMatch(new RegExp(`^${id} \\[running for [0-9.]+ s\\] echo ready; while read`));
  expect((await tools.process({ action: "poll", id })).text).toStartWith("(nothing new)\n[running for ");
  expect((await tools.process({ action: "write", id, input: "one\n" })).text).toBe("wrote 4 bytes");
  expect(await until(tools, id, "got one")).not.toContain("ready");
  expect((await tools.process({ action: "write", id, input: "two\n", end: true })).text).toBe("wrote 4 bytes and closed the input");
  const rest = await until(tools, id, "exit code 4");
  expect(rest).toMatch(/got two\n.*bye\n.*\[exit code 4, after /s);
  expect(await tools.process({ action: "write", id, input: "three" })).toMatchObject({ outcome: "refused" });
  expect((await tools.process({ action: "list" })).text).toStartWith(`${id} [exit code 4, after `);
});

test("the user's own start-up files of the shell are not run", async () => {
  await using tools = await startExecTools();
  await tools.put({ ".bashrc": "echo from bashrc\n" });
  await using home = await startExecTools({ environment: { HOME: tools.path, BASH_ENV: "" } });
  const id = await start(home, "echo only this; read -r end");
  expect(await until(home, id, "only this")).not.toContain("bashrc");
});

onLinux("a background process is killed with everything that it started", async () => {
  const needle = mark();
  await using tools = await startExecTools();
  const id = await start(tools, `echo up; (setsid sleep ${needle} &); sleep ${needle}`);
  await until(tools, id, "up");
  const killed = await tools.process({ action: "kill", id });
  expect(killed.text).toContain("[stopped: it was killed, after ");
  expect(await alive(needle)).toEqual([]);
  expect((await tools.process({ action: "kill", id })).text).toContain("(nothing new)\n[stopped: it was killed");
  expect(await zombies()).toEqual([]);
});

test("a session sees its own processes only", async () => {
  await using tools = await startExecTools();
  const id = await start(tools, "sleep 1000");
  const other = { sessionKey: "agent:main:other" };
  expect((await tools.process({ action: "list" }, other)).text).toBe("no background processes in this session");
  for (const action of ["poll", "kill", "write"]) {
    const answer = await tools.process({ action, id, input: "x" }, other);
    expect(answer).toMatchObject({ outcome: "refused", text: `there is no background process ${id} in this session; there is none` });
  }
  expect((await tools.process({ action: "poll", id: "nobody" })).text).toContain(`there is\n${id} [running for `);
  expect((await tools.process({ action: "poll" })).text).toBe("id was expected: that of a process in the list");
});

test("only so many may run at once, for a session and in all", async () => {
  await using tools = await startExecTools({ backgroundPerSession: 2, backgroundTotal: 3 });
  const first = await start(tools, "echo up; sleep 1000");
  await until(tools, first, "up");
  await start(tools, "sleep 1000");
  const refused = await tools.exec({ command: "sleep 1000", background: true });
  expect(refused).toMatchObject({
    outcome: "refused",
    text: expect.stringContaining("2 background processes run for this session and 2 in all"),
  });
  await start(tools, "sleep 1000", "agent:main:other");
  await tools.process({ action: "kill", id: first });
  await start(tools, "sleep 1000");
  expect((await tools.exec({ command: "sleep 1", background: true }, { sessionKey: "agent:main:third" })).outcome).toBe("refused");
});

onLinux("what a session left running ends with it, and is forgotten", async () => {
  const needle = mark();
  await using tools = await startExecTools();
  const id = await start(tools, `echo up; sleep ${needle}`);
  const others = mark();
  const other = await start(tools, `echo up; sleep ${others}`, "agent:main:other");
  const process = tools.background.get("agent:main:main", id)!;
  await until(tools, id, "up");
  await until(tools, other, "up", "agent:main:other");
  tools.background.endSession("agent:main:main");
  await process.command.ended;
  expect(await alive(needle)).toEqual([]);
  expect(await alive(others)).not.toEqual([]);
  expect((await tools.process({ action: "list" })).text).toBe("no background processes in this session");
  expect((await tools.store.list("process/agent:main:main/")).length).toBe(0);
});

onLinux("after a reload of the plugin its processes are told to have ended, with their last words", async () => {
  const needle = mark();
  await using tools = await startExecTools();
  const id = await start(tools, `echo last words; sleep ${needle}`);
  await until(tools, id, "last words");
  await tools.background.endAll("the plugin was reloaded or the gateway stopped");
  expect(await alive(needle)).toEqual([]);
  await using after = await tools.reloaded();
  const why = "[stopped: the plugin was reloaded or the gateway stopped, after ";
  expect((await after.process({ action: "list" })).text).toStartWith(`${id} ${why}`);
  const polled = await after.process({ action: "poll", id });
  expect(polled.outcome).toBe("ok");
  expect(polled.text).toStartWith("last words\n");
  expect(polled.text).toContain(why);
  expect(polled.details).toEqual({ id, running: false });
  after.background.endSession("agent:main:main");
  await after.background.endAll("done");
  expect((await after.process({ action: "list" })).text).toBe("no background processes in this session");
});

test("after a crash of the gateway its processes are told to have ended, not to be running", async () => {
  await using tools = await startExecTools();
  const id = await start(tools, "echo up; sleep 1000");
  await until(tools, id, "up");
  // Another gateway over the store as it was when the first one died.
  const [{ key, value }] = (await tools.store.list("process/")) as [{ key: string; value: unknown }];
  await tools.background.endAll("gone");
  await tools.store.set({ [key]: value });
  await using after = await tools.reloaded();
  expect((await after.process({ action: "list" })).text).toBe(
    `${id} [ended when the gateway did; what it had written since is lost] echo up; sleep 1000`,
  );
  expect((await after.process({ action: "poll", id })).text).toStartWith("(no output was kept)\n[ended when the gateway did");
});

test("a background process does not live for ever, and only the last ones are remembered", async () => {
  await using tools = await startExecTools({ backgroundMs: 5_000, endedKept: 2 });
  const id = await start(tools, "echo up; sleep 100000");
  await until(tools, id, "up");
  await tools.clock.advance(5_000);
  expect(await until(tools, id, "stopped")).toContain("[stopped: it ran for 5 s, the longest allowed");
  for (const n of [1, 2, 3]) {
    const short = await start(tools, `echo ${n}`);
    await until(tools, short, "exit code 0");
  }
  await tools.background.endAll("done");
  const lines = (await tools.process({ action: "list" })).text.split("\n");
  expect(lines.map((line) => line.slice(-6))).toEqual(["echo 2", "echo 3"]);
  expect((await tools.store.list("process/")).length).toBe(2);
});

test("a poll that waits ends with its time or its call", async () => {
  await using tools = await startExecTools();
  const id = await start(tools, "sleep 100000");
  const timers = tools.clock.timers;
  const waiting = tools.process({ action: "poll", id, wait: 20 });
  await tools.clock.armed(timers + 1);
  await tools.clock.advance(20_000);
  expect((await waiting).text).toStartWith("(nothing new)\n[running for 20 s]");
  const aborted = new AbortController();
  const again = tools.process({ action: "poll", id, wait: 20 }, { signal: aborted.signal });
  await tools.clock.armed(timers + 1);
  aborted.abort();
  expect((await again).text).toStartWith("(nothing new)");
  expect(tools.clock.timers).toBe(timers);
});

test("a huge input is refused, and a huge output of a background process is bounded", async () => {
  await using tools = await startExecTools({ inputBytes: 10, headBytes: 50, tailBytes: 50 });
  const id = await start(tools, "head -c 1000000 /dev/zero | tr '\\0' y; echo; echo end");
  expect(await tools.process({ action: "write", id, input: "x".repeat(11) })).toMatchObject({ outcome: "refused" });
  await tools.background.get("agent:main:main", id)!.command.ended;
  const { text } = await tools.process({ action: "poll", id });
  expect(text).toContain("bytes left out");
  expect(text.length).toBeLessThan(300);
});
