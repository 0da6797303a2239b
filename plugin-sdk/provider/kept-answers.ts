/** What servers say of themselves, kept for a while: asked for once by all who want it, and renewed behind the back of whoever waits for a slow one. */
import type { Clock } from "../clock.ts";

/** A server that took longer than this is asked again behind the back of whoever waits, who gets what was known. */
const QUICK_MS = 50;

interface Kept<T> {
  readonly at: number;
  readonly place: string;
  readonly answer: Promise<T>;
  /** Set once it is there. */
  outcome?: { readonly failed: boolean; readonly tookMs: number };
}

interface AskedFor<T> {
  /** Which of the servers; and where it is, so that what another one said is not its answer. */
  readonly name: string;
  readonly place: string;
  /** How long an answer holds, and how long that there was none. */
  readonly keptMs: number;
  readonly failedMs: number;
  ask(): Promise<T>;
}

export function keepAnswers<T>(clock: Clock): (asked: AskedFor<T>) => Promise<T> {
  const kept = new Map<string, Kept<T>>();

  const begin = ({ place, ask }: AskedFor<T>): Kept<T> => {
    const answer = ask();
    const entry: Kept<T> = { at: clock.now(), place, answer };
    const begun = clock.monotonic();
    const settled = (failed: boolean) => () => {
      entry.outcome = { failed, tookMs: clock.monotonic() - begun };
    };
    answer.then(settled(false), settled(true));
    return entry;
  };

  return (asked) => {
    const { name, place, keptMs, failedMs } = asked;
    const known = kept.get(name);
    const usable = known?.place === place ? known : undefined;
    const holdsMs = usable?.outcome?.failed === true ? Math.min(keptMs, failedMs) : keptMs;
    if (usable && (clock.now() - usable.at < holdsMs || usable.outcome === undefined)) return usable.answer;
    const next = begin(asked);
    if (usable?.outcome && usable.outcome.tookMs > QUICK_MS && keptMs > 0) {
      // Its place is taken when the answer is there; until then nobody else asks.
      kept.set(name, { ...usable, at: clock.now() });
      const replace = () => void kept.set(name, next);
      next.answer.then(replace, replace);
      return usable.answer;
    }
    kept.set(name, next);
    return next.answer;
  };
}
