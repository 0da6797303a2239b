/** Vectors of texts, with another profile when one does not answer; never with another model, whose vectors mean something else. */

import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf, Io } from "@pincer/plugin-sdk/contract";
import type { LlmEmbedRequest } from "@pincer/plugin-sdk/contracts/llm";
import type { modelAccess } from "@pincer/plugin-sdk/contracts/model-access";
import type { EmbedAnswer } from "@pincer/plugin-sdk/contracts/provider";
import { tokenUsage } from "@pincer/plugin-sdk/provider/answer";
import type { Attempt, Health } from "./health.ts";
import { Refusals } from "./refusals.ts";
import { exhaustedFailure } from "./telling.ts";
import type { Tokens } from "./tokens.ts";
import type { Candidate, Walk } from "./walk.ts";

const failed = (failure: NonNullable<EmbedAnswer["failure"]>): EmbedAnswer => ({ embeddings: [], usage: tokenUsage({}), failure });

interface EmbedParts {
  readonly clock: Clock;
  readonly access: Pick<ImplementationOf<typeof modelAccess>, "embed">;
  readonly health: Health;
  readonly tokens: Tokens;
}

export async function embedOver(
  { clock, access, health, tokens }: EmbedParts,
  walk: Walk,
  { profile: _, ...request }: LlmEmbedRequest,
  io: Io,
): Promise<EmbedAnswer> {
  const refusals = new Refusals(walk);
  let failures = 0;
  /** `undefined`: it was refused, and another profile may be asked. */
  const ask = async (candidate: Candidate, attempt: Attempt): Promise<EmbedAnswer | undefined> => {
    const { profile } = candidate;
    try {
      const found = await tokens.credential(profile);
      if ("failure" in found) return failed(found.failure);
      const { credential } = found;
      return await access.embed({ ...request, ...(credential === undefined ? {} : { credential }), profile }, io);
    } catch (error) {
      health.abandoned(attempt);
      if (!refusals.isOne(error)) throw error;
      refusals.note(candidate, error, failures);
      return undefined;
    }
  };
  try {
    for (;;) {
      const step = walk.next();
      if (step.kind !== "try") {
        if (failures === 0) refusals.throwFirst();
        return failed(exhaustedFailure(walk.notes, clock.now(), false));
      }
      const { candidate } = step;
      const attempt = health.begin(candidate);
      const begun = clock.monotonic();
      const answer = await ask(candidate, attempt);
      if (answer === undefined) continue;
      if (!answer.failure) {
        walk.succeeded(attempt, Math.round(clock.monotonic() - begun));
        return answer;
      }
      failures += 1;
      const reaction = walk.failed(candidate, attempt, answer.failure);
      if (answer.failure.class === "auth" && health.profile(candidate.profile).failed) tokens.refused(candidate.profile);
      if (reaction.kind === "end" || reaction.kind === "fix") return answer;
      if (reaction.kind === "pause" && reaction.ms > 0) await clock.sleep(reaction.ms, io.signal);
    }
  } finally {
    walk.close();
  }
}
