import { describe, expect, test } from "bun:test";
import { selector } from "@pincer/plugin-sdk/contracts/selector";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { inEveryMode, shared } from "@pincer/plugin-sdk/testing/every-mode";
import { startHouse } from "../../tests/fixtures/selector/house.ts";

const privacy = { patterns: ["[A-Z]{2}[0-9]{2} ?[0-9]{4} ?[0-9]{4}"], words: ["salary", "bank account"] };
const tiers = { simple: "away/small", hard: "away/big" };
const hard = "Explain why, compare both designs and prove it.";

inEveryMode("the selector", (mode, test) => {
  const house = shared(() => startHouse({ mode, selector: { privacy, tiers, rules: [{ when: { words: ["poem"] }, use: "away/big" }] } }));

  test("rules come first, then the tier by points, and each says why", async () => {
    const { explain } = await house();
    expect((await explain({ text: "A POEM, please" })).selection).toMatchObject({ by: "rule", rule: 1, model: "away/big", why: "rule 1" });
    const simple = await explain({ text: "hi" });
    expect(simple).toMatchObject({ score: 0, tier: "simple", selection: { by: "score", model: "away/small", why: "0 points: simple" } });
    const { selection, score, tier, features } = await explain({ text: hard, thinking: "high" });
    expect({ tier, model: selection?.model }).toEqual({ tier: "hard", model: "away/big" });
    expect(features.reduce((sum, { points }) => sum + points, 0)).toBeCloseTo(score, 5);
    expect(features.map(({ name }) => name)).toContain("reasoning");
  });

  test("what is private goes to the local model, by pattern, word or phrase, and nothing that was said stands in the reason", async () => {
    const { explain } = await house();
    for (const text of ["my account is DE12 3456 7890", "my SALARY is low", "the bank  account, you know"]) {
      const { selection } = await explain({ text });
      expect(selection).toMatchObject({ by: "local", model: "near/own", private: true, within: ["near"] });
      expect(selection?.why).not.toMatch(/DE12|salary|bank/i);
    }
    expect((await explain({ text: "a banker counts" })).selection).toMatchObject({ private: false });
    expect((await explain({ text: "hi", context: "my salary" })).selection).toMatchObject({ private: true });
    expect((await explain({ text: "hi", private: true })).selection).toMatchObject({ private: true });
  });

  test("other plugins hold the same answer, and who may only read may ask for it", async () => {
    const { kit } = await house();
    const selection = await kit.uses(selector).select({ text: "my salary" }, { signal: kit.signal });
    expect(selection).toMatchObject({ model: "near/own", private: true });
    expect(await kit.call("selector.explain", { text: "hi" }, ["operator.read"])).toMatchObject({ tier: "simple" });
    await expect(kit.call("selector.explain", { text: "hi" }, [])).rejects.toThrow("missing scope: operator.read");
    await expect(kit.call("selector.explain", { txt: "hi" })).rejects.toThrow("invalid selector.explain params");
  });

  test("unloading leaves nothing behind", async () => {
    await using own = await startHouse({ mode, selector: { tiers } });
    expect((await own.explain({ text: "hi" })).selection?.model).toBe("away/small");
    await own.kit.unload();
    expect(own.kit.residue()).toEqual([]);
  });
});

test("without any setting it has nothing to say", async () => {
  await using house = await startHouse({ selector: { weights: { length: 99 } } });
  expect((await house.explain({ text: hard })).selection).toBeNull();
});

