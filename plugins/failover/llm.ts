/** The `llm` that goes on with another profile or model when one does not answer: asks what the decision maker says, and tells it how that went. */
import type { Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf, Io } from "@pincer/plugin-sdk/contract";
import type { LlmRequest, llm } from "@pincer/plugin-sdk/contracts/llm";
import type { AccessibleModel, AccessRequest, modelAccess } from "@pincer/plugin-sdk/contracts/model-access";
import type { Credential, ModelAnswer, ModelEvent, ModelFailure, ModelInfo } from "@pincer/plugin-sdk/contracts/provider";
import type { sessions } from "@pincer/plugin-sdk/contracts/sessions";
import { errorMessage, hasCode, isGatewayError } from "@pincer/plugin-sdk/error";
import { createAnswer, endOf, tokenUsage } from "@pincer/plugin-sdk/provider/answer";
import { readableBy } from "@pincer/plugin-sdk/provider/readable";
import type { FailoverConfig } from "./config.ts";
import { embedOver } from "./embed.ts";
import { failoverErrors } from "./errors.ts";
import type { Attempt, Health } from "./health.ts";
import { withSmallerImages } from "./images.ts";
import { endpointOf, type FallbackModel, fallbacksOf, orderOf, ownProfile } from "./order.ts";
import type { Profiles } from "./profiles.ts";
import { Splice } from "./splice.ts";
import { exhaustedFailure } from "./telling.ts";
import type { Tokens } from "./tokens.ts";
import { type Candidate, type Reaction, Walk } from "./walk.ts";

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

