/** The answer of `channels.status`, from what the manager knows. */
import type { ChannelRecord } from "@pincer/plugin-sdk/contracts/channel";
import type { Probe } from "@pincer/plugin-sdk/contracts/channel-actions";
import type { ResultOf } from "@pincer/plugin-sdk/method";
import { channelOf, type DeliveryConfig } from "./config.ts";
import type { AccountState } from "./manager.ts";
import type * as methods from "./methods.ts";

export function channelsStatus(
  now: number,
  listed: readonly { readonly name: string; readonly record: ChannelRecord }[],
  states: readonly AccountState[],
  config: DeliveryConfig,
  only: string | undefined,
  probes: ReadonlyMap<AccountState, Probe> = new Map(),
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
        lastError: state.lastError,
        lastUndelivered: state.lastUndelivered,
        healthState: state.status,
        ...(state.self === undefined ? {} : { name: state.self }),
        ...(probes.has(state) ? { probe: probes.get(state), lastProbeAt: now } : {}),
      })),
    ),
    channelDefaultAccountId: table(({ name }) => Object.keys(channelOf(config, name)?.accounts ?? { default: {} })[0] ?? "default"),
    channelMeta: shown.map(({ name, label }) => ({ id: name, label, detailLabel: label })),
  };
}
