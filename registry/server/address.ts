/** Who asks, as far as limits and counts go, and what the server is called. */
import { isIP } from "node:net";
import type { ServerSettings } from "./settings.ts";

/** A network of IPv6 is one household's, so that nobody is as many as it has addresses. */
export function householdOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, "").replace(/%.*$/, "");
  if (!plain.includes(":")) return plain;
  const [head = "", tail] = plain.split("::");
  const [front, back] = [head.split(":").filter(Boolean), (tail ?? "").split(":").filter(Boolean)];
  const groups = tail === undefined ? front : [...front, ...Array<string>(Math.max(0, 8 - front.length - back.length)).fill("0"), ...back];
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, "").toLowerCase())
    .join(":")}::/64`;
}

/** Of the header that so many proxies have written in turn, the address that the first of them saw. */
export function forwardedFor(headers: Headers, peer: string, proxies: number): string {
  if (proxies === 0) return peer;
  const told = (headers.get("x-forwarded-for") ?? "").split(",").map((part) => part.trim());
  return told.at(-proxies) || peer;
}

/** Where whoever asks has asked; proxies say it when the encryption ends with them. */
export function originOf({ url, headers }: Request, { proxies, address }: ServerSettings): string {
  if (address !== undefined) return plainAddress(address);
  const { origin } = new URL(url);
  return proxies > 0 && headers.get("x-forwarded-proto") === "https" ? origin.replace(/^http:/, "https:") : origin;
}

const plainAddress = (address: string): string => new URL(address).href.replace(/\/$/, "");

/**
 * For which addresses a request must be signed. None that whoever asks has said: with those it could have been signed for another registry. What is
 * heard on this machine alone is for nobody else, and is called by its port.
 */
export function ownAddresses({ address, proxies }: ServerSettings, host: string, port: number): readonly string[] {
  if (address !== undefined) return [plainAddress(address)];
  const isLocal = host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
  if (!isLocal || proxies > 0) return [];
  return [...new Set([host === "::1" ? "[::1]" : host, "127.0.0.1", "localhost"])].map((name) => plainAddress(`http://${name}:${port}`));
}
