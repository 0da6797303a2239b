import { expect, test } from "bun:test";
import { transcriber } from "@pincer/plugin-sdk/contracts/transcriber";
import { inEveryMode } from "@pincer/plugin-sdk/testing/every-mode";
import { type StartPluginOptions, startPlugin } from "@pincer/plugin-sdk/testing/plugin";
import { refusal, serveTranscriptions } from "../../tests/vendors/transcriptions.ts";

const ogg = new TextEncoder().encode("OggS\0\x02 OpusHead");

async function start(options: StartPluginOptions) {
  const kit = await startPlugin(import.meta.dir, options);
  const hear = (more: object = {}, signal = kit.signal) =>
    kit.uses(transcriber).transcribe({ data: ogg, mimeType: "audio/ogg", ...more }, { signal });
  return { kit, hear, [Symbol.asyncDispose]: () => kit[Symbol.asyncDispose]() };
}

inEveryMode("a recording", (mode, test) => {
  test("is sent as a file that the server knows, and comes back as text", async () => {
    await using server = serveTranscriptions({ key: "key-1", text: "guten Tag" });
    await using plugin = await start({ mode, config: { baseUrl: `${server.baseUrl}/`, key: "key-1", model: "whisper-1" } });
    expect(await plugin.hear({ language: "de" })).toEqual({ text: "guten Tag", usage: { seconds: 2 } });
    const [heard] = server.heard;
    expect(heard).toMatchObject({ fileName: "recording.ogg", mimeType: "audio/ogg" });
    expect(heard?.fields).toEqual({ model: "whisper-1", response_format: "json", language: "de" });
    expect(heard?.bytes).toEqual(ogg);
  });
});

test("what the server refuses is told in its words, without the key", async () => {
  await using server = serveTranscriptions({ key: "right" });
  await using plugin = await start({ config: { baseUrl: server.baseUrl, key: "wrong-key-of-mine" } });
  const { text, failure } = await plugin.hear();
  expect(text).toBe("");
  expect(failure).toContain("Incorrect API key provided");
  expect(failure).not.toContain("wrong-key-of-mine");
});

test("nor are what the configuration adds to a request, and a password in the address, told", async () => {
  await using server = serveTranscriptions();
  const baseUrl = server.baseUrl.replace("//", "//ada:hunter22@");
  await using plugin = await start({ config: { baseUrl, headers: { "x-token": "of-the-proxy" } } });
  server.answer(
    () => refusal(403, "no such client: of-the-proxy"),
    () => Response.json({}),
  );
  expect((await plugin.hear()).failure).toBe("no such client: …");
  const { failure } = await plugin.hear();
  expect(failure).toContain("answered without a text");
  expect(failure).not.toContain("hunter22");
});

test("answers that are none are failures: errors, other JSON, pages, too much, and nobody there", async () => {
  await using server = serveTranscriptions();
  await using plugin = await start({ config: { baseUrl: server.baseUrl, answerBytes: 2_000 } });
  server.answer(
    () => refusal(400, "Invalid file format. Supported formats: ['ogg']"),
    () => refusal(429, "You exceeded your current quota", "insufficient_quota"),
    () => Response.json({ words: [] }),
    () => new Response("<html>proxy</html>", { headers: { "content-type": "text/html" } }),
    () => Response.json({ text: "x".repeat(5_000) }),
  );
  const failures: string[] = [];
  for (let time = 0; time < 5; time++) failures.push((await plugin.hear()).failure ?? "none");
  expect(failures[0]).toContain("Invalid file format");
  expect(failures[1]).toContain("quota");
  expect(failures[2]).toContain("answered without a text");
  expect(failures.slice(3)).not.toContain("none");
  await server[Symbol.asyncDispose]();
  expect((await plugin.hear()).failure).toContain(new URL(server.baseUrl).host);
});

test("what is not taken is not sent: other kinds, too large, and to OpenAI without a key", async () => {
  await using server = serveTranscriptions();
  await using plugin = await start({ config: { baseUrl: server.baseUrl, fileBytes: 10 } });
  expect((await plugin.hear()).failure).toBe("it has 15 bytes, and at most 10 are taken");
  expect((await plugin.hear({ mimeType: "audio/amr" })).failure).toContain("audio/amr");
  expect(server.heard).toHaveLength(0);
  await using vendor = await start({});
  expect((await vendor.hear()).failure).toContain("OPENAI_API_KEY");
});

test("the key for OpenAI is sent to no other server", async () => {
  await using server = serveTranscriptions();
  await using plugin = await start({ secrets: { OPENAI_API_KEY: "sk-for-openai-alone" }, config: { baseUrl: server.baseUrl } });
  expect(await plugin.hear()).toMatchObject({ text: "hello there" });
  expect(server.heard[0]?.authorization).toBeNull();
});

test("whoever stops waiting ends the request", async () => {
  await using server = serveTranscriptions();
  await using plugin = await start({ config: { baseUrl: server.baseUrl } });
  const asked = Promise.withResolvers<void>();
  server.answer(() => {
    asked.resolve();
    return new Promise<Response>(() => {});
  });
  const stop = new AbortController();
  const hearing = plugin.hear({}, stop.signal);
  await asked.promise;
  stop.abort(new Error("enough"));
  await expect(hearing).rejects.toThrow("enough");
});
