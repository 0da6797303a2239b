import { expect, test } from "bun:test";
import type { ImplementationOf } from "../contract.ts";
import type { provider } from "../contracts/provider.ts";
import { createManualClock } from "../testing/clock.ts";
import { createAnswer, tokenUsage } from "./answer.ts";
import { confidential } from "./confidential.ts";
import type { ProviderContext } from "./endpoint.ts";
import { plainMessage } from "./failure.ts";

const KEY = "9f!vendor of nowhere/7c2+e1d0a";
const io = { signal: new AbortController().signal };
const encoded = (before: string) => Buffer.from(`${before}${KEY}:and more`).toString("base64");

/** Every form in which a server may repeat it. */
const FORMS = [
  KEY,
  encodeURIComponent(KEY),
  Buffer.from(KEY).toString("hex"),
  Buffer.from(KEY).toString("base64"),
  Buffer.from(KEY).toString("base64url"),
  ...["", "a", "ab", "user:"].map(encoded),
  JSON.stringify({ key: KEY }),
  KEY.slice(0, 14),
];
/** What must not be found in any of them: any eight characters of it, as they are. */
const leaks = (text: string) =>
  FORMS.some((form) => text.includes(form)) ||
  Array.from({ length: KEY.length - 7 }, (_, at) => KEY.slice(at, at + 8)).some((part) => text.includes(part));

/** A provider that says back whatever it is told to, wherever a provider can say anything. */
const echoing =
  (said: string) =>
  (ctx: ProviderContext<unknown>): ImplementationOf<typeof provider> => {
    const failure = { class: "auth" as const, message: plainMessage(said) };
    const sent = () => ctx.fetch("http://user:p%40ss-of-address@127.0.0.1:1/?api_key=query-key-123", { headers: { "x-odd-name": KEY } });
    return {
      endpoints: async () => ({ endpoints: [{ endpoint: "a", label: "A", ready: false, detail: said }] }),
      models: () => sent().then(() => Promise.reject(new Error(said))),
      probe: async () => ({ failure }),
      embed: async () => ({ embeddings: [], usage: tokenUsage({}), failure }),
      async *stream() {
        await sent();
        const answer = createAnswer({ provider: "a", model: "b", api: "c", timestamp: 1 });
        yield* answer.text("text", `what the model says is its own: ${said}`);
        return answer.finish({ stopReason: "error", usage: tokenUsage({}), failure });
      },
      async *pull() {
        yield { status: said, completedBytes: 0, totalBytes: null };
        throw new Error(said);
      },
    };
  };

const started = (said: string) =>
  confidential(
    { config: {}, clock: createManualClock(), fetch: async () => new Response("ok"), secret: async () => undefined },
    echoing(said),
  );

test("what a request carried in confidence is in nothing that is said, in whatever form", async () => {
  for (const form of FORMS) {
    const told = started(`the key ${form} is not accepted`);
    const stream = told.stream({ model: "a/b", system: [], messages: [], tools: [] }, io);
    const first = await stream.next();
    expect(first.value).toMatchObject({ type: "text", delta: expect.stringContaining(form) });
    const { value: answer } = await stream.next();
    const pull = told.pull!({ model: "a/b" }, io);
    const words = [
      answer && "failure" in answer ? answer.failure?.message : undefined,
      answer && "message" in answer ? answer.message.errorMessage : undefined,
      (await told.endpoints({}, io)).endpoints[0]?.detail,
      (await told.probe!({ endpoint: "a" }, io)).failure?.message,
      (await told.embed!({ model: "a/b", input: [] }, io)).failure?.message,
      await told.models({}, io).then(
        () => undefined,
        (error: Error) => error.message,
      ),
      ((await pull.next()).value as { readonly status: string }).status,
      await pull.next().then(
        () => undefined,
        (error: Error) => error.message,
      ),
    ];
    for (const said of words) expect([form, said, leaks(said ?? "")]).toEqual([form, expect.stringContaining("the key "), false]);
  }
});

test("a key that a long message was cut in is not shown by its beginning; passwords and keys of addresses are not either", async () => {
  const said = `${"x".repeat(485)} ${KEY}`;
  const whole = started(`${said} and p@ss-of-address and query-key-123`);
  await whole.models({}, io).catch(() => undefined); // silent-ok: it fails as it was told to
  const message = (await whole.probe!({ endpoint: "a" }, io)).failure?.message ?? "";
  expect(message).toContain("x".repeat(485));
  expect(message).not.toContain(KEY.slice(0, 12));
  const detail = (await whole.endpoints({}, io)).endpoints[0]?.detail ?? "";
  expect(detail).not.toMatch(/p@ss-of-address|query-key-123/);
});

test("words that somebody wrote where no key is needed stay words", async () => {
  const plain = confidential(
    { config: {}, clock: createManualClock(), fetch: async () => new Response("ok"), secret: async () => undefined },
    (ctx) => ({
      ...echoing("fetch ollama/qwen3 with: pincer models pull ollama/qwen3")(ctx),
      models: () => ctx.fetch("http://127.0.0.1:1/", { headers: { authorization: "Bearer ollama" } }).then(() => ({ models: [] })),
    }),
  );
  await plain.models({}, io);
  expect((await plain.endpoints({}, io)).endpoints[0]?.detail).toBe("fetch ollama/qwen3 with: pincer models pull ollama/qwen3");
});
