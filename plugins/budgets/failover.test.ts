/** Budgets of auth profiles and of models, where failover has others to go on with. */
import { expect, test } from "bun:test";
import { says, startFailover } from "../../tests/failover/vendor.ts";

const prices = { "lab/one": { input: 1_000, output: 1_000 }, "lab/two": { input: 1, output: 1 } };
const profiles = { a: "key-a", b: "key-b" };
/** With ten tokens of a request and five of an answer, a call of `one` costs 1.5 cents. */
const start = (limits: object, failover = {}) =>
  startFailover({ models: { prices }, profiles, failover, plugins: { budgets: {} }, settings: { budgets: { answerTokens: 5, limits } } });

test("a profile whose budget is used up is passed over, and the next one answers; without one the refusal is what is said", async () => {
  await using lab = await start({ first: { per: "day", usd: 0.02, profile: "lab:a" }, each: { per: "day", usd: 0.04, each: "profile" } });
  lab.vendor.otherwise(() => says("ok"));
  expect((await lab.say()).text).toBe("ok");
  expect((await lab.say()).text).toBe("ok");
  expect((await lab.say()).text).toBe("ok");
  expect(lab.keys()).toEqual(["key-a", "key-b", "key-b"]);
  await expect(lab.say()).rejects.toMatchObject({ code: "LLM_CALL_REFUSED", data: { refusal: "BUDGET_PROFILE_USED_UP" } });
  expect(lab.keys()).toHaveLength(3);
  // Nothing is wrong with the profiles.
  expect(await lab.profile("a")).toMatchObject({ state: "active", failureCount: 0 });
  const { profiles: shares } = (await lab.call("usage.cost")) as { profiles: readonly { profile: string; calls: number }[] };
  expect(shares.map(({ profile, calls }) => [profile, calls])).toEqual([
    ["lab:b", 2],
    ["lab:a", 1],
  ]);
});

test("a model whose budget is used up refuses the request, and is one reason among others as a fallback", async () => {
  await using lab = await start({ one: { per: "day", usd: 0, model: "lab/one" } }, { retryPauseMs: 0, models: { "lab/two": ["lab/one"] } });
  await expect(lab.say()).rejects.toMatchObject({ code: "LLM_CALL_REFUSED", data: { model: "lab/one", refusal: "BUDGET_USED_UP" } });
  lab.vendor.otherwise(() => ({ error: { status: 500, message: "broken" } }));
  const { answer } = await lab.say({ model: "lab/two" });
  expect(answer.failure).toMatchObject({ class: "exhausted", message: expect.stringContaining('The budget "one" is used up') });
  expect(lab.tried().filter((call) => !call.startsWith("two "))).toEqual([]);
});

test("vectors are made with the next profile as well, where the budget of the first is used up", async () => {
  await using lab = await start({ first: { per: "day", usd: 0, profile: "lab:a" } });
  const embed = () => lab.llm.embed!({ model: "lab/one", input: ["eightchr"] }, { signal: new AbortController().signal });
  expect((await embed()).embeddings).toEqual([[0.125, 0]]);
  await using none = await start({ each: { per: "day", usd: 0, each: "profile" } });
  const refused = none.llm.embed!({ model: "lab/one", input: ["eightchr"] }, { signal: new AbortController().signal });
  await expect(refused).rejects.toMatchObject({ code: "LLM_CALL_REFUSED", data: { refusal: "BUDGET_PROFILE_USED_UP" } });
});
