/**
 * `fetch` of what lies on the internet, for code that nothing confines: a name is looked up here, every address that it leads to is judged, and
 * one of these is dialled, so that no second look-up leads elsewhere. A confined process has the gateway's way out, which does the same.
 */
import { networkInterfaces } from "node:os";
import { isSame, parseAddress, parseHost, reachOf } from "../addresses.ts";
import { pluginErrors } from "../plugin-errors.ts";
import { createResolver, type Resolve } from "./resolver.ts";

/** Follows no redirect. Rejects with `PLUGIN_PERMISSION` where it leads elsewhere than to the internet. */
export type PublicFetch = (url: URL, init?: BunFetchRequestInit) => Promise<Response>;

interface PublicFetchOptions {
  /** The addresses of a name, as name servers have them when absent. */
  readonly resolve?: Resolve;
  /** This machine's addresses, which count as private also where they are public ones. */
  own?(): readonly string[];
  /** Where an address that was judged is dialled: there, when absent. Tests have no internet. */
  dialled?(address: string, port: string): string;
}

/** Of a name with more addresses than that the rest is not tried. */
const mostTried = 4;
const ownAddresses = (): readonly string[] =>
  Object.values(networkInterfaces()).flatMap((each) => (each ?? []).map(({ address }) => address.split("%", 1)[0]!));

export function createPublicFetch({ resolve = createResolver(), own = ownAddresses, dialled }: PublicFetchOptions = {}): PublicFetch {
  const refuse = (url: URL, why: string) => pluginErrors.PLUGIN_PERMISSION(`${url.host} is not on the internet: ${why}`);

  const judge = (url: URL, addresses: readonly string[]) => {
    if (addresses.length === 0) throw refuse(url, "the name leads nowhere");
    const mine = own().flatMap((text) => parseAddress(text) ?? []);
    for (const text of addresses) {
      const address = parseAddress(text);
      // One too many refuses all: which of them is dialled would be somebody else's choice.
      if (!address || reachOf(address) !== "public" || mine.some((each) => isSame(each, address)))
        throw refuse(url, `it leads to ${text}, which is not public`);
    }
  };

  return async (url, init = {}) => {
    const host = parseHost(url.hostname);
    if (!host || (url.protocol !== "https:" && url.protocol !== "http:")) throw refuse(url, "it is no address of the web");
    const addresses = host.kind === "address" ? [host.text] : await resolve(host.name, false);
    judge(url, addresses);
    const headers = new Headers(init.headers);
    headers.set("host", url.host);
    const port = url.port || (url.protocol === "https:" ? "443" : "80");
    let failure: unknown;
    for (const address of addresses.slice(0, mostTried)) {
      init.signal?.throwIfAborted();
      const there = dialled?.(address, port) ?? `${address.includes(":") ? `[${address}]` : address}:${port}`;
      try {
        const response = await fetch(`${url.protocol}//${there}${url.pathname}${url.search}`, {
          ...init,
          headers,
          redirect: "manual",
          // A connection is that of the name for which its certificate was looked at.
          keepalive: false,
          ...(host.kind === "name" ? { tls: { ...init.tls, serverName: host.name } } : {}),
        });
        Object.defineProperty(response, "url", { value: url.href });
        return response;
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  };
}
