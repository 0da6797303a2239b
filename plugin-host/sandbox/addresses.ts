/** Internet addresses as numbers, and which of them lead somewhere that only this machine or its network should reach. */

/** 32 or 128 bits. */
export interface Address {
  readonly version: 4 | 6;
  readonly bits: bigint;
}

const V4_PART = /^(0|[1-9]\d{0,2})$/;

function parseV4(text: string): bigint | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => V4_PART.test(part) && Number(part) < 256)) return undefined;
  return parts.reduce((bits, part) => (bits << 8n) | BigInt(part), 0n);
}

function parseV6(text: string): bigint | undefined {
  const embedded = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const v4 = embedded ? parseV4(embedded[2]!) : undefined;
  if (embedded && v4 === undefined) return undefined;
  const hex = v4 === undefined ? text : `${embedded![1]}${(v4 >> 16n).toString(16)}:${(v4 & 0xffffn).toString(16)}`;
  const halves = hex.split("::");
  if (halves.length > 2) return undefined;
  const groups = halves.map((half) => (half === "" ? [] : half.split(":")));
  const given = groups.flat().length;
  if (halves.length === 1 ? given !== 8 : given > 7) return undefined;
  if (!groups.flat().every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  const [head, tail = []] = groups as [string[], string[]?];
  const all = halves.length === 1 ? head : [...head, ...Array<string>(8 - given).fill("0"), ...tail];
  return all.reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n);
}

/** Only as it is written properly: no octal, hexadecimal or shortened numbers, no zone, no brackets. */
export function parseAddress(text: string): Address | undefined {
  const v4 = parseV4(text);
  if (v4 !== undefined) return { version: 4, bits: v4 };
  const v6 = parseV6(text);
  return v6 === undefined ? undefined : { version: 6, bits: v6 };
}

/** An IPv4 address that came as IPv6 is that IPv4 address. */
export function plain(address: Address): Address {
  return address.version === 6 && address.bits >> 32n === 0xffffn ? { version: 4, bits: address.bits & 0xffff_ffffn } : address;
}

const sameBits = (a: Address, b: Address) => a.version === b.version && a.bits === b.bits;
export const isSame = (a: Address, b: Address): boolean => sameBits(plain(a), plain(b));

type Range = readonly [start: bigint, length: number];
function range(text: string): Range {
  const [start = "", length] = text.split("/");
  return [parseAddress(start)!.bits, Number(length)];
}
const isIn = ({ version, bits }: Address, [start, length]: Range) => {
  const rest = BigInt((version === 4 ? 32 : 128) - length);
  return bits >> rest === start >> rest;
};

/** Never where a name may lead: this machine, this link (with a cloud's metadata on it), everybody at once, nobody. */
const NEVER = {
  4: ["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4"].map(range),
  6: ["::/127", "fe80::/10", "fec0::/10", "ff00::/8"].map(range),
};
/** Of a network of somebody's own, or set apart; also where a cloud's machines reach their host. */
const PRIVATE = {
  4: [
    ...["10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16"],
    ...["192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"],
    "168.63.129.16/32",
  ].map(range),
  6: ["2001::/23", "2001:db8::/32", "3fff::/20"].map(range),
};
/** All that is routed on the internet lies here. */
const GLOBAL = range("2000::/3");
const SIX_TO_FOUR = range("2002::/16");
const NAT64 = range("64:ff9b::/96");
const UNIQUE_LOCAL = range("fc00::/7");

export type Reach = "public" | "private" | "never";

/** An address that carries an IPv4 address leads no further than that one. */
export function reachOf(given: Address): Reach {
  const address = plain(given);
  const { version, bits } = address;
  if (NEVER[version].some((each) => isIn(address, each))) return "never";
  if (PRIVATE[version].some((each) => isIn(address, each))) return "private";
  if (version === 4) return "public";
  if (isIn(address, SIX_TO_FOUR)) return reachOf({ version: 4, bits: (bits >> 80n) & 0xffff_ffffn });
  if (isIn(address, NAT64)) return reachOf({ version: 4, bits: bits & 0xffff_ffffn });
  if (isIn(address, UNIQUE_LOCAL)) return "private";
  return isIn(address, GLOBAL) ? "public" : "never";
}
