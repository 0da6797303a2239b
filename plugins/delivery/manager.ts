/** Keeps one connection for each enabled account of each channel, and says how they are. */

import type { Logger } from "@pincer/plugin-sdk";
import { type Trouble, troubleIn } from "@pincer/plugin-sdk/channel/trouble";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { Providers } from "@pincer/plugin-sdk/contract";
import type { ChannelStatus, channel } from "@pincer/plugin-sdk/contracts/channel";
import type { Address } from "@pincer/plugin-sdk/contracts/inbox";
import type { Receipt } from "@pincer/plugin-sdk/contracts/outbox";
import { errorMessage, hasCode } from "@pincer/plugin-sdk/error";
import { suggestion } from "@pincer/plugin-sdk/suggestion";
import { accountsOf, configuredChannels, type DeliveryConfig, defaultsOf } from "./config.ts";

export interface AccountState {
  readonly channel: string;
  readonly account: string;
  enabled: boolean;
  running: boolean;
  connected: boolean;
  reconnectAttempts: number;
  status: ChannelStatus["state"] | "stopped" | "failed";
  self: string | undefined;
  lastStartAt: number | null;
  lastStopAt: number | null;
  lastConnectedAt: number | null;
  lastInboundAt: number | null;
  lastOutboundAt: number | null;
  lastError: string | null;
  /** What its channel says is to be done about `lastError`. */
  hint: string | undefined;
  /** The last message that did not arrive, or may not have. */
  lastUndelivered: Undelivered | null;
}

interface Undelivered {
  readonly at: number;
  readonly state: "failed" | "uncertain";
  readonly conversation: string;
  readonly detail: string;
}

interface Runner {
  readonly abort: AbortController;
  readonly ended: Promise<void>;
}

interface ManagerDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly config: () => DeliveryConfig;
  readonly channels: Providers<typeof channel>;
  readonly onConnection: (channel: string, account: string, isConnected: boolean) => void;
  readonly position: (channel: string, account: string) => Promise<string | undefined>;
}

const keyOf = (channelId: string, account: string) => `${channelId}/${account}`;

const atRest = (channelId: string, account: string): AccountState => ({
  channel: channelId,
  account,
  enabled: true,
  running: false,
  connected: false,
  reconnectAttempts: 0,
  status: "stopped",
  self: undefined,
  lastStartAt: null,
  lastStopAt: null,
  lastConnectedAt: null,
  lastInboundAt: null,
  lastOutboundAt: null,
  lastError: null,
  hint: undefined,
  lastUndelivered: null,
});

export class ChannelManager {
  readonly #deps: ManagerDeps;
  readonly #states = new Map<string, AccountState>();
  readonly #runners = new Map<string, Runner>();
  /** Accounts that somebody stopped by hand, until they are started by hand or the gateway starts again. */
  readonly #held = new Set<string>();
  #changing: Promise<void> = Promise.resolve();
  /** From `open` to `close`: what changes before or behind that connects nobody, since nobody would end it. */
  #isOpen = false;
  /** Resolves when a connection says something of itself, or ends. */
  #said = Promise.withResolvers<void>();

  constructor(deps: ManagerDeps) {
    this.#deps = deps;
  }

