/**
 * The `openclaw` program itself, aimed at a gateway of ours: its commands, and its terminal in a terminal. Every frame that it sends or
 * gets is held against the map of tests/conformance.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { createDeviceKey } from "@pincer/plugin-sdk/testing/client";
import { commandOf } from "@pincer/plugin-sdk/testing/needs";
import { lastUserText, type Step } from "@pincer/plugin-sdk/testing/script";
import { type House, MAIN, type Payload, startHouse } from "../conformance/house.ts";
import { startTap, type Tap } from "../conformance/tap.ts";
import { type OpenClaw, openClaw, unfit } from "../support/openclaw.ts";
import { openTerminal, type Terminal } from "../support/terminal.ts";

/** The two rules around its input with nothing between them. */
const sent = /─\n─+\s*$/;
/** It has read that its message is accepted, after which it says no more that it is sending. What it reads of a run before that it forgets. */
const waiting = /(?:…|running) • \d+s \| .*connected/;

const missing = unfit ?? (["npm", "tmux"] as const).filter((part) => commandOf(part) === undefined).map((part) => `needs ${part}`)[0];
const minutes = 60_000;
/** It loads for seconds, and on a machine that does much else for minutes. */
const starting = 8 * minutes;

let house: House;
let tap: Tap;
let claw: OpenClaw;
let at: readonly string[];
let told = 0;

async function open(): Promise<void> {
  house = await startHouse({ caps: [] });
  told = 0;
  tap = startTap(house.gateway.url, house.recorder);
  house.script.otherwise((request) => [{ text: `You said: ${lastUserText(request)}` }]);
}
async function close(): Promise<void> {
  await tap[Symbol.asyncDispose]();
  await house[Symbol.asyncDispose]();
}
beforeAll(async () => {
  if (missing !== undefined) return;
  claw = openClaw();
  // What it does once, after its installation, is not to stand in what the first test reads.
  await claw.run("--version");
}, 10 * minutes);
afterAll(() => claw?.[Symbol.dispose]());

const works = (title: string, body: () => Promise<void>) =>
  missing === undefined ? test(title, body, starting + 5 * minutes) : test.skip(`${title} [${missing}]`, body);

/** What was sent since the last test keeps to the wire's law. */
function conforms(): void {
  if (missing !== undefined) return;
  const fresh = house.recorder.problems.slice(told);
  told = house.recorder.problems.length;
  expect(fresh).toEqual([]);
}

/** The calls that it made, in order, without the connects. */
const called = () =>
  tap.frames.flatMap(({ direction, frame }) => (direction === "out" && frame["method"] !== "connect" ? String(frame["method"]) : []));

