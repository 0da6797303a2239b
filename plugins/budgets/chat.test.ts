/** Budgets in a conversation: what people are told, what is refused, and what they can do about it. */
import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asks, says, startScript } from "@pincer/plugin-sdk/testing/script";
import { textOf } from "@pincer/plugin-sdk/testing/talk";
import { startSpending } from "../../tests/fixtures/budgets.ts";

const MAIN = "agent:main:main";

test("/usage says what was used today, this month and in this conversation, and what each budget leaves", async () => {
  await using talk = await startSpending({ limits: { daily: { per: "day", usd: 5 }, talk: { per: "session", tokens: 10_000 } } });
  talk.script.answer([{ text: "hi" }, { usage: { input: 1_200, output: 34 } }]);
  await talk.ask("hello");
  const text = await talk.command("/usage");
  expect(text).toContain("Today: $0.0010, 1,234 tokens in 1 call\n");
  expect(text).toContain("This month: $0.0010, 1,234 tokens in 1 call\n");
  expect(text).toContain("This conversation: $0.0010, 1,234 tokens in 1 call\n");
  expect(text).toMatch(/- daily: \$0\.0010 of \$5\.00 a day, anew in \d+ (h|min)\n/);
  expect(text).toContain("- talk: 1,234 of 10,000 tokens a conversation");
  expect(talk.script.models).toHaveLength(1);
});

test("without a limit nothing is refused, and /usage says how to set one", async () => {
  await using talk = await startSpending();
  expect(await talk.ask("hello")).toMatchObject({ state: "final" });
  expect(await talk.command("/usage")).toContain("pincer config set budgets.limits.daily");
});

test("a budget that is nearly used is told of once: as an event, in the log, and to the owner in the conversation (#42475)", async () => {
  const home = await mkdtemp(join(tmpdir(), "pincer-budgets-"));
  const script = startScript();
  const start = () => startSpending({ home, script, limits: { daily: { per: "day", usd: 0.01, soft: 0.15 } } });
  {
    await using talk = await start();
    await talk.ask("one");
    expect(talk.client.eventsOf("budgets.reached")).toEqual([]);
    await talk.ask("two");
    const told = await talk.client.event("budgets.reached");
    expect(told).toMatchObject({ level: "soft", sessionKey: MAIN, limit: { name: "daily", usd: { limit: 0.01, used: 0.002 } } });
    expect(told["message"]).toStartWith('⚠️ Much of the budget "daily" is used: $0.0020 of $0.0100 today. It begins anew on ');
    await talk.client.event("chat", ({ runId }) => String(runId).startsWith("inject:"));
    expect(await talk.notes()).toEqual([told["message"] as string]);
    await talk.ask("three");
    // The model does not hear of it.
    expect(JSON.stringify(script.models.at(-1)?.request.messages)).not.toContain("budget");
  }
  {
    await using talk = await start();
    await talk.ask("four");
    expect((await talk.show()).limits).toMatchObject([{ usd: { used: 0.004 }, state: "soft" }]);
    expect(talk.client.eventsOf("budgets.reached")).toEqual([]);
    expect(talk.gateway.lines.filter(({ event }) => event === "budgets.reached")).toEqual([]);
    expect(await talk.notes()).toHaveLength(1);
  }
  await script.stop();
  await rm(home, { recursive: true, force: true });
});

test("a budget that is used up refuses before the call, says what to do, and holds no more once it is raised", async () => {
  await using talk = await startSpending({ limits: { daily: { per: "day", usd: 0.003, soft: 1 } } });
  for (const text of ["one", "two"]) expect(await talk.ask(text)).toMatchObject({ state: "final" });
  // What is left does not cover what this one is expected to use.
  talk.script.answer([{ text: "long" }, { usage: { input: 5_000, output: 1 } }]);
  expect(await talk.ask(`three ${"x".repeat(400)}`)).toMatchObject({ state: "final" });
  expect(await talk.client.event("budgets.reached")).toMatchObject({ level: "used-up" });

  const refused = await talk.ask("four");
  expect(refused).toMatchObject({ state: "error" });
  expect(refused["errorMessage"]).toMatch(
    /^The budget "daily" is used up: \$0\.0030 of \$0\.0030 is used today\. It begins anew on \d+ \w+ \d{4}, 00:00 \(.+\), in \d+ (h|min)\. To go on before that, raise it: pincer config set budgets\.limits\.daily\.usd <more>$/,
  );
  expect(talk.script.models).toHaveLength(3);
  expect(await talk.command("/usage")).toContain("⛔ used up");
  expect((await talk.history()).at(-1)).toMatchObject({ role: "assistant" });

  await talk.set(["budgets", "limits", "daily", "usd"], 1);
  talk.script.answer(says("again"));
  expect(textOf((await talk.ask("five"))["message"])).toBe("again");
  expect(talk.client.eventsOf("budgets.reached")).toHaveLength(1);
  // It is another limit now, whose end is told of as well.
  await talk.set(["budgets", "limits", "daily", "usd"], 0.005);
  await talk.ask("six");
  await talk.client.event("budgets.reached", ({ limit }) => (limit as { usd: { limit: number } }).usd.limit === 0.005);
});

