/** Which channel and account a call means, and what it may ask of them. */
import type { PluginContext } from "@pincer/plugin-sdk";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { channelActions } from "@pincer/plugin-sdk/contracts/channel-actions";
import { defineErrors } from "@pincer/plugin-sdk/error";
import { channelOf, type DeliveryConfig } from "./config.ts";
import type { uses } from "./uses.ts";

export const deliveryErrors = defineErrors({
  DELIVERY_CHANNEL_UNKNOWN: { message: "no such channel", wire: "INVALID_REQUEST" },
  DELIVERY_CHANNEL_AMBIGUOUS: { message: "which channel is not clear", wire: "INVALID_REQUEST" },
  DELIVERY_ADDRESS_INVALID: { message: "no message comes from such an address", wire: "INVALID_REQUEST" },
  DELIVERY_EMPTY: { message: "there is nothing to send", wire: "INVALID_REQUEST" },
  DELIVERY_ATTACHMENT: { message: "the file is not sent", wire: "INVALID_REQUEST" },
  DELIVERY_FAILED: { message: "the channel did not take the message", wire: "UNAVAILABLE" },
  DELIVERY_UNSUPPORTED: { message: "the channel cannot do that", wire: "INVALID_REQUEST" },
  DELIVERY_ACTION_INVALID: { message: "the action's parameters are not what it takes", wire: "INVALID_REQUEST" },
});

export interface Target {
  readonly channelId: string;
  readonly account: string;
}

type Context = Pick<PluginContext<DeliveryConfig, typeof uses>, "uses" | "config">;

export function createTargets(ctx: Context) {
  const { channels, actions } = ctx.uses;
  const known = () => channels.list().map(({ name }) => name);

  const accountOf = (channelId: string, accountId: string | undefined): string => {
    if (!known().includes(channelId)) {
      const there = known().join(", ") || "none";
      throw deliveryErrors.DELIVERY_CHANNEL_UNKNOWN(`no enabled plugin provides the channel "${channelId}"; there are: ${there}`);
    }
    return accountId ?? Object.keys(channelOf(ctx.config, channelId)?.accounts ?? { default: {} })[0] ?? "default";
  };

  return {
    accountOf,
    /** Without a channel: the only one that is configured. */
    targetOf({ channel, accountId }: { readonly channel?: string; readonly accountId?: string }): Target {
      const configured = known().filter((name) => channelOf(ctx.config, name) !== undefined);
      const channelId = channel ?? (configured.length === 1 ? configured[0] : undefined);
      if (channelId === undefined) {
        const there = (configured.length > 0 ? configured : known()).join(", ") || "none";
        throw deliveryErrors.DELIVERY_CHANNEL_AMBIGUOUS(`name the channel in "channel"; there are: ${there}`);
      }
      return { channelId, account: accountOf(channelId, accountId) };
    },
    /** What the platform can do besides the talk itself; undefined when it is nothing. */
    actionsOf: (channelId: string): ImplementationOf<typeof channelActions> | undefined =>
      actions.list().some(({ name }) => name === channelId) ? actions.get(channelId) : undefined,
  };
}
export type Targets = ReturnType<typeof createTargets>;
