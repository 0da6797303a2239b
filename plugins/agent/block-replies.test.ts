import { expect, test } from "bun:test";
import type { Streaming } from "@pincer/plugin-sdk/contracts/outbox";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { BlockReplies, blockEnd } from "./block-replies.ts";

const limits = { blockMinChars: 80, blockMaxChars: 120, blockIdleMs: 1_000 };
const words = (count: number) => "word ".repeat(count / 5);

test("a piece ends at a paragraph once it is long enough, and is not cut earlier than that", () => {
  expect(blockEnd(`${words(60)}\n\nmore`, limits)).toBe(0);
  expect(blockEnd(`${words(85)}\n\nmore`, limits)).toBe(87);
});

test("without a paragraph a full piece ends at a line, a sentence, or a word", () => {
  expect(blockEnd(`${words(90)}\n${words(60)}`, limits)).toBe(91);
  expect(blockEnd(`${words(85)}end. ${words(60)}`, limits)).toBe(90);
  expect(blockEnd(words(200), limits)).toBe(120);
  expect(blockEnd("x".repeat(200), limits)).toBe(120);
  expect(blockEnd("🦀".repeat(100), { ...limits, blockMaxChars: 121 })).toBe(120);
});

test("a code block is never cut in two", () => {
  const code = `\`\`\`ts\n${"const a = 1;\n".repeat(30)}\`\`\`\n`;
  expect(blockEnd(code.slice(0, 300), limits)).toBe(0);
  const text = `${words(90)}\n\n${code}`;
  expect(blockEnd(text, limits)).toBe(92);
});

test("a text that pauses goes out when its sentence is finished, not in the middle of one", () => {
  expect(blockEnd("I will look that up.", limits, true)).toBe(20);
  expect(blockEnd("I will look that", limits, true)).toBe(0);
  expect(blockEnd("Here:\n```\ncode.", limits, true)).toBe(0);
});

/** A journal that outlives the process, as the lanes keep one. */
function journal() {
  const settled = new Map<string, unknown>();
  const admitted = new Map<string, unknown>();
  const job = {
    effect: async (name: string, _input: unknown, run: (signal: AbortSignal) => Promise<unknown>) => {
      if (!settled.has(name)) settled.set(name, await run(new AbortController().signal));
      return settled.get(name);
    },
    sendNow: async (name: string, next: { readonly input: unknown }) => {
      if (!admitted.has(name)) admitted.set(name, next.input);
    },
  };
  const clock = createManualClock();
  const start = (mode: Streaming = { mode: "blocks" }) => {
    const blocks = new BlockReplies({
      job: job as never,
      clock,
      limits: () => limits,
      keyOf: (name) => name,
      admission: async (key, text, growth) => ({
        lane: "out:demo:a:c",
        kind: "demo",
        key,
        input: mode.mode === "edit" ? { key, text, ...growth } : text,
      }),
    });
    blocks.begin(mode);
    return blocks;
  };
  return { start, clock, sent: () => [...admitted.values()] };
}

test("what goes out in pieces and what is left make the whole text", async () => {
  const { start, sent } = journal();
  const blocks = start();
  const text = Array.from({ length: 40 }, (_, index) => `Sentence number ${index} ends here. `).join("");
  for (const character of text) blocks.write(character);
  const rest = await blocks.finish();
  expect(sent().length).toBeGreaterThan(5);
  expect(`${sent().join(" ")} ${rest}`.replace(/\s+/g, " ")).toBe(text.replace(/\s+/g, " "));
});

test("a turn that goes on after a crash neither repeats nor loses what was said", async () => {
  const { start, sent } = journal();
  const text = Array.from({ length: 40 }, (_, index) => `Sentence number ${index} ends here. `).join("");
  const first = start();
  first.write(text.slice(0, 400));
  await first.finish();
  const before = sent().length;
  expect(before).toBeGreaterThan(0);

  const second = start();
  await second.replay();
  expect(sent().length).toBe(before);
  expect(text.startsWith(second.sent)).toBe(true);
  second.write(text.slice(0, 700));
  await second.finish();

  const third = start();
  await third.replay();
  expect(third.sent.length).toBeGreaterThan(second.sent.length - 1);
  third.write(text);
  const rest = await third.finish();
  expect(`${sent().join(" ")} ${rest}`.replace(/\s+/g, " ")).toBe(text.replace(/\s+/g, " "));
});

test("a pause sends a finished sentence, and nothing is left to the clock afterwards", async () => {
  const { start, clock, sent } = journal();
  const blocks = start();
  blocks.write("I will look that up.");
  await clock.advance(999);
  expect(sent()).toEqual([]);
  await clock.advance(1);
  expect(sent()).toEqual(["I will look that up."]);
  expect(await blocks.finish()).toBe("");
  expect(clock.timers).toBe(0);
});

test("where messages are edited one grows, at most as often as the platform likes, and the next begins when it is full", async () => {
  const { start, clock, sent } = journal();
  const blocks = start({ mode: "edit", everyMs: 500, chars: 100 });
  blocks.write("No sentence yet");
  expect(sent()).toEqual([]);
  blocks.write(". Now there is ");
  await clock.advance(499);
  blocks.write("one.");
  expect(sent()).toEqual([{ key: "block:0", text: "No sentence yet. Now there is", growing: true }]);
  await clock.advance(1);
  expect(sent().slice(1)).toEqual([{ key: "block:1", text: "No sentence yet. Now there is one.", edits: "block:0", growing: true }]);
  blocks.write(` ${words(90)}`);
  await clock.advance(0);
  expect(sent().slice(2)).toEqual([{ key: "block:2", text: "No sentence yet. Now there is one.", edits: "block:1" }]);
  await clock.advance(1000);
  expect(sent().at(-1)).toEqual({ key: "block:3", text: expect.stringMatching(/^(word ?)+$/), growing: true });
  expect(blocks.edits).toBe("block:3");
  expect((await blocks.finish()).trim()).toBe(words(90).trim());
  expect(clock.timers).toBe(0);
});

test("what was shown of a message that grew is edited on after a crash, and may be written anew", async () => {
  const { start, sent } = journal();
  const mode = { mode: "edit", everyMs: 500, chars: 1000 } as const;
  const first = start(mode);
  first.write("The beginning. ");
  await first.finish();
  expect(sent()).toHaveLength(1);

  const second = start(mode);
  await second.replay();
  expect([second.sent, second.edits]).toEqual(["", "block:0"]);
  second.write("Another beginning. ");
  await second.finish();
  expect(sent().at(-1)).toEqual({ key: "block:2", text: "Another beginning.", edits: "block:0", growing: true });
});
