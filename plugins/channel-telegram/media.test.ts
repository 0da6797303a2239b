/** Files in and out. */
import { expect, test } from "bun:test";
import { channel } from "@pincer/plugin-sdk/contracts/channel";
import { inEveryMode } from "@pincer/plugin-sdk/testing/every-mode";
import { bad, tooMany } from "../../tests/channels/fakes/telegram/refusal.ts";
import { ada, group, quick, startHouse } from "../../tests/channels/telegram-house.ts";
import { pngOf } from "../../tests/support/pictures.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const png = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==", "base64");
const address = { channel: "telegram", account: "default", conversation: String(ada.id) };

async function start(options: Parameters<typeof startHouse>[0] = {}) {
  const house = await startHouse(options);
  house.telegram.chat({ id: ada.id, type: "private", first_name: "Ada" });
  const telegram = house.kit.uses(channel);
  const send = (more: object) =>
    telegram.send({ address, text: "", idempotencyKey: crypto.randomUUID(), ...more }, { signal: house.kit.signal });
  return { ...house, send, [Symbol.asyncDispose]: () => house[Symbol.asyncDispose]() };
}

const attached = (mimeType: string, content: Uint8Array, fileName?: string) => ({
  kind: "document",
  mimeType,
  data: Buffer.from(content).toString("base64"),
  ...(fileName !== undefined && { fileName }),
});

inEveryMode("files that people send", (mode, test) => {
  if (mode === "loopback") return;

  test("a photo reaches the model in its largest size, with its caption", async () => {
    await using house = await startHouse({ mode });
    const small = {
      file_id: house.telegram.file(bytes("small"), "photos/1.jpg"),
      width: 90,
      height: 60,
      file_unique_id: "a",
      file_size: 5,
    };
    const large = {
      file_id: house.telegram.file(png, "photos/2.jpg"),
      width: 1280,
      height: 800,
      file_unique_id: "b",
      file_size: png.length,
    };
    house.telegram.write(ada, { photo: [small, large], caption: "what is this?" });
    expect(await house.heard(0)).toContain("what is this?");
    const { request } = await house.kit.model.modelCall(0);
    expect(JSON.stringify(request.messages)).toContain(png.toString("base64"));
  });
});

test("a voice message, a document and a video come with their kind and name", async () => {
  await using house = await startHouse();
  const file = (path: string, content = path) => ({
    file_id: house.telegram.file(bytes(content), path),
    file_unique_id: "u",
    file_size: content.length,
  });
  house.telegram.write(ada, {
    document: { ...file("documents/a.txt", "the text of the file"), mime_type: "text/plain", file_name: "notes.txt" },
  });
  expect(await house.heard(0)).toContain("notes.txt");
  await house.telegram.message(0);
  house.telegram.write(ada, { voice: { ...file("voice/1.oga"), mime_type: "audio/ogg", duration: 3 } });
  await house.kit.model.modelCall(1);
  await house.telegram.message(1);
  house.telegram.write(ada, { video_note: { ...file("video/1.mp4"), length: 240, duration: 3 } });
  await house.kit.model.modelCall(2);
});

test("photos that were sent together are one message", async () => {
  await using house = await startHouse();
  await house.until("connected");
  const photos = await Promise.all([1, 2, 3].map(pngOf));
  // Telegram hands them out together, so they are there before it is asked.
  await house.kit.call("channels.stop", { channel: "telegram" });
  for (const [index, photo] of photos.entries()) {
    const size = { file_id: house.telegram.file(photo, `${index}.png`), width: 9, height: 9, file_unique_id: `${index}` };
    house.telegram.write(ada, { photo: [size], media_group_id: "9", ...(index === 0 && { caption: "my trip" }) });
  }
  await house.kit.call("channels.start", { channel: "telegram" });
  const { request } = await house.kit.model.modelCall(0);
  const content = JSON.stringify(request.messages);
  expect(content).toContain("my trip");
  for (const photo of photos) expect(content).toContain(photo.toString("base64"));
  await house.telegram.message(0);
  expect(house.kit.model.models).toHaveLength(1);
});

test("nobody has files fetched whom nobody lets in", async () => {
  await using house = await startHouse({ config: { direct: "allowlist" } });
  const photo = () => ({ photo: [{ file_id: house.telegram.file(bytes("x"), "photos/x.jpg"), width: 9, height: 9, file_unique_id: "x" }] });
  house.telegram.write({ id: 666 }, photo());
  house.telegram.write(ada, photo(), group.id);
  house.telegram.write(ada, { text: "hello" });
  await house.telegram.message(0);
  expect(house.telegram.calls.filter(({ method }) => method === "getFile")).toEqual([]);
});

