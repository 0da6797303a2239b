/** What is counted of answers that nobody waits for to the end. */
import { expect, test } from "bun:test";
import { startApi } from "../../tests/fixtures/openai-api/gateway.ts";
import { startAnthropicVendor } from "../../tests/vendors/anthropic/server.ts";

interface Cost {
  readonly totals: { readonly calls: number; readonly input: number; readonly output: number };
}

test("of a stream that is left, what had come is counted, also where the vendor counts at its beginning", async () => {
  await using vendor = startAnthropicVendor();
  const endpoints = { claude: { baseUrl: vendor.origin, key: "key", models: ["claude-test"] } };
  await using api = await startApi({
    enable: ["provider-anthropic"],
    settings: { plugins: { "provider-anthropic": { enabled: true, config: { endpoints } } } },
  });
  vendor.answer({ steps: [{ text: ["x".repeat(3_600)] }], usage: { input: 100, output: 1 }, end: "hang" });
  const leaving = new AbortController();
  const response = await api.kit.request("/v1/chat/completions", {
    method: "POST",
    headers: { authorization: `Bearer ${api.kit.token}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "claude/claude-test", messages: [{ role: "user", content: "Hello!" }], stream: true }),
    signal: leaving.signal,
  });
  const reader = response.body!.getReader();
  for (let text = ""; !text.includes("xxx"); ) text += new TextDecoder().decode((await reader.read()).value);
  leaving.abort();
  await (await vendor.received(1)).left;
  for (;;) {
    const { totals } = await api.kit.call<Cost>("usage.cost", {});
    if (totals.calls === 0) continue;
    expect(totals).toMatchObject({ calls: 1, input: 100, output: 1_000 });
    return;
  }
});
