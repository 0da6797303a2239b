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

const keyOf = ({ account, conversation, thread = "" }: Address): string =>
  `${PREFIX}${account}:${new Bun.CryptoHasher("sha256").update(`${conversation} ${thread}`).digest("hex").slice(0, 40)}`;

export interface Threads {
  of(address: Address): Promise<Thread | undefined>;
  keep(address: Address, thread: Omit<Thread, "at">): Promise<void>;
}

export function createThreads(store: KeyValueStore, clock: Clock): Threads {
  let kept = 0;
  return {
    of: (address) => store.get<Thread>(keyOf(address)),
    async keep(address, thread) {
      const forgotten: Record<string, unknown> = {};
      if (kept++ % LOOK_EVERY === 0) {
        const all = await store.list<Thread>(PREFIX);
        const oldest = [...all].sort((a, b) => a.value.at - b.value.at).slice(0, Math.max(0, all.length - MOST));
        for (const { key } of oldest) forgotten[key] = undefined;
      }
      await store.set({ ...forgotten, [keyOf(address)]: { ...thread, at: clock.now() } satisfies Thread });
    },
  };
}
