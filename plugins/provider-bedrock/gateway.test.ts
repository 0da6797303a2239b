import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { readStream, toolSpec } from "@pincer/plugin-sdk/testing/provider-suite";
import { io, llmRequest, startModelsGateway } from "../../tests/fixtures/models/gateway.ts";
import { createCliHome } from "../../tests/support/cli.ts";
import { ACCOUNT, startBedrockVendor } from "../../tests/vendors/bedrock/server.ts";

const MODEL = "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0";
const KEY = "bedrock-api-key-of-the-environment";

const start = (origin: string, failover?: object) =>
  startModelsGateway({
    plugins: { "provider-bedrock": { endpoints: { bedrock: { baseUrl: origin, region: "us-east-1" } } } },
    env: { AWS_BEARER_TOKEN_BEDROCK: KEY },
    ...(failover && { failover: failover as Record<string, unknown> }),
  });

test("a turn's request goes through the gateway to the vendor and back, thinking included", async () => {
  await using vendor = startBedrockVendor({ apiKeys: [KEY] });
  await using gateway = await start(vendor.origin);
  vendor.answer({
    steps: [{ thinking: ["Hm."], signature: "proof" }, { toolCall: { id: "tooluse_1", name: "list", arguments: '{"path":"."}' } }],
    usage: { input: 1000, output: 100, cacheRead: 10_000, cacheWrite: 2000 },
  });
  const { events, answer } = await gateway.ask({ model: MODEL, thinking: "high", tools: [toolSpec("list")] });
  expect(events.map(({ type }) => type)).toEqual(["thinking", "tool-call"]);
  expect(answer.message.content[0]).toEqual({ type: "thinking", thinking: "Hm.", signature: "proof" });
  expect(answer.usage).toMatchObject({ input: 1000, output: 100, cacheRead: 10_000, cacheWrite: 2000 });
  const { headers, body } = await vendor.received(1);
  expect(headers.get("authorization")).toBe(`Bearer ${KEY}`);
  expect(body.additionalModelRequestFields).toEqual({ thinking: { type: "enabled", budget_tokens: 16_384 } });
});

test("where nothing else is said it has a model of its own, and lists the others", async () => {
  await using vendor = startBedrockVendor({ apiKeys: [KEY] });
  await using gateway = await startModelsGateway({
    env: { AWS_BEARER_TOKEN_BEDROCK: KEY, AWS_REGION: "us-east-1", AWS_ENDPOINT_URL_BEDROCK_RUNTIME: vendor.origin },
    plugins: { "provider-bedrock": {} },
  });
  expect(await gateway.resolve("bedrock")).toBe("bedrock/global.anthropic.claude-sonnet-5");
  const { models } = (await gateway.call("models.list", {})) as { models: readonly { provider: string; id: string }[] };
  expect(models.filter(({ provider }) => provider === "bedrock").map(({ id }) => id)).toContain("amazon.nova-micro-v1:0");
});

test("a reload drops no stream: what runs ends as it began, what comes next is answered by the new one", async () => {
  await using vendor = startBedrockVendor({ apiKeys: [KEY] });
  await using gateway = await start(vendor.origin);
  const gate = Promise.withResolvers<void>();
  vendor.answer(
    { steps: [{ text: ["before "] }, { text: ["after"] }], hold: { before: 1, until: gate.promise } },
    { steps: [{ text: ["next"] }] },
  );
  const stream = gateway.llm.stream(llmRequest({ model: MODEL }), io);
  await stream.next();
  await gateway.host.reload("provider-bedrock");
  expect((await gateway.ask({ model: MODEL })).answer.message.content).toEqual([{ type: "text", text: "next" }]);
  gate.resolve();
  expect((await readStream(stream)).answer.message.content).toEqual([
    { type: "text", text: "before " },
    { type: "text", text: "after" },
  ]);
});

