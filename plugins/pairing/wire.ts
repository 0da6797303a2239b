/** `channels.pairing.*` in the words of the wire, which knows senders alone, and no codes. */

import type { SenderRules } from "@pincer/plugin-sdk/contracts/sender-rules";
import type { ResultOf } from "@pincer/plugin-sdk/method";
import type { Applicant } from "./applicants.ts";
import type * as methods from "./methods.ts";
import type { PairingContext } from "./uses.ts";

interface ChannelEntry extends Pick<SenderRules, "direct"> {
  readonly accounts?: Readonly<Record<string, Pick<SenderRules, "direct">>>;
}
type Listed = ResultOf<typeof methods.pairingList>;

const iso = (at: number) => new Date(at).toISOString();

export async function listed(
  ctx: PairingContext,
  open: readonly Applicant[],
  only: { readonly channel?: string; readonly accountId?: string },
): Promise<Pick<Listed, "accounts" | "requests" | "commandOwnerConfigured">> {
  const io = { signal: ctx.signal };
  const { channels, configuration, owners } = ctx.uses;
  const { value } = await configuration.read({}, io);
  const entries = ((value as { readonly channels?: Readonly<Record<string, ChannelEntry>> }).channels ?? {}) as Readonly<
    Record<string, ChannelEntry | undefined>
  >;
  const labels = new Map(channels.list().map(({ name, record }) => [name, record.label]));
  const isAsked = (channel: string, account: string) => (only.channel ?? channel) === channel && (only.accountId ?? account) === account;
  const shown = (channel: string, account: string) => ({
    channel,
    channelLabel: labels.get(channel) || channel,
    accountId: account,
    notifySupported: labels.has(channel),
  });
  const accounts = [...labels.keys()].flatMap((channel) => {
    const entry = entries[channel];
    if (entry === undefined) return [];
    return Object.entries(entry.accounts ?? { default: {} }).flatMap(([account, own]) =>
      isAsked(channel, account) && (own.direct ?? entry.direct ?? "pairing") === "pairing" ? [shown(channel, account)] : [],
    );
  });
  const requests = open.flatMap(({ kind, channel, account, id, name, requestId, createdAt, lastSeenAt, expiresAt }) =>
    kind === "sender" && expiresAt !== null && isAsked(channel, account)
      ? [
          {
            requestId,
            ...shown(channel, account),
            senderId: id,
            senderLabel: name || id,
            createdAt: iso(createdAt),
            lastSeenAt: iso(lastSeenAt),
            expiresAt: iso(expiresAt),
          },
        ]
      : [],
  );
  const { identities } = await owners.list({}, io);
  return { accounts, requests, commandOwnerConfigured: identities.length > 0 };
}
