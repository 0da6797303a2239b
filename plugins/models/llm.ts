/** The plain `llm`: a model with its provider's own credential. */
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { llm } from "@pincer/plugin-sdk/contracts/llm";
import type { modelAccess } from "@pincer/plugin-sdk/contracts/model-access";
import { llmErrors } from "./errors.ts";

export function plainLlm(access: ImplementationOf<typeof modelAccess>): ImplementationOf<typeof llm> {
  return {
    resolve: async (request, io) => (await access.resolve(request, io)).info,
    stream: (request, io) => access.stream(withoutProfile(request), io),
    answer: async (request, io) => access.answer(withoutProfile(request), io),
    embed: async (request, io) => access.embed(withoutProfile(request), io),
  };
}

/** Throws `LLM_PROFILE_UNKNOWN`: there are none here to choose from. */
function withoutProfile<R extends { readonly profile?: string }>({ profile, ...request }: R): Omit<R, "profile"> {
  if (profile === undefined) return request;
  const what = `${profile} is an auth profile, and those are the plugin failover's: pincer plugins enable failover`;
  throw llmErrors.LLM_PROFILE_UNKNOWN(what, { data: { profile } });
}
