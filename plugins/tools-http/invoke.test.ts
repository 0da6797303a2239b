import { afterEach, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type PluginKit, type StartPluginOptions, startPlugin } from "@pincer/plugin-sdk/testing/plugin";
import { type Script, startScript } from "@pincer/plugin-sdk/testing/script";

const fixtures = join(dirname(dirname(import.meta.dir)), "tests", "fixtures");
let script: Script | undefined;
afterEach(() => script?.stop());

const start = async ({ settings = {}, ...options }: StartPluginOptions = {}) => {
  script = startScript();
  return startPlugin(import.meta.dir, {
    folders: [join(fixtures, "plugins"), join(fixtures, "policies")],
    enable: ["scripted-tools"],
    ...options,
    settings: { ...settings, scripted: { tools: { url: script.url } } },
  });
};

const invoke = async (kit: PluginKit, body: unknown, headers: Record<string, string> = {}) => {
  const response = await kit.request("/tools/invoke", {
    method: "POST",
    headers: { authorization: `Bearer ${kit.token}`, ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return [response.status, await response.json()] as [number, Readonly<Record<string, unknown>>];
};
const failed = (type: string, message: unknown = expect.any(String)) => ({ ok: false, error: { type, message } });
const did = (text: string) => ({ ok: true, result: { content: [{ type: "text", text }] } });

test("a tool runs in its agent's workspace, and its result comes back", async () => {
  await using kit = await start();
  await Bun.write(`${kit.home}/workspace/note.txt`, "the note");
  const [status, answer] = await invoke(kit, { tool: "read", args: { path: "note.txt" } });
  expect([status, JSON.stringify(answer)]).toEqual([200, expect.stringContaining("the note")]);
  expect(await invoke(kit, { name: "look", sessionKey: "agent:main:notes" })).toEqual([200, did("look did it")]);
  const { call } = await script!.toolCall(0);
  expect(call).toMatchObject({ sessionKey: "agent:main:notes", agentId: "main", owner: true, workspace: `${kit.home}/workspace` });
});

test("what a tool says it could not do is its result; what breaks is an error", async () => {
  await using kit = await start();
  script!.tool("look", () => [{ outcome: "refused", content: [{ type: "text", text: "not there" }] }]);
  expect(await invoke(kit, { tool: "look" })).toEqual([
    200,
    { ok: true, result: { content: [{ type: "text", text: "not there" }], isError: true } },
  ]);
  script!.tool("look", () => [{ crash: "it broke" }]);
  expect(await invoke(kit, { tool: "look" })).toEqual([500, failed("tool_error", expect.stringContaining("look"))]);
});

test("tools that write or run are off until they are allowed by name, and what is denied stays off", async () => {
  await using kit = await start();
  for (const tool of ["write", "edit", "patch", "exec", "process", "note"])
    expect(await invoke(kit, { tool, args: { path: "a", content: "b", command: "true" } })).toEqual([403, failed("forbidden")]);
  await using open = await start({ config: { allow: ["note*"], deny: ["notes.add", "look"] } });
  expect((await invoke(open, { tool: "note" }))[0]).toBe(200);
  for (const tool of ["notes.add", "look"]) expect((await invoke(open, { tool }))[0]).toBe(403);
});

test("the agent's own list of tools, and the session's owner, decide as in a turn", async () => {
  await using kit = await start({ settings: { agents: { list: [{ id: "main", tools: { deny: ["look"] } }, { id: "work" }] } } });
  expect(await invoke(kit, { tool: "look" })).toEqual([404, failed("not_found")]);
  expect((await invoke(kit, { tool: "look", agentId: "work" }))[0]).toBe(200);
  const foreign = { tool: "look", sessionKey: "agent:work:telegram:main:42" };
  expect(await invoke(kit, foreign)).toEqual([403, failed("forbidden", expect.stringContaining("owner"))]);
});

test("a policy has the word, with a key and without, and in sessions that are not the owner's", async () => {
  await using kit = await start({ enable: ["scripted-tools", "warden"] });
  for (const idempotencyKey of [undefined, "one"]) {
    const refused = await invoke(kit, { tool: "look", args: { text: "secret" }, idempotencyKey });
    expect(refused).toEqual([403, failed("forbidden", expect.stringContaining("that is a secret"))]);
  }
  expect((await invoke(kit, { tool: "look", sessionKey: "agent:main:telegram:main:42" }))[0]).toBe(200);
  expect(script!.tools).toHaveLength(1);
});

test("what cannot be understood is told", async () => {
  await using kit = await start();
  const wrong: readonly (readonly [body: unknown, status: number, type: string])[] = [
    ["{", 400, "invalid_request"],
    ["[]", 400, "invalid_request"],
    [{}, 400, "invalid_request"],
    [{ tool: 7 }, 400, "invalid_request"],
    [{ tool: "look", args: [] }, 400, "invalid_request"],
    [{ tool: "look", args: { text: 7 } }, 400, "invalid_request"],
    [{ tool: "look", sessionKey: "agent:" }, 400, "invalid_request"],
    [{ tool: "look", agentId: "nobody" }, 400, "invalid_request"],
    [{ tool: "nothing" }, 404, "not_found"],
  ];
  for (const [body, status, type] of wrong) expect([body, ...(await invoke(kit, body))]).toEqual([body, status, failed(type)]);
  expect(script!.tools).toHaveLength(0);
  const headers = { authorization: `Bearer ${kit.token}` };
  expect((await kit.request("/tools/invoke", { headers })).status).toBe(405);
  expect((await kit.request("/tools/other", { method: "POST", headers })).status).toBe(404);
  expect((await kit.request("/tools/invoke", { method: "POST", body: "{}" })).status).toBe(401);
});

test("an action is an argument where the tool takes one", async () => {
  await using kit = await start({ config: { allow: ["process"] } });
  expect((await invoke(kit, { tool: "process", action: "list" }))[0]).toBe(200);
});

test("under a key a call runs once, whoever asks at the same time, and its outcome is had again", async () => {
  await using kit = await start();
  const gate = Promise.withResolvers<void>();
  script!.tool("look", async function* () {
    await gate.promise;
    yield { content: [{ type: "text", text: "seen once" }] };
  });
  const body = { tool: "look", args: { text: "a" }, idempotencyKey: "one" };
  const asked = [invoke(kit, body), invoke(kit, { ...body, idempotencyKey: undefined }, { "idempotency-key": "one" })];
  await script!.toolCall(0);
  gate.resolve();
  for (const answer of await Promise.all(asked)) expect(answer).toEqual([200, did("seen once")]);
  expect(await invoke(kit, body)).toEqual([200, did("seen once")]);
  expect(script!.tools).toHaveLength(1);
  expect(await invoke(kit, { ...body, args: { text: "b" } })).toEqual([
    400,
    failed("invalid_request", expect.stringContaining("idempotencyKey")),
  ]);
  expect(script!.tools).toHaveLength(1);
});

test("a call with effects that the gateway was stopped in is not run again, and is told as uncertain; one that reads is", async () => {
  const home = await mkdtemp(join(tmpdir(), "pincer-invoke-"));
  const options: StartPluginOptions = { home, config: { allow: ["note"] }, settings: { gateway: { drainMs: 0, lanes: { drainMs: 0 } } } };
  const calls = ["note", "look"].map((tool) => ({ tool, idempotencyKey: tool }));
  {
    await using kit = await start(options);
    for (const tool of ["note", "look"])
      script!.tool(tool, async function* (_call, signal) {
        yield { progress: "begun" };
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
      });
    const asked = calls.map((body) => invoke(kit, body).catch(() => undefined));
    await Promise.all([script!.toolCall(0), script!.toolCall(1)]);
    await kit.stop();
    await Promise.all(asked);
  }
  await script?.stop();
  await using kit = await start(options);
  expect(await invoke(kit, calls[0])).toEqual([500, failed("uncertain")]);
  expect(await invoke(kit, calls[1])).toEqual([200, did("look did it")]);
  expect(script!.tools.map(({ name }) => name)).toEqual(["look"]);
  await rm(home, { recursive: true });
});

test("unloading leaves nothing behind", async () => {
  await using kit = await start();
  await invoke(kit, { tool: "look", idempotencyKey: "one" });
  await kit.unload();
  expect(kit.residue()).toEqual([]);
});
