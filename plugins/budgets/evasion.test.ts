/** A limit holds against whoever has an ordinary token and would rather not keep to it. */
import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { startScript } from "@pincer/plugin-sdk/testing/script";
import type { VendorAnswer } from "@pincer/plugin-sdk/testing/vendor-script";
import { startSpending } from "../../tests/fixtures/budgets.ts";
import { model, price, refusalOf, startPaidApi } from "../../tests/fixtures/openai-api/paid.ts";
import { modelFamily } from "./model-family.ts";

const cheap: VendorAnswer = { steps: [{ text: ["ok"] }], usage: { input: 1, output: 1 } };
const short = { max_tokens: 10 };
const DAY_MS = 86_400_000;

test("names that a caller makes up for its users are the caller's: a limit of it, or of each principal, holds for all of them", async () => {
  for (const limit of [{ user: "shared" }, { principal: "shared" }, { each: "principal" }]) {
    await using api = await startPaidApi({ own: { per: "day", usd: 1.5, ...limit } });
    expect((await api.chat({ ...short, user: "ada" })).status).toBe(200);
    // What is left of it holds for the name that nobody has had yet, too.
    const refused = await api.chat({ max_tokens: 900, user: "bob" });
    expect([refused.status, (await refusalOf(refused)).message]).toEqual([429, expect.stringContaining('The budget "own" does not cover')]);
    const job = await api.post("/v1/responses", { model: "pincer/main", input: "hi", user: "carl" });
    expect(job.status).toBe(429);
  }
});

test("behind five hundred names that somebody made up a limit of one name still holds, also once the configuration is another", async () => {
  const zoe = { per: "day", usd: 1.5, user: "shared/zoe" };
  await using api = await startPaidApi({ zoe, each: { per: "day", usd: 100, each: "user" } });
  api.vendor.otherwise(() => cheap);
  const ask = (user: string) => api.chat({ ...short, user });
  for (let at = 0; at < 500; at += 25) await Promise.all(Array.from({ length: 25 }, (_, more) => ask(`made-up-${at + more}`)));
  api.vendor.otherwise(() => ({ ...cheap, usage: { input: 500, output: 1_000 } }));
  expect((await ask("zoe")).status).toBe(200);
  expect((await ask("zoe")).status).toBe(429);
  expect((await ask("somebody else")).status).toBe(200);
  await api.patch("budgets", { limits: { further: { per: "day", usd: 1_000 } } });
  expect((await refusalOf(await ask("zoe"))).message).toContain('The budget "zoe" is used up');
  const { limits } = await api.show();
  expect(limits.find(({ of }) => of?.name === "shared/others")).toMatchObject({ usd: { used: 3 } });
}, 120_000);

test.each([
  ["openai/gpt-9-2026-03-01", "openai/gpt-9"],
  ["openai/GPT-9", "openai/gpt-9"],
  ["openai/gpt-9-0613", "openai/gpt-9"],
  ["openai/gpt-9-1106-preview", "openai/gpt-9"],
  ["openai/gpt-9-preview", "openai/gpt-9"],
  ["xai/grok-9-0709", "xai/grok-9"],
  ["mistral/mistral-large-2611", "mistral/mistral-large"],
  ["google/gemini-9-flash-001", "google/gemini-9-flash"],
  ["google/gemini-9-pro-preview-05-06", "google/gemini-9-pro"],
  ["google/gemini-9-flash-preview-09-2026", "google/gemini-9-flash"],
  ["vertex/claude-opus-9@20260301", "vertex/claude-opus-9"],
  ["vertex/claude-opus-9@default", "vertex/claude-opus-9"],
  ["bedrock/anthropic.claude-opus-9-20260301-v1:0:200k", "bedrock/anthropic.claude-opus-9"],
  ["ollama/llama-9-8000", "ollama/llama-9-8000"],
  ["openai/gpt-9-32", "openai/gpt-9-32"],
  ["anthropic/claude-opus-9-20260301", "anthropic/claude-opus-9"],
  ["anthropic/claude-opus-latest", "anthropic/claude-opus"],
  ["bedrock/eu.anthropic.claude-opus-9-20260301-v1:0", "bedrock/anthropic.claude-opus-9"],
  ["bedrock/arn:aws:bedrock:eu-west-1::foundation-model/anthropic.claude-opus-9-20260301-v1:0", "bedrock/anthropic.claude-opus-9"],
  ["google/models/gemini-9-pro", "google/gemini-9-pro"],
  ["openrouter/anthropic/claude-opus-9:nitro", "openrouter/anthropic/claude-opus-9"],
  ["ollama/qwen9:latest", "ollama/qwen9"],
  ["ollama/qwen9:8b", "ollama/qwen9:8b"],
  ["lab/deepseek-v3", "lab/deepseek-v3"],
  ["openai", "openai"],
])("%s is of the family %s", (ref, family) => {
  expect(modelFamily(ref)).toBe(family);
});

test("a limit of a model holds under each spelling of its name, and each model has one share", async () => {
  const spelt = ["lab/gpt-test-0613", "lab/GPT-test", model];
  const prices = Object.fromEntries(spelt.map((name) => [name, price]));
  for (const limit of [{ model }, { model: "lab/gpt-test-05*" }, { each: "model" }, { model: "*/gpt-t*" }]) {
    const isMeant = limit.model !== "lab/gpt-test-05*";
    await using api = await startPaidApi({ one: { per: "day", usd: 1.5, ...limit } }, { prices });
    const statuses: number[] = [];
    for (const name of spelt) statuses.push((await api.chat({ max_tokens: 600, model: name })).status);
    expect([limit, ...statuses]).toEqual([limit, 200, ...(isMeant ? [429, 429] : [200, 200])]);
  }
});

