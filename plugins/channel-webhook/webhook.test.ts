/** A program that posts to the gateway and is answered, by post and while it waits. */
import { expect, test } from "bun:test";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { inEveryMode } from "@pincer/plugin-sdk/testing/every-mode";
import { type PluginKit, type StartPluginOptions, startPlugin } from "@pincer/plugin-sdk/testing/plugin";
import { says } from "@pincer/plugin-sdk/testing/script";
import { type Program, SECRET, signedEvent, startProgram } from "../../tests/channels/fakes/webhook/program.ts";

const PATH = "/plugins/channel-webhook/default";
const quick = { channels: { defaults: { retryFirstMs: 1, reconnectFirstMs: 1, reconnectLongestMs: 20 } } };
const hello = { id: "e1", from: "ada", text: "hello" };

interface House extends AsyncDisposable {
  readonly program: Program;
  readonly kit: PluginKit;
  post(event: unknown, path?: string, secret?: string): Promise<{ readonly status: number; readonly body: Record<string, unknown> }>;
  account(name?: string): Promise<Readonly<Record<string, unknown>>>;
  until(holds: (account: Readonly<Record<string, unknown>>) => boolean, name?: string): Promise<Readonly<Record<string, unknown>>>;
}

async function start({ config, ...options }: StartPluginOptions = {}): Promise<House> {
  await using opened = new AsyncDisposableStack();
  const now = () => options.clock?.now() ?? Date.now();
  const program = opened.use(startProgram({ now }));
  const kit = opened.use(
    await startPlugin(import.meta.dir, {
      settings: quick,
      secrets: { WEBHOOK_SECRET: SECRET },
      ...options,
      config: { url: `${program.url}/answers`, private: true, allowFrom: ["ada"], groups: { "*": {} }, ...config },
    }),
  );
  kit.model.otherwise(says("fine"));
  const account: House["account"] = async (name = "default") => {
    const { channelAccounts } = await kit.call<{ channelAccounts: Record<string, { accountId: string }[]> }>("channels.status", {});
    return { ...channelAccounts["webhook"]?.find(({ accountId }) => accountId === name) };
  };
  const lifetime = opened.move();
  return {
    ...{ program, kit, account },
    async post(event, path = PATH, secret = SECRET) {
      const response = await kit.request(path, signedEvent(event, { secret, now }));
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    },
    async until(holds, name) {
      for (;;) {
        const seen = await account(name);
        if (holds(seen)) return seen;
        // Each look is a round over the socket, so that whatever is under way has its turn.
      }
    },
    [Symbol.asyncDispose]: () => lifetime.disposeAsync(),
  };
}

const code = ({ body }: { readonly body: Record<string, unknown> }) => (body["error"] as { code: string } | undefined)?.code;

inEveryMode("a webhook", (mode, test) => {
  if (mode === "loopback") return;
  test("answers who waits in the response, and posts to who does not", async () => {
    await using house = await start({ mode });
    await house.until(({ connected }) => connected === true);
    const waited = await house.post(hello, `${PATH}?wait=30`);
    expect(waited).toMatchObject({ status: 200, body: { status: "answered", text: "fine", runId: expect.any(String) } });
    expect(house.program.received).toEqual([]);
    expect(await house.post({ ...hello, id: "e2" })).toMatchObject({
      status: 202,
      body: { status: "accepted", runId: expect.any(String) },
    });
    expect(await house.program.answer(0)).toMatchObject({ conversation: "ada", text: "fine", replyTo: "e2" });
  });
});

test("an answer that does not come in time is posted when it comes, and the run can be asked for", async () => {
  const clock = createManualClock();
  await using house = await start({ clock });
  const gate = Promise.withResolvers<void>();
  house.kit.model.answer(async function* () {
    await gate.promise;
    yield { text: "at last" };
  });
  const waiting = house.post(hello, `${PATH}?wait=5`);
  await house.kit.model.modelCall(0);
  await clock.advance(5_000);
  const { status, body } = await waiting;
  expect([status, body["status"]]).toEqual([202, "accepted"]);
  gate.resolve();
  expect(await house.program.answer(0)).toMatchObject({ text: "at last", replyTo: "e1" });
  expect(await house.kit.call<object>("agent.wait", { runId: body["runId"], timeoutMs: 60_000 })).toMatchObject({ status: "ok" });
});

