/** Recordings cost money before a model has read a word of them. */
import { expect, test } from "bun:test";
import { textOf } from "@pincer/plugin-sdk/testing/talk";
import { type Limits, startSpending } from "../../tests/fixtures/budgets.ts";
import { serveTranscriptions } from "../../tests/vendors/transcriptions.ts";

const MAIN = "agent:main:main";
const REF = "transcriber-openai/gpt-4o-mini-transcribe";

/** A WAV file of that many seconds of silence. */
function silence(seconds: number): Uint8Array {
  const rate = 8_000;
  const bytes = Buffer.alloc(44 + seconds * rate);
  bytes.write("RIFF", 0);
  bytes.writeUInt32LE(bytes.length - 8, 4);
  bytes.write("WAVEfmt ", 8);
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(1, 20);
  bytes.writeUInt16LE(1, 22);
  bytes.writeUInt32LE(rate, 24);
  bytes.writeUInt32LE(rate, 28);
  bytes.writeUInt16LE(1, 32);
  bytes.writeUInt16LE(8, 34);
  bytes.write("data", 36);
  bytes.writeUInt32LE(seconds * rate, 40);
  return bytes;
}

interface Options {
  readonly limits?: Limits;
  readonly price?: object | undefined;
  readonly budgets?: Record<string, unknown>;
}

