/** What the bench of channels knows of a platform. */

export interface Platform extends AsyncDisposable {
  /** What `channels.<name>` says in the gateway's configuration. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The channel's credentials. */
  readonly env: Readonly<Record<string, string>>;
  /** Resolves once the gateway at that address (`http://`) hears what is said here. */
  connected(gateway: string): Promise<void>;
  /** Somebody of that conversation writes, directly to the assistant. */
  say(conversation: number, text: string): void;
}

export interface Channel {
  /** As the configuration names it; its plugin is `channel-<name>`. */
  readonly name: string;
  /** `hear` is told each text that arrives at the platform, and of a message that grows the last one at least. */
  start(hear: (text: string) => void): Promise<Platform> | Platform;
}

/** The end of an answer, by the number of its question. */
export const endOf = (number: number): string => `end${number}.`;
export const readEnds = (text: string): number[] => [...text.matchAll(/\bend(\d+)\./g)].map(([, number]) => Number(number));

/** Looks through messages that may grow, until each has come to its end; to be called whenever something was done to one. */
export function follow<T>(messages: readonly T[], textOf: (message: T) => string, hear: (text: string) => void): () => void {
  let seen = 0;
  const growing = new Set<T>();
  return () => {
    for (; seen < messages.length; seen++) growing.add(messages[seen]!);
    for (const message of growing) {
      const text = textOf(message);
      if (readEnds(text).length === 0) continue;
      growing.delete(message);
      hear(text);
    }
  };
}

/** What is never so, and is asked all the time. */
export const onEach = (look: () => void) => () => {
  look();
  return false;
};
