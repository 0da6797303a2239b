/**
 * Which addresses something is fetched from. The operator may name any machine, also one of his own network, as long as what comes from it is
 * encrypted; without encryption only this machine. Where that one leads on to is no more the operator's choice: see `ledFetch`.
 */
import { isIP, isLoopback, isPrivate, isPrivateName } from "@pincer/plugin-sdk/addresses";
import { clientErrors } from "../errors.ts";

/** What was typed, or what an address is in a message, which may be read by others: without a password, or what often is one. */
export const shownAddress = (text: string): string =>
  text
    .replace(/:\/\/[^/?#]*@/, "://…@")
    .replace(/\?[^#]*/, "?…")
    .slice(0, 200);

/** Throws `REGISTRY_CLIENT_WANTED_INVALID`. */
export function webAddress(text: string): URL {
  const refuse = (why: string) => clientErrors.REGISTRY_CLIENT_WANTED_INVALID(`${JSON.stringify(shownAddress(text))}: expected ${why}`);
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol)) throw refuse("an address, such as https://example.org/plugin.tgz");
  if (url.username || url.password) throw refuse("an address without a name or a password: it is written down in the lock");
  if (url.protocol === "http:" && !isThisMachine(url)) throw refuse("https: what comes without encryption may be anybody's");
  return url;
}

const bareHost = ({ hostname }: URL): string => hostname.replace(/^\[|\]$/g, "");

export const isThisMachine = (url: URL): boolean => url.hostname === "localhost" || isLoopback(bareHost(url));

/** By what stands there alone: of a name that anybody can have registered, what it leads to at the moment says nothing. */
export function isOwnNetwork(url: URL): boolean {
  const host = bareHost(url);
  return isIP(host) === 0 ? isPrivateName(host) : isPrivate(host);
}
