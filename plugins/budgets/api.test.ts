/** Budgets in front of OpenAI's API: for whoever calls, for each of their users, and for many calls at once. */
import { expect, test } from "bun:test";
import { dollar, messages, model, refusalOf, startPaidApi } from "../../tests/fixtures/openai-api/paid.ts";

test("a budget that is used up is told as OpenAI tells an account without credit, before the vendor hears of the call", async () => {
  await using api = await startPaidApi({ daily: { per: "day", usd: 1.5 } });
  expect((await api.chat({ max_tokens: 100 })).status).toBe(200);
  for (const more of [{}, { stream: true }]) {
    const response = await api.chat(more);
    expect(response.status).toBe(429);
    // Clients would repeat a 429 by themselves otherwise.
    expect(response.headers.get("x-should-retry")).toBe("false");
    const error = await refusalOf(response);
    expect(error).toMatchObject({ type: "insufficient_quota", code: "insufficient_quota" });
    expect(error.message).toStartWith(
      'The budget "daily" does not cover this call, which is expected to use about $1.01: $1.00 of $1.50 is used today. It begins anew on',
    );
  }
  const answered = await api.post("/v1/responses", { model, input: "Hello!" });
  expect([answered.status, (await refusalOf(answered)).code]).toEqual([429, "insufficient_quota"]);
  expect(api.vendor.ledger).toHaveLength(1);
});

test("tokens of a cache whose price nobody tells are counted as the dearest that they can be, not as nothing", async () => {
  await using api = await startPaidApi({ daily: { per: "day", usd: 1.5 } });
  api.vendor.otherwise(() => ({ ...dollar, usage: { input: 499, cacheRead: 1, output: 500 } }));
  expect([(await api.chat({ max_tokens: 100 })).status, (await api.chat()).status]).toEqual([200, 429]);
  expect(await api.show()).toMatchObject({ today: { usd: 1, unpricedTokens: 0 } });
  expect(await api.kit.call<object>("usage.cost", {})).toMatchObject({ totals: { missingCostEntries: 1 } });
});

test("each user has a limit of their own, and all of them one together", async () => {
  await using api = await startPaidApi({ each: { per: "day", usd: 1, each: "user" }, all: { per: "month", usd: 4.5, user: "shared*" } });
  const ask = async (user?: string) => (await api.chat({ max_tokens: 10, ...(user === undefined ? {} : { user }) })).status;
  expect([await ask("ada"), await ask("ada"), await ask("bob"), await ask("bob"), await ask()]).toEqual([200, 429, 200, 429, 200]);
  const { limits } = await api.show();
  expect(limits.filter(({ name }) => name === "each").map(({ of, usd }) => [of?.name, usd?.used])).toEqual([
    ["shared/ada", 1],
    ["shared/bob", 1],
    ["shared", 1],
  ]);
  expect(await ask("eve")).toBe(200);
  const late = await api.chat({ max_tokens: 900, user: "zoe" });
  expect((await refusalOf(late)).message).toContain('The budget "all" does not cover this call');
  const usage = await api.kit.call<{ totals: object; users: readonly { user: string }[] }>("usage.cost", {});
  expect(usage.users.map(({ user }) => user).sort()).toEqual(["shared", "shared/ada", "shared/bob", "shared/eve"]);
  expect(await api.kit.call<object>("usage.cost", { user: "shared/ada" })).toMatchObject({ totals: { calls: 1, totalCost: 1 } });
});

test("a hundred calls at once do not go beyond a limit together, and what they held is theirs no more", async () => {
  await using api = await startPaidApi({ daily: { per: "day", usd: 10 } });
  const { promise: until, resolve: release } = Promise.withResolvers<void>();
  api.vendor.otherwise(() => ({ ...dollar, hold: { before: 0, until } }));
  // Each is expected to cost a little more than a dollar: its answer may have a thousand tokens.
  const asked = Array.from({ length: 100 }, () => api.chat());
  await api.vendor.received(9);
  const held = (await api.show()).limits[0]?.usd;
  expect(held?.used).toBe(0);
  expect(held?.held).toBeGreaterThan(9);
  expect(held?.held).toBeLessThanOrEqual(10);
  release();
  const statuses = (await Promise.all(asked)).map(({ status }) => status);
  expect(statuses.filter((status) => status === 200)).toHaveLength(9);
  expect(statuses.filter((status) => status === 429)).toHaveLength(91);
  expect(api.vendor.ledger).toHaveLength(9);
  expect((await api.settled()).limits).toMatchObject([{ usd: { used: 9 } }]);
});

