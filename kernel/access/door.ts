/** Where somebody stands: addresses, forwarded headers, the name that was asked for, and the origin of a web page. */
import type { BlockList } from "node:net";
import { nodeNet } from "../builtin.ts";
import type { Door } from "./decision.ts";
import type { AccessSettings } from "./settings.ts";

/** Where the gateway listens, and under which names it is reached. */
interface Listening {
  readonly bind: string;
  readonly hosts: readonly string[];
}

/** 4 or 6, or 0 when the text is no address. */
const isIP = (text: string): number => (text === "127.0.0.1" ? 4 : nodeNet().isIP(text));

/** Entries are addresses or networks; what is neither matches nobody. */
function network(...entries: readonly string[]): (address: string) => boolean {
  let list: BlockList | undefined;
  const familyOf = (address: string) => (isIP(address) === 6 ? "ipv6" : "ipv4");
  const made = () => {
    const list = new (nodeNet().BlockList)();
    for (const entry of entries) {
      const [address = "", length] = entry.split("/");
      const longest = isIP(address) === 6 ? 128 : 32;
      const bits = Number(length ?? longest);
      if (isIP(address) !== 0 && bits <= longest) list.addSubnet(address, bits, familyOf(address));
    }
    return list;
  };
  return (address) => {
    list ??= made();
    return isIP(address) !== 0 && list.check(address, familyOf(address));
  };
}

const ownNetwork = network("127.0.0.0/8", "::1");
/** The two addresses that nearly everybody has are known without a look. */
export const isLoopback = (address: string): boolean => address === "127.0.0.1" || address === "::1" || ownNetwork(address);
/** Loopback, private networks, link-local and the shared range that overlay networks use. */
export const isPrivate = network(
  ...["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10"],
  ...["::1", "fc00::/7", "fe80::/10"],
);

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

/** What failed attempts are counted by: an IPv4 address, or the /64 that one subscriber of IPv6 has to himself. */
export function neighbourhood(address: string): string {
  if (isIP(address) !== 6) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped) return mapped;
  const [head = "", tail] = address.split("::");
  const [left, right] = [head, tail ?? ""].map((part) => part.split(":").filter(Boolean)) as [string[], string[]];
  const groups = tail === undefined ? left : [...left, ...Array<string>(8 - left.length - right.length).fill("0"), ...right];
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":")}::/64`;
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
