/** The `llm` that goes on with another profile or model when one does not answer: asks what the decision maker says, and tells it how that went. */
import type { Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf, Io } from "@pincer/plugin-sdk/contract";
import type { LlmRequest, llm } from "@pincer/plugin-sdk/contracts/llm";
import type { AccessibleModel, modelAccess } from "@pincer/plugin-sdk/contracts/model-access";
import type { ModelAnswer, ModelEvent, ModelInfo } from "@pincer/plugin-sdk/contracts/provider";
import type { sessions } from "@pincer/plugin-sdk/contracts/sessions";
import { errorMessage, hasCode, isGatewayError } from "@pincer/plugin-sdk/error";
import { endOf } from "@pincer/plugin-sdk/provider/answer";
import type { FailoverConfig } from "./config.ts";
import { embedOver } from "./embed.ts";
import { failoverErrors } from "./errors.ts";
import type { Health } from "./health.ts";
import { createShrinker } from "./images.ts";
import { endpointOf, type FallbackModel, fallbacksOf, orderOf, ownProfile } from "./order.ts";
import type { Profiles } from "./profiles.ts";
import { Run } from "./run.ts";
import type { Tokens } from "./tokens.ts";
import { type Candidate, Walk } from "./walk.ts";

/** The column of sessions that names a profile. */
export const PROFILE_FACET = "authProfile";

interface FailoverContext {
  readonly config: FailoverConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly uses: { readonly access: ImplementationOf<typeof modelAccess>; readonly sessions: ImplementationOf<typeof sessions> };
}

interface FailoverParts {
  readonly profiles: Profiles;
  readonly health: Health;
  readonly tokens: Tokens;
  /** Resolves once profiles and health are read. */
  ready(): Promise<void>;
  random(): number;
}

type Stream = AsyncGenerator<ModelEvent, ModelAnswer, void>;
type Reads = "events" | "end";

/** The key of the environment is another than the one that failed. */
const noteOwn = ({ health }: FailoverParts, marks: Map<string, string>, endpoint: string, own: string | undefined): void => {
  if (own === undefined) return;
  const before = marks.get(endpoint);
  marks.set(endpoint, own);
  if (before !== undefined && before !== own) health.reset(ownProfile(endpoint));
};

/** What holds for every model that stands in for the wanted one, too. */
const boundsOf = ({ agentId, within }: Pick<LlmRequest, "agentId" | "within">) => ({
  ...(agentId === undefined ? {} : { agentId }),
  ...(within === undefined ? {} : { within }),
});

