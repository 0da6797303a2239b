import { describe, expect, test } from "bun:test";
import type { WireClient } from "@pincer/plugin-sdk/testing/client";
import { lastUserText, type Script, scriptedPlugins, startScript } from "@pincer/plugin-sdk/testing/script";
import { type PosingHouse, startPosing } from "../../tests/support/posing.ts";

const everyone = { allowFrom: ["*"], groups: { "*": { policy: "allow" } } };
const list = [{ id: "main" }, { id: "work" }, { id: "home" }];

interface Town extends AsyncDisposable {
  readonly house: PosingHouse;
  readonly script: Script;
}

/** With a model that says which agent was asked, by its prompt. */
async function startTown(agents: Readonly<Record<string, unknown>>): Promise<Town> {
  const script = startScript();
  const house = await startPosing(
    everyone,
    { agents, models: { default: "scripted/one" }, scripted: { provider: { url: script.url } } },
    { plugins: [scriptedPlugins], enable: ["scripted-provider"] },
  );
  return {
    house,
    script,
    async [Symbol.asyncDispose]() {
      await house[Symbol.asyncDispose]();
      await script.stop();
    },
  };
}

const patch = async (client: WireClient, raw: unknown) => {
  const { hash } = await client.call<{ hash: string }>("config.get", {});
  await client.call("config.patch", { raw: JSON.stringify(raw), baseHash: hash, replacePaths: ["agents.list", "agents.rules"] });
};

describe("the session that a message belongs to", () => {
  const cases: readonly [what: string, said: Parameters<PosingHouse["say"]>[0], key: string][] = [
    ["a direct conversation", { from: "bob" }, "agent:main:posing:default:dm-bob"],
    ["the owner's direct conversation", { from: "ada" }, "agent:main:main"],
    ["the owner's, of another account", { from: "ada", address: { account: "two", conversation: "elsewhere" } }, "agent:main:main"],
    ["a thread of the owner's", { from: "ada", address: { thread: "7" } }, "agent:main:main:thread:7"],
    ["a group", { from: "bob", group: "g" }, "agent:main:posing:default:g"],
    ["a group in which the owner writes", { from: "ada", group: "g" }, "agent:main:posing:default:g"],
    ["a thread of a group", { from: "bob", group: "g", address: { thread: "7" } }, "agent:main:posing:default:g:thread:7"],
    ["an id that has colons", { from: "bob", address: { conversation: "!r:example.org" } }, "agent:main:posing:default:!r:example.org"],
    ["an id that poses as a thread", { from: "bob", address: { conversation: "g:thread:7" } }, "agent:main:posing:default:g%3Athread%3A7"],
    ["an id that poses as an escaped one", { from: "bob", address: { conversation: "g%3A" } }, "agent:main:posing:default:g%253A"],
    ["an id with what cannot be read", { from: "bob", address: { conversation: "a\u0000 b" } }, "agent:main:posing:default:a%00%20b"],
  ];
  test("is named so that no id can pass for another's", async () => {
    await using town = await startTown({ owner: ["posing:ada"] });
    const { client, say } = town.house;
    await client.call("sessions.subscribe", {});
    for (const [what, said, key] of cases) {
      const from = client.frames.length;
      expect((await say(said)).status).toBe("accepted");
      const end = await client.event("chat", ({ state }) => state === "final", from);
      expect({ what, key: end["sessionKey"] }).toEqual({ what, key });
    }
  });

  test("of an id that is too long has its hash, and two that begin alike are two", async () => {
    await using town = await startTown({});
    const { client, say } = town.house;
    await client.call("sessions.subscribe", {});
    const keys = new Set<unknown>();
    for (const conversation of [`${"x".repeat(2_000)}1`, `${"x".repeat(2_000)}2`, "é".repeat(300)]) {
      const from = client.frames.length;
      await say({ from: "bob", address: { conversation } });
      keys.add((await client.event("chat", ({ state }) => state === "final", from))["sessionKey"]);
    }
    expect(keys.size).toBe(3);
  });
});

