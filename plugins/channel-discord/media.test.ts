/** Files in and out. */
import { expect, test } from "bun:test";
import { channel } from "@pincer/plugin-sdk/contracts/channel";
import { inEveryMode } from "@pincer/plugin-sdk/testing/every-mode";
import { ada, direct, general, startHouse } from "../../tests/channels/discord-house.ts";
import { tooMany } from "../../tests/channels/fakes/discord/refusal.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const png = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==", "base64");
const address = { channel: "discord", account: "default", conversation: direct };

const attached = (mimeType: string, content: Uint8Array, fileName?: string) => ({
  kind: "document",
  mimeType,
  data: Buffer.from(content).toString("base64"),
  ...(fileName !== undefined && { fileName }),
});

async function start(options: Parameters<typeof startHouse>[0] = {}) {
  const house = await startHouse(options);
  const discord = house.kit.uses(channel);
  const send = (more: object) =>
    discord.send({ address, text: "", idempotencyKey: crypto.randomUUID(), ...more }, { signal: house.kit.signal });
  return { ...house, send, [Symbol.asyncDispose]: () => house[Symbol.asyncDispose]() };
}

inEveryMode("files that people send", (mode, test) => {
  if (mode === "loopback") return;

  test("several of one message reach the model, with what was written beside them, and no token goes where they are", async () => {
    await using house = await startHouse({ mode });
    const attachments = [
      house.discord.file(png, "dot.png", "image/png"),
      house.discord.file(bytes("the text of the file"), "notes.txt", "text/plain; charset=utf-8"),
      { ...house.discord.file(bytes("OggS"), "voice-message.ogg", "audio/ogg"), duration_secs: 3, waveform: "" },
    ];
    house.discord.write(ada, direct, { content: "what is this?", attachments });
    const heard = await house.heard(0);
    for (const part of ["what is this?", "notes.txt"]) expect(heard).toContain(part);
    const { request } = await house.kit.model.modelCall(0);
    expect(JSON.stringify(request.messages)).toContain(png.toString("base64"));
    expect(house.discord.world.oddities).toEqual([]);
  });
});

test("nobody has files fetched whom nobody lets in", async () => {
  await using house = await startHouse({ config: { direct: "allowlist" } });
  house.discord.direct({ id: "100000000000000666" }, "200000000000000666");
  const lost = { ...house.discord.file(png, "dot.png", "image/png"), url: "https://cdn.discordapp.com/attachments/none" };
  house.discord.write({ id: "100000000000000666" }, "200000000000000666", { attachments: [lost] });
  house.discord.write(ada, general.id, { attachments: [lost] });
  house.discord.write(ada, direct, { content: "hello" });
  await house.discord.message(0);
  // One that cannot be found would be looked for again by its message.
  expect(house.discord.calls.filter(({ route }) => route === "GET /channels/:id/messages/:id")).toEqual([]);
});

test("an address whose signature is over is asked for anew", async () => {
  await using house = await startHouse();
  const file = house.discord.file(bytes("late but there"), "late.txt", "text/plain");
  // It is handed out with the address that it had.
  house.discord.write(ada, direct, { attachments: [{ ...file }] });
  house.discord.resign(file);
  expect(await house.heard(0)).toContain("late but there");
});

test("what is too large, cannot be fetched, or is kept elsewhere is said in the text, and the message arrives", async () => {
  await using house = await startHouse({ config: { mediaBytes: 1000 } });
  const { discord } = house;
  const large = discord.file(bytes("x"), "film.mkv", "video/x-matroska", 34_000_000);
  discord.write(ada, direct, { content: "watch", attachments: [large] });
  expect(await house.heard(0)).toContain("watch\n[video film.mkv (34.0 MB): not fetched, larger than 1 kB]");
  await discord.message(0);
  // It says that it is small, and there is more.
  discord.write(ada, direct, { attachments: [discord.file(new Uint8Array(5000), "more.bin", "application/octet-stream", 10)] });
  expect(await house.heard(1)).toContain("[document more.bin (1 kB): not fetched, larger than 1 kB]");
  await discord.message(1);
  const elsewhere = { ...discord.file(bytes("x"), "bait.txt", "text/plain"), url: "http://169.254.169.254/latest" };
  discord.write(ada, direct, { attachments: [elsewhere] });
  expect(await house.heard(2)).toContain("[document bait.txt (1 kB): not fetched: it is not kept by Discord]");
  await discord.message(2);
  const gone = { ...discord.file(bytes("x"), "gone.txt", "text/plain"), url: "https://cdn.discordapp.com/attachments/1/2/gone.txt" };
  discord.write(ada, direct, { attachments: [gone] });
  expect(await house.heard(3)).toContain("[document gone.txt (1 kB): not fetched: Discord answers with status 404]");
});

test("files go out with their names and the text beside them, ten a message, and are not sent again when a later pack has to wait", async () => {
  await using it = await start();
  const attachments = Array.from({ length: 12 }, (_, n) =>
    attached("text/plain", bytes(`${n}`), n === 0 ? 'a"; name="x\r\n.txt' : undefined),
  );
  const request = { text: "twelve", attachments, idempotencyKey: "k" };
  await it.send(request);
  expect(it.discord.world.sent.map(({ message, files }) => [message.content, files.length])).toEqual([
    ["twelve", 10],
    ["", 2],
  ]);
  expect(it.discord.world.sent[0]?.files[1]?.name).toBe("document.txt");
  expect(it.discord.world.sent[0]?.files[0]?.name).toStartWith("a");

  const outcomes: string[] = [];
  it.discord.refuse("POST /channels/:id/messages", tooMany(0.01));
  for (let isSent = false; !isSent; )
    await it.send({ ...request, idempotencyKey: "l" }).then(
      () => {
        isSent = true;
      },
      (error) => outcomes.push(error.code),
    );
  expect(outcomes).toEqual(["CHANNEL_RATE_LIMITED"]);
  expect(it.discord.world.sent).toHaveLength(4);
});

test("a file that is larger than Discord takes is refused with the reason", async () => {
  await using it = await start();
  const error = await it.send({ attachments: [attached("video/mp4", new Uint8Array(10 * 1024 * 1024 + 1))] }).catch((error) => error);
  expect(error).toMatchObject({ code: "CHANNEL_REJECTED", message: expect.stringContaining("larger than this server takes") });
});
