/**
 * The decision maker: which profile and model is asked next, after what has happened to this request and to others. It waits for nothing
 * and asks nobody; whoever drives it does what it says and tells it how that went.
 */
import type { FailureClass, ModelFailure } from "@pincer/plugin-sdk/contracts/provider";
import type { Trigger } from "./config.ts";
import { type Attempt, bounded, type Health, type Look, type Target } from "./health.ts";
import { isTriggered, ruleOf } from "./rules.ts";

export interface Candidate extends Target {
  /** The model can go on behind an unfinished text. */
  readonly continues: boolean;
}

type Step =
  | { readonly kind: "try"; readonly candidate: Candidate }
  /** The model of that fallback is to be looked up, and its candidates added, before the next step. */
  | { readonly kind: "fallback"; readonly index: number }
  | { readonly kind: "exhausted" };

/** `pause`: wait so long, then take the next step. `fix`: the request may be changed and tried there once more. */
export type Reaction = { readonly kind: "next" | "fix" | "end" } | { readonly kind: "pause"; readonly ms: number };

/** What became of a candidate: it was asked, or it was passed over. */
export type Note =
  | { readonly kind: "failed"; readonly target: Target; readonly failure: ModelFailure; readonly attempts: number }
  | { readonly kind: "passed-over"; readonly target: Target; readonly look: Exclude<Look, { is: "open" | "trial" | "tried" }> }
  | { readonly kind: "cannot-continue"; readonly target: Target }
  | { readonly kind: "unavailable"; readonly model: string; readonly message: string };

interface WalkSettings {
  readonly retryPauseMs: number;
  readonly retryJitter: number;
  readonly retryAfterLongestMs: number;
}

export class Walk {
  readonly #health: Health;
  readonly #settings: WalkSettings;
  readonly #random: () => number;
  readonly #fallbacks: { readonly on: readonly Trigger[]; readonly index: number }[];
  #queue: Candidate[];
  #deferred: Candidate[] = [];
  #again: Candidate | undefined;
  #claimed: Target | undefined;
  #attempts = 0;
  #retried = false;
  #fixed = false;
  readonly #failures = new Set<FailureClass>();
  readonly #notes: Note[] = [];
  /** Text has gone out: from now on it can only be continued. */
  begun = false;

  constructor(options: {
    readonly health: Health;
    readonly settings: WalkSettings;
    /** As `Math.random`. */
    readonly random: () => number;
    readonly candidates: readonly Candidate[];
    /** What each fallback is meant for, in their order. */
    readonly fallbacks: readonly (readonly Trigger[])[];
  }) {
    this.#health = options.health;
    this.#settings = options.settings;
    this.#random = options.random;
    this.#queue = [...options.candidates];
    this.#fallbacks = options.fallbacks.map((on, index) => ({ on, index }));
  }

  get notes(): readonly Note[] {
    return this.#notes;
  }

