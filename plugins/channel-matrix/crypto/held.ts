/** The encryption of each account whose connection is held here: whoever has the connection has the keys, and nobody else. */
import { channelErrors } from "@pincer/plugin-sdk/contracts/channel";
import type { Encryption } from "./encryption.ts";

interface Holding {
  readonly encryption: Encryption;
  readonly uses: Set<Promise<unknown>>;
}

export class HeldEncryptions {
  readonly #held = new Map<string, Holding>();

  /** Until it is disposed of, which waits for those that use it. */
  hold(account: string, encryption: Encryption): AsyncDisposable {
    const holding: Holding = { encryption, uses: new Set() };
    this.#held.set(account, holding);
    return {
      [Symbol.asyncDispose]: async () => {
        if (this.#held.get(account) === holding) this.#held.delete(account);
        await Promise.allSettled(holding.uses);
        await encryption[Symbol.asyncDispose]();
      },
    };
  }

  /** Throws `CHANNEL_UNAVAILABLE` while the connection is not held here. */
  async use<T>(account: string, run: (encryption: Encryption) => Promise<T>): Promise<T> {
    const holding = this.#held.get(account);
    if (holding === undefined) {
      throw channelErrors.CHANNEL_UNAVAILABLE(`the keys of the account "${account}" are not open, since it is not connected`);
    }
    const use = run(holding.encryption);
    holding.uses.add(use);
    try {
      return await use;
    } finally {
      holding.uses.delete(use);
    }
  }
}
