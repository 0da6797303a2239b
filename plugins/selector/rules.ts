/** Whether a rule is meant for a message. */
import { thinkingLevels } from "@pincer/plugin-sdk/contracts/provider";
import type { SelectionRequest } from "@pincer/plugin-sdk/contracts/selector";
import type { When } from "./config.ts";
import { firstWord, matches, wordsOf } from "./text.ts";

const has = (wanted: string | readonly string[] | undefined, values: readonly string[]): boolean =>
  wanted === undefined || [wanted].flat().some((one) => values.includes(one));

/** From an hour to another that is not included; the whole day when they are the same. */
const isIn = ({ from, to }: { readonly from: number; readonly to: number }, hour: number): boolean =>
  from === to || (from < to ? hour >= from && hour < to : hour >= from || hour < to);

interface Situation {
  readonly request: SelectionRequest;
  readonly isPrivate: boolean;
  /** Of the gateway's day. */
  readonly hour: number;
}

export function applies(when: When, { request, isPrivate, hour }: Situation): boolean {
  const { text, agentId, channels = [], attachments = 0, thinking = "off" } = request;
  return (
    has(when.agent, agentId === undefined ? [] : [agentId]) &&
    has(when.channel, channels) &&
    (when.private === undefined || when.private === isPrivate) &&
    (when.attachments === undefined || when.attachments === attachments > 0) &&
    (when.longerThan === undefined || text.length > when.longerThan) &&
    (when.hour === undefined || isIn(when.hour, hour)) &&
    (when.thinking === undefined || thinkingLevels.indexOf(thinking) >= thinkingLevels.indexOf(when.thinking)) &&
    (when.words === undefined || firstWord(wordsOf(text), when.words) !== undefined) &&
    (when.pattern === undefined || matches(when.pattern, text))
  );
}
