/** What is known of each exchange of mails, so that an answer continues it: its subject, its first mail and its last one. */
import type { KeyValueStore } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { Address } from "@pincer/plugin-sdk/contracts/inbox";

export interface Thread {
  readonly subject: string;
  /** Ids without angles. */
  readonly root: string | undefined;
  readonly last: string | undefined;
  /** What the last mail said, where answers quote it. */
  readonly said?: { readonly by: string; readonly at: number; readonly text: string };
  readonly at: number;
}

const PREFIX = "thread:";
/** Exchanges that are remembered; an answer in an older one has the subject of its own first line. */
const MOST = 2_000;
/** Exchanges between two looks at how many there are. */
const LOOK_EVERY = 200;
const WRITTEN = "wrote:";
/** As much of it as is shown beside an answer. */
const LONGEST_WRITTEN = 1_000;

interface Written {
  readonly text: string;
  readonly at: number;
}

const keyOf = ({ account, conversation, thread = "" }: Address): string =>
  `${PREFIX}${account}:${new Bun.CryptoHasher("sha256").update(`${conversation} ${thread}`).digest("hex").slice(0, 40)}`;

export interface Threads {
  of(address: Address): Promise<Thread | undefined>;
  keep(address: Address, thread: Omit<Thread, "at">): Promise<void>;
  /** Remembers what the assistant wrote of its own accord: an answer to it goes on where nobody may know of it. */
  wrote(id: string, text: string): Promise<void>;
  written(id: string): Promise<string | undefined>;
}

export function createThreads(store: KeyValueStore, clock: Clock): Threads {
  let kept = 0;
  let wrote = 0;
  /** What is beyond the most of a kind, as it is taken away. */
  async function oldest(prefix: string): Promise<Record<string, unknown>> {
    const all = await store.list<{ readonly at: number }>(prefix);
    const old = [...all].sort((a, b) => a.value.at - b.value.at).slice(0, Math.max(0, all.length - MOST));
    return Object.fromEntries(old.map(({ key }) => [key, undefined]));
  }
  return {
    of: (address) => store.get<Thread>(keyOf(address)),
    async keep(address, thread) {
      const forgotten = kept++ % LOOK_EVERY === 0 ? await oldest(PREFIX) : {};
      await store.set({ ...forgotten, [keyOf(address)]: { ...thread, at: clock.now() } satisfies Thread });
    },
    async wrote(id, text) {
      const forgotten = wrote++ % LOOK_EVERY === 0 ? await oldest(WRITTEN) : {};
      const written: Written = { text: text.slice(0, LONGEST_WRITTEN).toWellFormed(), at: clock.now() };
      await store.set({ ...forgotten, [`${WRITTEN}${id}`]: written });
    },
    written: async (id) => (await store.get<Written>(`${WRITTEN}${id}`))?.text,
  };
}
