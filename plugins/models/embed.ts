/** Vectors of texts: the same way to a model as for an answer, gate and ledger included. */
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { modelAccess } from "@pincer/plugin-sdk/contracts/model-access";
import { modelCalling } from "@pincer/plugin-sdk/hooks";
import { tokenUsage } from "@pincer/plugin-sdk/provider/answer";
import { llmErrors } from "./errors.ts";
import type { LlmContext } from "./llm.ts";
import { costOf, priceFor } from "./prices.ts";
import type { Resolver } from "./resolve.ts";
import type { UsageLedger } from "./usage.ts";

export function createEmbed(
  ctx: Pick<LlmContext, "run" | "uses">,
  resolver: Resolver,
  ledger: UsageLedger,
): ImplementationOf<typeof modelAccess>["embed"] {
  return async ({ model, input, sessionKey, ...rest }, { signal }) => {
    const { info, endpoint, tiers } = await resolver.resolve({ model });
    const verdict = await ctx.run(modelCalling, { model: info.ref, ...(sessionKey === undefined ? {} : { sessionKey }) }, { signal });
    if (!verdict.allow) throw llmErrors.LLM_CALL_REFUSED(verdict.reason, { data: { model: info.ref } });
    const { embed } = ctx.uses.providers.get(endpoint.provider);
    if (embed === undefined) {
      const message = `the provider of ${info.ref} makes no embeddings`;
      return { embeddings: [], usage: tokenUsage({}), failure: { class: "bad-request", message } };
    }
    const answer = await embed({ ...rest, input, model: info.ref }, { signal });
    const { usage } = answer;
    const cost = usage.cost === null ? costOf(usage, priceFor(usage, info.price, tiers)) : undefined;
    if (usage.totalTokens > 0) ledger.record({ model: info.ref, agentId: undefined, sessionKey, usage, cost });
    return cost === undefined ? answer : { ...answer, usage: { ...usage, cost: cost.total } };
  };
}
