/** Asks the registries, whenever it is time, what nobody should run any more, and stops it. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { within } from "@pincer/plugin-sdk/signal";
import { RegistryError } from "@pincer/registry/error";
import { readLock } from "./engine/home/lock.ts";
import { followKeys, signedToday } from "./engine/revocation/resigned.ts";
import { type Marked, markRevoked, registriesIn, type Said } from "./engine/revocation/revoked.ts";
import type { RegistrySources } from "./sources/registry.ts";

/** One that does not answer in this time is asked again later: it keeps the others from being asked. */
const patienceMs = 20_000;
/** Longest pause between two questions to one that does not answer, or asks for more: what is revoked has to be heard of. */
const longestMs = 300_000;
/** One that is not reached so often in a row is reported; one that says what cannot be true is at once. */
const mostUnreached = 3;

export interface WatchOptions {
  readonly home: string;
  readonly clock: Clock;
  /** From 0 to 1. */
  readonly random: () => number;
  /** As they are configured now. */
  readonly registries: () => RegistrySources;
  readonly pollMs: () => number;
}

interface Heard {
  readonly dueAt: number;
  readonly failures: number;
  readonly trouble?: Pick<Trouble, "code" | "said">;
}

/** Why what a registry revokes is not heard of. */
export interface Trouble {
  readonly registry: string;
  /** Of the error. */
  readonly code: string;
  /** For people. */
  readonly said: string;
}

export interface Watch {
  /** `waitMs`: until the next look. */
  look(signal: AbortSignal): Promise<Marked & { readonly waitMs: number }>;
  troubles(): readonly Trouble[];
}

export function createWatch({ home, clock, random, registries, pollMs }: WatchOptions): Watch {
  const heard = new Map<string, Heard>();

  /** Never later than said, so that everybody does not ask at the same moment. */
  const soonIn = (ms: number): number => ms * (1 - random() / 10);

  async function ask(sources: RegistrySources, registry: string, signal: AbortSignal): Promise<Said> {
    const late = () => new RegistryError("REGISTRY_UNREACHABLE", `${registry} did not answer in ${patienceMs / 1000} s`);
    try {
      const [list, today] = await within({ clock, ms: patienceMs, late, signal }, async (given) => {
        const heardOf = await sources.revocations(registry, given);
        return [heardOf, await signedToday(readLock(home), registry, heardOf, sources, given)] as const;
      });
      heard.set(registry, { failures: 0, dueAt: clock.monotonic() + soonIn(pollMs()) });
      return { registry, list, authority: sources.knownAuthority(registry), isComplete: true, today };
    } catch (error) {
      signal.throwIfAborted();
      const failures = (heard.get(registry)?.failures ?? 0) + 1;
      const code = error instanceof RegistryError ? error.code : "";
      const trouble = { code, said: `what ${registry} revokes is not heard of: ${errorMessage(error)}` };
      const isTold = code !== "REGISTRY_UNREACHABLE" || failures >= mostUnreached;
      const asksForMs = error instanceof RegistryError ? (error.retryAfterMs ?? 0) : 0;
      const pauseMs = Math.max(soonIn(pollMs() * 2 ** (failures - 1)), asksForMs);
      heard.set(registry, { failures, ...(isTold && { trouble }), dueAt: clock.monotonic() + Math.min(longestMs, pauseMs) });
      // What it has said before holds.
      const said = { list: sources.knownRevocations(registry), authority: sources.knownAuthority(registry) };
      return { registry, ...said, isComplete: false, today: new Map() };
    }
  }

  return {
    async look(signal) {
      const sources = registries();
      const names = registriesIn(readLock(home));
      for (const name of heard.keys()) if (!names.includes(name)) heard.delete(name);
      const due = names.filter((name) => clock.monotonic() >= (heard.get(name)?.dueAt ?? 0));
      const said = await Promise.all(due.map((registry) => ask(sources, registry, signal)));
      const marked = said.map((one) => {
        followKeys(home, one, clock.now());
        return markRevoked(home, readLock(home), one);
      });
      const next = [...heard.values()].map(({ dueAt }) => dueAt - clock.monotonic());
      return {
        stopped: marked.flatMap(({ stopped }) => stopped),
        restored: marked.flatMap(({ restored }) => restored),
        // What is installed meanwhile is asked about as soon as the rest.
        waitMs: Math.max(0, Math.min(...next, pollMs())),
      };
    },

    troubles: () => [...heard].flatMap(([registry, { trouble }]) => (trouble ? [{ registry, ...trouble }] : [])),
  };
}
