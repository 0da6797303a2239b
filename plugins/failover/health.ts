/**
 * How profiles do, and each model with each: read at every call, and so in memory; nothing is waited for here. Durations are measured by
 * the clock that only grows, since the operator may set the other one.
 */
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { FailureClass, ModelFailure } from "@pincer/plugin-sdk/contracts/provider";
import { isForbidden, ruleOf } from "./rules.ts";

export interface Target {
  readonly profile: string;
  readonly model: string;
}

export interface Reason {
  readonly class: FailureClass;
  readonly message: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** One request that was sent, from its beginning to its first piece, its failure, or the caller's end. */
export interface Attempt extends Target {
  readonly order: number;
  readonly epoch: number;
  /** It is the first after a cooldown; until it is known how it did, others are sent elsewhere where they can. */
  readonly trial: boolean;
}

export interface ProfileHealth {
  failed?: Reason;
  lastUsedAt?: number;
  /** Since it last answered. */
  failureCount: number;
}

export interface TargetHealth {
  successes: number;
  failures: number;
  latencyMs: number | null;
  /** Cooldowns without an answer in between. */
  strikes: number;
  cooling?: { readonly until: number; readonly forMs: number; readonly reason: Reason };
}

export type Look =
  | { readonly is: "open" | "trial" | "tried" }
  | { readonly is: "cooling"; readonly reason: Reason; readonly leftMs: number }
  | { readonly is: "failed"; readonly reason: Reason };

interface HealthSettings {
  readonly cooldownMs: number;
  readonly cooldownLongestMs: number;
  readonly retryAfterLongestMs: number;
}

/** A vendor's word is taken, but not for ever. */
export const bounded = (failure: ModelFailure, { retryAfterLongestMs }: Pick<HealthSettings, "retryAfterLongestMs">): ModelFailure =>
  failure.retryAfterMs === undefined
    ? failure
    : { ...failure, retryAfterMs: Math.min(Math.max(0, failure.retryAfterMs), retryAfterLongestMs) };

/** Of a profile; anybody may ask for models by names of their own. */
const MOST_MODELS = 200;

interface Kept extends TargetHealth {
  readonly target: Target;
  /** The number of the event that made it rest; what began before tells nothing new. */
  cooledAs: number;
  trial: Attempt | undefined;
  /** Who repeats a request there for all who met the same fault. */
  retrying: object | undefined;
  /** Whether a probe of this cooldown was begun, and whether it has found that the vendor takes the profile again. */
  probe: "none" | "asked" | "proven";
}

/** A weight of a fifth for the newest. */
const smoothed = (before: number | null, next: number): number => Math.round(before === null ? next : before + (next - before) / 5);

export class Health {
  readonly #clock: Pick<Clock, "now" | "monotonic">;
  readonly #settings: () => HealthSettings;
  /** Told which profile is not as it was; `counts`: in its counts alone, which may be lost. */
  readonly #changed: (profile: string, counts?: "counts") => void;
  readonly #profiles = new Map<string, ProfileHealth>();
  readonly #targets = new Map<string, Map<string, Kept>>();
  readonly #epochs = new Map<string, number>();
  #events = 0;

  constructor(
    clock: Pick<Clock, "now" | "monotonic">,
    settings: () => HealthSettings,
    changed: (profile: string, counts?: "counts") => void = () => undefined,
  ) {
    this.#clock = clock;
    this.#settings = settings;
    this.#changed = changed;
  }

  look(target: Target): Look {
    const failed = this.#profiles.get(target.profile)?.failed;
    if (failed) return { is: "failed", reason: failed };
    const known = this.#targets.get(target.profile)?.get(target.model);
    if (known?.cooling === undefined) return { is: "open" };
    const leftMs = known.cooling.until - this.#clock.monotonic();
    if (leftMs > 0) return { is: "cooling", reason: known.cooling.reason, leftMs };
    if (known.probe === "proven") return { is: "open" };
    return { is: known.trial ? "tried" : "trial" };
  }

