/**
 * Which addresses something is fetched from. The operator may name any machine, also one of his own network, as long as what comes from it is
 * encrypted; without encryption only this machine. Where that one leads on to is no more the operator's choice: see `httpReader`.
 */
import { isLoopback } from "@pincer/plugin-sdk/addresses";
import { clientErrors } from "../errors.ts";

/** Throws `REGISTRY_CLIENT_WANTED_INVALID`. */
export function webAddress(text: string): URL {
  const refuse = (why: string) => clientErrors.REGISTRY_CLIENT_WANTED_INVALID(`${JSON.stringify(text.slice(0, 200))}: expected ${why}`);
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol)) throw refuse("an address, such as https://example.org/plugin.tgz");
  if (url.username || url.password) throw refuse("an address without a name or a password: it is written down in the lock");
  if (url.protocol === "http:" && !isThisMachine(url)) throw refuse("https: what comes without encryption may be anybody's");
  return url;
}

export const isThisMachine = ({ hostname }: URL): boolean => hostname === "localhost" || isLoopback(hostname.replace(/^\[|\]$/g, ""));
