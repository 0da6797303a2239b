/** What people do on a channel that works: they write in groups and threads, send files, press buttons, type commands, read what is long. */
import { expect } from "bun:test";
import { outbox } from "../contracts/outbox.ts";
import { type byName, type House, hello, saying, timesSaid } from "./channel-platform.ts";
import type { Mode } from "./modes.ts";
import type { Declare } from "./needs.ts";
import type { PluginKit, StartPluginOptions } from "./plugin.ts";

export interface ChannelParts {
  readonly suite: ReturnType<typeof byName>;
  readonly channelId: string;
  readonly mode: Mode;
  readonly test: Declare;
  /** A house in which nothing has been said, as far as a test sees. */
  readonly start: () => Promise<House>;
  readonly startFresh: (over?: Pick<StartPluginOptions, "settings" | "clock">) => Promise<House>;
  readonly settings: Readonly<Record<string, unknown>>;
}

/** A picture of one dot. */
const dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
/** What is one character to whoever reads it: people made of several, marks on letters, flags, scripts from right to left. */
const characters = ["👩‍👩‍👧‍👦", "🏳️‍🌈", "é̂", "नि", "각", "🇺🇳", "שָׁלוֹם", "مرحبا", "word", "字"];
const segments = (text: string) =>
  [...new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text)].map(({ segment }) => segment);
const withoutBlanks = (text: string) => text.replace(/\s+/g, "");

/** The suite's settings with other ones of the channel. */
function withChannel(
  { channelId, settings }: Pick<ChannelParts, "channelId" | "settings">,
  own: object,
): Readonly<Record<string, unknown>> {
  return { ...settings, channels: { ...(settings["channels"] as object), [channelId]: own } };
}
export const growing = (parts: Pick<ChannelParts, "channelId" | "settings">) =>
  withChannel(parts, { direct: "allowlist", streaming: "edit" });

/** The model's next answer comes in these pieces, each but the first once it is told to `grow`. */
export function growingAnswer({ kit }: House, ...pieces: readonly string[]): { readonly grow: () => void; readonly text: string } {
  const gates = pieces.map(() => Promise.withResolvers<void>());
  let grown = 0;
  const grow = () => void gates[grown++]?.resolve();
  kit.model.answer(async function* () {
    for (const [index, text] of pieces.entries()) {
      await gates[index]?.promise;
      yield { text };
    }
  });
  grow();
  return { grow, text: pieces.join("") };
}

