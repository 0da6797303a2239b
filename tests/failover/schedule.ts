/**
 * A made-up world for the decision maker: requests come, vendors answer, fail and break off, keys are changed, callers leave, all at times
 * and in ways that a seed decides. Whoever decides is asked what to do; what was done is written down, so that two can be compared.
 */
import type { FailureClass } from "@pincer/plugin-sdk/contracts/provider";
import { Random } from "../chaos/random.ts";
import type { Failure, Place, Said, Then } from "./reference.ts";

interface Request {
  next(at: number): Said;
  found(places: readonly Place[]): void;
  /** A number by which the attempt is known from now on. */
  asked(place: Place, at: number): number;
  answered(asking: number, at: number): void;
  text(): void;
  failed(place: Place, asking: number, failure: Failure, at: number): Then;
  left(asking: number, at: number): void;
  over(at: number): void;
}

export interface Decider {
  open(who: number, places: readonly Place[], fallbacks: readonly (readonly string[])[], chance: () => number): Request;
  changed(profile: string, at: number): void;
  /** A probe is sent, when there is to be one; its number. */
  probe(place: Place, at: number): number | undefined;
  /** What it found; `unknown`: the vendor has nothing that could be asked. */
  probed(place: Place, asking: number, found: Failure | "taken" | "unknown", at: number): void;
}

interface Plan {
  readonly failure?: Failure;
  /** Milliseconds to the first text, and from there to the end or the break. */
  readonly firstMs: number;
  readonly restMs: number;
  /** It breaks with `failure` behind its first text. */
  readonly breaks: boolean;
}

const CLASSES: readonly (readonly [FailureClass, number])[] = [
  ["rate-limit", 8],
  ["network", 5],
  ["overloaded", 3],
  ["timeout", 2],
  ["auth", 2],
  ["billing", 1],
  ["unknown", 1],
  ["context-overflow", 1],
  ["bad-request", 1],
];
const WEIGHED = CLASSES.flatMap(([name, weight]) => Array.from({ length: weight }, () => name));
const TRIGGERS = ["rate-limit", "auth", "on-error", "context-overflow", "always"] as const;
const USUAL = ["rate-limit", "auth", "on-error"] as const;

function failureFrom(random: Random): Failure {
  const kind = random.pick(WEIGHED);
  const waits = kind === "rate-limit" && random.isTrue(0.4);
  const forbids = kind === "auth" && random.isTrue(0.4);
  return {
    class: kind,
    ...(forbids ? { status: 403 } : {}),
    ...(waits ? { retryAfterMs: random.pick([0, 500, 5_000, 60_000, 200_000]) } : {}),
  };
}

