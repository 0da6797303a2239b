/**
 * What became of a confined process's connections, so that its `fetch` can tell a request that nobody can have heard from one that broke off: what
 * connects is always accepted here, by the bridge, and ends the same way when the gateway finds nobody at the other end.
 */
import { hostPort } from "../permissions.ts";

interface Fate {
  open: number;
  joined: number;
  refused: number;
}

/** Hosts that are remembered; a plugin may browse. */
const MOST = 256;

export class WaysOut {
  readonly #fates = new Map<string, Fate>();

  #of(target: string): Fate {
    const known = this.#fates.get(target);
    if (known) return known;
    if (this.#fates.size >= MOST) for (const [other, { open }] of this.#fates) if (open === 0) this.#fates.delete(other);
    const fate = { open: 0, joined: 0, refused: 0 };
    this.#fates.set(target, fate);
    return fate;
  }

  /** To `host:port`. Answers with what is called once it is closed. */
  joined(target: string): () => void {
    const fate = this.#of(target);
    fate.joined++;
    fate.open++;
    return () => void fate.open--;
  }

  refused(target: string): void {
    this.#of(target).refused++;
  }

  /** Begins to look; then says whether every way there has been refused since. When that is not known, it says no. */
  watch(target: string): () => boolean {
    const fate = this.#of(target);
    const { open, joined, refused } = fate;
    return () => open === 0 && fate.joined === joined && fate.refused > refused && this.#fates.get(target) === fate;
  }
}

/** A `fetch` whose error says `ECONNREFUSED` where nothing can have been sent. */
export function honestFetch(inner: typeof fetch, ways: WaysOut): typeof fetch {
  const honest = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const target = hostPort(new URL(input instanceof Request ? input.url : String(input)));
    const isRefused = ways.watch(target);
    try {
      return await inner(input, init);
    } catch (error) {
      if (!isRefused()) throw error;
      throw Object.assign(new TypeError(`ECONNREFUSED: ${target} cannot be reached`, { cause: error }), { code: "ECONNREFUSED" });
    }
  };
  return Object.assign(honest, { preconnect: inner.preconnect });
}