test("what is too large, or cannot be fetched, is said in the text, and the message arrives", async () => {
  await using house = await startHouse({ config: { mediaBytes: 1000 } });
  const sent = (size: number | undefined, content: Uint8Array, path: string) => ({
    document: {
      file_id: house.telegram.file(content, path, size ?? content.length),
      file_unique_id: "u",
      file_name: path,
      ...(size && { file_size: size }),
    },
  });
  house.telegram.write(ada, { ...sent(34_000_000, bytes("x"), "film.mkv"), caption: "watch" });
  expect(await house.heard(0)).toContain("watch\n[document film.mkv (34.0 MB): not fetched, larger than 1 kB]");
  await house.telegram.message(0);
  // Telegram does not say how large it is, and there is more than there may be.
  house.telegram.write(ada, sent(undefined, new Uint8Array(5000), "more.bin"));
  expect(await house.heard(1)).toContain("[document more.bin: not fetched, larger than 1 kB]");
  await house.telegram.message(1);
  house.telegram.refuse("getFile", bad("wrong file_id or the file is temporarily unavailable"));
  house.telegram.write(ada, sent(undefined, bytes("x"), "lost.bin"));
  expect(await house.heard(2)).toContain("[document lost.bin: not fetched: Telegram says: Bad Request: wrong file_id");
  await house.telegram.message(2);
  house.telegram.write(ada, sent(undefined, bytes("x"), "/var/lib/telegram/local.bin"));
  expect(await house.heard(3)).toContain("on its own disk");
  await house.telegram.message(3);
  house.telegram.write(ada, {
    document: { ...sent(undefined, bytes("x"), "odd.bin").document, file_id: house.telegram.file(bytes("no gzip"), "odd.gz", 7, "gzip") },
  });
  const said = await house.heard(4);
  expect(said).toContain("[document odd.bin: not fetched: ");
  // The address has the bot's token in it.
  expect(said).not.toContain("/bot");
});

test("each kind of file is sent as what Telegram shows it as", async () => {
  await using it = await start();
  for (const [mimeType, content, method] of [
    ["image/png", png, "sendPhoto"],
    ["image/gif", bytes("GIF89a"), "sendAnimation"],
    ["audio/ogg", bytes("OggS"), "sendVoice"],
    ["audio/mpeg", bytes("ID3"), "sendAudio"],
    ["video/mp4", bytes("ftyp"), "sendVideo"],
    ["application/pdf", bytes("%PDF"), "sendDocument"],
  ] as const) {
    await it.send({ text: "<b>see</b>", plain: "see", attachments: [attached(mimeType, content)] });
    const last = it.telegram.world.sent.at(-1)!;
    expect(last).toMatchObject({ method, text: "see", entities: [{ type: "bold" }] });
    expect(Buffer.from(last.file!.bytes).equals(Buffer.from(content))).toBe(true);
  }
  expect(it.telegram.world.sent.at(-1)?.file?.name).toBe("document.pdf");
});

test("a picture that Telegram does not take as one goes as a file; a name cannot break out of its place", async () => {
  await using it = await start();
  await it.send({ attachments: [attached("image/png", bytes("not a picture"), 'a"; name="x\r\n.png')] });
  const [sent] = it.telegram.world.sent;
  expect(sent).toMatchObject({ method: "sendDocument" });
  expect(sent?.file?.name).toMatch(/^a__ name=_x__\.png$/);
});

test("the text beside a file is edited as such", async () => {
  await using it = await start();
  const { messageId } = await it.send({ text: "one", attachments: [attached("image/png", png)] });
  await it.kit.uses(channel).edit!({ address, messageId, text: "<i>two</i>", plain: "two" }, { signal: it.kit.signal });
  expect(it.telegram.world.sent[0]).toMatchObject({ text: "two", earlier: ["one"] });
});

test("a text too long for a caption goes first, and is not sent again when a file behind it has to wait", async () => {
  await using it = await start({ settings: quick });
  it.telegram.refuse("sendDocument", tooMany(1), tooMany(1));
  const request = {
    text: "x".repeat(2000),
    idempotencyKey: "one",
    attachments: [attached("application/pdf", bytes("a")), attached("application/pdf", bytes("b"))],
  };
  const outcomes: string[] = [];
  let messageId: string | undefined;
  while (messageId === undefined) {
    await it.send(request).then(
      (sent) => {
        messageId = sent.messageId;
      },
      (error) => outcomes.push(error.code),
    );
  }
  expect(outcomes).toEqual(["CHANNEL_RATE_LIMITED", "CHANNEL_RATE_LIMITED"]);
  expect(
    it.telegram.world.sent.map(({ method, text, file }) => [method, text.length, file && new TextDecoder().decode(file.bytes)]),
  ).toEqual([
    ["sendMessage", 2000, undefined],
    ["sendDocument", 0, "a"],
    ["sendDocument", 0, "b"],
  ]);
  expect(messageId).toBe(String(it.telegram.world.sent[0]?.id));
});
