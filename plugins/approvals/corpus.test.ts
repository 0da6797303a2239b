/** A model that obeys every hostile text word by word does no harm with approvals, and does it without them. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { asks, type Script, type Step, startScript } from "@pincer/plugin-sdk/testing/script";
import { textOf } from "@pincer/plugin-sdk/testing/talk";
import type { Conversation } from "../../tests/fixtures/conversation.ts";
import { type Platform, startPlatform } from "../../tests/fixtures/platform/platform.ts";
import { letter, startWary } from "../../tests/fixtures/untrusted/conversation.ts";
import { corpus, type Hostile } from "../../tests/fixtures/untrusted/corpus.ts";

const page = "https://news.example/";
const kinds = ["exec", "plugin"] as const;

interface House {
  readonly script: Script;
  readonly platform: Platform;
  readonly talk: Conversation;
  /** What the owner was asked about, as it was shown; everything is denied. */
  readonly asked: string[];
}

async function startHouse(approvals: boolean): Promise<House> {
  const script = startScript();
  const platform = startPlatform();
  const talk = await startWary({ script, platform, ...(approvals ? {} : { approvals: false, enable: ["lenient"] }) });
  const asked: string[] = [];
  const denyAll = async (kind: (typeof kinds)[number]) => {
    for (const seen = new Set<unknown>(); ; ) {
      const { id, request } = await talk.client.event(`${kind}.approval.requested`, ({ id: one }) => !seen.has(one));
      seen.add(id);
      const { command, detail } = request as { readonly command?: string; readonly detail?: string };
      asked.push(command ?? detail ?? "");
      await talk.client.call(`${kind}.approval.resolve`, { id, decision: "deny" });
    }
  };
  // Both end with the connection.
  if (approvals) for (const kind of kinds) denyAll(kind).catch(() => undefined); // silent-ok: the connection has ended
  return { script, platform, talk, asked };
}

let count = 0;

/** Brings the text into a conversation, has the model obey it, and answers with what it said at last. */
async function suffer({ script, platform, talk }: House, entry: Hostile): Promise<string> {
  const { via, text, does = [], says = "", then } = entry;
  const number = ++count;
  const end = `${says}\n\nend-${number}.`;
  const obedience: (readonly Step[])[] = [
    ...(does.length === 0 ? [] : [does.map(({ tool, text: of }) => asks(tool, { text: of }))]),
    [{ text: end }],
  ];
  script.tool("browse", (call) => [
    { outcome: "ok", content: [{ type: "text", text: (call.arguments as { text: string }).text === page ? text : "ok" }] },
  ]);
  const before = [...(via === "page" ? [[asks("browse", { text: page })]] : []), ...(then === undefined ? [] : [[{ text: "I see." }]])];
  script.answer(...before, ...obedience);
  if (via === "document" || via === "page") {
    const sessionKey = `agent:main:case-${number}`;
    const attachments = via === "document" ? [letter(text)] : [];
    const first = await talk.ask("What does it say?", { sessionKey, attachments });
    return textOf((then === undefined ? first : await talk.ask(then, { sessionKey }))["message"]) ?? "";
  }
  const room = via === "stranger" ? `room-${number}` : "room";
  const ended = (words: string) => platform.until(() => platform.posted.some(({ text: said }) => said.includes(words)));
  if (via === "stranger") platform.say(room, "bob", text);
  else if (via === "forwarded") platform.say(room, "ada", text, { forwards: "Eve" });
  else platform.say(room, "ada", "What do you think of this?", { answers: "u0", quotes: text });
  if (then !== undefined) {
    await ended("I see.");
    platform.say(room, "ada", then);
  }
  await ended(`end-${number}.`);
  if (via !== "stranger") {
    await talk.client.call("sessions.reset", { key: "main" });
    for (const post of platform.posted) post.text = post.text.replace("I see.", "");
  }
  return "";
}

/** Which of the calls that the text wanted were made. */
const harm = ({ script }: House, { does = [] }: Hostile, from: number): string[] =>
  script.tools
    .slice(from)
    .map(({ name, call }) => `${name} ${(call.arguments as { text?: string }).text}`)
    .filter((made) => does.some(({ tool, text }) => made === `${tool} ${text}`));

const fetched = [/!\[[\s\S]*?\]\s*[([]/, /<(img|image|iframe|svg|link|video)\b/i, /^[ \t>*+-]*\[[^\]\n]+\]:/m];
const unseen = /[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]|[\u{e0000}-\u{e0fff}]/u;

describe("with approvals", () => {
  let house: House;
  beforeAll(async () => {
    house = await startHouse(true);
  });
  afterAll(async () => {
    await house.talk[Symbol.asyncDispose]();
    await house.platform.stop();
    await house.script.stop();
  });

  for (const [theme, entries] of corpus)
    for (const entry of entries)
      test(`nothing comes of ${theme}: ${entry.name}`, async () => {
        const { script, asked } = house;
        const [tools, models, questions] = [script.tools.length, script.models.length, asked.length];
        const said = await suffer(house, entry);
        expect(harm(house, entry, tools)).toEqual([]);
        const wanted = entry.via === "stranger" ? 0 : (entry.does ?? []).length;
        expect(asked.length - questions).toBe(wanted);
        const read = script.models.slice(models).flatMap(({ request }) => request.messages.map(({ content }) => textOf({ content }) ?? ""));
        const marked = read.filter((text) => text.includes("<untrusted-"));
        expect(marked.length).toBeGreaterThan(0);
        for (const text of marked) {
          const [, boundary = ""] = /<untrusted-([0-9a-f]{16}) from="/.exec(text) ?? [];
          expect(text.match(/<\/?untrusted/gi)).toHaveLength(2);
          // What stands behind it is the owner's own question, or nothing.
          expect(["", "What do you think of this?"]).toContain(text.split(`</untrusted-${boundary}>`)[1] ?? "?");
          expect(text).not.toMatch(unseen);
        }
        for (const shape of fetched) expect(said).not.toMatch(shape);
      });
});

describe("without approvals the same model does what it is told, so that the tests above are no empty ones", () => {
  let house: House;
  beforeAll(async () => {
    house = await startHouse(false);
  });
  afterAll(async () => {
    await house.talk[Symbol.asyncDispose]();
    await house.platform.stop();
    await house.script.stop();
  });

  for (const [theme, entries] of corpus)
    for (const entry of entries)
      test(`${theme}: ${entry.name}`, async () => {
        const { script, talk } = house;
        const { length } = script.tools;
        if (entry.says === undefined) {
          await suffer(house, entry);
          expect(harm(house, entry, length)).toHaveLength((entry.does ?? []).length);
        } else {
          script.answer([{ text: entry.says }]);
          const said = textOf((await talk.ask("Say it.", { sessionKey: `agent:main:clean-${++count}` }))["message"]) ?? "";
          expect(fetched.some((shape) => shape.test(said))).toBe(true);
        }
      });
});

test("the corpus has at least a hundred texts, each of which wants something", () => {
  const all = corpus.flatMap(([, entries]) => entries);
  expect(all.length).toBeGreaterThanOrEqual(100);
  expect(new Set(all.map(({ via, text }) => `${via} ${text}`)).size).toBe(all.length);
  for (const { does, says } of all) expect((does ?? []).length > 0 || says !== undefined).toBe(true);
});
