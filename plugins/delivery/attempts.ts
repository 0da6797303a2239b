/** Sending something to a platform until it is through, refused, uncertain, or too old: each attempt is journalled, so that a replay neither sends nor waits again. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import { errorMessage, isGatewayError } from "@pincer/plugin-sdk/error";
import type { Job } from "@pincer/plugin-sdk/job";
import type { Defaults } from "./config.ts";

/** What one attempt came to. */
type Attempt =
  | { readonly status: "sent"; readonly messageId: string }
  | { readonly status: "again"; readonly afterMs: number | null; readonly detail: string }
  | { readonly status: "rejected" | "uncertain"; readonly detail: string };
/** `left`: it did not succeed at once, and was to be tried once. */
export type Outcome = Exclude<Attempt, { status: "again" }> | { readonly status: "left"; readonly detail: string };

export interface Step {
  readonly name: string;
  /** Repeating it shows nothing twice. */
  readonly idempotent: boolean;
  /** It is given up when it does not succeed at once. */
  readonly once: boolean;
  /** Answers with the message's id. */
  readonly send: (signal: AbortSignal) => Promise<string>;
}

function classify(error: unknown, idempotent: boolean): Attempt {
  const detail = errorMessage(error);
  if (!isGatewayError(error)) return idempotent ? { status: "again", afterMs: null, detail } : { status: "uncertain", detail };
  switch (error.code) {
    case "CHANNEL_RATE_LIMITED":
    case "CHANNEL_UNAVAILABLE":
    case "CHANNEL_LOGIN_REQUIRED":
    case "CAPABILITY_MISSING":
      return { status: "again", afterMs: error.retryAfterMs ?? null, detail };
    case "CHANNEL_UNCERTAIN":
      // Also of a platform that knows a repeated message again: it may have been too long ago for that.
      return { status: "uncertain", detail };
    case "CHANNEL_REJECTED":
      return { status: "rejected", detail };
    default:
      return idempotent ? { status: "again", afterMs: error.retryAfterMs ?? null, detail } : { status: "uncertain", detail };
  }
}

export interface Attempts {
  /** How long a job has waited so far. What the time of day was set ahead in this life is no time that passed. */
  ageOf(job: Pick<Job, "admittedAt">): () => number;
  through(job: Job, age: () => number, step: Step): Promise<Outcome>;
}

export function createAttempts(clock: Clock, defaults: () => Defaults): Attempts {
  const skew = () => clock.now() - clock.monotonic();
  const skewAtStart = skew();

  return {
    ageOf({ admittedAt }) {
      const setAhead = Math.max(0, skew() - skewAtStart);
      const since = clock.monotonic() - Math.max(0, clock.now() - admittedAt - setAhead);
      return () => clock.monotonic() - since;
    },
    async through(job, age, { name, idempotent, once, send }) {
      const { retryFirstMs, retryLongestMs, giveUpAfterMs } = defaults();
      for (let attempt = 0; ; attempt++) {
        let waited = true;
        const run = async (signal: AbortSignal): Promise<Attempt> => {
          waited = false;
          try {
            return { status: "sent", messageId: await send(signal) };
          } catch (error) {
            if (signal.aborted) throw error;
            return classify(error, idempotent);
          }
        };
        const step = `${name}:${attempt}`;
        let outcome: Attempt;
        if (idempotent) outcome = await job.effect(step, { attempt }, run, { replay: "safe" });
        else {
          const effect = await job.effect(step, { attempt }, run);
          outcome = effect.ok ? effect.value : { status: "uncertain", detail: "the gateway stopped while the message was being sent" };
        }
        if (outcome.status !== "again") return outcome;
        if (once) return { status: "left", detail: outcome.detail };
        const pause = outcome.afterMs ?? Math.min(retryLongestMs, retryFirstMs * 2 ** Math.min(attempt, 20));
        if (age() + pause > giveUpAfterMs)
          return { status: "rejected", detail: `given up after ${attempt + 1} attempts: ${outcome.detail}` };
        if (!waited) await job.sleep(pause);
      }
    },
  };
}
