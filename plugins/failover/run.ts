/** One call of a caller, over as many requests of ours as it takes: each is made as the decision maker says, and told to it. */
import type { Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { LlmRequest } from "@pincer/plugin-sdk/contracts/llm";
import type { AccessRequest, modelAccess } from "@pincer/plugin-sdk/contracts/model-access";
import type { Credential, ModelAnswer, ModelEvent, ModelFailure, ModelInfo } from "@pincer/plugin-sdk/contracts/provider";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { createAnswer, tokenUsage } from "@pincer/plugin-sdk/provider/answer";
import { readableBy } from "@pincer/plugin-sdk/provider/readable";
import type { FailoverConfig } from "./config.ts";
import type { Attempt, Health } from "./health.ts";
import type { Shrinker } from "./images.ts";
import { Refusals } from "./refusals.ts";
import { Splice } from "./splice.ts";
import { exhaustedFailure } from "./telling.ts";
import type { Tokens } from "./tokens.ts";
import type { Candidate, Reaction, Walk } from "./walk.ts";

type Stream = AsyncGenerator<ModelEvent, ModelAnswer, void>;

interface RunContext {
  readonly config: FailoverConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly uses: { readonly access: Pick<ImplementationOf<typeof modelAccess>, "stream" | "answer"> };
}

interface RunParts {
  readonly health: Health;
  readonly tokens: Tokens;
  readonly withSmallerImages: Shrinker;
  readonly walk: Walk;
  readonly request: LlmRequest;
  /** What is known of each model that may be asked, the wanted one first. It grows as fallbacks are looked up. */
  readonly infos: ReadonlyMap<string, ModelInfo>;
  /** `end`: nobody reads anything before the end, and it tells nothing before. */
  readonly reads: "events" | "end";
}

export class Run {
  readonly #ctx: RunContext;
  readonly #parts: RunParts;
  readonly #splice = new Splice();
  readonly #refusals: Refusals;
  #messages: LlmRequest["messages"];
  #failed = 0;

  constructor(ctx: RunContext, parts: RunParts) {
    this.#ctx = ctx;
    this.#parts = parts;
    this.#refusals = new Refusals(parts.walk);
    this.#messages = parts.request.messages;
  }

  /** Makes one request. `undefined`: the decision maker is to say what comes next. Throws what refuses the whole call. */
  async *ask(candidate: Candidate, signal: AbortSignal): AsyncGenerator<ModelEvent, ModelAnswer | undefined, void> {
    const { clock } = this.#ctx;
    const { health, tokens, walk, reads } = this.#parts;
    const { access } = this.#ctx.uses;
    const attempt = health.begin(candidate);
    const begun = clock.monotonic();
    let stream: Stream | undefined;
    let isKnown = false;
    const answers = () => {
      if (isKnown) return;
      isKnown = true;
      walk.succeeded(attempt, Math.round(clock.monotonic() - begun));
    };
    try {
      const found = await tokens.credential(candidate.profile);
      if ("failure" in found) return await this.#react(candidate, attempt, this.#nothing(candidate, found.failure), signal);
      const request = this.#requestFor(candidate, found.credential);
      let answer: ModelAnswer | undefined;
      if (reads === "end") answer = await access.answer(request, { signal });
      else stream = access.stream(request, { signal });
      while (stream) {
        const next = await stream.next();
        if (next.done) {
          stream = undefined;
          answer = next.value;
        } else {
          answers();
          yield* this.#told(this.#splice.take(next.value));
        }
      }
      const last = await this.#ended(candidate, attempt, answer as ModelAnswer, signal, answers);
      if (last) yield* this.#told(this.#splice.rest(last));
      return last;
    } catch (error) {
      stream = undefined;
      if (signal.aborted) return this.#splice.end(this.#head(), "aborted", tokenUsage({}));
      if (this.#refusals.isOne(error)) {
        this.#refusals.note(candidate, error, this.#failed);
        return undefined;
      }
      return await this.#react(candidate, attempt, this.#nothing(candidate, { class: "unknown", message: errorMessage(error) }), signal);
    } finally {
      if (!isKnown) health.abandoned(attempt);
      // A reader that stops reading ends the request at the vendor too.
      await stream?.return(undefined as never);
    }
  }

  /** Nothing is left that could be asked. Throws what refused it, when nothing has failed: there was nothing that may be asked. */
  exhausted(): ModelAnswer {
    const { clock, log } = this.#ctx;
    const { walk, request } = this.#parts;
    if (this.#failed === 0) this.#refusals.throwFirst();
    const failure = exhaustedFailure(walk.notes, clock.now(), walk.begun);
    log.warn("failover.exhausted", { runId: request.runId, tried: this.#failed, message: failure.message });
    return this.#splice.end(this.#head(), "error", tokenUsage({}), failure);
  }

  /** From the first text on it can only be gone on with. */
  *#told(events: readonly ModelEvent[]): Generator<ModelEvent, void, void> {
    for (const event of events) {
      if (event.type === "text") this.#parts.walk.begun = true;
      yield event;
    }
  }

  async #ended(
    candidate: Candidate,
    attempt: Attempt,
    answer: ModelAnswer,
    signal: AbortSignal,
    answers: () => void,
  ): Promise<ModelAnswer | undefined> {
    const { health, tokens, request } = this.#parts;
    const { model, profile } = candidate;
    if (answer.stopReason === "error") {
      const last = await this.#react(candidate, attempt, answer, signal);
      // A profile that was changed meanwhile has a new token already.
      if (answer.failure?.class === "auth" && health.profile(profile).failed) tokens.refused(profile);
      return last;
    }
    if (answer.stopReason !== "aborted") {
      answers();
      // Whoever looks for why an answer took long finds it.
      if (this.#failed > 0) this.#ctx.log.info("failover.answered", { runId: request.runId, model, profile, failed: this.#failed });
    }
    return this.#splice.finish(answer);
  }

  async #react(candidate: Candidate, attempt: Attempt, answer: ModelAnswer, signal: AbortSignal): Promise<ModelAnswer | undefined> {
    const failure = answer.failure ?? { class: "unknown" as const, message: "it ended in an error, and does not say in which" };
    const { config, clock, log } = this.#ctx;
    const { walk, request, withSmallerImages } = this.#parts;
    this.#failed += 1;
    let reaction: Reaction = walk.failed(candidate, attempt, failure);
    if (reaction.kind === "fix") {
      const smaller = await withSmallerImages(this.#messages, config);
      if (smaller === undefined) reaction = walk.unfixable(candidate, failure);
      else this.#messages = smaller;
    }
    log.info("failover.failed", {
      ...{ runId: request.runId, model: candidate.model, profile: candidate.profile },
      ...{ class: failure.class, status: failure.status, reaction: reaction.kind },
    });
    if (reaction.kind === "end") return this.#splice.finish(answer);
    this.#splice.keep(answer);
    if (reaction.kind === "pause" && reaction.ms > 0) {
      await clock.sleep(reaction.ms, signal).catch(() => undefined); // silent-ok: who has left is told by the line below
      if (signal.aborted) return this.#splice.end(this.#head(), "aborted", tokenUsage({}));
    }
    return undefined;
  }

  #requestFor(candidate: Candidate, credential: Credential | undefined): AccessRequest {
    const { profile: _, model: __, ...rest } = this.#parts.request;
    const { infos } = this.#parts;
    const info = infos.get(candidate.model) as ModelInfo;
    const isWanted = infos.values().next().value === info;
    // What the wanted model cannot read its provider refuses; a fallback is told of it instead.
    const seen = isWanted ? this.#messages : this.#messages.map((message) => readableBy(message, info));
    return {
      ...rest,
      model: candidate.model,
      messages: this.#splice.continued(seen, this.#ctx.clock.now()),
      tools: info.tools || isWanted ? rest.tools : [],
      ...(credential === undefined ? {} : { credential }),
      profile: candidate.profile,
    };
  }

  #nothing({ model }: Candidate, failure: ModelFailure): ModelAnswer {
    return this.#answer(model).finish({ stopReason: "error", usage: tokenUsage({}), failure });
  }

  #head(): ModelAnswer["message"] {
    const { walk, request } = this.#parts;
    const last = walk.notes.findLast((note) => "target" in note);
    const model = last && "target" in last ? last.target.model : (request.model ?? "");
    return this.#answer(model).finish({ stopReason: "error", usage: tokenUsage({}) }).message;
  }

  #answer(model: string) {
    const slash = model.indexOf("/");
    return createAnswer({
      provider: model.slice(0, Math.max(0, slash)),
      model: model.slice(slash + 1),
      api: "",
      timestamp: this.#ctx.clock.now(),
    });
  }
}