describe("conditions of rules", () => {
  const cases: readonly (readonly [string, object, object, object])[] = [
    ["agent", { agent: ["work", "team"] }, { agentId: "team" }, { agentId: "main" }],
    ["channel", { channel: "telegram" }, { channels: ["telegram"] }, {}],
    ["private", { private: false }, { text: "hi" }, { text: "salary" }],
    ["pattern", { pattern: "^[0-9]+$" }, { text: "42" }, { text: "42?" }],
    ["attachments", { attachments: true }, { attachments: 1 }, {}],
    ["no attachments", { attachments: false }, {}, { attachments: 1 }],
    ["longerThan", { longerThan: 3 }, { text: "four" }, { text: "two" }],
    ["thinking", { thinking: "medium" }, { thinking: "high" }, { thinking: "low" }],
    ["all together", { words: ["tea"], longerThan: 5 }, { text: "tea or coffee" }, { text: "tea" }],
  ];
  test.each(cases)("%s", async (_name, when, meant, other) => {
    await using house = await startHouse({ selector: { privacy: { words: ["salary"] }, rules: [{ when, use: "away/big" }] } });
    expect((await house.explain({ text: "hi", ...meant })).selection).toMatchObject({ by: "rule", model: "away/big" });
    expect((await house.explain({ text: "hi", ...other })).selection?.model).not.toBe("away/big");
  });

  test("an hour of the gateway's day, over midnight too", async () => {
    const at = (hour: number) => new Date(2026, 10, 30, hour, 30).getTime();
    const rules = [
      { when: { hour: { from: 22, to: 6 } }, use: "near/own", because: "it is night" },
      { when: { hour: { from: 9, to: 12 } }, use: "away/big" },
    ];
    for (const [hour, model] of [
      [23, "near/own"],
      [5, "near/own"],
      [6, "away/small"],
      [9, "away/big"],
      [12, "away/small"],
    ] as const) {
      await using house = await startHouse({ selector: { rules }, clock: createManualClock(at(hour)) });
      expect([hour, (await house.explain({ text: "hi" })).selection?.model]).toEqual([hour, model]);
    }
  });

  test("of several models the first that can be used; who was passed over is told with why", async () => {
    await using house = await startHouse({ selector: { rules: [{ when: {}, use: ["nowhere/x", "ollama", "quick"], because: "always" }] } });
    const { selection } = await house.explain({ text: "hi" });
    expect(selection).toMatchObject({ by: "default", model: "away/small" });
    expect(selection?.passedOver.map(({ model }) => model)).toEqual(["nowhere/x", "ollama", "quick"]);
    expect(selection?.passedOver[1]?.why).toContain("not ready");
  });

  test("a pattern that may take long is refused when it is set, and what was set before still holds", async () => {
    await using house = await startHouse({ selector: { privacy } });
    const { hash } = await house.kit.call("config.get", {});
    const add = (pattern: string) => {
      const changed = { selector: { privacy: { patterns: [...privacy.patterns, pattern] } } };
      return house.kit.call("config.patch", { raw: JSON.stringify(changed), baseHash: hash });
    };
    await expect(add("^(a+)+$")).rejects.toThrow(
      /selector\.privacy\.patterns\.1 .*expected regular expression that is quick on any text.*: what repeats is/,
    );
    await expect(add("(")).rejects.toThrow("expected regular expression");
    expect((await house.explain({ text: "DE12 3456 7890" })).selection).toMatchObject({ private: true });
  });
});

describe("tiers", () => {
  test("a tier that is not there, or cannot be used, is stood in for by the one below, and the middle one is the default", async () => {
    await using house = await startHouse({ selector: { tiers: { simple: "near/own", hard: "nowhere/x" } } });
    expect((await house.explain({ text: hard, thinking: "xhigh" })).selection).toMatchObject({
      tier: "hard",
      model: "away/small",
      why: expect.stringContaining("normal stands in"),
      passedOver: [{ model: "nowhere/x" }],
    });
  });

  test("an agent has its own", async () => {
    await using house = await startHouse({ selector: { tiers, agents: { work: { tiers: { simple: "away/big" } } } } });
    expect((await house.explain({ text: "hi", agentId: "work" })).selection?.model).toBe("away/big");
    expect((await house.explain({ text: "hi", agentId: "main" })).selection?.model).toBe("away/small");
  });

  test("who waits gets a quicker model, by word or by channel", async () => {
    await using house = await startHouse({ selector: { tiers, urgent: { words: ["pronto"], channels: ["pager"] } } });
    const score = async (request: Readonly<Record<string, unknown>>) => (await house.explain(request)).score;
    const calm = await score({ text: hard });
    expect(await score({ text: `${hard} It is urgent!` })).toBeLessThan(calm);
    expect(await score({ text: `${hard} Pronto!` })).toBeLessThan(calm);
    expect(await score({ text: hard, channels: ["pager"] })).toBe(calm - 15);
  });

  test("an image goes to a model that sees, as long as there is one", async () => {
    await using house = await startHouse({ selector: { rules: [{ when: {}, use: ["demo/offline", "scripted/two"] }] } });
    const { selection } = await house.explain({ text: "what is this?", images: true });
    expect(selection).toMatchObject({ model: "scripted/two", passedOver: [{ model: "demo/offline", why: "it cannot see images" }] });
    expect((await house.explain({ text: "hi" })).selection?.model).toBe("demo/offline");
  });
});

