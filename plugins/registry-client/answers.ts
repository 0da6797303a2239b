/** What anybody may ask of the registries who may read: whoever asks too often learns no more, and the registries hear of it no more often. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import { linkSignals, within } from "@pincer/plugin-sdk/signal";
import { RegistryError } from "@pincer/registry/error";
import { clientErrors } from "./errors.ts";

export interface Answers {
  /** What was answered lately; else what whoever asked the same thing already is waiting for; else the answer. Throws `REGISTRY_CLIENT_BUSY`. */
  of<T>(question: string, ask: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T>;
}

const keptMs = 30_000;
const mostKept = 64;
/** Then it is answered without whoever is silent. */
const patienceMs = 20_000;
const mostTogether = 4;
const mostPerMinute = 60;

interface Asked {
  readonly answer: Promise<unknown>;
  /** Who waits for it, or has waited. */
  askers: number;
  isAnswered: boolean;
  /** Nobody waits any more. */
  end(): void;
}

export function createAnswers(clock: Clock): Answers {
  const known = new Map<string, Asked>();
  let begun: number[] = [];

  function admit(): void {
    const now = clock.monotonic();
    begun = begun.filter((at) => now - at < 60_000);
    const under = [...known.values()].filter(({ isAnswered }) => !isAnswered).length;
    if (under >= mostTogether)
      throw clientErrors.REGISTRY_CLIENT_BUSY(`${under} other questions to registries are under way: ask again when one is answered`);
    if (begun.length >= mostPerMinute)
      throw clientErrors.REGISTRY_CLIENT_BUSY(`registries were asked ${begun.length} times in the last minute: ask again later`);
    begun.push(now);
  }

  function begin(question: string, ask: (signal: AbortSignal) => Promise<unknown>): Asked {
    admit();
    const given = new AbortController();
    const late = () => new RegistryError("REGISTRY_UNREACHABLE", `no answer came in ${patienceMs / 1000} s`);
    const forget = () => void (known.get(question) === asked && known.delete(question));
    const asked: Asked = {
      answer: within({ clock, ms: patienceMs, late, signal: given.signal }, ask),
      ...{ askers: 0, isAnswered: false },
      end() {
        forget();
        given.abort(new Error("nobody waits for it any more"));
      },
    };
    known.set(question, asked);
    asked.answer.then(() => {
      asked.isAnswered = true;
      clock.after(keptMs, forget);
      for (const [oldest, { isAnswered }] of known) if (known.size > mostKept && isAnswered) known.delete(oldest);
    }, forget);
    return asked;
  }

  return {
    async of(question, ask, signal) {
      signal.throwIfAborted();
      const asked = known.get(question) ?? begin(question, ask);
      asked.askers++;
      using link = linkSignals(signal);
      const left = Promise.withResolvers<never>();
      link.signal.addEventListener("abort", () => left.reject(signal.reason), { once: true });
      try {
        return (await Promise.race([asked.answer, left.promise])) as Awaited<ReturnType<typeof ask>>;
      } finally {
        asked.askers--;
        if (asked.askers === 0 && !asked.isAnswered) asked.end();
      }
    },
  };
}