test("each of several callers who wait is given its own answer", async () => {
  await using house = await start();
  house.kit.model.answer(says("one"), says("two"), says("three"));
  const answers = await Promise.all(["a", "b", "c"].map((id) => house.post({ ...hello, id }, `${PATH}?wait=30`)));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  expect(answers.map(({ body }) => body["text"]).sort()).toEqual(["one", "three", "two"]);
});

test("who has gone before the answer came is posted it", async () => {
  await using house = await start();
  const gate = Promise.withResolvers<void>();
  house.kit.model.answer(async function* () {
    await gate.promise;
    yield { text: "hello?" };
  });
  const gone = new AbortController();
  const request = house.kit.request(`${PATH}?wait=300`, { ...signedEvent(hello), signal: gone.signal }).catch((error: Error) => error.name);
  await house.kit.model.modelCall(0);
  gone.abort();
  expect(await request).toBe("AbortError");
  // The gateway has seen that the caller left once it has answered somebody else over a new connection.
  await house.kit.call("health");
  gate.resolve();
  expect(await house.program.answer(0)).toMatchObject({ text: "hello?" });
});

test("without an address, an answer that nobody waits for is told as undelivered, with what to do", async () => {
  await using house = await start({ config: { url: undefined } });
  expect((await house.post(hello)).status).toBe(202);
  const { lastUndelivered } = await house.until((account) => account["lastUndelivered"] !== null);
  expect(lastUndelivered).toMatchObject({ state: "failed", conversation: "ada", detail: expect.stringContaining("channels.webhook.url") });
});

test("who cannot sign is not heard, and is told what was expected", async () => {
  const clock = createManualClock();
  await using house = await start({ clock });
  const right = signedEvent(hello, { now: clock.now });
  const post = async (init: RequestInit) => {
    const response = await house.kit.request(PATH, init);
    return [response.status, code({ body: (await response.json()) as Record<string, unknown> })];
  };
  const denied = [401, "WEBHOOK_SIGNATURE"];
  expect(await post(signedEvent(hello, { now: clock.now, secret: "another-secret-of-somebody" }))).toEqual(denied);
  expect(await post({ method: "POST", body: JSON.stringify(hello) })).toEqual(denied);
  expect(await post({ ...right, body: JSON.stringify({ ...hello, text: "changed on the way" }) })).toEqual(denied);
  expect(await post({ ...right, headers: { ...right.headers, "pincer-timestamp": String(Math.floor(clock.now() / 1000) + 1) } })).toEqual(
    denied,
  );
  expect(await post(signedEvent(hello, { now: () => clock.now() - 301_000 }))).toEqual(denied);
  expect(await post(signedEvent(hello, { now: () => clock.now() + 302_000 }))).toEqual(denied);
  expect(house.kit.model.models).toHaveLength(0);
  expect(JSON.stringify(await house.kit.logged("webhook.distrusted"))).not.toContain(SECRET);
  expect(await post(right)).toEqual([202, undefined]);
});

test("what is brought twice is taken once, also when it is signed anew", async () => {
  await using house = await start();
  const request = signedEvent(hello);
  const statuses = [];
  for (const again of [request, request, signedEvent(hello)])
    statuses.push(((await (await house.kit.request(PATH, again)).json()) as { status: string }).status);
  expect(statuses).toEqual(["accepted", "duplicate", "duplicate"]);
  await house.program.answer(0);
  expect(house.kit.model.models).toHaveLength(1);
});

