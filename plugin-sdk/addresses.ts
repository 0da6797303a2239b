/** Internet addresses: what is one, and which networks it lies in. */
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
/** Loopback, private networks, link-local and the shared range that overlay networks use. */
export const isPrivate = network(
  ...["0.0.0.0/8", "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10"],
  ...["::1", "fc00::/7", "fe80::/10"],
);

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