describe("a command", () => {
  beforeAll(async () => {
    if (missing !== undefined) return;
    await open();
    at = ["--url", tap.url, "--token", house.gateway.token];
  });
  afterAll(async () => {
    if (missing === undefined) await close();
  });
  afterEach(conforms);

  works("gateway call: a method's answer, and the error of one that is unknown", async () => {
    expect(await claw.json("gateway", "call", "health", ...at)).toMatchObject({ ok: true, defaultAgentId: "main" });
    expect(await claw.json("gateway", "call", "sessions.list", "--params", '{"limit":5}', ...at)).toMatchObject({
      sessions: [],
      hasMore: false,
    });
    const params = JSON.stringify({ message: "hello", idempotencyKey: "by-hand" });
    expect(await claw.json("gateway", "call", "agent", "--params", params, "--expect-final", ...at)).toMatchObject({
      ...{ runId: "by-hand", status: "ok", result: { payloads: [{ text: "You said: hello" }] } },
    });
    const { code, out, err } = await claw.run("gateway", "call", "no.such.method", ...at);
    expect({ code, said: `${out}${err}` }).toEqual({ code: 1, said: expect.stringContaining("unknown method: no.such.method") });
  });

  works("health, gateway status, gateway probe: it is there, and what it says of itself is read", async () => {
    const env = { ...claw.env, OPENCLAW_GATEWAY_URL: tap.url, OPENCLAW_GATEWAY_TOKEN: house.gateway.token };
    const health = Bun.spawn([...claw.command, "health"], { env, stdout: "pipe", stderr: "ignore" });
    expect(await new Response(health.stdout).text()).toContain("Agents: main (default)");
    expect(await health.exited).toBe(0);
    const status = await claw.run("gateway", "status", "--require-rpc", ...at);
    expect({ code: status.code, out: status.out }).toEqual({
      code: 0,
      out: expect.stringMatching(/Read probe: ok[\s\S]*Capability: read-only/),
    });
    // Without a device a probe has no scopes (`protocol` section 1.5), and it says so.
    const probe = await claw.run("gateway", "probe", ...at);
    expect({ code: probe.code, out: probe.out }).toEqual({ code: 0, out: expect.stringMatching(/Reachable: yes[\s\S]*Connect: ok/) });
  });

  works("agent: a turn from the command line, with tools, and one that fails", async () => {
    const env = { ...claw.env, OPENCLAW_GATEWAY_URL: tap.url, OPENCLAW_GATEWAY_TOKEN: house.gateway.token };
    const say = async (...words: readonly string[]) => {
      const started = Bun.spawn([...claw.command, "agent", "--agent", "main", ...words], { env, stdout: "pipe", stderr: "pipe" });
      const [out, err] = await Promise.all([new Response(started.stdout).text(), new Response(started.stderr).text()]);
      return { code: await started.exited, out, err };
    };
    expect(await say("--message", "hello there")).toMatchObject({ code: 0, out: expect.stringContaining("You said: hello there") });
    house.script.answer([{ text: "Let me look." }, { call: "look", args: {} }], [{ text: "A cat." }]);
    const { out } = await say("--message", "look", "--json");
    expect(JSON.parse(out)).toMatchObject({
      status: "ok",
      result: { payloads: [{ text: "Let me look.\n\nA cat." }], meta: { stopReason: "stop" } },
    });
    house.script.answer([{ fail: "auth", message: "no such key" }]);
    const failed = await say("--message", "fail");
    expect(`${failed.out}${failed.err}`).toContain("no such key");
  });

  works("devices: who asks is listed, and comes in once approved", async () => {
    const device = createDeviceKey();
    const requestId = await house.ask(device);
    expect(await claw.json("devices", "list", ...at)).toMatchObject({ pending: [{ requestId, deviceId: device.id }] });
    const approved = await claw.run("devices", "approve", requestId, ...at);
    expect({ code: approved.code, said: `${approved.out}${approved.err}` }).toEqual({ code: 0, said: expect.stringMatching(/approved/i) });
    const elsewhere = { client: { id: "openclaw-tui", mode: "ui" }, device, headers: { "x-forwarded-for": "203.0.113.7" } };
    const { hello } = await house.connect({ scopes: ["operator.read", "operator.write"], ...elsewhere });
    expect(hello["auth"]).toMatchObject({ role: "operator" });
    expect(await claw.json("devices", "list", ...at)).toMatchObject({ pending: [], paired: [{ deviceId: device.id }] });
  });

  works("logs, system, usage, nodes, channels: what operators look at", async () => {
    expect((await claw.run("logs", "--limit", "200", ...at)).out).toContain("gateway.ready");
    const [self] = await claw.json<readonly Payload[]>("system", "presence", ...at);
    expect(self).toMatchObject({ mode: "gateway", reason: "self" });
    expect((await claw.run("system", "heartbeat", "last", ...at)).out).toContain("null");
    expect((await claw.run("gateway", "usage-cost", ...at)).out).toContain("Usage cost (30 days)");
    expect((await claw.run("nodes", "status", ...at)).out).toContain("Known: 0");
    const { sessions } = await claw.json<{ sessions: readonly Payload[] }>("gateway", "call", "sessions.list", ...at);
    expect(sessions[0]).toMatchObject({ key: MAIN, hasActiveRun: false, modelProvider: "scripted", model: "one" });
  });

  works("status, models, channels of a gateway that is configured as the remote one", async () => {
    using remote = openClaw({ mode: "remote", remote: { url: tap.url, token: house.gateway.token } });
    expect((await remote.run("status", "--deep")).out).toMatch(/reachable \d+ms/);
    expect((await remote.run("channels", "status")).out).toMatch(/Scripted default.*connected/);
    const models = await remote.run("models", "list");
    expect({ code: models.code, said: `${models.out}${models.err}` }).toEqual({ code: 0, said: expect.stringContaining("scripted/one") });
  });
});

