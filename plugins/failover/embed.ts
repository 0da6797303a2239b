/** Vectors of texts, with another profile when one does not answer; never with another model, whose vectors mean something else. */

import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf, Io } from "@pincer/plugin-sdk/contract";
import type { LlmEmbedRequest } from "@pincer/plugin-sdk/contracts/llm";
import type { modelAccess } from "@pincer/plugin-sdk/contracts/model-access";
import type { EmbedAnswer } from "@pincer/plugin-sdk/contracts/provider";
import { tokenUsage } from "@pincer/plugin-sdk/provider/answer";
import type { Attempt, Health } from "./health.ts";
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
  const ask = async ({ profile }: Candidate, attempt: Attempt): Promise<EmbedAnswer> => {
    try {
      const found = await tokens.credential(profile);
      if ("failure" in found) return failed(found.failure);
      const { credential } = found;
      return await access.embed({ ...request, ...(credential === undefined ? {} : { credential }), through: profile }, io);
    } catch (error) {
      health.abandoned(attempt);
      throw error;
    }
  };
  try {
    for (;;) {
      const step = walk.next();
      if (step.kind !== "try") return failed(exhaustedFailure(walk.notes, clock.now(), false));
      const { candidate } = step;
      const attempt = health.begin(candidate);
      const begun = clock.monotonic();
      const answer = await ask(candidate, attempt);
      if (!answer.failure) {
        walk.succeeded(attempt, Math.round(clock.monotonic() - begun));
        return answer;
      }
      const reaction = walk.failed(candidate, attempt, answer.failure);
      if (answer.failure.class === "auth" && health.profile(candidate.profile).failed) tokens.refused(candidate.profile);
      if (reaction.kind === "end" || reaction.kind === "fix") return answer;
      if (reaction.kind === "pause" && reaction.ms > 0) await clock.sleep(reaction.ms, io.signal);
    }
  } finally {
    walk.close();
  }
}
