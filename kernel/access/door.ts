/** Where somebody stands: addresses, forwarded headers, the name that was asked for, and the origin of a web page. */
import { isIP, isLoopback, isPrivate, network } from "@pincer/plugin-sdk/addresses";
import type { Door } from "./decision.ts";
import type { AccessSettings } from "./settings.ts";

/** Where the gateway listens, and under which names it is reached. */
interface Listening {
  readonly bind: string;
  readonly hosts: readonly string[];
}

const proxyHeaders = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "cf-connecting-ip", "via"];

/** True when a proxy stands between: then the peer's address is not the client's. */
export const isForwarded = (headers: Door["headers"]): boolean => proxyHeaders.some((name) => headers[name] !== undefined);

export function doorOf(request: Request, peer: string): Door {
  const headers = request.headers.toJSON() as Record<string, string>;
  const remoteAddress = peer.replace(/^::ffff:(?=\d+\.)/i, "");
  const local = isLoopback(remoteAddress) && isLoopbackName(hostName(headers.host ?? ""));
  return { remoteAddress, headers, directLoopback: local && !isForwarded(headers) };
}

/** A name that is not ours means that a page made its own name point here (DNS rebinding). Addresses cannot be made to. */
export function hostAllowed({ headers }: Door, { bind, hosts }: Listening): boolean {
  const name = hostName(headers.host ?? "");
  const isOwn = name === bind && bind !== "loopback" && bind !== "lan";
  if (isLoopbackName(name) || isOwn || hosts.some((host) => host.toLowerCase() === name)) return true;
  return bind === "lan" && isIP(name) !== 0;
}

const hostName = (host: string): string =>
  /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+?))\.?(?::\d*)?$/i.exec(host)?.slice(1).find(Boolean)?.toLowerCase() ?? "";

const isLoopbackName = (name: string): boolean => name === "localhost" || name.endsWith(".localhost") || isLoopback(name);

/** The client's address: the peer's own, or, behind trusted proxies, the nearest one that they name and that is none of them. */
export function clientAddress({ remoteAddress, headers }: Door, trustedProxies: readonly string[]): string {
  const forwarded = headers["x-forwarded-for"];
  const trusted = network(...trustedProxies);
  if (forwarded === undefined || !trusted(remoteAddress)) return remoteAddress;
  const hops = forwarded.split(",").map((hop) => hop.trim());
  return hops.findLast((hop) => isIP(hop) !== 0 && !trusted(hop)) ?? remoteAddress;
}

/** Whether auth mode `none` may admit: nobody from a public address, and nobody whose address only an unknown proxy knows. */
export function isNear(door: Door, trustedProxies: readonly string[]): boolean {
  if (door.directLoopback) return true;
  const address = clientAddress(door, trustedProxies);
  return isPrivate(address) && (!isForwarded(door.headers) || address !== door.remoteAddress);
}

/**
 * Whether whoever sent this HTTP request without a credential may. A page elsewhere can make a browser send requests here, and all there is
 * to see then is where it came from; another port of this machine is elsewhere, too, though browsers call it the same site.
 */
export function mayAct(door: Door, settings: AccessSettings): boolean {
  if (door.headers.origin) return originAllowed(door, settings);
  return ["same-origin", "none", undefined].includes(door.headers["sec-fetch-site"]);
}

/**
 * Whether the page that opened this connection may: it came from the gateway's own host, or from an allowed origin. Without a credential
 * to ask for (mode `none`) the host must moreover be an address or localhost: any other name may be a stranger's that was pointed here.
 */
export function originAllowed({ headers }: Door, { allowedOrigins, auth }: AccessSettings): boolean {
  const origin = URL.parse(headers.origin ?? "");
  if (!origin) return false;
  // Not `URL.origin`, which is "null" for every scheme that is not the web's, such as an extension's.
  const written = (url: URL | null) => `${url?.protocol}//${url?.host}`;
  if (allowedOrigins.some((allowed) => written(URL.parse(allowed)) === written(origin))) return true;
  const own = URL.parse(`${origin.protocol}//${headers.host ?? ""}`);
  if (own?.host !== origin.host || !/^https?:$/.test(own.protocol)) return false;
  return auth.mode !== "none" || isIP(own.hostname.replace(/^\[|\]$/g, "")) !== 0 || /(^|\.)localhost$/.test(own.hostname);
}
