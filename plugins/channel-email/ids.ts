/** Message-IDs that the assistant gives, which say what they are for, and short names for those of others. */
import { domainOf } from "./address.ts";

const digest = (text: string): string => new Bun.CryptoHasher("sha256").update(text).digest("hex");

/** Of a mail that continues an exchange, or begins one. The same request has the same id, however often it is sent. */
export const ownId = (key: string, kind: "answer" | "new", address: string): string =>
  `pincer.${kind}.${digest(`${address} ${key}`).slice(0, 40)}@${domainOf(address)}`;

export const isOwnId = (id: string): boolean => /^pincer\.(answer|new)\.[0-9a-f]{40}@/.test(id);

/**
 * The exchange that began with that mail, as a part of addresses. What answers a mail that the assistant sent of its own accord is none: it goes on
 * where that was sent from.
 */
export const threadOf = (root: string): string | undefined =>
  /^pincer\.new\.[0-9a-f]{40}@/.test(root) ? undefined : digest(root).slice(0, 24);

/** Names a mail for the inbox: by its own id, or by its whole header where it has none. */
export const eventOf = (id: string | undefined, header: string): string => digest(id === undefined ? `header ${header}` : `id ${id}`);