test("what is no event is refused with what was expected and what came", async () => {
  await using house = await start();
  for (const [event, words] of [
    ["{", "expected an object of JSON"],
    ["null", "the body: "],
    [{ id: "1", from: "ada" }, "/text"],
    [{ ...hello, text: 7 }, "/text: Expected string; came 7"],
    [{ ...hello, admin: true }, "/admin"],
    [{ ...hello, attachments: [{ data: "" }] }, "/attachments/0/mimeType"],
  ] as const) {
    const { status, body } = await house.post(event);
    expect([status, (body["error"] as { message: string }).message]).toEqual([400, expect.stringContaining(words)]);
  }
  expect(code(await house.post(hello, `${PATH}?wait=forever`))).toBe("WEBHOOK_WAIT");
  expect(code(await house.post(hello, `${PATH}?wait=301`))).toBe("WEBHOOK_WAIT");
  expect(code(await house.post(hello, "/plugins/channel-webhook/nobody"))).toBe("WEBHOOK_ACCOUNT");
  expect((await house.kit.request(PATH)).status).toBe(405);
  await house.kit.call("channels.stop", { channel: "webhook" });
  expect(await house.post(hello)).toMatchObject({ status: 503 });
  expect(house.kit.model.models).toHaveLength(0);
});

test("a sender who is not let in is told so, whoever signed it", async () => {
  await using house = await start({ config: { direct: "allowlist" } });
  expect(code(await house.post({ ...hello, from: "mallory" }, `${PATH}?wait=30`))).toBe("WEBHOOK_SENDER");
  expect(house.kit.model.models).toHaveLength(0);
});

test("files come as they are, and what is too large or no base64 is named in the text", async () => {
  await using house = await start({ config: { mediaBytes: 10 } });
  const file = (fileName: string, data: string) => ({ mimeType: "text/plain", fileName, data });
  const attachments = [file("a.txt", btoa("12345678")), file("b.txt", btoa("1234")), file("c.txt", "!")];
  await house.post({ ...hello, attachments }, `${PATH}?wait=30`);
  const heard = JSON.stringify((await house.kit.model.modelCall(0)).request.messages);
  expect(heard).toContain("[file b.txt (1 kB): not fetched, larger than 1 kB]");
  expect(heard).toContain("[file c.txt: its data is no base64]");
  expect(heard).toContain("a.txt");
});

test("what nobody sees is not read", async () => {
  await using house = await start();
  await house.post({ ...hello, text: `hel\u{200b}lo${String.fromCodePoint(0xe0041)}` }, `${PATH}?wait=30`);
  expect(JSON.stringify((await house.kit.model.modelCall(0)).request.messages)).toContain("hello\\n</message>");
});

test("two accounts have their own secret, people and address", async () => {
  const other = "fedcba9876543210fedcba9876543210";
  await using office = startProgram({ secret: other });
  await using house = await start({
    secrets: { WEBHOOK_SECRET_HOME: SECRET, OFFICE_HOOK: other },
    config: { accounts: { home: {}, office: { secret: { secret: "OFFICE_HOOK" }, url: office.url, allowFrom: ["grace"] } } },
  });
  for (const name of ["home", "office"]) await house.until(({ connected }) => connected === true, name);
  const at = (name: string) => `/plugins/channel-webhook/${name}`;
  expect(code(await house.post(hello, at("office")))).toBe("WEBHOOK_SIGNATURE");
  expect(code(await house.post(hello, at("default")))).toBe("WEBHOOK_ACCOUNT");
  expect((await house.post({ ...hello, from: "grace" }, at("office"), other)).status).toBe(202);
  expect(await office.answer(0)).toMatchObject({ account: "office", conversation: "grace", text: "fine" });
  expect((await house.post(hello, at("home"))).status).toBe(202);
  expect(await house.program.answer(0)).toMatchObject({ account: "home", conversation: "ada" });
});

test("without a secret, or with one that is guessed, it says what to type, and takes the right one up by itself", async () => {
  const clock = createManualClock();
  await using house = await start({ clock, secrets: {} });
  const { lastError } = await house.until(({ healthState }) => healthState === "login-required");
  expect(lastError).toContain("pincer secrets set WEBHOOK_SECRET");
  expect(lastError).toContain("openssl rand");
  const set = (value: string) => house.kit.call("secrets.store.set", { name: "WEBHOOK_SECRET", value, kind: "secret" });
  await set("short");
  await house.until(({ lastError: now }) => String(now).includes("5 characters"));
  await set(SECRET);
  for (;;) {
    await clock.advance(5_000);
    if ((await house.account())["connected"] === true) break;
  }
  expect((await house.post(hello)).status).toBe(202);
});
