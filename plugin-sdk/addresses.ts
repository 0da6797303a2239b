/** Internet addresses: what is one, which networks it lies in, and how far it leads. */
import type { BlockList } from "node:net";

/** Loaded when it is first asked for: it takes milliseconds, and the two addresses that nearly everybody has need none of it. */
const net = () => process.getBuiltinModule("node:net");

/** 4 or 6, or 0 when the text is no address. */
export const isIP = (text: string): number => (text === "127.0.0.1" ? 4 : net().isIP(text));

/** Entries are addresses or networks; what is neither matches nobody. */
export function network(...entries: readonly string[]): (address: string) => boolean {
  let list: BlockList | undefined;
  const familyOf = (address: string) => (isIP(address) === 6 ? "ipv6" : "ipv4");
  const made = () => {
    const list = new (net().BlockList)();
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
/** Whom an address stands for: an IPv4 address, or the /64 that one subscriber of IPv6 has to himself. */
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
function plain(address: Address): Address {
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

type Ranges = Readonly<Record<Address["version"], readonly Range[]>>;
/** Read when an address is first looked up: no start, of the gateway or of a plugin's process, is to pay for it. */
function ranges(v4: readonly string[], v6: readonly string[]): () => Ranges {
  let read: Ranges | undefined;
  return () => (read ??= { 4: v4.map(range), 6: v6.map(range) });
}
/** This machine, and this link, with a cloud's metadata on it. */
const HERE = ranges(["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16"], ["::1/128", "fe80::/10"]);
/** Networks of somebody's own, with the shared range that overlay networks use. */
const OWN = ranges(["10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16"], ["fc00::/7"]);
/** Set apart; also where a cloud's machines reach their host. */
const APART = ranges(
  ["192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "168.63.129.16/32"],
  ["2001::/23", "2001:db8::/32", "3fff::/20"],
);
/** Everybody at once, or nobody. */
const NOBODY = ranges(["224.0.0.0/4", "240.0.0.0/4"], ["::/128", "fec0::/10", "ff00::/8"]);
/** All that is routed on the internet lies here. */
const GLOBAL = ranges([], ["2000::/3"]);
const SIX_TO_FOUR = ranges([], ["2002::/16"]);
const NAT64 = ranges([], ["64:ff9b::/96"]);

type Reach = "public" | "private" | "never";

const lies = (address: Address, ...among: readonly (() => Ranges)[]) =>
  among.some((each) => each()[address.version].some((one) => isIn(address, one)));

/** An address that carries an IPv4 address leads no further than that one. */
export function reachOf(given: Address): Reach {
  const address = plain(given);
  const { version, bits } = address;
  if (lies(address, HERE, NOBODY)) return "never";
  if (lies(address, OWN, APART)) return "private";
  if (version === 4) return "public";
  if (lies(address, SIX_TO_FOUR)) return reachOf({ version: 4, bits: (bits >> 80n) & 0xffff_ffffn });
  if (lies(address, NAT64)) return reachOf({ version: 4, bits: bits & 0xffff_ffffn });
  return lies(address, GLOBAL) ? "public" : "never";
}

/** On this machine, this link, or a network of somebody's own. */
export function isPrivate(text: string): boolean {
  const address = parseAddress(text);
  return address !== undefined && lies(plain(address), HERE, OWN);
}

/** Names that no public resolver answers for. */
export const isPrivateName = (name: string): boolean =>
  /^[^.]+$|\.(local|localhost|lan|home|internal|intranet|corp|private|localdomain|home\.arpa)$/i.test(name);

const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/;
/** As in a browser, a name whose last part is a number is an address, however it is written. */
const isNumeric = (label: string) => /^(\d+|0x[0-9a-f]*)$/.test(label);

/** A name or an address, where something is reached. */
type Host =
  | { readonly kind: "address"; readonly address: Address; readonly text: string }
  | { readonly kind: "name"; readonly name: string };

/** Undefined for what is neither an address as it is written properly nor a name. */
export function parseHost(text: string): Host | undefined {
  const bare = /^\[(.*)\]$/.exec(text)?.[1];
  const address = parseAddress(bare ?? text);
  if (address && (address.version === 6) === (bare !== undefined)) return { kind: "address", address, text: bare ?? text };
  const name = text.toLowerCase().replace(/\.$/, "");
  const labels = name.split(".");
  if (bare !== undefined || name.length > 253 || !labels.every((label) => LABEL.test(label)) || isNumeric(labels.at(-1)!)) return undefined;
  return { kind: "name", name };
}

/** Whether a host as permissions name it covers a name: a `*` in front stands for any beginning, and one between dots for one part of a name. */
export function covers(host: string, name: string): boolean {
  if (host.startsWith("*.")) return name.endsWith(host.slice(1));
  if (!host.includes("*")) return host === name;
  const parts = name.split(".");
  const wanted = host.split(".");
  return parts.length === wanted.length && wanted.every((part, at) => (part === "*" ? parts[at] !== "" : part === parts[at]));
}
