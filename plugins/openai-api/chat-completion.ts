/** Answers in the shapes of Chat Completions. */
import type { ModelAnswer, TokenLogprob } from "@pincer/plugin-sdk/contracts/provider";
import type { Usage } from "@pincer/plugin-sdk/message";
import { argumentsText } from "./conversation.ts";

export interface ChatHead {
  readonly id: string;
  /** Seconds. */
  readonly created: number;
  readonly model: string;
}

export interface WholeAnswer {
  readonly answer: ModelAnswer;
  readonly logprobs: readonly TokenLogprob[];
}

const textOf = ({ message }: ModelAnswer, type: "text" | "thinking"): string =>
  message.content.map((block) => (block.type === type ? ("text" in block ? block.text : block.thinking) : "")).join("");

export const toolCallsOf = ({ message }: ModelAnswer) =>
  message.content.flatMap((block) =>
    block.type === "toolCall"
      ? [{ id: block.id, type: "function" as const, function: { name: block.name, arguments: argumentsText(block.arguments) } }]
      : [],
  );

export const finishOf = ({ stopReason }: ModelAnswer): string => {
  if (stopReason === "length") return "length";
  if (stopReason === "toolUse") return "tool_calls";
  return stopReason === "refusal" ? "content_filter" : "stop";
};

export const usageOf = (usages: readonly Usage[]) => {
  const sum = (of: (usage: Usage) => number) => usages.reduce((total, usage) => total + of(usage), 0);
  const prompt_tokens = sum(({ input, cacheRead, cacheWrite }) => input + cacheRead + cacheWrite);
  const completion_tokens = sum(({ output }) => output);
  return {
    prompt_tokens,
    completion_tokens,
    total_tokens: prompt_tokens + completion_tokens,
    prompt_tokens_details: { cached_tokens: sum(({ cacheRead }) => cacheRead) },
  };
};

const logprobOf = ({ top, ...token }: TokenLogprob) => ({ ...token, top_logprobs: top });
export const logprobsOf = (tokens: readonly TokenLogprob[] | undefined) =>
  tokens === undefined || tokens.length === 0 ? null : { content: tokens.map(logprobOf), refusal: null };

export function completionOf({ id, created, model }: ChatHead, answers: readonly WholeAnswer[]) {
  const choices = answers.map(({ answer, logprobs }, index) => {
    const calls = toolCallsOf(answer);
    const text = textOf(answer, "text");
    const thinking = textOf(answer, "thinking");
    const message = {
      role: "assistant" as const,
      content: text === "" && calls.length > 0 ? null : text,
      refusal: null,
      ...(thinking === "" ? {} : { reasoning_content: thinking }),
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
    };
    return { index, message, logprobs: logprobsOf(logprobs), finish_reason: finishOf(answer) };
  });
  const usage = usageOf(answers.map(({ answer }) => answer.usage));
  return { id, object: "chat.completion" as const, created, model, choices, usage };
}