export function declareTalk({ suite, channelId, mode, test, start, startFresh, settings }: ChannelParts): void {
  const { groups, threads, media, edits, textLimit } = suite;
  const send = (kit: PluginKit, params: object) =>
    kit.call("send", { channel: channelId, to: suite.idOf("room-1"), idempotencyKey: crypto.randomUUID(), ...params });

  test("a command is answered, and one of the owner's is refused to others in a sentence", async () => {
    await using house = await start();
    const asked = house.kit.model.models.length;
    house.platform.say({ ...hello, text: "/status" });
    await saying(house.platform, "scripted/one");
    house.platform.say({ ...hello, text: "/model scripted/two" });
    await saying(house.platform, "Only the owner");
    expect(house.kit.model.models).toHaveLength(asked);
  });

  test("a newer generation in the middle of an answer changes nothing for who reads it", async () => {
    await using house = await start();
    const gate = Promise.withResolvers<void>();
    const asked = house.kit.model.models.length;
    house.kit.model.answer(async function* () {
      yield { thinking: "well" };
      await gate.promise;
      yield { text: "the whole answer" };
    });
    house.platform.say(hello);
    await house.kit.model.modelCall(asked);
    await house.kit.reload();
    gate.resolve();
    await house.platform.message(0);
    house.platform.say({ ...hello, text: "and now?" });
    await house.platform.message(1);
    expect([timesSaid(house.platform, "the whole answer"), timesSaid(house.platform, "and now?")]).toEqual([1, 1]);
  });

  test("answers that can be pressed are buttons, or are told as what to write", async () => {
    await using house = await start();
    const address = { channel: channelId, account: "default", conversation: suite.idOf("room-1") };
    const choices = [{ label: "Yes, please", text: "/help" }];
    await house.kit
      .uses(outbox, "delivery")
      .send({ address, text: "Go on?", choices, key: crypto.randomUUID() }, { signal: house.kit.signal });
    if (suite.buttons !== true) return void (await saying(house.platform, "/help"));
    const { buttons } = await house.platform.message(0);
    expect(buttons).toEqual(["Yes, please"]);
    house.platform.press?.(0, hello.from, "Yes, please");
    expect((await house.platform.message(1)).text).toContain("/status");
  });

  if (suite.replies === true)
    test("an answer shows what it answers", async () => {
      await using house = await start();
      const id = house.platform.say(hello);
      expect((await house.platform.message(0)).replyTo).toBe(id as string);
    });

  if (textLimit !== undefined) {
    test("a long text comes in messages that fit, whole and in order, and no character is cut", async () => {
      await using house = await start();
      const words = Array.from({ length: Math.ceil((textLimit * 2.5) / 6) }, (_, index) => characters[index % characters.length]!);
      const source = words.join(" ");
      await send(house.kit, { message: source });
      const texts = house.platform.posted.map(({ text }) => text);
      expect(texts.length).toBeGreaterThan(1);
      for (const text of texts) expect(text.length).toBeLessThanOrEqual(textLimit);
      expect(withoutBlanks(texts.join(""))).toBe(withoutBlanks(source));
      const known = new Set(segments(source));
      expect(texts.flatMap((text) => segments(text)).filter((segment) => segment.trim() !== "" && !known.has(segment))).toEqual([]);
    });

    test("a text without any place to cut is cut between characters", async () => {
      await using house = await start();
      const source = "👩‍👩‍👧‍👦".repeat(Math.ceil(textLimit / 8));
      await send(house.kit, { message: source });
      const texts = house.platform.posted.map(({ text }) => text);
      expect(texts.length).toBeGreaterThan(1);
      expect(texts.join("")).toBe(source);
      for (const text of texts) expect(new Set(segments(text))).toEqual(new Set(["👩‍👩‍👧‍👦"]));
    });
  }

  if (groups === true)
    test("in a group it answers those it knows, when they speak to it", async () => {
      await using house = await start();
      const club = { ...hello, conversation: "club" };
      house.platform.say({ ...club, text: "to nobody", group: { mentions: false } });
      house.platform.say({ ...club, text: "from nobody", from: "mallory", group: { mentions: true } });
      house.platform.say({ ...club, text: "to you", group: { mentions: true } });
      expect(await house.platform.message(0)).toMatchObject({ conversation: "club", text: expect.stringContaining("to you") });
      expect(house.platform.posted).toHaveLength(1);
    });

  if (threads === true)
    test("who writes in a thread is answered there, in a conversation of its own", async () => {
      await using house = await start();
      house.platform.say({ ...hello, text: "outside" });
      await house.platform.message(0);
      const asked = house.kit.model.models.length;
      house.platform.say({ ...hello, thread: "7", text: "inside" });
      expect(await house.platform.message(1)).toMatchObject({ conversation: hello.conversation, thread: "7" });
      expect(JSON.stringify(house.kit.model.models[asked]?.request.messages)).not.toContain("outside");
    });

  if (media === true) {
    test("a picture that somebody sends is seen by the model", async () => {
      await using house = await start();
      const asked = house.kit.model.models.length;
      house.platform.say({ ...hello, attachments: [{ kind: "image", mimeType: "image/png", fileName: "dot.png", data: dot }] });
      await house.platform.message(0);
      const content = house.kit.model.models[asked]?.request.messages.at(-1)?.content;
      expect(content).toContainEqual({ type: "image", mimeType: "image/png", data: dot } as never);
    });

    test("a file is sent with its name and its text", async () => {
      await using house = await start();
      const buffer = Buffer.from("milk").toString("base64");
      await send(house.kit, { message: "the list", buffer, filename: "list.txt", contentType: "text/plain" });
      const [first, ...more] = house.platform.posted;
      expect(first?.attachments).toMatchObject([{ fileName: "list.txt" }]);
      expect([first, ...more].some((one) => one?.text.includes("the list"))).toBe(true);
    });
  }

  if (edits === true)
    for (const isReplaced of [false, true])
      test(`an answer that grows is one message, which says the whole in the end${isReplaced ? ", also when a newer generation comes in its middle" : ""}`, async () => {
        await using house = await startFresh({ settings: growing({ channelId, settings }) });
        const { grow, text } = growingAnswer(house, "The first sentence. ", "The second one.");
        house.platform.say(hello);
        expect((await house.platform.message(0)).text.trim()).toBe("The first sentence.");
        if (isReplaced) await house.kit.reload();
        grow();
        await house.platform.until?.(() => house.platform.posted[0]?.text === text);
        house.platform.say({ ...hello, text: "and now?" });
        await house.platform.message(1);
        expect([timesSaid(house.platform, "The first sentence"), timesSaid(house.platform, "and now?")]).toEqual([1, 1]);
      });

  if (mode === "inline")
    test("a stranger is given a code, once, and reaches the assistant when the owner says so", async () => {
      await using house = await startFresh({ settings: withChannel({ channelId, settings }, { direct: "pairing", streaming: "off" }) });
      const stranger = { conversation: "room-9", from: "grace" };
      house.platform.say({ ...stranger, text: "let me in" });
      const { conversation } = await house.platform.message(0);
      expect([conversation, house.kit.model.models.length]).toEqual(["room-9", 0]);
      const { text } = await saying(house.platform, "pincer pairing approve");
      house.platform.say({ ...stranger, text: "please" });
      house.platform.say(hello);
      expect((await saying(house.platform, "hello")).conversation).toBe("room-1");
      expect(timesSaid(house.platform, "pincer pairing approve")).toBe(1);
      const before = house.platform.posted.length;
      await house.kit.call("pairing.approve", { code: /\b[A-Z0-9]{8}\b/.exec(text)?.[0] });
      expect((await house.platform.message(before)).conversation).toBe("room-9");
      house.platform.say({ ...stranger, text: "thank you" });
      expect((await saying(house.platform, "thank you")).conversation).toBe("room-9");
      expect(timesSaid(house.platform, "please")).toBe(0);
    });
}