/** The same world for every decider: what a vendor does depends on the seed, the request and how often that has asked. */
export function runSchedule(seed: number, decider: Decider): readonly string[] {
  const world = new Random(seed);
  const trace: string[] = [];
  const health = world.pick([0.2, 0.5, 0.8]);
  const places = (model: string, most: number): Place[] => {
    const continues = world.isTrue(0.3);
    return Array.from({ length: 1 + world.upTo(most - 1) }, (_, number) => ({ model, profile: `${model[0]}:${number}`, continues }));
  };
  const primary = places("a/one", 4);
  const fallbacks = Array.from({ length: world.upTo(4) }, (_, number) => ({
    // Some share their profiles with the wanted model.
    places: world.isTrue(0.3) ? primary.map((place) => ({ ...place, model: `a/${number}` })) : places(`${"bcde"[number]}/two`, 2),
    on: world.isTrue(0.6) ? USUAL : world.some(TRIGGERS),
  }));
  const all = [...primary, ...fallbacks.flatMap((fallback) => fallback.places)];

  interface Due {
    readonly at: number;
    readonly order: number;
    run(at: number): void;
  }
  const queue: Due[] = [];
  let order = 0;
  const later = (at: number, run: (at: number) => void): Due => {
    const due = { at, order: order++, run };
    queue.push(due);
    return due;
  };

  const begin = (who: number) => (start: number) => {
    const own = new Random(seed * 1_000 + who);
    const chance = new Random(seed * 1_000 + who + 500);
    const request = decider.open(
      who,
      own.isTrue(0.8) ? primary : own.some(primary),
      fallbacks.map(({ on }) => on),
      () => chance.next(),
    );
    let gone = false;
    let asking: number | undefined;
    const note = (at: number, what: string) => trace.push(`${at} ${who} ${what}`);
    const finish = (at: number) => {
      gone = true;
      request.over(at);
    };
    const step = (at: number): void => {
      if (gone) return;
      const said = request.next(at);
      if (said.do === "give-up") {
        note(at, "gives up");
        finish(at);
        return;
      }
      if (said.do === "look-up") {
        note(at, `looks up ${said.fallback}`);
        if (!own.isTrue(0.1)) request.found(fallbacks[said.fallback]?.places ?? []);
        step(at);
        return;
      }
      ask(said.place, at);
    };
    const ask = (place: Place, at: number): void => {
      const plan: Plan = {
        firstMs: 1 + own.upTo(own.isTrue(0.1) ? 60_000 : 900),
        restMs: 1 + own.upTo(5_000),
        breaks: own.isTrue(0.2),
        ...(own.isTrue(health) ? {} : { failure: failureFrom(own) }),
      };
      note(at, `asks ${place.profile} ${place.model}`);
      const mine = request.asked(place, at);
      asking = mine;
      const fail = (failure: Failure) => (then: number) => {
        if (gone) return;
        asking = undefined;
        const reaction = request.failed(place, mine, failure, then);
        note(
          then,
          `${failure.class} ${failure.status ?? ""} ${failure.retryAfterMs ?? ""}: ${reaction.goes === "wait" ? reaction.ms : reaction.goes}`,
        );
        if (reaction.goes === "stop") finish(then);
        else if (reaction.goes === "wait") later(then + reaction.ms, step);
        else step(then);
      };
      if (plan.failure && !plan.breaks) {
        later(at + plan.firstMs, fail(plan.failure));
        return;
      }
      later(at + plan.firstMs, (then) => {
        if (gone) return;
        request.answered(mine, then);
        request.text();
        note(then, "answers");
        if (plan.failure) later(then + plan.restMs, fail(plan.failure));
        else
          later(then + plan.restMs, (end) => {
            if (gone) return;
            note(end, "is done");
            asking = undefined;
            finish(end);
          });
      });
    };
    if (own.isTrue(0.1)) {
      later(start + own.upTo(3_000), (at) => {
        if (gone) return;
        if (asking !== undefined) request.left(asking, at);
        note(at, "leaves");
        finish(at);
      });
    }
    step(start);
  };

  const requests = 1 + world.upTo(11);
  const spread = world.pick([0, 1_000, 60_000, 900_000]);
  for (let who = 0; who < requests; who++) later(world.upTo(spread), begin(who));
  for (let change = world.upTo(2); change > 0; change--) {
    const { profile } = world.pick(all);
    later(world.upTo(spread + 10_000), (at) => {
      decider.changed(profile, at);
      trace.push(`${at} ${profile} is changed`);
    });
  }
  for (let probe = world.upTo(4); probe > 0; probe--) {
    const place = world.pick(all);
    const found = world.isTrue(0.4) ? failureFrom(world) : world.pick(["taken", "unknown"] as const);
    const answersIn = 1 + world.upTo(2_000);
    let at = world.upTo(spread + 100_000);
    for (let time = 0; time < 3; time++) {
      later(at, (now) => {
        const asking = decider.probe(place, now);
        trace.push(`${now} ${place.profile} ${place.model} is ${asking === undefined ? "not " : ""}probed`);
        if (asking !== undefined) later(now + answersIn, (then) => decider.probed(place, asking, found, then));
      });
      at += world.upTo(120_000);
    }
  }
  // Afterwards it shows what everybody has left behind.
  for (let late = 0; late < 3; late++) later(spread + 300_000 * (late + 1), begin(100 + late));

  let steps = 0;
  while (queue.length > 0) {
    let first = 0;
    for (let at = 1; at < queue.length; at++) {
      const [one, best] = [queue[at] as Due, queue[first] as Due];
      if (one.at < best.at || (one.at === best.at && one.order < best.order)) first = at;
    }
    const [due] = queue.splice(first, 1) as [Due];
    due.run(due.at);
    if (++steps > 10_000) throw new Error(`schedule ${seed} does not end`);
  }
  return trace;
}
