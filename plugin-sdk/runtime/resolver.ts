/** The addresses of names that a plugin asks for: no name server of its author's, however slow, keeps the gateway waiting. */
import { lookup, Resolver } from "node:dns/promises";
import { createQueue } from "../queue.ts";

/** `mayBePrivate`: a name of the operator's, or of his network, which no server on the internet need know. */
export type Resolve = (name: string, mayBePrivate: boolean) => Promise<readonly string[]>;

/**
 * The system's resolver waits in one of the few threads in which the whole gateway reads files and looks up names. It is asked for what it alone
 * may know, one name after the other; the rest goes to the servers that it names now, without a thread.
 */
export function createResolver(): Resolve {
  const inTurn = createQueue();
  return async (name, mayBePrivate) => {
    if (mayBePrivate) return (await inTurn(() => lookup(name, { all: true }))).map(({ address }) => address);
    const servers = new Resolver({ timeout: 5_000, tries: 2 });
    const [v4, v6] = await Promise.allSettled([servers.resolve4(name), servers.resolve6(name)]);
    const found = [v4, v6].flatMap((each) => (each.status === "fulfilled" ? each.value : []));
    if (found.length === 0 && v4.status === "rejected") throw v4.reason;
    return found;
  };
}
