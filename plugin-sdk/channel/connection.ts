/**
 * The life of an account's connection, for `start` of a channel. A login that is missing or refused is told, and another one is taken up by itself;
 * settings that change are followed at once.
 */
import type { Clock } from "../clock.ts";
import type { ChannelStatus } from "../contracts/channel.ts";
import { hasCode } from "../error.ts";
import { linkSignals } from "../signal.ts";
import { troubleIn } from "./trouble.ts";

/** How often a credential that was refused is looked at again. */
const LOOK_EVERY_MS = 5_000;

interface Account {
  readonly clock: Clock;
  /** What the connection is made of, settings and credential, as a text that differs when they do. */
  basis(): Promise<string>;
  /** Holds the connection until the signal aborts. `CHANNEL_LOGIN_REQUIRED` says that the credential is no good. */
  connect(signal: AbortSignal): AsyncGenerator<ChannelStatus, void, void>;
  readonly changes: Changes;
}

/** Tells connections that the configuration has changed: `ctx.onConfig(changes.tell)`. */
export class Changes {
  readonly #listeners = new Set<() => void>();

  readonly tell = (): void => {
    for (const listener of this.#listeners) listener();
  };

  listen(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }
}

/** Ends with the signal, when the connection ends by itself, or by an error other than `CHANNEL_LOGIN_REQUIRED`. */
export async function* keepConnected(
  { clock, basis, connect, changes }: Account,
  signal: AbortSignal,
): AsyncGenerator<ChannelStatus, void, void> {
  while (!signal.aborted) {
    const made = await basis();
    using inner = linkSignals(signal);
    const look = async () => {
      if ((await basis()) !== made) inner.abort(new Error("the settings have changed"));
    };
    using _listening = changes.listen(() => void look().catch((error: unknown) => inner.abort(error)));
    try {
      yield* connect(inner.signal);
      if (!inner.signal.aborted) return;
    } catch (error) {
      if (!hasCode(error, "CHANNEL_LOGIN_REQUIRED")) throw error;
      yield { state: "login-required", ...troubleIn(error) };
      while (!inner.signal.aborted) {
        try {
          await clock.sleep(LOOK_EVERY_MS, inner.signal);
          await look();
        } catch {
          break; // silent-ok: asked to end, or to begin anew, while it waits
        }
      }
    }
  }
}