test("a limit of a turn ends one that goes on and on, and the next turn has it anew (#67308)", async () => {
  await using talk = await startSpending({ limits: { turn: { per: "turn", usd: 0.003 } } });
  talk.script.tool("note", "noted");
  talk.script.otherwise([asks("note", { text: "again" })]);
  const end = await talk.ask("loop");
  expect(end).toMatchObject({ state: "error" });
  expect(end["errorMessage"]).toContain('The budget "turn" ');
  expect(end["errorMessage"]).toContain("in this turn");
  expect(end["errorMessage"]).toContain("The next message is a new turn.");
  expect(talk.script.models.length).toBeLessThanOrEqual(3);
  const asked = talk.script.models.length;
  talk.script.answer(says("fine"));
  expect(await talk.ask("and now?")).toMatchObject({ state: "final" });
  expect(talk.script.models).toHaveLength(asked + 1);
});

test("a limit of a conversation ends with it: /new begins another (#98556)", async () => {
  await using talk = await startSpending({ limits: { talk: { per: "session", tokens: 2_000 } } });
  talk.script.answer([{ text: "hi" }, { usage: { input: 2_000, output: 10 } }]);
  await talk.ask("hello");
  const refused = await talk.ask("more");
  expect(refused["errorMessage"]).toStartWith('The budget "talk" is used up: 2,010 of 2,000 tokens are used in this conversation.');
  expect(refused["errorMessage"]).toContain("/new begins another conversation.");
  await talk.command("/new");
  expect(await talk.ask("hello again")).toMatchObject({ state: "final" });
  expect((await talk.show(MAIN)).session).toMatchObject({ calls: 1 });
  expect((await talk.show()).today).toMatchObject({ calls: 2 });
});

test("a limit that is not hard only warns, at its end once more", async () => {
  await using talk = await startSpending({ limits: { hint: { per: "day", usd: 0.002, hard: false, soft: 0.5 } } });
  for (const text of ["one", "two", "three"]) expect(await talk.ask(text)).toMatchObject({ state: "final" });
  await talk.client.event("budgets.reached", ({ level }) => level === "used-up");
  expect(talk.client.eventsOf("budgets.reached").map(({ level }) => level)).toEqual(["soft", "used-up"]);
  expect(talk.client.eventsOf("budgets.reached")[1]?.["message"]).toContain("Nothing is refused: it only warns.");
});

test("limits are of an agent or a model alone, when they say so", async () => {
  await using talk = await startSpending({
    limits: { two: { per: "day", usd: 0, model: "scripted/t*" }, work: { per: "day", tokens: 0, agent: "work" } },
  });
  expect(await talk.ask("hello")).toMatchObject({ state: "final" });
  expect(await talk.command("/model scripted/two")).toContain("scripted/two");
  const refused = await talk.ask("hello");
  expect(refused["errorMessage"]).toContain('The budget "two" is used up: $0.00 of $0.00 is used today for model scripted/t*.');
});

test("a configuration that is none keeps the last good one, and says where it is wrong", async () => {
  await using talk = await startSpending({ limits: { daily: { per: "day", usd: 0 } } });
  await expect(talk.set(["budgets", "limits", "daily"], { per: "day" })).rejects.toThrow(/budgets\.limits\.daily/);
  await expect(talk.set(["budgets", "limits", "daily", "per"], "year")).rejects.toThrow(/budgets\.limits\.daily\.per/);
  expect(await talk.ask("hello")).toMatchObject({ state: "error" });
  expect(talk.script.models).toHaveLength(0);
});
