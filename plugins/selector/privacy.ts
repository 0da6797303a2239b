/** Whether what was said is private, and by which setting; the setting alone is named, never what was said. */
import type { SelectionRequest } from "@pincer/plugin-sdk/contracts/selector";
import type { SelectorConfig } from "./config.ts";
import { firstWord, matches, wordsOf } from "./text.ts";

export function privacyOf({ privacy }: Pick<SelectorConfig, "privacy">, request: SelectionRequest): string | undefined {
  const { agentId, channels = [], text, context = "" } = request;
  if (agentId !== undefined && privacy.agents.includes(agentId)) return `all that is said to the agent ${agentId} is`;
  const channel = channels.find((one) => privacy.channels.includes(one));
  if (channel !== undefined) return `all that comes from ${channel} is`;
  if (privacy.files && request.unsearchable === true) return "images and documents are";
  const said = privacyOfText(privacy, text);
  if (said !== undefined) return said;
  if (request.private === true) return "the conversation holds what is, from an earlier message";
  const before = privacyOfText(privacy, context);
  return before === undefined ? undefined : `an earlier message of the conversation is: ${before}`;
}

function privacyOfText({ patterns, words }: SelectorConfig["privacy"], text: string): string | undefined {
  if (text === "") return undefined;
  const at = patterns.findIndex((pattern) => matches(pattern, text));
  if (at !== -1) return `it matches selector.privacy.patterns.${at}`;
  const word = words.length === 0 ? undefined : firstWord(wordsOf(text), words);
  return word === undefined ? undefined : `it has a word of selector.privacy.words.${words.indexOf(word)}`;
}
