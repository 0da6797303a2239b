/** How hard a message is, in points: a few plain features, each times its weight, the same each time. */
import { thinkingLevels } from "@pincer/plugin-sdk/contracts/provider";
import type { SelectionRequest } from "@pincer/plugin-sdk/contracts/selector";
import type { Feature, Tier } from "@pincer/plugin-sdk/selection";
import type { SelectorConfig, Weights } from "./config.ts";
import { firstWord, wordsOf } from "./text.ts";
import { doing, reasoning, urgent } from "./vocabulary.ts";

export interface Score {
  readonly points: number;
  readonly tier: Tier;
  readonly features: readonly Feature[];
  /** It speaks of what takes tools. */
  readonly needsTools: boolean;
}

/** What is behind it says nothing more about how hard the beginning is. */
const longestLooked = 40_000;
const [shortText, longText] = [200, 8_000];
const [longConversation, manyFiles, manyWords, manyThings, manyCodeLines] = [50_000, 3, 3, 4, 6];

const share = (count: number, all: number): number => Math.min(1, Math.max(0, count / all));
const count = (text: string, pattern: RegExp): number => text.match(pattern)?.length ?? 0;
const different = (words: string, wanted: readonly string[]): number =>
  wanted.filter((word) => firstWord(words, [word]) !== undefined).length;

/** Each grown from nothing with double the text. */
const lengthOf = (chars: number): number => (chars <= shortText ? 0 : share(Math.log2(chars / shortText), Math.log2(longText / shortText)));

const codeLine =
  /^(?: {4,}|\t+)\S.*[;{}()=:]|^.*[;{]$|^\s*(?:def|class|fn|func|function|import|const|let|var|public|private|return|SELECT|#include)\b/;
const codeOf = (text: string): number => {
  const fences = count(text, /^```/gm) >= 2 ? 0.5 : 0;
  const lines = text.split("\n").filter((line) => codeLine.test(line.slice(0, 300))).length;
  return Math.min(1, fences + share(lines, manyCodeLines));
};

const stepsOf = (text: string): number => {
  const listed = count(text, /^[ \t]*(?:[-*•]|\d{1,3}[.)])[ \t]/gm);
  const asked = count(text, /[?？]/g);
  return share(Math.max(0, listed + asked - 1), manyThings - 1);
};

/** Bounded, so that it is quick on any text. */
const places =
  /https?:\/\/\S|(?:^|\s)(?:~|\.{1,2})?\/[\w.-]{1,80}\/|\b[\w-]{1,80}\.(?:ts|js|py|md|txt|csv|json|pdf|docx?|xlsx?|png|jpe?g|sh|go|rs)\b/gi;

type Values = Readonly<Record<keyof Weights, number>>;

function valuesOf(config: Pick<SelectorConfig, "urgent">, request: SelectionRequest): Values {
  const { channels = [], attachments = 0, thinking = "off", tokens = 0, failed = false } = request;
  const text = request.text.slice(0, longestLooked);
  const words = wordsOf(text);
  const isUrgent =
    channels.some((channel) => config.urgent.channels.includes(channel)) ||
    firstWord(words, [...urgent, ...config.urgent.words]) !== undefined;
  return {
    length: lengthOf(request.text.length),
    code: codeOf(text),
    reasoning: share(different(words, reasoning), manyWords),
    steps: stepsOf(text),
    tools: share(different(words, doing) + count(text, places), manyWords),
    thinking: share(thinkingLevels.indexOf(thinking), thinkingLevels.length - 1),
    failed: failed ? 1 : 0,
    attachments: share(attachments, manyFiles),
    conversation: share(tokens, longConversation),
    urgent: isUrgent ? 1 : 0,
  };
}

/** Nothing times a weight below nothing is nothing. */
const round = (value: number): number => Math.round(value * 100) / 100 || 0;

export function scoreOf(config: Pick<SelectorConfig, "urgent" | "weights" | "thresholds">, request: SelectionRequest): Score {
  const values = valuesOf(config, request);
  const features = (Object.keys(values) as (keyof Weights)[]).map((name): Feature => {
    const value = round(values[name]);
    return { name, value, weight: config.weights[name], points: round(value * config.weights[name]) };
  });
  const points = round(features.reduce((sum, feature) => sum + feature.points, 0));
  const { normal, hard } = config.thresholds;
  const tier = points >= hard ? "hard" : points >= normal ? "normal" : "simple";
  return { points, tier, features, needsTools: values.tools > 0 };
}