export function createFailover(ctx: FailoverContext, parts: FailoverParts): ImplementationOf<typeof llm> {
  const { log } = ctx;
  const { access } = ctx.uses;
  const { profiles, health } = parts;
  const marks = new Map<string, string>();
  const withSmallerImages = createShrinker();

  const sessionProfile = async (sessionKey: string | undefined, endpoint: string, io: Io): Promise<string | undefined> => {
    if (sessionKey === undefined || profiles.of(endpoint).length === 0) return undefined;
    try {
      const value = (await ctx.uses.sessions.get({ key: sessionKey }, io))?.facets[PROFILE_FACET];
      return typeof value === "string" ? value : undefined;
    } catch (error) {
      log.warn("failover.session-unread", { sessionKey, error: errorMessage(error) });
      return undefined;
    }
  };

  const candidatesOf = async (
    { info, own }: AccessibleModel,
    request: Pick<LlmRequest, "profile" | "sessionKey">,
    io: Io,
  ): Promise<readonly Candidate[]> => {
    const { endpoint, ref } = info;
    noteOwn(parts, marks, endpoint, own);
    const names = orderOf({
      endpoint,
      requested: request.profile,
      session: await sessionProfile(request.sessionKey, endpoint, io),
      override: profiles.override(endpoint),
      configured: ctx.config.order[endpoint] ?? [],
      profiles: profiles.all,
      hasOwn: own !== undefined,
    });
    return names.map((profile) => ({ profile, model: ref, continues: info.continues === true }));
  };

  /** The wanted model, or undefined when its provider has no credential and there are fallbacks. */
  const primaryOf = async (request: LlmRequest, fallbacks: readonly FallbackModel[], io: Io) => {
    const { model } = request;
    try {
      return await access.resolve({ ...(model === undefined ? {} : { model }), ...boundsOf(request) }, io);
    } catch (error) {
      if (!hasCode(error, "LLM_PROVIDER_NOT_READY") || fallbacks.length === 0) throw error;
      return error;
    }
  };

  /** Throws `FAILOVER_PROFILE_UNKNOWN`. */
  const requireProfile = (profile: string, endpoint: string): void => {
    if (profile === ownProfile(endpoint)) return;
    profiles.require(profile);
    if (endpointOf(profile) === endpoint) return;
    throw failoverErrors.FAILOVER_PROFILE_UNKNOWN(
      `the auth profile "${profile}" is for ${endpointOf(profile)}, and the model for ${endpoint}`,
      {
        data: { profile },
      },
    );
  };

  async function* attempts(request: LlmRequest, io: Io, reads: Reads): Stream {
    await parts.ready();
    const named = fallbacksOf(ctx.config, [request.model], request.agentId);
    const primary = await primaryOf(request, named, io);
    const isThere = !isGatewayError(primary);
    const fallbacks = isThere ? fallbacksOf(ctx.config, [request.model, primary.info.ref], request.agentId) : named;
    if (isThere && request.profile !== undefined) requireProfile(request.profile, primary.info.endpoint);
    const walk = new Walk({
      health,
      settings: ctx.config,
      random: parts.random,
      candidates: isThere ? await candidatesOf(primary, request, io) : [],
      fallbacks: fallbacks.map(({ on }) => on),
    });
    if (!isThere) walk.unavailable(request.model ?? "the default model", "auth", primary.message);
    const infos = new Map<string, ModelInfo>(isThere ? [[primary.info.ref, primary.info]] : []);
    const run = new Run(ctx, { health, tokens: parts.tokens, withSmallerImages, walk, request, infos, reads });
    try {
      for (;;) {
        const step = walk.next();
        if (step.kind === "exhausted") return run.exhausted();
        if (step.kind === "fallback") {
          const { model } = fallbacks[step.index] as FallbackModel;
          try {
            const found = await access.resolve({ model, ...boundsOf(request) }, io);
            if (infos.has(found.info.ref)) continue;
            infos.set(found.info.ref, found.info);
            walk.add(await candidatesOf(found, request, io));
          } catch (error) {
            walk.unavailable(model, "unknown", errorMessage(error));
          }
          continue;
        }
        const answer = yield* run.ask(step.candidate, io.signal);
        if (answer) return answer;
      }
    } finally {
      walk.close();
    }
  }

  return {
    async resolve(request, io) {
      await parts.ready();
      const wanted = fallbacksOf(ctx.config, [request.model], request.agentId);
      try {
        return (await access.resolve(request, io)).info;
      } catch (error) {
        if (!hasCode(error, "LLM_PROVIDER_NOT_READY")) throw error;
        for (const { model } of wanted) {
          try {
            return (await access.resolve({ ...request, model }, io)).info;
          } catch (unready) {
            log.warn("failover.fallback-unavailable", { model, error: errorMessage(unready) });
          }
        }
        throw error;
      }
    },

    async embed(request, io) {
      await parts.ready();
      const found = await access.resolve({ model: request.model }, io);
      if (request.profile !== undefined) requireProfile(request.profile, found.info.endpoint);
      const candidates = await candidatesOf(found, request, io);
      const walk = new Walk({ health, settings: ctx.config, random: parts.random, candidates, fallbacks: [] });
      return embedOver({ clock: ctx.clock, access, health, tokens: parts.tokens }, walk, { ...request, model: found.info.ref }, io);
    },

    stream: (request, io) => attempts(request, io, "events"),
    answer: (request, io) => endOf(attempts(request, io, "end")),
  };
}