async function start({ limits = {}, price, budgets = {} }: Options = {}) {
  const server = serveTranscriptions({ text: "buy milk" });
  const talk = await startSpending({
    limits,
    budgets,
    enable: ["media", "transcriber-openai"],
    config: {
      models: { default: "scripted/one", ...(price === undefined ? {} : { transcriptionPrices: { [REF]: price } }) },
      plugins: { "transcriber-openai": { enabled: true, config: { baseUrl: server.baseUrl } } },
    },
  });
  const attached = (seconds: number) => ({
    attachments: [{ fileName: "voice.wav", mimeType: "audio/wav", content: Buffer.from(silence(seconds)).toString("base64") }],
  });
  return {
    ...talk,
    server,
    speak: (seconds: number) => talk.ask("listen", attached(seconds)),
    begin: (seconds: number) => talk.say("listen", attached(seconds)),
    [Symbol.asyncDispose]: async () => {
      await talk[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}
const asked = (talk: Awaited<ReturnType<typeof start>>, call: number) => JSON.stringify(talk.script.models[call]?.request.messages.at(-1));

test("a recording that is counted by its length costs so much a minute, and is its sender's, its agent's and its session's", async () => {
  await using talk = await start({ price: { minute: 0.6 }, limits: { daily: { per: "day", usd: 5 } } });
  talk.server.answer(() => Response.json({ text: "buy milk", usage: { type: "duration", seconds: 30 } }));
  await talk.speak(20);
  expect(asked(talk, 0)).toContain("buy milk");
  // Three tenths of a dollar, and the call of the model that read it.
  expect((await talk.show(MAIN)).session).toMatchObject({ usd: 0.301, calls: 2 });
  expect((await talk.show()).limits).toMatchObject([{ usd: { used: 0.301, held: 0 } }]);
  const cost = await talk.client.call<Record<string, unknown[]>>("usage.cost", { sessionKey: MAIN });
  expect(JSON.stringify(cost)).toContain(REF);
  const all = await talk.client.call<Record<"agents" | "users", { totalCost: number }[]>>("usage.cost", {});
  expect(all.agents).toMatchObject([{ agentId: "main", calls: 2 }]);
  expect(all.users).toMatchObject([{ user: "shared", calls: 2 }]);
  expect(all.users[0]?.totalCost).toBeCloseTo(0.301);
});

test("one that is counted by tokens costs what they do", async () => {
  await using talk = await start({ price: { input: 1_000, output: 2_000 } });
  talk.server.answer(() =>
    Response.json({ text: "buy milk", usage: { type: "tokens", input_tokens: 200, output_tokens: 50, total_tokens: 250 } }),
  );
  await talk.speak(20);
  expect((await talk.show(MAIN)).session).toMatchObject({ usd: 0.301, calls: 2, unpricedTokens: 0 });
});

test("a recording that a limit does not cover is sent to nobody, and whoever spoke is told why", async () => {
  await using talk = await start({ price: { minute: 0.6 }, limits: { daily: { per: "day", usd: 0.31 } } });
  talk.server.answer(() => Response.json({ text: "buy milk", usage: { type: "duration", seconds: 30 } }));
  await talk.speak(20);
  const reply = await talk.speak(20);
  expect(textOf(reply["message"])).toMatch(
    /voice\.wav \(audio\/wav, 160 kB\) could not be read: it could not be heard: The budget "daily" does not cover this call, which is expected to use about \$0\.20\d\d: \$0\.3010 of \$0\.3100 is used today\./,
  );
  expect(talk.server.heard).toHaveLength(1);
  expect((await talk.show()).limits).toMatchObject([{ usd: { used: 0.302, held: 0 } }]);
});

test("a limit of the model alone holds, and so does one of tokens", async () => {
  await using talk = await start({
    price: { minute: 0 },
    limits: { hearing: { per: "day", tokens: 250, model: "transcriber-openai/*" } },
  });
  talk.server.answer(() => Response.json({ text: "one", usage: { type: "duration", seconds: 10 } }));
  await talk.speak(10);
  expect((await talk.show()).limits).toMatchObject([{ tokens: { used: 100, held: 0 } }]);
  const reply = await talk.speak(20);
  expect(textOf(reply["message"])).toContain('The budget "hearing" does not cover this call');
  expect(talk.server.heard).toHaveLength(1);
  expect(talk.script.models).toHaveLength(2);
});

test("a recording whose price nobody knows is refused under a limit of dollars, and the refusal says how to set the price", async () => {
  await using talk = await start({ limits: { daily: { per: "day", usd: 5 } } });
  const reply = await talk.speak(2);
  expect(textOf(reply["message"])).toContain(
    `in US dollars for a minute of a recording, 0 where it costs nothing: ` +
      `pincer config set models.transcriptionPrices.${REF} '{ minute: 0.006 }'`,
  );
  expect(talk.server.heard).toHaveLength(0);
  await talk.set(["models", "transcriptionPrices"], { [REF]: { minute: 0 } });
  await talk.speak(2);
  expect(talk.server.heard).toHaveLength(1);
});

test("what a server does not count is taken to have used what was expected, and what it refuses nothing", async () => {
  await using talk = await start({ price: { minute: 0.6 } });
  talk.server.answer(
    () => Response.json({ text: "buy milk" }),
    () => Response.json({ error: { message: "no", type: "invalid_request_error", param: null, code: null } }, { status: 400 }),
  );
  await talk.speak(20);
  expect((await talk.show(MAIN)).session?.usd).toBeCloseTo(0.201, 3);
  await talk.speak(20);
  expect((await talk.show(MAIN)).session?.usd).toBeCloseTo(0.202, 3);
});

test("a recording that nobody waits for any longer has been worked on", async () => {
  await using talk = await start({ price: { minute: 0.6 } });
  const sent = Promise.withResolvers<void>();
  talk.server.answer(() => {
    sent.resolve();
    return new Promise<Response>(() => {});
  });
  const runId = await talk.begin(20);
  await sent.promise;
  expect((await talk.show(MAIN)).session?.usd).toBe(0);
  await talk.client.call("chat.abort", { sessionKey: MAIN, runId });
  await talk.idle(runId);
  expect((await talk.show(MAIN)).session?.usd).toBeCloseTo(0.2, 3);
});

/** An Ogg file with one page, which says how many seconds of Opus are in it. */
function voice(seconds: number, bytes: number): Uint8Array {
  const file = Buffer.alloc(bytes);
  file.write("OggS", 0);
  file.writeBigInt64LE(BigInt(seconds * 48_000), 6);
  file.write("OpusHead", 28);
  return file;
}

test("a voice note is held to how long it says it is, or could be if it says too little", async () => {
  await using talk = await start({ price: { minute: 0.6 }, limits: { daily: { per: "day", usd: 0.05 } } });
  const said = async (content: Uint8Array) => {
    const attachments = [{ fileName: "voice.ogg", mimeType: "audio/ogg", content: Buffer.from(content).toString("base64") }];
    return textOf((await talk.ask("listen", { attachments }))["message"]);
  };
  expect(await said(voice(30, 1_000))).toContain("expected to use about $0.3000");
  expect(await said(voice(1, 640_000))).toContain("expected to use about $0.1000");
  expect(await said(Buffer.concat([Buffer.from("ID3\x04"), Buffer.alloc(200_000)]))).toContain("expected to use about $0.5000");
  expect(talk.server.heard).toHaveLength(0);
});
