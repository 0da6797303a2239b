/** Who asks, as far as limits and counts go. */

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
export function originOf({ url, headers }: Request, proxies: number): string {
  const { origin } = new URL(url);
  return proxies > 0 && headers.get("x-forwarded-proto") === "https" ? origin.replace(/^http:/, "https:") : origin;
}