test("what fails before it began costs nothing; what breaks off, or is given up, costs what was sent and had come", async () => {
  await using api = await startPaidApi({ daily: { per: "day", usd: 100 } });
  const used = async () => (await api.settled()).limits[0]?.usd;
  api.vendor.answer({ error: { status: 400, message: "no" } });
  expect((await api.chat()).status).toBe(400);
  expect(await used()).toMatchObject({ used: 0, held: 0 });

  api.vendor.answer({ steps: [{ text: ["x".repeat(3_600)] }], end: "close" });
  await (await api.chat({ stream: true })).text();
  const broken = await used();
  // A thousand tokens had come.
  expect(broken?.used).toBeGreaterThan(1);
  expect(broken?.used).toBeLessThan(1.1);
  expect(broken?.held).toBe(0);

  api.vendor.answer({ steps: [{ text: ["so far"] }], end: "hang" });
  const leaving = new AbortController();
  const response = await fetch(`${api.kit.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${api.kit.token}`, "content-type": "application/json" },
    body: JSON.stringify({ model, messages, stream: true }),
    signal: leaving.signal,
  });
  await response.body?.getReader().read();
  leaving.abort();
  await (await api.vendor.received(3)).left;
  expect((await used())?.used).toBeGreaterThan(broken?.used ?? 0);
  const cost = await api.kit.call<{ totals: { calls: number } }>("usage.cost", {});
  expect(cost.totals.calls).toBe(2);
});

test("a price that nobody knows is refused where money is limited, and counted in tokens when that is wanted", async () => {
  await using api = await startPaidApi({ daily: { per: "day", usd: 1 } }, { prices: {} });
  const response = await api.chat();
  expect(response.status).toBe(403);
  expect((await refusalOf(response)).message).toStartWith(
    'The price of lab/gpt-test is not known, so the budget "daily" cannot hold for it. Say what it costs',
  );
  expect(api.vendor.ledger).toHaveLength(0);

  await api.kit.call("config.patch", {
    raw: JSON.stringify({ budgets: { unknownPrice: "allow" } }),
    baseHash: (await api.kit.call<{ hash: string }>("config.get")).hash,
  });
  expect([(await api.chat()).status, (await api.chat()).status]).toEqual([200, 200]);
  expect(await api.show()).toMatchObject({ today: { usd: 0, tokens: 2_000, unpricedTokens: 2_000 } });
  expect(api.kit.log.filter(({ event }) => event === "budgets.price-unknown")).toHaveLength(1);
});

test("an agent behind the API, and an answer in the background, are refused before they begin", async () => {
  await using api = await startPaidApi({ daily: { per: "day", usd: 1 } });
  expect((await api.post("/v1/chat/completions", { model: "pincer/main", messages, user: "ada" })).status).toBe(429);
  await api.kit.call("config.patch", {
    raw: JSON.stringify({ budgets: { limits: { daily: { usd: 20 } } } }),
    baseHash: (await api.kit.call<{ hash: string }>("config.get")).hash,
  });
  expect((await api.post("/v1/chat/completions", { model: "pincer/main", messages, user: "ada" })).status).toBe(200);
  expect(await api.kit.call<object>("usage.cost", { user: "shared/ada" })).toMatchObject({ totals: { calls: 1 } });
  await api.kit.call("config.patch", {
    raw: JSON.stringify({ budgets: { limits: { daily: { usd: 1 } } } }),
    baseHash: (await api.kit.call<{ hash: string }>("config.get")).hash,
  });
  const before = api.vendor.ledger.length;
  for (const [path, body] of [
    ["/v1/chat/completions", { model: "pincer/main", messages }],
    ["/v1/responses", { model: "pincer/main", input: "Hello!", background: true }],
    ["/v1/responses", { model, input: "Hello!", background: true }],
  ] as const) {
    const response = await api.post(path, body);
    expect([response.status, (await refusalOf(response)).code]).toEqual([429, "insufficient_quota"]);
  }
  expect(api.vendor.ledger).toHaveLength(before);
});

test("embeddings cost as answers do", async () => {
  await using api = await startPaidApi({ daily: { per: "day", usd: 0.01 } });
  const response = await api.post("/v1/embeddings", { model, input: "x".repeat(360), user: "ada" });
  expect([response.status, (await refusalOf(response)).code]).toEqual([429, "insufficient_quota"]);
});