describe("the terminal", () => {
  let terminal: Terminal;
  beforeAll(async () => {
    if (missing !== undefined) return;
    await open();
    terminal = openTerminal([...claw.command, "tui", "--url", tap.url, "--token", house.gateway.token], claw.env);
    await terminal.sees(/connected \| idle/, starting);
  }, starting + minutes);
  afterAll(async () => {
    if (missing !== undefined) return;
    await terminal[Symbol.asyncDispose]();
    await close();
  });
  afterEach(conforms);

  /** Text that is held back until the terminal shows that it waits, as a model would take its time. */
  function answers(...steps: readonly Step[]): { readonly go: () => void } {
    const gate = Promise.withResolvers<void>();
    house.script.answer(async function* () {
      await gate.promise;
      yield* steps;
    });
    return { go: gate.resolve };
  }
  /** Says something, lets the model answer once the terminal waits for it, and reads the screen when it is idle again. */
  async function talk(line: string, ...steps: readonly Step[]): Promise<string> {
    const { go } = answers(...steps);
    await terminal.enter(line, sent);
    await terminal.sees(waiting);
    go();
    return terminal.sees(/connected \| (idle|error)/);
  }

  works("shows the answer, and its indicator goes out", async () => {
    const screen = await talk("hello", { text: "Good **morning** " }, { text: "to you." });
    expect(screen).toMatch(/hello[\s\S]*Good morning to you\./);
    expect(screen).toMatch(/session main \| one/);
  });

  works("was answered all that it asked for to begin with", async () => {
    const begin = ["sessions.subscribe", "agents.list", "question.list", "plugin.approval.list", "chat.history", "commands.list"];
    expect(called()).toEqual(expect.arrayContaining(begin));
    const refused = tap.frames.filter(({ frame }) => frame["ok"] === false);
    expect(refused).toEqual([]);
  });

  works("Escape stops a run, and says so", async () => {
    const gate = Promise.withResolvers<void>();
    house.script.answer(async function* (_request, signal) {
      await gate.promise;
      yield { text: "This takes long" };
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    });
    await terminal.enter("tell me everything", sent);
    await terminal.sees(waiting);
    gate.resolve();
    await terminal.sees(/This takes long[\s\S]*streaming • \d+s/);
    terminal.press("Escape");
    expect(await terminal.sees(/connected \| aborted/)).toContain("run aborted");
    expect(called()).toContain("chat.abort");
  });

  works("a run that fails is shown as one", async () => {
    expect(await talk("now fail", { fail: "auth", message: "no such key" })).toContain("run error");
  });

  works("the thinking level and the model that are chosen there are used", async () => {
    await terminal.enter("/think high", sent);
    await terminal.sees(/thinking set to high/);
    await terminal.enter("/model scripted/two", sent);
    await terminal.sees(/model set to scripted\/two/);
    expect(await talk("which are you?", { text: "The second." })).toContain("The second.");
    expect(house.script.models.at(-1)?.request).toMatchObject({ model: "scripted/two", thinking: "high" });
  });

  works("/verbose shows the tools that run", async () => {
    await terminal.enter("/verbose full", sent);
    await terminal.sees(/verbose set to full/);
    house.script.tool("look", "a cat was seen");
    const { go } = answers({ call: "look", args: { text: "home" } });
    house.script.answer([{ text: "A cat." }]);
    await terminal.enter("look around", sent);
    await terminal.sees(waiting);
    go();
    expect(await terminal.sees(/A cat\.[\s\S]*connected \| idle/)).toMatch(/look/i);
  });

  works("/new begins another conversation", async () => {
    await terminal.enter("/new", sent);
    await terminal.sees(/session tui-/);
    expect(await talk("fresh start", { text: "Welcome." })).toContain("Welcome.");
  });

  works("another session can be opened, and its history is there", async () => {
    await house.settled(await house.say("written elsewhere", { sessionKey: "agent:main:side" }));
    await terminal.enter("/session side", sent);
    expect(await terminal.sees(/session agent:main:side[\s\S]*written elsewhere/)).toContain("You said: written elsewhere");
  });

  works("what is said elsewhere in its session appears by itself", async () => {
    await house.settled(await house.say("from another client", { sessionKey: "agent:main:side" }));
    await terminal.sees(/You said: from another client/);
    await house.say("/status", { sessionKey: "agent:main:side" });
    await terminal.sees(/Model: scripted\/one[\s\S]*Session: agent:main:side/);
  });
});

works("the terminal comes back to a gateway that was restarted, to the answer of the run that it had cut, and goes on", async () => {
  await open();
  const { home } = house.gateway;
  await using terminal = openTerminal([...claw.command, "tui", "--url", tap.url, "--token", house.gateway.token], claw.env);
  await terminal.sees(/connected \| idle/, starting);
  const cut = Promise.withResolvers<void>();
  house.script.answer(async function* (_request, signal) {
    await cut.promise;
    yield { text: "Half of" };
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  });
  await terminal.enter("before", sent);
  await terminal.sees(waiting);
  cut.resolve();
  await terminal.sees(/Half of[\s\S]*streaming • \d+s/);
  await house.gateway.stop();
  await terminal.sees(/disconnected|reconnecting/);
  const again = await startHouse({ home, caps: [] });
  tap.target = again.gateway.url;
  await terminal.sees(/You said: before[\s\S]*connected \| idle/);
  expect(terminal.screen()).not.toContain("Half of");
  const gate = Promise.withResolvers<void>();
  again.script.answer(async function* () {
    await gate.promise;
    yield { text: "And on." };
  });
  await terminal.enter("after", sent);
  await terminal.sees(/• \d+s \| .*connected/);
  gate.resolve();
  await terminal.sees(/And on\.[\s\S]*connected \| idle/);
  await again[Symbol.asyncDispose]();
  await close();
});