describe("a ceiling", () => {
  test("by price passes over what costs more, and nothing that costs less", async () => {
    await using house = await startHouse({ selector: { tiers, ceiling: { usdPerMillionOutput: 10 } } });
    const { selection } = await house.explain({ text: hard, thinking: "xhigh" });
    expect(selection).toMatchObject({ model: "away/small", tier: "hard" });
    expect(selection?.passedOver).toEqual([{ model: "away/big", why: "a million tokens of its answers cost $25, and $10 is the ceiling" }]);
  });

  test("by the turn looks at how long the conversation is; with nothing under it nobody is asked", async () => {
    await using house = await startHouse({ selector: { tiers, ceiling: { usdPerCall: 0.02, answerTokens: 1_000 } } });
    expect((await house.explain({ text: "hi" })).selection?.model).toBe("away/small");
    const { selection } = await house.explain({ text: "hi", tokens: 100_000 });
    expect(selection?.model).toBeUndefined();
    expect(selection?.refused).toStartWith(
      "No model is under the ceiling (away/small: an answer costs about $0.052, and $0.02 is the ceiling; ",
    );
  });

  test("takes the answer to be as long as the caller lets it be, or as the model does where that is set", async () => {
    const ceiling = { usdPerCall: 0.2, answerTokens: 1_000 };
    await using house = await startHouse({ selector: { tiers, ceiling } });
    expect((await house.explain({ text: hard, thinking: "xhigh" })).selection?.model).toBe("away/big");
    const { selection } = await house.explain({ text: hard, thinking: "xhigh", maxOutputTokens: 20_000 });
    expect(selection).toMatchObject({
      model: "away/small",
      passedOver: [{ model: "away/big", why: expect.stringContaining("about $0.5") }],
    });
    await using strict = await startHouse({ selector: { tiers, ceiling: { ...ceiling, answerTokens: "longest" } } });
    // Nobody knows how much either gives at once.
    expect((await strict.explain({ text: "hi" })).selection?.refused).toContain("away/small: an answer costs about $0.256");
  });

  test("an unknown price is over it, unless it is said that it is not; a local model costs nothing", async () => {
    const settings = { models: { prices: {} } };
    await using strict = await startHouse({ settings, selector: { tiers, ceiling: { usdPerCall: 1 } } });
    expect((await strict.explain({ text: "hi" })).selection?.refused).toContain("its price is not known");
    await using lax = await startHouse({ settings, selector: { tiers, ceiling: { usdPerCall: 1, unknownPrice: "allow" } } });
    expect((await lax.explain({ text: "hi" })).selection?.model).toBe("away/small");
    await using own = await startHouse({ settings, selector: { tiers: { simple: "near" }, ceiling: { usdPerCall: 0 } } });
    expect((await own.explain({ text: "hi" })).selection?.model).toBe("near/own");
  });
});

describe("a named model", () => {
  const named = { model: "away/big", by: "session" } as const;

  test("holds, and the selector has nothing to say to it", async () => {
    await using house = await startHouse({ selector: { tiers, privacy, rules: [{ when: {}, use: "near" }] } });
    expect((await house.explain({ text: hard, chosen: named })).selection).toBeNull();
    const { selection } = await house.explain({ text: "my salary", chosen: named });
    expect(selection).toMatchObject({ by: "chosen", model: "away/big", private: true, within: ["near", "away/big"] });
    const gone = await house.explain({ text: "my salary", chosen: { model: "ollama/qwen3", by: "session" } });
    expect(gone.selection).toMatchObject({ by: "chosen", model: "ollama/qwen3", within: ["near"] });
  });

  test("that is local keeps what stands in for it local as well", async () => {
    await using house = await startHouse({ selector: { privacy } });
    const { selection } = await house.explain({ text: "my salary", chosen: { model: "near", by: "agent" } });
    expect(selection).toMatchObject({ by: "chosen", model: "near", within: ["near"] });
  });

  test("gives way to what is private where the operator says so", async () => {
    await using house = await startHouse({ selector: { privacy: { ...privacy, overChoice: true } } });
    const { selection } = await house.explain({ text: "my salary", chosen: named });
    expect(selection).toMatchObject({ by: "none", private: true });
    expect(selection?.refused).toContain("the session names away/big, which is not local. Nothing was sent.");
  });
});
