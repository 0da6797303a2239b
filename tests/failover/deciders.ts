/** The plugin's decision maker and the reference, each as the made-up world asks them. */
import type { Trigger } from "../../plugins/failover/config.ts";
import { type Attempt, Health } from "../../plugins/failover/health.ts";
import { type Candidate, Walk } from "../../plugins/failover/walk.ts";
import { Book, type Failure, Way } from "./reference.ts";
import type { Decider } from "./schedule.ts";

const RULES = { pauseMs: 250, jitter: 0.2, firstRestMs: 60_000, longestRestMs: 300_000, longestSaidMs: 150_000 };
const withMessage = (failure: Failure) => ({ ...failure, message: "the script says so" });

export function pluginDecider(): Decider {
  let now = 0;
  const clock = { now: () => now, monotonic: () => now };
  const health = new Health(clock, () => ({
    cooldownMs: RULES.firstRestMs,
    cooldownLongestMs: RULES.longestRestMs,
    retryAfterLongestMs: RULES.longestSaidMs,
  }));
  const attempts: Attempt[] = [];
  const attempt = (asking: number) => attempts[asking] as Attempt;
  return {
    open(_, places, fallbacks, random) {
      const walk = new Walk({
        health,
        settings: { retryPauseMs: RULES.pauseMs, retryJitter: RULES.jitter, retryAfterLongestMs: RULES.longestSaidMs },
        random,
        candidates: places,
        fallbacks: fallbacks as readonly (readonly Trigger[])[],
      });
      return {
        next(at) {
          now = at;
          const step = walk.next();
          if (step.kind === "try") return { do: "ask", place: step.candidate };
          return step.kind === "fallback" ? { do: "look-up", fallback: step.index } : { do: "give-up" };
        },
        found: (more) => walk.add(more),
        asked(place, at) {
          now = at;
          return attempts.push(health.begin(place)) - 1;
        },
        answered(asking, at) {
          now = at;
          walk.succeeded(attempt(asking), 1);
        },
        text() {
          walk.begun = true;
        },
        failed(place, asking, failure, at) {
          now = at;
          const reaction = walk.failed(place as Candidate, attempt(asking), withMessage(failure));
          if (reaction.kind === "pause") return { goes: "wait", ms: reaction.ms };
          return { goes: reaction.kind === "end" ? "stop" : "on" };
        },
        left(asking, at) {
          now = at;
          health.abandoned(attempt(asking));
        },
        over: () => walk.close(),
      };
    },
    changed(profile, at) {
      now = at;
      health.reset(profile);
    },
    probe(place, at) {
      now = at;
      const isDue = [...health.resting()].some(
        ({ target, leftMs }) => leftMs === 0 && target.profile === place.profile && target.model === place.model,
      );
      return isDue ? attempts.push(health.beginProbe(place)) - 1 : undefined;
    },
    probed(_, asking, found, at) {
      now = at;
      if (found === "unknown") health.abandoned(attempt(asking));
      else health.probed(attempt(asking), found === "taken" ? undefined : withMessage(found));
    },
  };
}

export function referenceDecider(): Decider {
  const book = new Book(RULES);
  return {
    open(who, places, fallbacks, chance) {
      const way = new Way(book, who, places, fallbacks, chance);
      return {
        next: (at) => way.next(at),
        found: (more) => way.found(more),
        asked: (place, at) => book.ask(place, at, "asked"),
        answered(asking, at) {
          book.write({ what: "answered", at, place: book.placeOf(asking), asking });
          way.answered(at);
        },
        text() {
          way.isBegun = true;
        },
        failed(place, asking, failure, at) {
          book.write({ what: "failed", at, place, asking, failure });
          return way.failed(place, failure, at);
        },
        left: (asking, at) => book.write({ what: "left", at, place: book.placeOf(asking), asking }),
        over: (at) => way.over(at),
      };
    },
    changed: (profile, at) => book.write({ what: "changed", at, place: { profile, model: "" } }),
    probe: (place, at) => (book.standing(place, at).mayProbe ? book.ask(place, at, "probed") : undefined),
    probed(place, asking, found, at) {
      if (found === "taken") book.write({ what: "taken", at, place, asking });
      else if (found === "unknown") book.write({ what: "left", at, place, asking });
      else book.write({ what: "refused", at, place, asking, failure: found });
    },
  };
}