test("rules say which agent answers, the first that fits, and a change of them holds for the next message", async () => {
  const rules = [
    { chat: "direct", sender: "bob", agent: "work" },
    { chat: "g", thread: "7", agent: "home" },
    { team: "crew", agent: "work" },
    { channel: "nowhere", agent: "home" },
  ];
  await using town = await startTown({ list, rules });
  const { client, say } = town.house;
  await client.call("sessions.subscribe", {});
  const agentOf = async (said: Parameters<PosingHouse["say"]>[0]) => {
    const from = client.frames.length;
    await say(said);
    return String((await client.event("chat", ({ state }) => state === "final", from))["sessionKey"]).split(":")[1];
  };
  expect(await agentOf({ from: "bob" })).toBe("work");
  expect(await agentOf({ from: "eve" })).toBe("main");
  expect(await agentOf({ from: "bob", group: "g" })).toBe("main");
  expect(await agentOf({ from: "eve", group: "g", address: { thread: "7" } })).toBe("home");
  expect(await agentOf({ from: "eve", group: "h", more: { group: { id: "h", team: "crew" } } })).toBe("work");
  await patch(client, { agents: { rules: [{ channel: "posing", agent: "home" }, ...rules] } });
  expect(await agentOf({ from: "bob" })).toBe("home");
});

test("each agent has its own prompt, model, tools and workspace, and a turn that runs ends with what it began with", async () => {
  const agents = [
    { id: "main", prompt: "PROMPT OF MAIN" },
    { id: "work", prompt: "PROMPT OF WORK", model: "scripted/two", workspace: "elsewhere" },
  ];
  await using town = await startTown({ list: agents, rules: [{ sender: "bob", agent: "work" }] });
  const { house, script } = town;
  const { client, say } = house;
  const release = Promise.withResolvers<void>();
  script.answer(async function* () {
    await release.promise;
    yield { text: "at last" };
  });
  await say({ from: "bob", text: "first" });
  const first = await script.modelCall(0);
  expect(first.request.model).toBe("scripted/two");
  expect(JSON.stringify(first.request)).toContain("PROMPT OF WORK");
  expect(JSON.stringify(first.request)).not.toContain("PROMPT OF MAIN");
  await patch(client, { agents: { list: [{ id: "main", prompt: "PROMPT OF MAIN" }], rules: [] } });
  release.resolve();
  expect(await house.heard("dm-bob", 1)).toEqual(["at last"]);
  await say({ from: "bob", text: "second" });
  const second = await script.modelCall(1);
  expect(lastUserText(second.request)).toContain("second");
  expect(lastUserText(second.request)).not.toContain("first");
  expect(second.request.model).toBe("scripted/one");
  expect(JSON.stringify(second.request)).toContain("PROMPT OF MAIN");
  await house.heard("dm-bob", 2);
  expect((await house.sessions()).map((key) => key.split(":")[1])).toEqual(["main", "work"]);
});

test("the owner chooses an agent for one conversation, which is kept through a restart, and is over when the agent is gone", async () => {
  const agents = { list, owner: ["posing:ada"], rules: [{ chat: "g", agent: "work" }] };
  const keyAfter = async ({ client, say }: PosingHouse, said: Parameters<PosingHouse["say"]>[0]) => {
    await client.call("sessions.subscribe", {});
    const from = client.frames.length;
    await say(said);
    return (await client.event("chat", ({ state }) => state === "final", from))["sessionKey"];
  };
  const first = await startPosing(everyone, { agents });
  const { home } = first.gateway;
  expect(await keyAfter(first, { group: "g" })).toBe("agent:work:posing:default:g");
  await keyAfter(first, { group: "g", text: "/agents home" });
  expect(await keyAfter(first, { from: "bob", group: "g", address: { thread: "7" } })).toBe("agent:home:posing:default:g:thread:7");
  expect(await keyAfter(first, { from: "bob", group: "h" })).toBe("agent:main:posing:default:h");
  await first.gateway.stop();
  await using second = await startPosing(everyone, { agents }, { home });
  expect(await keyAfter(second, { from: "bob", group: "g" })).toBe("agent:home:posing:default:g");
  await second.client.call("agents.delete", { agentId: "home" });
  expect(await keyAfter(second, { from: "bob", group: "g" })).toBe("agent:work:posing:default:g");
  await second.client.call("agents.create", { name: "home" });
  expect(await keyAfter(second, { from: "bob", group: "g" })).toBe("agent:work:posing:default:g");
});

test("health says which rules no message can meet", async () => {
  const rules = [{ channel: "posing", agent: "work" }, { channel: "posing", sender: "bob", agent: "home" }, { agent: "ghost" }];
  await using house = await startPosing(everyone, { agents: { list, rules } });
  await house.client.call("agents.list", {});
  const { plugins } = await house.client.call<{ plugins: { errors: { id: string; error: string }[] } }>("health", {});
  expect(plugins.errors.find(({ id }) => id === "routing")?.error).toBe(
    'agents.rules[1] can never match: agents.rules[0] comes first and matches all that it would; agents.rules[2] is passed over: there is no agent "ghost"',
  );
});