  next(): Step {
    const again = this.#again;
    this.#again = undefined;
    if (again && this.#admits(again)) return { kind: "try", candidate: again };
    this.#release();
    this.#attempts = 0;
    this.#retried = false;
    for (let candidate = this.#queue.shift(); candidate; candidate = this.#queue.shift()) {
      if (this.#health.look(candidate).is === "tried" && this.#mayServe(candidate)) this.#deferred.push(candidate);
      else if (this.#admits(candidate)) return { kind: "try", candidate };
    }
    for (let fallback = this.#fallbacks.shift(); fallback; fallback = this.#fallbacks.shift()) {
      if (isTriggered(fallback.on, this.#failures)) return { kind: "fallback", index: fallback.index };
    }
    // Somebody else tries these just now; with nowhere else to go, so does this request.
    for (let candidate = this.#deferred.shift(); candidate; candidate = this.#deferred.shift()) {
      if (this.#admits(candidate)) return { kind: "try", candidate };
    }
    return { kind: "exhausted" };
  }

  /** The candidates of the fallback that was asked for. */
  add(candidates: readonly Candidate[]): void {
    this.#queue.push(...candidates);
  }

  /** A model that cannot be asked at all, with whichever profile. */
  unavailable(model: string, failure: FailureClass, message: string): void {
    this.#failures.add(failure);
    this.#notes.push({ kind: "unavailable", model, message });
    this.#queue = this.#queue.filter((candidate) => candidate.model !== model);
    this.#deferred = this.#deferred.filter((candidate) => candidate.model !== model);
  }

  /** Of the one candidate: others of its model may be asked all the same. */
  refused({ model }: Candidate, message: string): void {
    this.#failures.add("unknown");
    this.#notes.push({ kind: "unavailable", model, message });
  }

  succeeded(attempt: Attempt, latencyMs: number): void {
    this.#health.succeeded(attempt, latencyMs);
    this.#release();
  }

  failed(candidate: Candidate, attempt: Attempt, said: ModelFailure): Reaction {
    const failure = bounded(said, this.#settings);
    this.#health.failed(attempt, failure);
    this.#attempts += 1;
    this.#failures.add(failure.class);
    const reaction = this.#reactionTo(candidate, failure);
    if (reaction.kind === "pause" || reaction.kind === "fix") this.#again = candidate;
    else {
      this.#release();
      this.#notes.push({ kind: "failed", target: candidate, failure, attempts: this.#attempts });
    }
    return reaction;
  }

  /** There was nothing to fix. */
  unfixable(candidate: Candidate, failure: ModelFailure): Reaction {
    this.#again = undefined;
    this.#notes.push({ kind: "failed", target: candidate, failure, attempts: this.#attempts });
    return this.#ending(failure.class);
  }

  /** The request is over; others may repeat theirs where this one would have. */
  close(): void {
    this.#release();
  }

  #reactionTo(candidate: Candidate, failure: ModelFailure): Reaction {
    const rule = ruleOf(failure);
    if (rule === "fix" && !this.#fixed && !this.begun) {
      this.#fixed = true;
      return { kind: "fix" };
    }
    if (rule === "end" || rule === "fix") return this.#ending(failure.class);
    if (rule !== "retry" || this.#retried || (this.begun && !candidate.continues)) return { kind: "next" };
    const isFirst = this.#health.claimRetry(candidate, this);
    if (!isFirst && this.#hasOther()) return { kind: "next" };
    if (isFirst) this.#claimed = candidate;
    this.#retried = true;
    const { retryPauseMs, retryJitter } = this.#settings;
    return { kind: "pause", ms: Math.round(retryPauseMs * (1 - retryJitter * this.#random())) };
  }

  /** The same model would say the same with every other profile; another may be meant for that. */
  #ending(failure: FailureClass): Reaction {
    if (!this.#fallbacks.some(({ on }) => isTriggered(on, new Set([failure])))) return { kind: "end" };
    this.#queue = [];
    this.#deferred = [];
    return { kind: "next" };
  }

  #mayServe = (candidate: Candidate): boolean => !this.begun || candidate.continues;

  /** Notes why not. */
  #admits(candidate: Candidate): boolean {
    const look = this.#health.look(candidate);
    if (look.is === "failed" || look.is === "cooling") {
      this.#failures.add(look.reason.class);
      this.#notes.push({ kind: "passed-over", target: candidate, look });
      return false;
    }
    if (this.#mayServe(candidate)) return true;
    this.#notes.push({ kind: "cannot-continue", target: candidate });
    return false;
  }

  #hasOther(): boolean {
    const isUsable = (candidate: Candidate) => {
      const { is } = this.#health.look(candidate);
      return is !== "failed" && is !== "cooling" && this.#mayServe(candidate);
    };
    return this.#queue.some(isUsable) || this.#deferred.some(isUsable) || this.#fallbacks.some(({ on }) => isTriggered(on, this.#failures));
  }

  #release(): void {
    if (this.#claimed) this.#health.releaseRetry(this.#claimed, this);
    this.#claimed = undefined;
  }
}
