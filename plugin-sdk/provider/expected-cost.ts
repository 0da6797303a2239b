/** What a call is expected to cost before it is made, reckoned alike by whoever limits calls and whoever chooses a model. */
import { type Static, Type } from "@sinclair/typebox";
import type { ModelInfo } from "../contracts/provider.ts";

export const AnswerTokens = Type.Union([Type.Integer({ minimum: 0 }), Type.Literal("longest")], {
  default: 4_000,
  description:
    "How many tokens an answer is taken to have, before it is there, where the caller does not say how many it may have; longest: as many as its model gives at most",
});
export type AnswerTokens = Static<typeof AnswerTokens>;

export const UnknownPrice = Type.Union([Type.Literal("refuse"), Type.Literal("allow")], {
  default: "refuse",
  description: "What becomes of a model whose price nobody knows where money is limited: it is refused, or passes as if it cost nothing",
});
export type UnknownPrice = Static<typeof UnknownPrice>;

/** More than any model gives at once that does not say how much it does. */
const unknownLongest = 128_000;

/** Tokens of an answer that may have any length. `longest`: the most that its model gives; null, undefined: not known. */
export const expectedOutput = (answerTokens: AnswerTokens, longest: number | null | undefined): number =>
  answerTokens === "longest" ? (longest ?? unknownLongest) : Math.min(answerTokens, longest ?? answerTokens);

/** US dollars, where all of the request is as dear as it may be; undefined: nobody knows. */
export function expectedCost(
  { inputTokens, outputTokens }: { readonly inputTokens: number; readonly outputTokens: number },
  price: ModelInfo["price"],
): number | undefined {
  if (price === null) return undefined;
  // What a vendor's cache is written with may cost more than what it only reads.
  const input = Math.max(price.input, price.cacheWrite ?? 0);
  return (inputTokens * input + outputTokens * price.output) / 1e6;
}
