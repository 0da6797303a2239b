/** Very many messages at once, such as wait behind a night without a connection: through a gateway in a process of its own, from platforms on loopback. */
import { expect } from "bun:test";
import { readFileSync } from "node:fs";
import { lastUserText, scriptedPlugins, startScript } from "@pincer/plugin-sdk/testing/script";
import { APP_TOKEN, startFakeSlack, TOKEN } from "../channels/fakes/slack/server.ts";
import { startFakeTelegram } from "../channels/fakes/telegram/server.ts";
import { startWatched } from "./watched-process.ts";

const conversations = 200;
const MiB = 2 ** 20;
/** Megabytes of the gateway: caches that are bounded, and its resident memory while thousands wait. */
const mostKept = 12;
const mostAtOnce = 900;
/** Each takes as long as a collection does. */
const looks = 100;

/** One that is asked for what is written there, and one that pushes it. */
interface Platform extends AsyncDisposable {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  write(conversation: number, text: string): void;
  /** What was answered, oldest first. */
  readonly sent: readonly object[];
  answer(index: number): { readonly conversation: number; readonly text: string };
  connected(): Promise<void>;
  /** Resolves once it was told that so many have arrived. */
  taken(count: number): Promise<void>;
  until(holds: () => boolean): Promise<void>;
}

const first = 1_000;

export function telegram(): Platform {
  const fake = startFakeTelegram();
  const { sent } = fake.world;
  return {
    name: "telegram",
    config: { token: fake.token, apiRoot: fake.url },
    write: (conversation, text) => void fake.write({ id: first + conversation }, { text }),
    sent,
    answer: (index) => ({ conversation: sent[index]!.chat - first, text: sent[index]!.text }),
    connected: () => fake.until(() => fake.account.updates.isPolled),
    taken: () => fake.until(() => fake.account.updates.isPolled && fake.account.updates.pending === 0),
    until: fake.until,
    [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose](),
  };
}

export function slack(): Platform {
  const fake = startFakeSlack();
  const { sent } = fake.world;
  return {
    name: "slack",
    config: { token: TOKEN, appToken: APP_TOKEN, slackApiUrl: `${fake.url}/api` },
    write: (conversation, text) => void fake.write(`U${first + conversation}`, `D${first + conversation}`, { text }),
    sent,
    answer: (index) => ({ conversation: Number(sent[index]!.conversation.slice(1)) - first, text: sent[index]!.shown }),
    connected: () => fake.until(() => fake.deliveries.sockets.size > 0),
    taken: (count) => fake.until(() => fake.deliveries.acknowledged.length >= count),
    until: fake.until,
    [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose](),
  };
}

/** Megabytes that the process had at most; `NaN` where the system does not say. */
const peakOf = (pid: number): number =>
  process.platform === "linux" ? Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024 : Number.NaN;

const numbersIn = (text: string): number[] => [...text.matchAll(/\bnumber (\d+)\b/g)].map(([, number]) => Number(number));

/** Throws unless each was heard once, in the order of its conversation, was answered so, and is remembered by nothing then. Prints what it took. */
export async function burst(start: () => Platform, messages: number): Promise<void> {
  await using platform = start();
  const script = startScript();
  const heard = new Map<string, number[]>();
  script.otherwise((request) => {
    const texts = request.messages
      .filter(({ role }) => role === "user")
      .map((message) => lastUserText({ ...request, messages: [message] }));
    const numbers = texts.flatMap(numbersIn);
    const conversation = /\bconversation (\d+)\b/.exec(texts.at(-1) ?? "")?.[1] ?? "";
    heard.set(conversation, numbers);
    return [{ text: `heard ${numbers.at(-1)}` }];
  });
  await using gateway = await startWatched({
    plugins: [scriptedPlugins],
    only: ["agent", "models", "delivery", "routing", "pairing", "sessions", "scripted-provider", `channel-${platform.name}`],
    config: {
      models: { default: "scripted/one" },
      scripted: { provider: { url: script.url } },
      channels: { [platform.name]: { ...platform.config, allowFrom: ["*"] } },
    },
  });
  await platform.connected();
  const before = await gateway.memory();
  const began = performance.now();
  for (let number = 0; number < messages; number++) {
    const conversation = number % conversations;
    platform.write(conversation, `conversation ${conversation}, number ${Math.floor(number / conversations)}`);
  }
  const all = Array.from({ length: messages / conversations }, (_, number) => number);
  const unanswered = new Set(Array.from({ length: conversations }, (_, conversation) => conversation));
  let seen = 0;
  await platform.until(() => {
    for (; seen < platform.sent.length; seen++) {
      const { conversation, text } = platform.answer(seen);
      if (text === `heard ${all.at(-1)}`) unanswered.delete(conversation);
    }
    return unanswered.size === 0;
  });
  const seconds = (performance.now() - began) / 1_000;
  const peak = peakOf(gateway.pid);
  await platform.taken(messages);
  let after = await gateway.memory();
  // A platform brings twice what waited for long, and the second of each is still looked at.
  for (let look = 0; look < looks && after.heap - before.heap >= mostKept * MiB; look++) after = await gateway.memory();
  for (let conversation = 0; conversation < conversations; conversation++) expect(heard.get(String(conversation))).toEqual(all);
  const answered = Map.groupBy(
    platform.sent.map((_, index) => platform.answer(index)),
    ({ conversation }) => conversation,
  );
  for (const answers of answered.values()) {
    const numbers = answers.map(({ text }) => Number(text.slice("heard ".length)));
    expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
  }
  const megabytes = (bytes: number) => (bytes / MiB).toFixed(1);
  const kept = `heap ${megabytes(before.heap)} MB before and ${megabytes(after.heap)} MB after, RSS ${megabytes(before.rss)} MB before and ${peak.toFixed(0)} MB at most`;
  const turns = script.models.length.toLocaleString("en-US");
  console.log(
    `${messages.toLocaleString("en-US")} messages in a burst from ${platform.name}: ${turns} turns in ${seconds.toFixed(1)} s; ${kept}`,
  );
  await script.stop();
  expect(gateway.faults).toEqual([]);
  expect((after.heap - before.heap) / MiB).toBeLessThan(mostKept);
  if (!Number.isNaN(peak)) expect(peak).toBeLessThan(mostAtOnce);
}
