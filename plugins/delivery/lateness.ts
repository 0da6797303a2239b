/**
 * Whether a message is too old to be answered as if it had just been written. Only what comes behind a time without connection can be: a
 * platform whose clock is wrong is not late, and by how much it is wrong is learned from messages that came as they were written.
 */

import type { KeyValueStore } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { InboundMessage } from "@pincer/plugin-sdk/contracts/inbox";

/** What was missed comes without a longer pause than this, */
const quietMs = 30_000;
/** and, where platforms try again later by themselves, within this. */
const catchUpMs = 600_000;
/** Less than this between two clocks is nothing to note. */
const noticeableMs = 60_000;

/** Since when an account is connected; undefined while it is not. */
interface Connection {
  readonly since: number;
  lastAt: number;
}

interface LatenessDeps {
  readonly clock: Clock;
  readonly store: Pick<KeyValueStore, "get">;
  readonly withinMs: () => number;
}

export interface Judged {
  readonly isLate: boolean;
  /** To be kept in the commit that admits the message. */
  readonly values: Readonly<Record<string, unknown>>;
}

export class Lateness {
  readonly #deps: LatenessDeps;
  readonly #connections = new Map<string, Connection>();
  /** By how much each account's messages seem late when they are not; undefined while none was seen. */
  readonly #lags = new Map<string, number | undefined>();

  constructor(deps: LatenessDeps) {
    this.#deps = deps;
  }

  connected(channel: string, account: string, isConnected: boolean): void {
    const key = `${channel}:${account}`;
    const now = this.#deps.clock.monotonic();
    if (isConnected) this.#connections.set(key, { since: now, lastAt: now });
    else this.#connections.delete(key);
  }

  async judge({ address, sentAt }: InboundMessage): Promise<Judged> {
    const { clock, withinMs } = this.#deps;
    const account = `${address.channel}:${address.account}`;
    const lag = await this.#lag(account);
    const delay = clock.now() - sentAt;
    // Of what seems to come from the future nothing follows: where a sender says the time, one could have everybody else left unanswered.
    if (this.#isCatchingUp(account, lag !== undefined)) return { isLate: delay - Math.max(0, lag ?? 0) > withinMs(), values: {} };
    if (lag !== undefined && Math.abs(delay - lag) < noticeableMs) return { isLate: false, values: {} };
    this.#lags.set(account, delay);
    return { isLate: false, values: { [lagKey(account)]: delay } };
  }

  #isCatchingUp(account: string, isLagKnown: boolean): boolean {
    const connection = this.#connections.get(account);
    if (connection === undefined) return true;
    const now = this.#deps.clock.monotonic();
    const isSoon = now - connection.since < catchUpMs;
    const isSteady = now - connection.lastAt < quietMs;
    if (isSteady) connection.lastAt = now;
    return isSoon && (isLagKnown || isSteady);
  }

  async #lag(account: string): Promise<number | undefined> {
    if (!this.#lags.has(account)) this.#lags.set(account, await this.#deps.store.get<number>(lagKey(account)));
    return this.#lags.get(account);
  }
}

const lagKey = (account: string) => `lag:${account}`;
