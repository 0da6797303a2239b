/**
 * Sends once. Discord knows a nonce again for some minutes, and then answers with the message that it has: so a send whose outcome nobody knows is
 * repeated within that time, and not after it.
 */
import type { KeyValueStore } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { channelErrors } from "@pincer/plugin-sdk/contracts/channel";
import { hasCode, isGatewayError } from "@pincer/plugin-sdk/error";

/** "The past few minutes", says its documentation, and no number. */
const KNOWN_MS = 120_000;
/** Longer than delivery tries. */
const KEPT_MS = 24 * 3_600_000;
const PREFIX = "begun:";

/** At most 25 characters. */
export const nonceOf = (key: string): string => new Bun.CryptoHasher("sha256").update(key).digest("base64url").slice(0, 24);

export interface Once {
  /** Runs `send`, which may have been begun before under this key; throws `CHANNEL_UNCERTAIN` when that is too long ago to ask again. */
  run(key: string, send: (nonce: string) => Promise<string>): Promise<string>;
}

export function sendOnce(store: KeyValueStore, clock: Clock): Once {
  return {
    async run(key, send) {
      const name = `${PREFIX}${key}`;
      const begun = await store.get<number>(name);
      if (begun === undefined) await store.set({ [name]: clock.now() });
      else if (Math.abs(clock.now() - begun) > KNOWN_MS) {
        await store.set({ [name]: undefined });
        throw channelErrors.CHANNEL_UNCERTAIN("it was begun too long ago for Discord to know it again");
      }
      let messageId: string;
      try {
        messageId = await send(nonceOf(key));
      } catch (error) {
        const isUnknown = !isGatewayError(error) || error.code === "CHANNEL_UNCERTAIN";
        // What was certainly not sent may be sent whenever; but not what may have been sent the time before.
        if (!isUnknown && begun === undefined) await store.set({ [name]: undefined });
        throw hasCode(error, "CHANNEL_UNCERTAIN") ? channelErrors.CHANNEL_UNAVAILABLE(error.message) : error;
      }
      const old = (await store.list<number>(PREFIX)).filter((entry) => entry.value < clock.now() - KEPT_MS);
      await store.set({ ...Object.fromEntries(old.map((entry) => [entry.key, undefined])), [name]: undefined });
      return messageId;
    },
  };
}
