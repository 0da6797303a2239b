/** Attachments on their way through a turn. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { testIn } from "@pincer/plugin-sdk/testing/every-mode";
import { type StartPluginOptions, startPlugin } from "@pincer/plugin-sdk/testing/plugin";
import { says } from "@pincer/plugin-sdk/testing/script";
import { talkOver } from "@pincer/plugin-sdk/testing/talk";
import { zipped } from "../../tests/support/archives.ts";
import { serveTranscriptions } from "../../tests/vendors/transcriptions.ts";

const MAIN = "agent:main:main";

async function start(options: StartPluginOptions = {}) {
  const kit = await startPlugin(import.meta.dir, options);
  const client = await kit.connect();
  await client.call("sessions.subscribe", {});
  const talk = talkOver(client, MAIN);
  /** What the model was asked with, as text. */
  const asked = async (call: number) => JSON.stringify((await kit.model.modelCall(call)).request.messages.at(-1));
  return { kit, client, talk, asked, [Symbol.asyncDispose]: () => kit[Symbol.asyncDispose]() };
}

const attached = (content: Uint8Array | string, fileName: string) => ({
  fileName,
  mimeType: "application/octet-stream",
  content: Buffer.from(content as string).toString("base64"),
});
const letter = zipped({
  "word/document.xml": "<w:document><w:body><w:p><w:r><w:t>the rent is due</w:t></w:r></w:p></w:body></w:document>",
});

test("the model reads the text of a document, the history keeps it, and what cannot be read is said to both", async () => {
  await using house = await start();
  house.kit.model.answer(says("Pay it."), says("As I said."));
  const attachments = [attached(letter, "letter.docx"), attached(zipped({ "a.exe": "x" }), "all.zip")];
  const reply = await house.talk.ask("what is this?", { attachments });
  const note = "all.zip (application/zip, 111 bytes) could not be read: archives are not unpacked here.";
  expect(await house.asked(0)).toContain("the rent is due");
  expect(await house.asked(0)).toContain(note);
  expect(reply.text).toBe(`Pay it.\n\n${note}`);
  expect(JSON.stringify(await house.talk.history())).toContain("the rent is due");
  await house.talk.ask("and now?");
  expect(JSON.stringify((await house.kit.model.modelCall(1)).request.messages)).toContain("the rent is due");
});

test("a recording is heard by the transcriber, and its text is what the model reads", async () => {
  await using server = serveTranscriptions({ text: "buy milk" });
  await using house = await start({
    enable: ["transcriber-openai"],
    folders: [join(import.meta.dir, "..")],
    settings: { plugins: { "transcriber-openai": { config: { baseUrl: server.baseUrl } } } },
    config: { language: "en" },
  });
  await house.talk.ask("", { attachments: [attached("OggS\0\x02 OpusHead", "voice.ogg")] });
  expect(await house.asked(0)).toContain("recording, as it was heard\\n\\nbuy milk");
  expect(server.heard[0]?.fields).toMatchObject({ language: "en" });
});

testIn("process")("a reader that ends over somebody else's file is asked once more", async () => {
  await using house = await start({ mode: "process" });
  let text = "";
  await house.kit.crash(async () => {
    ({ text } = await house.talk.ask("what is this?", { attachments: [attached(letter, "letter.docx")] }));
    throw new Error("answered");
  });
  expect(text).not.toBe("");
  expect(await house.asked(0)).toContain("the rent is due");
});
