/** The `channels` section: one entry a channel, and under `defaults` what holds for all of them. Channel plugins own what else their entry has. */
import { channelSettings } from "@pincer/plugin-sdk/contracts/channel";
import type { SenderRules } from "@pincer/plugin-sdk/contracts/sender-rules";
import { type Static, Type } from "@sinclair/typebox";

const ChannelConfig = Type.Object(channelSettings, { additionalProperties: true });
type ChannelConfig = Static<typeof ChannelConfig>;

export const Defaults = Type.Object({
  retryFirstMs: Type.Integer({ default: 1000, minimum: 1, description: "Pause before the first repetition of a send; doubles each time" }),
  retryLongestMs: Type.Integer({ default: 60_000, minimum: 1 }),
  giveUpAfterMs: Type.Integer({
    default: 3_600_000,
    minimum: 1,
    description: "Age at which an unsent message is given up, so that nothing old arrives late",
  }),
  answerWithinMs: Type.Integer({
    default: 3_600_000,
    minimum: 1,
    description: "Age up to which a message is answered that was fetched after a time without connection; older ones are read only",
  }),
  reconnectFirstMs: Type.Integer({ default: 1000, minimum: 1 }),
  reconnectLongestMs: Type.Integer({ default: 60_000, minimum: 1 }),
});
export type Defaults = Static<typeof Defaults>;

export const DeliveryConfig = Type.Object({ defaults: Type.Optional(Type.Partial(Defaults)) }, { additionalProperties: ChannelConfig });
export type DeliveryConfig = Static<typeof DeliveryConfig>;

const DEFAULTS: Defaults = {
  retryFirstMs: 1000,
  retryLongestMs: 60_000,
  giveUpAfterMs: 3_600_000,
  answerWithinMs: 3_600_000,
  reconnectFirstMs: 1000,
  reconnectLongestMs: 60_000,
};

export const defaultsOf = (config: DeliveryConfig): Defaults => ({ ...DEFAULTS, ...config.defaults });

const RESERVED = "defaults";

export const channelOf = (config: DeliveryConfig, channel: string): ChannelConfig | undefined =>
  channel === RESERVED ? undefined : (config as Readonly<Record<string, ChannelConfig | undefined>>)[channel];

/** Channels of which something is set that holds for any; the section of a plugin that is off may be there with its own defaults alone. */
export const configuredChannels = (config: DeliveryConfig): readonly string[] =>
  Object.keys(config).filter((name) => Object.keys(channelOf(config, name) ?? {}).some((setting) => setting in channelSettings));

interface Account {
  readonly account: string;
  readonly enabled: boolean;
}

/** The accounts that should run. A channel without `accounts` has one, called `default`; one without any entry none, unless it `needsNone`. */
export function accountsOf(config: DeliveryConfig, channel: string, needsNone: boolean): readonly Account[] {
  const entry = channelOf(config, channel) ?? (needsNone ? {} : undefined);
  if (entry === undefined) return [];
  const on = entry.enabled ?? true;
  const accounts = Object.entries(entry.accounts ?? { default: {} });
  return accounts.map(([account, own]) => ({ account, enabled: on && (own.enabled ?? true) }));
}

/** Who may write to the account: what it does not say itself, its channel does. */
export function rulesOf(config: DeliveryConfig, channel: string, account: string): SenderRules {
  const { allowFrom, direct, groups } = { ...channelOf(config, channel), ...channelOf(config, channel)?.accounts?.[account] };
  return {
    ...(allowFrom === undefined ? {} : { allowFrom }),
    ...(direct === undefined ? {} : { direct }),
    ...(groups === undefined ? {} : { groups }),
  };
}

export interface Reactions {
  readonly seen: string;
  readonly working: string;
  readonly done: string;
  readonly failed: string;
}

/** Such as every platform that has reactions knows. */
const REACTIONS: Reactions = { seen: "👀", working: "✍", done: "👍", failed: "👎" };

/** Undefined where none are shown. */
export function reactionsOf(config: DeliveryConfig, channel: string): Reactions | undefined {
  const { reactions = false } = channelOf(config, channel) ?? {};
  if (reactions === false) return undefined;
  return reactions === true ? REACTIONS : { ...REACTIONS, ...reactions };
}