test("a name that was made long to be compared for long is compared at once", async () => {
  await using api = await startPaidApi({ opus: { per: "day", usd: 1, model: "*a*a*a*a*a*a*a*a*x", hard: false } });
  const before = process.cpuUsage();
  expect((await api.chat({ ...short, model: `lab/${"a".repeat(240)}` })).status).toBe(200);
  expect(process.cpuUsage(before).user / 1_000).toBeLessThan(5_000);
});

test("as much is held as the caller asks for, or as the model may give where that is set", async () => {
  await using api = await startPaidApi({ daily: { per: "day", usd: 1.5 } }, { budgets: { answerTokens: 100 } });
  expect((await api.chat({ max_tokens: 2_000 })).status).toBe(429);
  expect((await api.chat({ max_completion_tokens: 2_000, stream: true })).status).toBe(429);
  expect((await api.post("/v1/responses", { model, input: "hi", max_output_tokens: 2_000 })).status).toBe(429);
  expect(api.vendor.ledger).toHaveLength(0);
  await api.patch("budgets", { answerTokens: "longest" });
  expect((await api.chat()).status).toBe(429);
  expect((await api.chat({ max_tokens: 10 })).status).toBe(200);
});

test("whoever leaves before the answer is there has used what was held for it, however it was asked for", async () => {
  for (const more of [{}, { stream: true }, { max_tokens: 3_000 }]) {
    await using api = await startPaidApi({ daily: { per: "day", usd: 10 } });
    api.vendor.otherwise(() => ({ steps: [], end: "hang" }));
    await api.leave(more);
    const used = (await api.settled()).limits[0]?.usd?.used ?? 0;
    const least = "max_tokens" in more ? 3 : 1;
    expect([more, used >= least, used < least + 0.1]).toEqual([more, true, true]);
  }
});

test("of a hundred calls at once, however they are made, a limit with room for one lets one pass", async () => {
  await using api = await startPaidApi(
    { daily: { per: "day", usd: 1.5 } },
    { enable: ["failover"], settings: { failover: { probe: false } } },
  );
  const { promise: until, resolve: release } = Promise.withResolvers<void>();
  api.vendor.otherwise(() => ({ ...cheap, hold: { before: 0, until } }));
  const asked = Array.from({ length: 75 }, (_, at) => {
    if (at % 3 === 0) return api.chat();
    return at % 3 === 1 ? api.chat({ stream: true, user: `made-up-${at}` }) : api.post("/v1/responses", { model, input: "hi" });
  });
  await api.vendor.received(1);
  // Each is two calls; were it the first, its second would be refused, and the whole with it.
  for (let at = 0; at < 25; at++) asked.push(api.chat({ n: 2 }));
  const refused = await Promise.race([Promise.all(asked), api.show()]);
  expect(refused).toMatchObject({ limits: [{ usd: { used: 0 } }] });
  release();
  const statuses = (await Promise.all(asked)).map(({ status }) => status);
  expect(statuses.filter((status) => status === 200).length).toBeLessThanOrEqual(1);
  expect(statuses.filter((status) => status === 429).length).toBeGreaterThanOrEqual(99);
  expect(api.vendor.ledger).toHaveLength(1);
});

test("of answers in the background, which are all admitted at once, a limit with room for one lets one be asked for", async () => {
  await using api = await startPaidApi({ daily: { per: "day", usd: 1.5 } });
  const asked = Array.from({ length: 10 }, () => api.post("/v1/responses", { model, input: "hi", background: true }));
  const begun = (await Promise.all(asked)).map((response) => response.json() as Promise<{ readonly id?: string }>);
  const headers = { authorization: `Bearer ${api.kit.token}` };
  for (const { id } of await Promise.all(begun))
    if (id !== undefined) await (await api.kit.request(`/v1/responses/${id}?stream=true`, { headers })).text();
  expect(api.vendor.ledger).toHaveLength(1);
  expect((await api.settled()).limits).toMatchObject([{ usd: { used: 1, held: 0 } }]);
});

test("made-up names of users and models fill no conversation with warnings", async () => {
  await using api = await startPaidApi({ each: { per: "day", usd: 1, each: "user" } }, { budgets: { unknownPrice: "allow" } });
  const ask = (more: object) => api.chat({ ...short, ...more });
  for (let at = 0; at < 40; at++) await Promise.all([ask({ user: `made-up-${at}` }), ask({ model: `lab/made-up-${at}` })]);
  const told = (event: string) => api.kit.log.filter((line) => line.event === event);
  expect(told("budgets.reached")).toHaveLength(20);
  expect(told("budgets.price-unknown")).toHaveLength(20);
});

test("a clock that is set forward and back again takes nothing of what was used, nor does a start with a wrong one", async () => {
  const home = await mkdtemp(join(tmpdir(), "pincer-budgets-"));
  const script = startScript();
  const at = Date.UTC(2026, 10, 20);
  const limits = { monthly: { per: "month", usd: 0.001 } };
  {
    const clock = createManualClock(at);
    await using talk = await startSpending({ home, script, clock, limits });
    expect(await talk.ask("one")).toMatchObject({ state: "final" });
    clock.jump(100 * DAY_MS);
    await talk.show();
    clock.jump(-100 * DAY_MS);
    expect(await talk.ask("two")).toMatchObject({ state: "error" });
  }
  {
    await using late = await startSpending({ home, script, clock: createManualClock(at + 100 * DAY_MS), limits });
    expect((await late.show()).month).toMatchObject({ calls: 0 });
  }
  await using talk = await startSpending({ home, script, clock: createManualClock(at), limits });
  expect(await talk.ask("three")).toMatchObject({ state: "error" });
  await script.stop();
  await rm(home, { recursive: true, force: true });
});
