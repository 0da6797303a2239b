import { expect, test } from "bun:test";
import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serveHttp } from "@pincer/plugin-sdk/testing/http-server";
import { Value } from "@sinclair/typebox/value";
import { startModelsGateway } from "../../tests/fixtures/models/gateway.ts";
import { mergeEntries } from "./catalogue.ts";
import prices from "./transcription-prices.json" with { type: "json" };
import { TranscriptionPrices } from "./transcription-prices.ts";

const TODAY = Date.UTC(2027, 1, 1);

type Json = Readonly<Record<string, unknown>>;

const entry = (ref: string, more: Json = {}): Json => ({
  ...{ ref, name: ref, contextWindow: 1000, maxOutputTokens: null, reasoning: false, vision: false, tools: true, price: null },
  ...{ source: "https://vendor.example/models", date: "2027-01-31", ...more },
});
const text = (...models: readonly Json[]) => JSON.stringify({ note: "test", models });

async function home() {
  const path = await mkdtemp(join(tmpdir(), "pincer-catalogue-"));
  return {
    path,
    write: (content: string) => writeFile(join(path, "more.json"), content),
    start: (catalogue: Json) =>
      startModelsGateway({
        ...{ models: { catalogue }, home: path, plugins: { "provider-openai": {} }, env: { OPENAI_API_KEY: "sk-test" }, start: TODAY },
      }),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}
/** Serves a catalogue that the test changes; counts who asks. */
function place(first: string) {
  const served = { text: first, status: 200, asked: 0 };
  const server = serveHttp((exchange) => {
    served.asked++;
    exchange.send(served.status, served.text);
  });
  return Object.assign(served, { url: `${server.origin}/models.json`, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() });
}
const windowsOf = (models: unknown) =>
  Object.fromEntries((models as readonly Json[]).map(({ ref, contextWindow }) => [ref as string, contextWindow]));

test("a file of the operator's adds models and has the last word on others, whatever its date; what it does not know is not known", async () => {
  await using folder = await home();
  await folder.write(text(entry("lab/new"), entry("openai/gpt-5", { contextWindow: null, date: "2020-01-01" })));
  await using gateway = await folder.start({ file: "more.json" });
  const { models, entries, added, from } = await gateway.call("models.catalogue");
  expect(windowsOf(models)).toMatchObject({ "lab/new": 1000, "openai/gpt-5": null, "openai/gpt-5-nano": 400_000 });
  expect([entries, added, from]).toEqual([(models as readonly Json[]).length, 2, join(folder.path, "more.json")]);
  const { models: listed } = await gateway.call("models.list", { view: "all", provider: "openai", preparedOnly: true });
  const gpt = (listed as readonly Json[]).find(({ id }) => id === "gpt-5");
  expect([gpt?.["available"], gpt?.["contextWindow"]]).toEqual([true, undefined]);
});

test("a file that is spoilt changes nothing: what it said last holds, through a restart, and the log says where it is wrong", async () => {
  await using folder = await home();
  await folder.write(text(entry("lab/new")));
  {
    await using gateway = await folder.start({ file: "more.json" });
    expect(await gateway.call("models.catalogue")).toMatchObject({ added: 1 });
    for (const [spoilt, why] of [
      ["{ models: ", "JSON"],
      [text(entry("lab/new", { contextWindow: "many" })), "at /models/0/contextWindow"],
      [text(entry("lab/new", { colour: "red" })), "at /models/0/colour: expected no such property"],
      [text(entry("lab/new", { price: { input: -1, output: 2 } })), "at /models/0/price"],
      [text(entry("no-endpoint")), "at /models/0/ref"],
      [text(entry("lab/new", { date: "2027-13-40" })), "2027-13-40"],
      [text(entry("lab/new", { date: "2027-02-04" })), "2027-02-04, which is yet to come"],
      [text(entry("lab/new"), entry("lab/new")), "stands there twice"],
    ] as const) {
      await folder.write(spoilt);
      await expect(gateway.call("models.catalogue.update")).rejects.toThrow(why);
    }
    expect(await gateway.call("models.catalogue")).toMatchObject({ added: 1 });
  }
  await using again = await folder.start({ file: "more.json" });
  expect(windowsOf((await again.call("models.catalogue"))["models"])).toMatchObject({ "lab/new": 1000 });
  expect(await again.logged("models.catalogue-refused")).toMatchObject({ error: expect.stringContaining("twice") });
});

test("an address is asked on the operator's word alone; what is older than what Pincer came with does not replace it", async () => {
  await using served = place(
    text(
      entry("lab/new"),
      entry("openai/gpt-5", { contextWindow: 5 }),
      entry("openai/gpt-5-nano", { contextWindow: 5, date: "2020-01-01" }),
    ),
  );
  await using folder = await home();
  {
    await using gateway = await folder.start({ url: served.url });
    expect(await gateway.call("models.catalogue")).toMatchObject({ added: 0, from: null, at: null });
    expect(served.asked).toBe(0);
    expect(await gateway.call("models.catalogue.update")).toMatchObject({ added: 2, from: served.url, at: gateway.clock.now() });
    expect(windowsOf((await gateway.call("models.catalogue"))["models"])).toMatchObject({
      "lab/new": 1000,
      "openai/gpt-5": 5,
      "openai/gpt-5-nano": 400_000,
    });
    served.text = "<html>";
    await expect(gateway.call("models.catalogue.update")).rejects.toThrow("what was known before holds");
    served.status = 500;
    await expect(gateway.call("models.catalogue.update")).rejects.toThrow("it answered 500");
    Object.assign(served, { status: 200, text: "x".repeat(1_000_000) });
    await expect(gateway.call("models.catalogue.update")).rejects.toThrow("sent more for the catalogue than");
  }
  await using again = await folder.start({ url: served.url });
  expect(await again.call("models.catalogue")).toMatchObject({ added: 2, from: served.url });
  expect(served.asked).toBe(4);
  // Of an address that is no longer named nothing holds.
  await again.stop();
  await using elsewhere = await folder.start({ url: `${served.url}?other` });
  expect(await elsewhere.call("models.catalogue")).toMatchObject({ added: 0, from: null });
});

test("whoever serves a catalogue makes no price fall out of all proportion without the operator's yes", async () => {
  const priced = (price: unknown, more: Json = {}) => text(entry("openai/gpt-5-nano", { price, ...more }));
  await using served = place("");
  await using folder = await home();
  await using gateway = await folder.start({ url: served.url });
  const priceOf = async () =>
    ((await gateway.call("models.catalogue"))["models"] as readonly Json[]).find(({ ref }) => ref === "openai/gpt-5-nano")?.["price"];
  const before = await priceOf();
  for (const [spoilt, why] of [
    [priced({ input: 0, output: 0 }), "the price of openai/gpt-5-nano of input falls from $0.05 to $0"],
    [priced({ input: 0.05, output: 0.039 }), "of output falls from $0.4 to $0.039"],
    [priced(null), "is not known any more"],
    [priced({ input: 0.05, output: 0.4 }, { tiers: [{ above: 0, price: { input: 0, output: 0 } }] }), "of input falls"],
    [text(entry("openai/gpt-5-nano-2027-01-01", { price: { input: 0, output: 0 } })), "the price of openai/gpt-5-nano-2027-01-01"],
  ] as const) {
    served.text = spoilt;
    await expect(gateway.call("models.catalogue.update")).rejects.toThrow(why);
    await expect(gateway.call("models.catalogue.update")).rejects.toThrow("pincer models catalogue update accept-prices");
    expect(await priceOf()).toEqual(before);
  }
  served.text = priced({ input: 0.02, output: 0.2 });
  await gateway.call("models.catalogue.update");
  expect(await priceOf()).toEqual({ input: 0.02, output: 0.2 });
  served.text = priced({ input: 0, output: 0 });
  await gateway.call("models.catalogue.update", { acceptPrices: true });
  expect(await priceOf()).toEqual({ input: 0, output: 0 });
});

test("an address over plain http is not asked, and what its owner alone knows of it is told to nobody", async () => {
  await using served = place(text(entry("lab/new")));
  await using folder = await home();
  const secret = "s3cret-of-the-owner";
  const url = served.url.replace("://", `://me:${secret}@`);
  await using gateway = await folder.start({ url: `${url}?token=${secret}` });
  expect(await gateway.call("models.catalogue.update")).toMatchObject({ added: 1, from: served.url });
  const told = [await gateway.call("models.catalogue"), await gateway.call("models.catalogue.update")];
  served.text = "{";
  told.push(await gateway.call("models.catalogue.update").catch((error: unknown) => ({ error: String(error) })));
  expect(JSON.stringify([told, gateway.lines])).not.toContain(secret);
  await using other = await home();
  await using plain = await other.start({ url: "http://models.example.com/models.json" });
  await expect(plain.call("models.catalogue.update")).rejects.toThrow("set an https address");
});

test("a file is read no further than a catalogue may go, and what is none is not read at all", async () => {
  await using folder = await home();
  await folder.write("");
  await truncate(join(folder.path, "more.json"), 4_000_000_000);
  await using gateway = await folder.start({ file: "more.json" });
  await expect(gateway.call("models.catalogue.update")).rejects.toThrow("it has more than 900000 bytes");
  await using other = await home();
  await using endless = await other.start({ file: "/dev/zero" });
  await expect(endless.call("models.catalogue.update")).rejects.toThrow("it is no file");
});

test("a dated version of a model, and a profile that sends it to other regions, are known as the model itself", () => {
  const { find } = mergeEntries([]);
  const named = (ref: string) => find(ref)?.ref;
  expect(named("anthropic/claude-haiku-4-5-20251001")).toBe("anthropic/claude-haiku-4-5");
  expect(named("bedrock/us.amazon.nova-2-lite-v1:0")).toBe("bedrock/amazon.nova-2-lite-v1:0");
  expect(named("bedrock/us.amazon.nova-2-lite-v2:0")).toBeUndefined();
  expect(named("openai/us.gpt-5")).toBeUndefined();
});

test("without a file or an address there is nothing to update, and the answer says what to set", async () => {
  await using gateway = await startModelsGateway();
  await expect(gateway.call("models.catalogue.update")).rejects.toThrow("pincer config set models.catalogue.url");
});

test("each price of a recording says where it is from, and when that was", () => {
  expect(Value.Check(TranscriptionPrices, prices)).toBe(true);
});
