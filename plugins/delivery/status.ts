/** The answer of `channels.status`, from what the manager knows. */
import { plainly } from "@pincer/plugin-sdk/command/plain";
import type { ChannelRecord } from "@pincer/plugin-sdk/contracts/channel";
import type { Probe } from "@pincer/plugin-sdk/contracts/channel-actions";
import type { ResultOf } from "@pincer/plugin-sdk/method";
import { channelOf, type DeliveryConfig } from "./config.ts";
import type { AccountState } from "./manager.ts";
import type * as methods from "./methods.ts";
import { troubleOf } from "./trouble.ts";

/** One that connects for the first time is well. */
const isWell = ({ enabled, connected, running, status, reconnectAttempts }: AccountState): boolean =>
  !enabled || connected || (running && status === "connecting" && reconnectAttempts === 0);

export function channelsStatus(
  now: number,
  listed: readonly { readonly name: string; readonly record: ChannelRecord }[],
  states: readonly AccountState[],
  config: DeliveryConfig,
  only: string | undefined,
  probes: ReadonlyMap<AccountState, Probe> = new Map(),
  hasLogin: (state: AccountState) => boolean = () => false,
): ResultOf<typeof methods.channelsStatus> {
  const strangers = [...new Set(states.map(({ channel }) => channel))].filter((id) => !listed.some(({ name }) => name === id));
  const all = [...listed.map(({ name, record }) => ({ name, label: record.label })), ...strangers.map((name) => ({ name, label: name }))];
  const shown = all.filter(({ name }) => only === undefined || name === only);
  const of = (name: string) => states.filter((state) => state.channel === name);
  const table = <T>(value: (entry: { name: string; label: string }) => T) =>
    Object.fromEntries(shown.map((entry) => [entry.name, value(entry)]));
  return {
    ts: now,
    channelOrder: shown.map(({ name }) => name),
    channelLabels: table(({ label }) => label),
    channels: table(({ name }) => ({
      configured: channelOf(config, name) !== undefined,
      running: of(name).some((state) => state.running),
      connected: of(name).some((state) => state.connected),
      ok: of(name).every(isWell),
    })),
    channelAccounts: table(({ name }) =>
      of(name).map((state) => ({
        accountId: state.account,
        enabled: state.enabled,
        configured: true,
        linked: state.status !== "login-required",
        running: state.running,
        connected: state.connected,
        reconnectAttempts: state.reconnectAttempts,
        lastStartAt: state.lastStartAt,
        lastStopAt: state.lastStopAt,
        lastConnectedAt: state.lastConnectedAt,
        lastInboundAt: state.lastInboundAt,
        lastOutboundAt: state.lastOutboundAt,
        // Other clients show this alone.
        lastError: state.lastError !== null && state.hint !== undefined ? `${state.lastError}: ${state.hint}` : state.lastError,
        lastUndelivered: state.lastUndelivered,
        healthState: state.status,
        ...(state.enabled && !state.connected ? { hint: troubleOf(state).hint } : {}),
        hasLogin: hasLogin(state),
        ...(state.self === undefined ? {} : { name: state.self }),
        ...(probes.has(state) ? { probe: probes.get(state), lastProbeAt: now } : {}),
      })),
    ),
    channelDefaultAccountId: table(({ name }) => Object.keys(channelOf(config, name)?.accounts ?? { default: {} })[0] ?? "default"),
    channelMeta: shown.map(({ name, label }) => ({ id: name, label, detailLabel: label })),
  };
}

type Finding = ResultOf<typeof methods.check>["findings"][number];

/** For `pincer doctor`: each account that is on, whether its login holds, and what to type where it does not. */
export function findingsOf({ channelAccounts }: ResultOf<typeof methods.channelsStatus>): Finding[] {
  return Object.entries(channelAccounts).flatMap(([channel, accounts]) =>
    accounts.flatMap(({ accountId, enabled, connected, name, healthState, lastError, hint, probe }): Finding[] => {
      if (!enabled) return [];
      const account = `${channel}/${accountId}`;
      const self = plainly(probe?.self ?? name ?? "");
      if (connected && probe?.ok !== false)
        return [{ check: "channel", level: "ok", detail: `${account} is connected${self === "" ? "" : ` as ${self}`}` }];
      const detail = `${account}: ${plainly(probe?.detail ?? lastError ?? healthState)}`;
      return [{ check: "channel", level: "error", detail, mend: plainly(probe?.hint ?? hint ?? "pincer channels status") }];
    }),
  );
}