export function createFailover(ctx: FailoverContext, parts: FailoverParts): ImplementationOf<typeof llm> {
  const { log } = ctx;
  const { access } = ctx.uses;
  const { profiles, health } = parts;
  const marks = new Map<string, string>();

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
  const primaryOf = async ({ model, agentId }: LlmRequest, fallbacks: readonly FallbackModel[], io: Io) => {
    try {
      return await access.resolve({ ...(model === undefined ? {} : { model }), ...(agentId === undefined ? {} : { agentId }) }, io);
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

  /** With `reads` "end", nobody reads anything before the end, and it tells nothing before. */
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
    const run = new Run(ctx, parts, walk, request, infos, reads);
    try {
      for (;;) {
        const step = walk.next();
        if (step.kind === "exhausted") return run.exhausted();
        if (step.kind === "fallback") {
          const { model } = fallbacks[step.index] as FallbackModel;
          try {
            const found = await access.resolve({ model, ...(request.agentId === undefined ? {} : { agentId: request.agentId }) }, io);
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

/** One request of a caller, over as many of ours as it takes. */
class Run {
  readonly #splice = new Splice();
  readonly #infos: ReadonlyMap<string, ModelInfo>;
  #messages: LlmRequest["messages"];
  #asked = 0;

  constructor(
    private readonly ctx: FailoverContext,
    private readonly parts: FailoverParts,
    private readonly walk: Walk,
    private readonly request: LlmRequest,
    infos: ReadonlyMap<string, ModelInfo>,
    private readonly reads: Reads,
  ) {
    this.#infos = infos;
    this.#messages = request.messages;
  }

  /** `undefined`: the decision maker is to say what comes next. */
  async *ask(candidate: Candidate, signal: AbortSignal): AsyncGenerator<ModelEvent, ModelAnswer | undefined, void> {
    const { clock } = this.ctx;
    const { health, tokens } = this.parts;
    const attempt = health.begin(candidate);
    const begun = clock.monotonic();
    let stream: Stream | undefined;
    let isKnown = false;
    const answers = () => {
      if (isKnown) return;
      isKnown = true;
      this.walk.succeeded(attempt, Math.round(clock.monotonic() - begun));
    };
    const ended = async (answer: ModelAnswer): Promise<ModelAnswer | undefined> => {
      if (answer.stopReason === "error") {
        const last = await this.#failed(candidate, attempt, answer, signal);
        // A profile that was changed meanwhile has a new token already.
        if (answer.failure?.class === "auth" && health.profile(candidate.profile).failed) tokens.refused(candidate.profile);
        return last;
      }
      if (answer.stopReason !== "aborted") {
        answers();
        this.#tell(candidate);
      }
      return this.#splice.finish(answer);
    };
    try {
      const found = await tokens.credential(candidate.profile);
      if ("failure" in found) return await this.#failed(candidate, attempt, this.#nothing(candidate, found.failure), signal);
      const { access } = this.ctx.uses;
      const request = this.#requestFor(candidate, found.credential);
      if (this.reads === "end") return await ended(await access.answer(request, { signal }));
      stream = access.stream(request, { signal });
      for (;;) {
        const next = await stream.next();
        if (next.done) {
          stream = undefined;
          return await ended(next.value);
        }
        answers();
        if (next.value.type === "text") this.walk.begun = true;
        yield this.#splice.placed(next.value);
      }
    } catch (error) {
      stream = undefined;
      if (signal.aborted) return this.#splice.end(this.#head(), "aborted", tokenUsage({}));
      if (hasCode(error, "LLM_CALL_REFUSED")) {
        if (this.#asked === 0) throw error;
        this.walk.unavailable(candidate.model, "unknown", error.message);
        return undefined;
      }
      return await this.#failed(candidate, attempt, this.#nothing(candidate, { class: "unknown", message: errorMessage(error) }), signal);
    } finally {
      if (!isKnown) health.abandoned(attempt);
      // A reader that stops reading ends the request at the vendor too.
      await stream?.return(undefined as never);
    }
  }

  exhausted(): ModelAnswer {
    const { clock, log } = this.ctx;
    const failure = exhaustedFailure(this.walk.notes, clock.now(), this.walk.begun);
    log.warn("failover.exhausted", { runId: this.request.runId, tried: this.#asked, message: failure.message });
    return this.#splice.end(this.#head(), "error", tokenUsage({}), failure);
  }

  async #failed(candidate: Candidate, attempt: Attempt, answer: ModelAnswer, signal: AbortSignal): Promise<ModelAnswer | undefined> {
    const failure = answer.failure ?? { class: "unknown" as const, message: "it ended in an error, and does not say in which" };
    const { ctx, walk } = this;
    this.#asked += 1;
    let reaction: Reaction = walk.failed(candidate, attempt, failure);
    if (reaction.kind === "fix") {
      const smaller = await withSmallerImages(this.#messages, ctx.config);
      if (smaller === undefined) reaction = walk.unfixable(candidate, failure);
      else this.#messages = smaller;
    }
    ctx.log.info("failover.failed", {
      ...{ runId: this.request.runId, model: candidate.model, profile: candidate.profile },
      ...{ class: failure.class, status: failure.status, reaction: reaction.kind },
    });
    if (reaction.kind === "end") return this.#splice.finish(answer);
    // What nobody has read is begun anew, and only paid for.
    this.#splice.keep(this.reads === "end" ? { ...answer, message: { ...answer.message, content: [] } } : answer);
    if (reaction.kind === "pause" && reaction.ms > 0) {
      await ctx.clock.sleep(reaction.ms, signal).catch(() => undefined); // silent-ok: who has left is told by the line below
      if (signal.aborted) return this.#splice.end(this.#head(), "aborted", tokenUsage({}));
    }
    return undefined;
  }

  #requestFor(candidate: Candidate, credential: Credential | undefined): AccessRequest {
    const { profile: _, model: __, ...rest } = this.request;
    const info = this.#infos.get(candidate.model) as ModelInfo;
    const isWanted = this.#infos.values().next().value === info;
    // What the wanted model cannot read its provider refuses; a fallback is told of it instead.
    const seen = isWanted ? this.#messages : this.#messages.map((message) => readableBy(message, info));
    return {
      ...rest,
      model: candidate.model,
      messages: this.#splice.continued(seen, this.ctx.clock.now()),
      tools: info.tools || isWanted ? rest.tools : [],
      ...(credential === undefined ? {} : { credential }),
    };
  }

  /** Whoever looks for why an answer took long finds it. */
  #tell({ model, profile }: Candidate): void {
    if (this.#asked > 0) this.ctx.log.info("failover.answered", { runId: this.request.runId, model, profile, failed: this.#asked });
  }

  #nothing({ model }: Candidate, failure: ModelFailure): ModelAnswer {
    return this.#answer(model).finish({ stopReason: "error", usage: tokenUsage({}), failure });
  }

  #head(): ModelAnswer["message"] {
    const last = this.walk.notes.findLast((note) => "target" in note);
    const model = last && "target" in last ? last.target.model : (this.request.model ?? "");
    return this.#answer(model).finish({ stopReason: "error", usage: tokenUsage({}) }).message;
  }

  #answer(model: string) {
    const slash = model.indexOf("/");
    return createAnswer({
      provider: model.slice(0, Math.max(0, slash)),
      model: model.slice(slash + 1),
      api: "",
      timestamp: this.ctx.clock.now(),
    });
  }
}
