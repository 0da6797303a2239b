/** Vectors of texts: the same way to a model as for an answer, gate and ledger included. */
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { modelAccess } from "@pincer/plugin-sdk/contracts/model-access";
import type { Usage } from "@pincer/plugin-sdk/message";
import { tokenUsage } from "@pincer/plugin-sdk/provider/answer";
import { textTokens } from "@pincer/plugin-sdk/provider/estimate";
import type { AccessContext } from "./access.ts";
import { createMeter } from "./meter.ts";
import type { Resolver } from "./resolve.ts";
import type { RunningCalls } from "./running-calls.ts";
import type { UsageLedger } from "./usage.ts";

export function createEmbed(
  ctx: Pick<AccessContext, "run" | "uses" | "log">,
  resolver: Resolver,
  ledger: UsageLedger,
  running: RunningCalls,
): ImplementationOf<typeof modelAccess>["embed"] {
  return async ({ model, input, sessionKey, runId, user, profile, ...rest }, io) => {
    using linked = running.linked(io.signal);
    const { signal } = linked;
    const resolved = await resolver.resolve({ model });
    const { info, endpoint } = resolved;
    const inputTokens = input.reduce((sum, text) => sum + textTokens(text), 0);
    const account = { sessionKey, runId, user, profile };
    const meter = createMeter(ctx, ledger, running, resolved, account, { inputTokens, maxOutputTokens: 0 });
    let usage: Usage | undefined;
    let worked = false;
    await meter.admit(signal);
    try {
      const { embed } = ctx.uses.providers.get(endpoint.provider);
      if (embed === undefined) {
        const message = `the provider of ${info.ref} makes no embeddings`;
        return { embeddings: [], usage: tokenUsage({}), failure: { class: "bad-request", message } };
      }
      const answer = await embed({ ...rest, input, model: info.ref }, { signal });
      usage = answer.usage;
      // A call that took too long was worked on all the same.
      worked = answer.failure === undefined || answer.failure.class === "timeout";
      const cost = usage.cost === null ? meter.cost(usage) : undefined;
      return cost === undefined ? answer : { ...answer, usage: { ...usage, cost: cost.total } };
    } catch (error) {
      worked = signal.aborted;
      throw error;
    } finally {
      meter.end({ usage, isEnded: worked && !signal.aborted, worked });
    }
  };
}
