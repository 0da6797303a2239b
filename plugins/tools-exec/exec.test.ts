import { expect, test } from "bun:test";
import { open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { alive, startExecTools, zombies } from "../../tests/support/exec-tools.ts";

const onLinux = test.skipIf(process.platform !== "linux");

/** A number that only this test's processes carry, so that they can be found. */
let next = 0;
const mark = () => `9${process.pid}${next++}`;

test("a command runs in the workspace; its output, in order, and its exit code are told", async () => {
  await using tools = await startExecTools();
  const ok = await tools.exec({ command: "echo out; echo err >&2; pwd" });
  expect(ok.outcome).toBe("ok");
  expect(ok.text).toStartWith(`out\nerr\n${tools.path}\n[exit code 0, after `);
  expect(ok.details).toMatchObject({ exitCode: 0, signal: null });
  const failed = await tools.exec({ command: "echo no; exit 3" });
  expect(failed).toMatchObject({ outcome: "failed", details: { exitCode: 3 } });
  expect(failed.text).toStartWith("no\n[exit code 3, after ");
  expect((await tools.exec({ command: "true" })).text).toStartWith("(no output)\n[exit code 0");
  expect((await tools.exec({ command: "kill -SEGV $$" })).text).toContain("[killed by SIGSEGV, exit code 139, after ");
  expect((await tools.exec({ command: "if then" })).outcome).toBe("failed");
  expect((await tools.exec({ command: "printf 'a b' | tr a-z A-Z && [[ 1 < 2 ]]" })).text).toStartWith("A B\n[exit code 0");
});

test("the input is empty, so that nothing waits for somebody to type", async () => {
  await using tools = await startExecTools();
  expect((await tools.exec({ command: 'cat; read line; echo "<$line>"' })).text).toStartWith("<>\n[exit code 0");
});

test("no secret of the gateway's environment reaches a command (#78528, #8966)", async () => {
  process.env["PINCER_TEST_API_KEY"] = "sk-of-the-gateway";
  try {
    await using tools = await startExecTools({ environment: { GREETING: "hello" } });
    const { text } = await tools.exec({ command: "env; cat /proc/self/environ 2>/dev/null | tr '\\0' '\\n'; echo greeting=$GREETING" });
    expect(text).not.toContain("sk-of-the-gateway");
    expect(text).toContain("greeting=hello");
    expect(text).toContain("PATH=");
    await using open = await startExecTools({ pass: ["PATH", "PINCER_TEST_API_KEY"] });
    expect((await open.exec({ command: "echo $PINCER_TEST_API_KEY" })).text).toContain("sk-of-the-gateway");
  } finally {
    delete process.env["PINCER_TEST_API_KEY"];
  }
});

test("a script finds the Bun that the gateway runs on, and Pincer, behind whatever else the machine has", async () => {
  await using tools = await startExecTools({ environment: { PATH: "/usr/bin:/bin" } });
  expect((await tools.exec({ command: "bun --version" })).text).toStartWith(Bun.version);
  expect((await tools.exec({ command: 'echo "$PATH"' })).text).toStartWith(`/usr/bin:/bin:${dirname(process.execPath)}\n`);
  const before = process.env["PINCER_LAUNCHER"];
  process.env["PINCER_LAUNCHER"] = join(import.meta.dir, "..", "..", "pincer");
  try {
    expect((await tools.exec({ command: "command -v pincer" })).text).toStartWith(process.env["PINCER_LAUNCHER"]);
  } finally {
    if (before === undefined) delete process.env["PINCER_LAUNCHER"];
    else process.env["PINCER_LAUNCHER"] = before;
  }
});

test("outside the owner's own sessions nothing runs", async () => {
  await using tools = await startExecTools();
  for (const run of [
    tools.exec({ command: "touch ran" }, { owner: false }),
    tools.exec({ command: "touch ran", background: true }, { owner: false }),
    tools.process({ action: "list" }, { owner: false }),
  ]) {
    expect(await run).toMatchObject({
      outcome: "refused",
      text: "commands can be run only in the owner's own sessions, and this is not one of them",
    });
  }
  expect((await tools.exec({ command: "ls" })).text).toStartWith("(no output)");
});

test("a folder can be chosen inside the workspace, and not outside", async () => {
  await using tools = await startExecTools();
  await tools.put({ "sub/a.txt": "x" });
  expect((await tools.exec({ command: "ls", cwd: "sub" })).text).toStartWith("a.txt\n");
  for (const cwd of ["..", "/", "nowhere", "../outside"]) {
    expect(await tools.exec({ command: "ls", cwd })).toMatchObject({ outcome: "refused" });
  }
  expect(await tools.exec({ command: "a\0b" })).toMatchObject({ outcome: "refused" });
});

test("output is shown while it is written", async () => {
  await using tools = await startExecTools();
  expect(Bun.spawnSync(["mkfifo", tools.file("go")]).exitCode).toBe(0);
  const first = Promise.withResolvers<void>();
  const running = tools.exec({ command: "echo first; cat go; echo second" }, { onProgress: () => first.resolve() });
  await first.promise;
  const go = await open(tools.file("go"), "w");
  await go.write("between\n");
  await go.close();
  const { text, progress } = await running;
  expect(text).toStartWith("first\nbetween\nsecond\n[exit code 0");
  expect(progress).toStartWith("first\n");
});

test("a huge output is read, counted and cut in the middle (#86214)", async () => {
  await using tools = await startExecTools({ headBytes: 100, tailBytes: 100 });
  const { text, progress, details } = await tools.exec({ command: "echo begin; head -c 30000000 /dev/zero | tr '\\0' x; echo; echo end" });
  expect(text).toStartWith("begin\nxxx");
  expect(text).toContain("[… 29999811 bytes left out …]");
  expect(text).toContain("x\nend\n[exit code 0");
  expect(text.length).toBeLessThan(400);
  expect(progress.length).toBeLessThan(1_000);
  expect(details).toMatchObject({ bytes: 30_000_011 });
});

onLinux("a command that writes without end is stopped (#86214)", async () => {
  const id = mark();
  await using tools = await startExecTools({ outputBytes: 5_000_000, headBytes: 100, tailBytes: 100 });
  const { outcome, text } = await tools.exec({ command: `yes ${id}` });
  expect(outcome).toBe("failed");
  expect(text).toContain("[stopped: it wrote more than 5000000 bytes, after ");
  expect(await alive(id)).toEqual([]);
});

onLinux("a command that takes too long is stopped with everything that it started", async () => {
  const id = mark();
  await using tools = await startExecTools();
  const ready = Promise.withResolvers<void>();
  const command = `sleep ${id} & (sleep ${id} & sleep ${id}); `;
  const running = tools.exec({ command: `echo ready; ${command}` }, { onProgress: () => ready.resolve() });
  await ready.promise;
  await tools.clock.advance(30_000);
  const { outcome, text } = await running;
  expect(outcome).toBe("failed");
  expect(text).toContain("[stopped: it was not done in 30 s; say a longer timeout (at most 600) or background: true, after 30 s]");
  expect(await alive(id)).toEqual([]);
  expect(tools.clock.timers).toBe(0);
});

onLinux("what ignores the request to end is killed", async () => {
  const id = mark();
  await using tools = await startExecTools();
  const ready = Promise.withResolvers<void>();
  const aborted = new AbortController();
  const running = tools.exec(
    { command: `trap '' TERM INT HUP; (setsid sh -c "trap '' TERM; sleep ${id}" &) ; echo ready; while :; do sleep ${id}; done` },
    { onProgress: () => ready.resolve(), signal: aborted.signal },
  );
  await ready.promise;
  const timers = tools.clock.timers;
  aborted.abort();
  await tools.clock.armed(timers + 1);
  await tools.clock.advance(2_000);
  expect(await running).toMatchObject({ outcome: "failed", text: expect.stringContaining("[stopped: the call was aborted, after 2.0 s]") });
  expect(await alive(id)).toEqual([]);
});

onLinux("an aborted call ends every branch of a tree of processes, and leaves no zombies (#64593)", async () => {
  const id = mark();
  await using tools = await startExecTools();
  const ready = Promise.withResolvers<void>();
  const aborted = new AbortController();
  const tree = `fork() { if [ $1 -gt 0 ]; then fork $(($1 - 1)) & fork $(($1 - 1)) & fi; sleep ${id}; }; fork 4; `;
  const running = tools.exec({ command: `echo ready; ${tree}` }, { onProgress: () => ready.resolve(), signal: aborted.signal });
  await ready.promise;
  aborted.abort();
  await running;
  expect(await alive(id)).toEqual([]);
  expect(await zombies()).toEqual([]);
});

onLinux("a command that forks without end is ended all the same", async () => {
  const id = mark();
  await using tools = await startExecTools({ killMs: 1 });
  const ready = Promise.withResolvers<void>();
  const aborted = new AbortController();
  const command = `trap '' TERM; i=0; while [ $i -lt 2000 ]; do sleep ${id} & i=$((i+1)); [ $i = 20 ] && echo ready; done`;
  const running = tools.exec({ command }, { onProgress: () => ready.resolve(), signal: aborted.signal });
  await ready.promise;
  const timers = tools.clock.timers;
  aborted.abort();
  await tools.clock.armed(timers + 1);
  await tools.clock.advance(1);
  await running;
  expect(await alive(id)).toEqual([]);
});

onLinux("what a command leaves running is ended with it, also when it went into a session of its own, and is told (#64593)", async () => {
  const id = mark();
  await using tools = await startExecTools();
  const { outcome, text } = await tools.exec({
    command: `sleep ${id} & setsid sleep ${id} & (nohup sleep ${id} >/dev/null 2>&1 &); disown -a; echo done`,
  });
  expect(outcome).toBe("ok");
  expect(text).toContain("done\n[exit code 0, after ");
  expect(text).toContain("; 3 processes that it left running were ended, use background: true for those]");
  expect(await alive(id)).toEqual([]);
  for (let round = 0; round < 10; round++) await tools.exec({ command: `sleep ${id} & true` });
  expect(await alive(id)).toEqual([]);
  expect(await zombies()).toEqual([]);
});

onLinux("commands end when the gateway is killed", async () => {
  await using tools = await startExecTools();
  expect(Bun.spawnSync(["mkfifo", tools.file("held")]).exitCode).toBe(0);
  const script = `
    const { createManualClock } = await import(${JSON.stringify(import.meta.resolve("@pincer/plugin-sdk/testing/clock"))});
    const { startCommand } = await import(${JSON.stringify(import.meta.resolve("./command.ts"))});
    const { ExecConfig } = await import(${JSON.stringify(import.meta.resolve("./config.ts"))});
    const { Value } = await import("@sinclair/typebox/value");
    const options = { cwd: process.argv[1], input: false, settings: Value.Default(ExecConfig, {}), clock: createManualClock() };
    startCommand({ ...options, text: "sleep 1 & echo other" });
    const command = startCommand({ ...options, text: "exec 9>held; echo holding; trap '' TERM HUP; sleep 100000 & wait; sleep 100000" });
    await command.changed();
    console.log("up");`;
  const gateway = Bun.spawn([process.execPath, "-e", script, tools.path], { stdout: "pipe", stderr: "inherit" });
  const held = open(tools.file("held"), "r");
  await gateway.stdout.getReader().read();
  const reader = await held;
  gateway.kill("SIGKILL");
  // The pipe reaches its end when the last process that holds it is gone.
  const { bytesRead } = await reader.read(Buffer.alloc(1), 0, 1);
  expect(bytesRead).toBe(0);
  await reader.close();
});

test("names and output in any script pass through unharmed, binary output does no harm", async () => {
  await using tools = await startExecTools();
  expect((await tools.exec({ command: "echo 'grüße 日本語 🦀' > 'ü 🦀.txt'; cat *.txt; ls" })).text).toStartWith(
    "grüße 日本語 🦀\nü 🦀.txt\n",
  );
  const { outcome, text } = await tools.exec({ command: "head -c 5000 /dev/urandom" });
  expect(outcome).toBe("ok");
  expect(text.isWellFormed()).toBe(true);
  expect(text).not.toContain("\u001b");
});

test("a call that was aborted before it began runs nothing", async () => {
  await using tools = await startExecTools();
  expect(await tools.exec({ command: "touch ran" }, { signal: AbortSignal.abort() })).toMatchObject({ outcome: "failed" });
  expect((await tools.exec({ command: "ls" })).text).toStartWith("(no output)");
});
