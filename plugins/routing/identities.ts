/** The owner's identities, as `agents.owner` has them: `<channel>:<sender>`, or `<channel>/<account>:<sender>` for one account alone. */
import { ownerErrors, type SenderIdentity } from "@pincer/plugin-sdk/contracts/owners";

export interface OwnerIdentity {
  readonly channel: string;
  /** Absent: every account of the channel. */
  readonly account?: string;
  readonly sender: string;
}

/** What follows the first colon is the sender's id, with every colon in it. */
export const identityPattern = "^[a-z0-9_-]+(/[a-z0-9_-]+)?:[^\\u0000-\\u001f\\u007f]+$";

export function parseIdentity(text: string): OwnerIdentity {
  const [, channel = "", account, sender = ""] = /^([^:/]*)(?:\/([^:]*))?:([\s\S]*)$/.exec(text) ?? [];
  return { channel, sender, ...(account === undefined ? {} : { account }) };
}

const fits = (identity: OwnerIdentity, { channel, account, sender }: SenderIdentity) =>
  identity.channel === channel && (identity.account ?? account) === account && identity.sender === sender;

export const isOwner = (listed: readonly string[], who: SenderIdentity): boolean => listed.some((text) => fits(parseIdentity(text), who));

/** With the identity of this account alone: a name that is the owner's in one network may be anybody's in another. */
export function linked(listed: readonly string[], who: SenderIdentity): readonly string[] {
  if (isOwner(listed, who)) return listed;
  const text = `${who.channel}/${who.account}:${who.sender}`;
  if (!new RegExp(identityPattern, "u").test(text) || !fits(parseIdentity(text), who))
    throw ownerErrors.OWNER_IDENTITY_INVALID(
      `${JSON.stringify(text)} cannot be linked: expected <channel>/<account>:<sender>, names of a-z, 0-9, _ and -, and an id without control characters`,
    );
  return [...listed, text];
}

export const unlinked = (listed: readonly string[], who: SenderIdentity): readonly string[] =>
  listed.filter((text) => !fits(parseIdentity(text), who));