  begin({ profile, model }: Target): Attempt {
    const trial = this.look({ profile, model }).is === "trial";
    const attempt: Attempt = { profile, model, order: ++this.#events, epoch: this.#epochs.get(profile) ?? 0, trial };
    if (trial) this.#of(attempt).trial = attempt;
    this.#profile(profile).lastUsedAt = this.#clock.now();
    return attempt;
  }

  /** The vendor has begun to answer. */
  succeeded(attempt: Attempt, latencyMs: number): void {
    if (!this.#ended(attempt)) return;
    const known = this.#of(attempt);
    known.successes += 1;
    known.latencyMs = smoothed(known.latencyMs, latencyMs);
    this.#profile(attempt.profile).failureCount = 0;
    const isCured = known.cooling !== undefined && attempt.order > known.cooledAs;
    if (isCured) {
      known.strikes = 0;
      delete known.cooling;
    }
    this.#changed(attempt.profile, isCured ? undefined : "counts");
  }

  failed(attempt: Attempt, said: ModelFailure): void {
    if (!this.#ended(attempt)) return;
    const failure = bounded(said, this.#settings());
    const rule = ruleOf(failure);
    // What the vendor refuses for what was asked says nothing of who asked.
    if (rule === "end" || rule === "fix") return;
    const known = this.#of(attempt);
    const profile = this.#profile(attempt.profile);
    known.failures += 1;
    profile.failureCount += 1;
    const reason = this.#reason(failure);
    if (rule === "fail") profile.failed ??= reason;
    else if (rule === "cool") this.#cool(known, attempt, failure.retryAfterMs, reason);
    this.#changed(attempt.profile, rule === "fail" || rule === "cool" ? undefined : "counts");
  }

  /** Nobody waits for it any more. */
  abandoned(attempt: Attempt): void {
    this.#ended(attempt);
  }

  /** The profile is another than before, or was found to be in order: what was known against it no longer holds. */
  reset(profile: string): void {
    this.#epochs.set(profile, (this.#epochs.get(profile) ?? 0) + 1);
    const health = this.#profile(profile);
    delete health.failed;
    health.failureCount = 0;
    for (const known of this.#targets.get(profile)?.values() ?? []) {
      known.strikes = 0;
      known.trial = undefined;
      known.probe = "none";
      delete known.cooling;
    }
    this.#changed(profile);
  }

  forget(profile: string): void {
    this.reset(profile);
    this.#profiles.delete(profile);
    this.#targets.delete(profile);
    this.#changed(profile);
  }

  probed(attempt: Attempt, said: ModelFailure | undefined): void {
    if (!this.#ended(attempt)) return;
    const failure = said && bounded(said, this.#settings());
    // A key that may not list models may ask them: a turn finds out.
    if (failure && isForbidden(failure)) return;
    const known = this.#of(attempt);
    if (failure === undefined) known.probe = "proven";
    else if (ruleOf(failure) === "fail") this.#profile(attempt.profile).failed ??= this.#reason(failure);
    // Of two probes the second waits longer, whatever the vendor says: nobody asked for it.
    else this.#cool(known, attempt, Math.max(failure.retryAfterMs ?? 0, this.#restMs(known.strikes + 1)), this.#reason(failure));
    this.#changed(attempt.profile);
  }

  /** Whether `who` is the one that repeats a request there; the others go on at once, if they have where to. */
  claimRetry(target: Target, who: object): boolean {
    const known = this.#of(target);
    known.retrying ??= who;
    return known.retrying === who;
  }

  releaseRetry(target: Target, who: object): void {
    const known = this.#of(target);
    if (known.retrying === who) known.retrying = undefined;
  }

  /** Targets that rest, or have rested and were not tried since, and how long still. */
  *resting(): Generator<{ readonly target: Target; readonly leftMs: number }> {
    for (const { cooling, probe, trial, target } of this.#all()) {
      if (cooling === undefined || probe !== "none" || trial !== undefined || this.#profiles.get(target.profile)?.failed) continue;
      yield { target, leftMs: Math.max(0, cooling.until - this.#clock.monotonic()) };
    }
  }

  /** Takes the place of the first request after a cooldown. */
  beginProbe(target: Target): Attempt {
    const known = this.#of(target);
    known.probe = "asked";
    known.trial = { ...target, order: ++this.#events, epoch: this.#epochs.get(target.profile) ?? 0, trial: true };
    return known.trial;
  }

  get known(): readonly string[] {
    return [...this.#profiles.keys()];
  }

  profile(profile: string): Readonly<ProfileHealth> {
    return this.#profiles.get(profile) ?? { failureCount: 0 };
  }

  models(profile: string): readonly (readonly [model: string, health: Readonly<TargetHealth>])[] {
    return [...(this.#targets.get(profile) ?? [])];
  }

  restore(profile: string, health: ProfileHealth, models: Readonly<Record<string, TargetHealth>>): void {
    this.#profiles.set(profile, health);
    for (const [model, target] of Object.entries(models)) Object.assign(this.#of({ profile, model }), target);
  }

  #reason = ({ class: kind, message }: ModelFailure): Reason => ({ class: kind, message, at: this.#clock.now() });

  #cool(known: Kept, attempt: Attempt, retryAfterMs: number | undefined, reason: Reason): void {
    const now = this.#clock.monotonic();
    const isNews = attempt.order > known.cooledAs || known.cooling === undefined;
    if (!isNews && retryAfterMs === undefined) return;
    if (isNews) {
      known.strikes += 1;
      known.cooledAs = ++this.#events;
      known.probe = "none";
    }
    const forMs = retryAfterMs ?? this.#restMs(known.strikes);
    const until = now + forMs;
    if (isNews || until > (known.cooling?.until ?? 0)) known.cooling = { until, forMs, reason };
  }

  #restMs(strikes: number): number {
    const { cooldownMs, cooldownLongestMs } = this.#settings();
    return Math.min(cooldownMs * 2 ** (strikes - 1), cooldownLongestMs);
  }

  /** False when the profile was changed since the attempt began. */
  #ended(attempt: Attempt): boolean {
    if ((this.#epochs.get(attempt.profile) ?? 0) !== attempt.epoch) return false;
    const known = this.#of(attempt);
    if (known.trial === attempt) known.trial = undefined;
    return true;
  }

  *#all(): Generator<Kept> {
    for (const models of this.#targets.values()) yield* models.values();
  }

  #profile(profile: string): ProfileHealth {
    const known = this.#profiles.get(profile) ?? { failureCount: 0 };
    this.#profiles.set(profile, known);
    return known;
  }

  #of({ profile, model }: Target): Kept {
    const models = this.#targets.get(profile) ?? new Map<string, Kept>();
    this.#targets.set(profile, models);
    const known = models.get(model) ?? {
      ...{ target: { profile, model }, successes: 0, failures: 0, latencyMs: null, strikes: 0 },
      ...{ cooledAs: 0, trial: undefined, retrying: undefined, probe: "none" },
    };
    models.set(model, known);
    if (models.size > MOST_MODELS) this.#forgetOne(models, known);
    return known;
  }

  /** One that nothing is known against, else the oldest. */
  #forgetOne(models: Map<string, Kept>, newest: Kept): void {
    const others = models.values().filter((known) => known !== newest);
    const idle = others.find(({ cooling, trial, retrying }) => (cooling ?? trial ?? retrying) === undefined);
    const [first] = models.keys();
    models.delete(idle?.target.model ?? (first as string));
  }
}
