/** Files in and out. */
import { expect, test } from "bun:test";
import { channel } from "@pincer/plugin-sdk/contracts/channel";
import { channelActions } from "@pincer/plugin-sdk/contracts/channel-actions";
import { inEveryMode } from "@pincer/plugin-sdk/testing/every-mode";
import { Refusal, TooMany } from "../../tests/channels/fakes/slack/refusal.ts";
import { ada, dm, engines, startHouse } from "../../tests/channels/slack-house.ts";
import { dot } from "../../tests/support/pictures.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const address = { channel: "slack", account: "default", conversation: dm };

async function start(options: Parameters<typeof startHouse>[0] = {}) {
  const house = await startHouse(options);
  const slack = house.kit.uses(channel);
  const send = (more: object) =>
    slack.send({ address, text: "", idempotencyKey: crypto.randomUUID(), ...more }, { signal: house.kit.signal });
  return { ...house, send, [Symbol.asyncDispose]: () => house[Symbol.asyncDispose]() };
}

const attached = (mimeType: string, content: string, fileName?: string) => ({
  kind: "document",
  mimeType,
  data: Buffer.from(content).toString("base64"),
  ...(fileName !== undefined && { fileName }),
});

inEveryMode("files that people send", (mode, test) => {
  if (mode === "loopback") return;
  test("reach the model, with what was said to them", async () => {
    await using house = await startHouse({ mode });
    const files = [house.slack.file("a.png", dot, "image/png"), house.slack.file("notes.txt", bytes("note"), "text/plain")];
    house.slack.write(ada.id, dm, { subtype: "file_share", text: "what is this?", files });
    expect(await house.heard(0)).toContain("what is this?");
    const { request } = await house.kit.model.modelCall(0);
    expect(JSON.stringify(request.messages)).toContain(dot.toString("base64"));
    expect(await house.heard(0)).toContain("notes.txt");
  });
});

test("nobody has files fetched whom nobody lets in", async () => {
  await using house = await startHouse({ config: { direct: "allowlist" } });
  const file = () => house.slack.file("x.bin", bytes("x"), "application/x", { file_access: "check_file_info" });
  house.slack.conversation("DMALLORY");
  house.slack.write("UMALLORY", "DMALLORY", { subtype: "file_share", files: [file()] });
  house.slack.write(ada.id, engines, { subtype: "file_share", files: [file()] });
  house.slack.write(ada.id, dm, { text: "hello" });
  await house.slack.message(0);
  expect(house.slack.calls.filter(({ method }) => method === "files.info")).toEqual([]);
});

test("what is too large, gone, elsewhere or not to be seen is said in the text, and the message arrives", async () => {
  await using house = await startHouse({ config: { mediaBytes: 1000 } });
  const cases = [
    [house.slack.file("film.mkv", bytes("x"), "video/x", { size: 34_000_000 }), "[file film.mkv (34.0 MB): not fetched, larger than 1 kB]"],
    [house.slack.file("more.bin", new Uint8Array(5000), "a/b", { size: 10 }), "[file more.bin (1 kB): not fetched, larger than 1 kB]"],
    [house.slack.file("doc", bytes("x"), "a/b", { mode: "external" }), "it lies with another service"],
    [house.slack.file("old", bytes("x"), "a/b", { mode: "tombstone", url_private: null }), "it is gone"],
    [house.slack.file("gone", bytes("x"), "a/b", { url_private_download: `${house.slack.url}/files-pri/T-F999/x` }), "status 404"],
  ] as const;
  for (const [call, [file, told]] of cases.entries()) {
    house.slack.write(ada.id, dm, { subtype: "file_share", text: "see", files: [file] });
    expect(await house.heard(call)).toContain(told);
    await house.slack.message(call);
  }
  house.slack.app.scopes.delete("files:read");
  house.slack.write(ada.id, dm, { subtype: "file_share", text: "see", files: [house.slack.file("a.png", bytes("x"), "image/png")] });
  expect(await house.heard(cases.length)).toContain("add the scope files:read");
});

test("the token goes to no address but Slack's own, and the one that stands in for it", async () => {
  const shown: (string | null)[] = [];
  await using foreign = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      shown.push(request.headers.get("authorization"));
      return new Response("stolen");
    },
  });
  // The plugin may reach it, as the address of another account.
  const accounts = { default: {}, other: { enabled: false, slackApiUrl: `http://127.0.0.1:${foreign.port}/api` } };
  await using house = await startHouse({ config: { accounts } });
  const elsewhere = { url_private: `http://127.0.0.1:${foreign.port}/x`, url_private_download: `http://127.0.0.1:${foreign.port}/x` };
  house.slack.write(ada.id, dm, {
    subtype: "file_share",
    text: "see",
    files: [house.slack.file("a.png", bytes("x"), "image/png", elsewhere)],
  });
  expect(await house.heard(0)).toContain("not fetched");
  expect(shown).toEqual([]);
});

test("a file in a channel that is shared with others is asked about first", async () => {
  await using house = await startHouse();
  const { id, name } = house.slack.file("notes.txt", bytes("the note"), "text/plain");
  house.slack.write(ada.id, dm, { subtype: "file_share", text: "", files: [{ id, name, file_access: "check_file_info" }] });
  const { request } = await house.kit.model.modelCall(0);
  expect(JSON.stringify(request.messages)).toContain("notes.txt");
  expect(house.slack.calls.some(({ method }) => method === "files.info")).toBe(true);
});

test("files go out in one message with their text, which can be edited, and deleted", async () => {
  await using it = await start();
  const { messageId } = await it.send({
    text: "see *this*",
    attachments: [attached("text/plain", "milk", "list.txt"), attached("image/png", "png")],
  });
  const [sent] = it.slack.world.sent;
  expect(sent).toMatchObject({ shown: "see this", files: [{ name: "list.txt" }, { name: "document.png" }] });
  expect(new TextDecoder().decode(sent?.files[0]?.bytes)).toBe("milk");
  await it.kit.uses(channel).edit!({ address, messageId, text: "_seen_" }, { signal: it.kit.signal });
  expect(sent).toMatchObject({ shown: "seen" });
  const remove = () => it.kit.uses(channelActions).remove!({ address, messageId }, { signal: it.kit.signal });
  await remove();
  await remove();
  expect(sent?.isDeleted).toBe(true);
  expect(it.slack.world.oddities).toEqual([]);
});

test("a text with buttons goes first, and is not sent again when the file behind it has to wait", async () => {
  await using it = await start();
  it.slack.refuse("files.getUploadURLExternal", new TooMany(1), new Refusal("service_unavailable"));
  const request = {
    text: "ask",
    choices: [{ label: "Yes", text: "yes" }],
    idempotencyKey: "one",
    attachments: [attached("application/pdf", "a")],
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
  expect(outcomes).toEqual(["CHANNEL_RATE_LIMITED", "CHANNEL_UNAVAILABLE"]);
  expect(it.slack.world.sent.map(({ text, files }) => [text, files.length])).toEqual([
    ["ask", 0],
    ["", 1],
  ]);
  expect(messageId as string).toBe(it.slack.world.sent[0]!.ts);
});

test("a file that was shown perhaps is not shown again", async () => {
  await using it = await start();
  it.slack.refuse("files.completeUploadExternal", new Refusal("fatal_error"));
  const code = await it.send({ attachments: [attached("text/plain", "milk")] }).catch((error) => error.code);
  expect(code).toBe("CHANNEL_UNCERTAIN");
});