test("too many requests with one key go on with the next, and AWS's library repeats nothing by itself", async () => {
  await using vendor = startBedrockVendor({ apiKeys: [KEY, "bedrock-api-key-second"] });
  await using gateway = await start(vendor.origin, {});
  await gateway.call("failover.profiles.add", { name: "bedrock:second", value: "bedrock-api-key-second", priority: 1 });
  vendor.answer({ error: { status: 429, message: "Too many requests, please wait before trying again." } }, { steps: [{ text: ["ok"] }] });
  const { answer } = await gateway.ask({ model: MODEL });
  expect(answer.message.content).toEqual([{ type: "text", text: "ok" }]);
  expect(vendor.ledger.map(({ headers }) => headers.get("authorization"))).toEqual(["Bearer bedrock-api-key-second", `Bearer ${KEY}`]);
  const { profiles } = (await gateway.call("failover.profiles.list")) as { profiles: readonly { name: string; state: string }[] };
  expect(profiles.find(({ name }) => name === "bedrock:second")?.state).toBe("cooldown");
});

test("unloading leaves nothing behind", async () => {
  await using vendor = startBedrockVendor({ apiKeys: [KEY] });
  await using gateway = await start(vendor.origin);
  const timers = gateway.clock.timers;
  vendor.answer({ steps: [{ text: ["ok"] }] });
  await gateway.ask({ model: MODEL });
  await gateway.host.setEnabled("provider-bedrock", false);
  await gateway.clock.advance(600_000);
  expect(gateway.clock.timers).toBeLessThanOrEqual(timers);
  expect(gateway.host.inspect("provider-bedrock")).not.toMatchObject({ state: "active" });
  expect(gateway.ask({ model: MODEL })).rejects.toMatchObject({ code: "LLM_MODEL_UNKNOWN" });
  expect(gateway.lines.filter(({ level }) => level === "error")).toEqual([]);
});

test("pincer models auth: a profile of AWS's own files is added, tested and answers a conversation; a broken one is told and mended", async () => {
  await using vendor = startBedrockVendor();
  await using home = createCliHome();
  const aws = join(dirname(home.path), ".aws");
  const credentials = (broken: string) =>
    ["work", "broken"]
      .map((name) => [name, name === "work" ? ACCOUNT.secretAccessKey : broken] as const)
      .map(([name, secret]) => `[${name}]\naws_access_key_id = ${ACCOUNT.accessKeyId}\naws_secret_access_key = ${secret}\n`)
      .join("\n");
  mkdirSync(aws);
  writeFileSync(join(aws, "credentials"), credentials("old"));
  writeFileSync(join(aws, "config"), "[profile work]\nregion = us-east-1\n[profile broken]\nregion = us-east-1\n");
  const auth = (words: string) => home.pincer(["models", "auth", ...words.split(" ")]);
  const config = { endpoints: { bedrock: { baseUrl: vendor.origin } } };
  await home.pincer(["config", "set", "plugins.provider-bedrock", JSON.stringify({ enabled: true, config })]);
  await home.pincer(["config", "set", "models.default", MODEL]);
  await home.pincer(["up"]);
  expect((await home.pincer(["plugins", "enable", "failover"])).code).toBe(0);

  expect(await auth("add bedrock:work type=aws-sdk aws-profile=work")).toMatchObject({
    code: 0,
    out: expect.stringContaining("bedrock:work is kept; its credential is AWS's own"),
  });
  await auth("add bedrock:broken type=aws-sdk aws-profile=broken priority=5");
  const tested = await auth("test");
  expect(tested.code).toBe(1);
  expect(tested.out).toMatch(/bedrock:work is taken \(\d+ ms\)/);
  expect(tested.out).toMatch(/bedrock:broken is not taken \(\d+ ms\): The request signature we calculated does not match/);

  vendor.otherwise(() => ({ steps: [{ text: ["Hello from Bedrock."] }] }));
  const said = await home.pincer(["chat"], { stdin: "hello" });
  expect(said.out + said.err).toContain("Hello from Bedrock.");
  expect((await auth("list")).out).toMatch(/bedrock:broken +aws-sdk .* failed\n[\s\S]*bedrock:work +aws-sdk .* active/);

  writeFileSync(join(aws, "credentials"), credentials(ACCOUNT.secretAccessKey));
  expect((await auth("test bedrock:broken")).out).toMatch(/bedrock:broken is taken/);
  expect((await auth("list")).out).toMatch(/bedrock:broken +aws-sdk .* active/);
}, 120_000);
