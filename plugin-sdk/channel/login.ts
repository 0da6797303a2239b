/** The life of an account whose login may be missing or refused: it says so, and goes on by itself once there is another credential. */
import type { Clock } from "../clock.ts";
import type { ChannelStatus } from "../contracts/channel.ts";
import { hasCode } from "../error.ts";

/** How often a credential that was refused is looked at again. */
const LOOK_EVERY_MS = 5_000;

interface Account {
  readonly clock: Clock;
  /** What is used now; undefined when there is none. */
  credential(): Promise<string | undefined>;
  /** Holds the connection. `CHANNEL_LOGIN_REQUIRED` says that the credential is no good. */
  connect(): AsyncGenerator<ChannelStatus, void, void>;
}

/** For `start` of a channel: ends with the signal, or by an error other than `CHANNEL_LOGIN_REQUIRED`. */
export async function* whileLoggedIn(
  { clock, credential, connect }: Account,
  signal: AbortSignal,
): AsyncGenerator<ChannelStatus, void, void> {
  while (!signal.aborted) {
    const used = await credential();
    try {
      return yield* connect();
    } catch (error) {
      if (!hasCode(error, "CHANNEL_LOGIN_REQUIRED")) throw error;
      yield { state: "login-required", detail: error.message };
    }
    while ((await credential()) === used) {
      try {
        await clock.sleep(LOOK_EVERY_MS, signal);
      } catch {
        return; // silent-ok: asked to end while it waits
      }
    }
  }
}