  /** Also of channels that are configured and that no plugin has: a misspelt name would else be silence. */
  states(): readonly AccountState[] {
    const known = this.#deps.channels.list().map(({ name }) => name);
    const strangers = configuredChannels(this.#deps.config()).filter((name) => !known.includes(name));
    const unknown = `no plugin that is on has this channel; there are: ${known.join(", ") || "none"}`;
    return [
      ...this.#states.values(),
      ...strangers.flatMap((name) =>
        accountsOf(this.#deps.config(), name, false).map(({ account, enabled }) => ({
          ...atRest(name, account),
          ...({ enabled, status: "failed", lastError: `${unknown}${suggestion(name, known)}` } as const),
        })),
      ),
    ];
  }

  /** For an account whose login holds: begins anew where it was refused before, and waits for what connects just now until the signal aborts. */
  async settle(state: AccountState, signal: AbortSignal): Promise<void> {
    const key = keyOf(state.channel, state.account);
    if (state.status === "login-required" && !this.#held.has(key)) {
      await this.#stop(key);
      await this.sync();
    }
    const aborted = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    while (state.running && state.status === "connecting" && !signal.aborted) await Promise.race([this.#said.promise, aborted]);
  }

  received(channelId: string, account: string): void {
    const state = this.#states.get(keyOf(channelId, account));
    if (state !== undefined) state.lastInboundAt = this.#deps.clock.now();
  }

  sent({ channel: channelId, account, conversation }: Address, { state: came, detail = "no reason given" }: Receipt): void {
    const state = this.#states.get(keyOf(channelId, account));
    if (state === undefined) return;
    const at = this.#deps.clock.now();
    state.lastOutboundAt = at;
    if (came === "failed" || came === "uncertain") state.lastUndelivered = { at, state: came, conversation, detail };
  }

  /** Keeps connections from now on, until `close`. */
  open(): Promise<void> {
    this.#isOpen = true;
    return this.sync();
  }

  /** Starts what should run, while it is open, and stops what should not. One change at a time. */
  sync(): Promise<void> {
    this.#changing = this.#changing.then(async () => {
      const wanted = new Map<string, { channel: string; account: string; enabled: boolean }>();
      const there = this.#deps.channels.list();
      for (const { name, plugin } of there) {
        // The only channel of a plugin that is enabled needs no entry: its token is all that it lacks.
        const isOnly = there.every((other) => other.plugin !== plugin || other.name === name);
        const accounts = accountsOf(this.#deps.config(), name, isOnly);
        for (const entry of accounts) wanted.set(keyOf(name, entry.account), { channel: name, ...entry });
      }
      await Promise.all(
        [...this.#runners.keys()].filter((key) => wanted.get(key)?.enabled !== true || this.#held.has(key)).map((key) => this.#stop(key)),
      );
      for (const key of this.#states.keys()) if (!wanted.has(key)) this.#states.delete(key);
      for (const [key, { channel: channelId, account, enabled }] of wanted) {
        const state = this.#state(channelId, account);
        state.enabled = enabled;
        if (this.#isOpen && enabled && !this.#held.has(key) && !this.#runners.has(key)) this.#start(key, state);
      }
    });
    return this.#changing;
  }

  async start(channelId: string, account: string): Promise<void> {
    this.#held.delete(keyOf(channelId, account));
    await this.sync();
  }

  async stop(channelId: string, account: string): Promise<void> {
    this.#held.add(keyOf(channelId, account));
    await this.sync();
  }

  loggedOut(channelId: string, account: string): void {
    this.#state(channelId, account).status = "login-required";
  }

  async close(): Promise<void> {
    this.#isOpen = false;
    await this.#changing;
    await Promise.all([...this.#runners.keys()].map((key) => this.#stop(key)));
  }

  #state(channelId: string, account: string): AccountState {
    const key = keyOf(channelId, account);
    let state = this.#states.get(key);
    if (state === undefined) {
      state = atRest(channelId, account);
      this.#states.set(key, state);
    }
    return state;
  }

  #start(key: string, state: AccountState): void {
    const abort = new AbortController();
    const ended = this.#run(state, abort.signal).finally(() => {
      state.running = false;
      this.#connected(state, false);
      state.lastStopAt = this.#deps.clock.now();
      this.#runners.delete(key);
      this.#tell();
    });
    this.#runners.set(key, { abort, ended });
  }

  #connected(state: AccountState, isConnected: boolean): void {
    if (state.connected === isConnected) return;
    state.connected = isConnected;
    this.#deps.onConnection(state.channel, state.account, isConnected);
  }

  #note(state: AccountState, trouble?: Trouble): void {
    state.lastError = trouble?.detail ?? null;
    state.hint = trouble?.hint;
  }

  #tell(): void {
    this.#said.resolve();
    this.#said = Promise.withResolvers();
  }

  async #stop(key: string): Promise<void> {
    const runner = this.#runners.get(key);
    runner?.abort.abort(new Error("the account is stopped"));
    await runner?.ended;
  }

  async #run(state: AccountState, signal: AbortSignal): Promise<void> {
    const { clock, log, channels, config, position } = this.#deps;
    const { channel: channelId, account } = state;
    state.running = true;
    state.lastStartAt = clock.now();
    for (let failures = 0; !signal.aborted; failures++) {
      state.reconnectAttempts = failures;
      state.status = failures === 0 ? "connecting" : "reconnecting";
      try {
        const kept = await position(channelId, account);
        for await (const status of channels
          .get(channelId)
          .start({ account, ...(kept === undefined ? {} : { position: kept }) }, { signal })) {
          state.status = status.state;
          this.#connected(state, status.state === "connected");
          if (status.self !== undefined) state.self = status.self;
          if (state.connected) {
            failures = 0;
            state.reconnectAttempts = 0;
            state.lastConnectedAt = clock.now();
            this.#note(state);
          } else if (status.detail !== undefined) this.#note(state, { ...status, detail: status.detail });
          this.#tell();
        }
        if (signal.aborted) break;
        this.#note(state, { detail: "the connection ended" });
      } catch (error) {
        if (signal.aborted) break;
        if (hasCode(error, "PLUGIN_REPLACED")) {
          // The newest generation takes the connection over at once: nothing has failed.
          failures = -1;
          continue;
        }
        this.#note(state, troubleIn(error));
        log.warn("channel.disconnected", { channel: channelId, account, error: errorMessage(error) });
        if (hasCode(error, "CHANNEL_LOGIN_REQUIRED")) {
          state.status = "login-required";
          return;
        }
      }
      this.#connected(state, false);
      const { reconnectFirstMs, reconnectLongestMs } = defaultsOf(config());
      try {
        await clock.sleep(Math.min(reconnectLongestMs, reconnectFirstMs * 2 ** Math.min(failures, 20)), signal);
      } catch {
        break; // silent-ok: stopped while waiting
      }
    }
    state.status = "stopped";
  }
}
