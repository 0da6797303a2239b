/** What a plugin's rules for the network say about one connection. Nothing is resolved or dialled here. */
import { networkInterfaces } from "node:os";
import { type Address, covers, isPrivateName, isSame, parseAddress, parseHost, reachOf } from "@pincer/plugin-sdk/addresses";

type Admission =
  | { readonly admitted: false; readonly why: string }
  /** The addresses themselves are declared: nothing is looked up. */
  | { readonly admitted: true; readonly addresses: readonly string[] }
  /** A name: it is looked up, and `refuses` says what is wrong with what it leads to, all answers together. */
  | {
      readonly admitted: true;
      readonly name: string;
      readonly mayBePrivate: boolean;
      refuses(addresses: readonly string[]): string | undefined;
    };

export type Admits = (host: string, port: number) => Admission;

export interface RuleOptions {
  /** Those of the rules that the operator wrote, not the plugin's author: the names among them may lead into a private network. */
  readonly configured?: readonly string[];
  /** This machine's addresses, asked of the system at each connection when absent. They count as private, also where they are public ones. */
  own?(): readonly string[];
  /** Of the gateway itself, which no author may name: whoever comes from this machine may do more there than others. */
  readonly gatewayPort?: number | undefined;
}

const systemOwn = (): readonly string[] => Object.values(networkInterfaces()).flatMap((each) => (each ?? []).map(({ address }) => address));

const LOOPBACK = ["127.0.0.1", "::1"];
interface Rule {
  readonly host: string;
  readonly port: number;
  readonly isConfigured: boolean;
}

const matches = (rule: Rule, name: string, port: number) => rule.port === port && covers(rule.host, name);

/** Reads the rules once; `why` of a refusal is for the log, and for the plugin's author. */
export function admission(rules: readonly string[], { configured = [], own = systemOwn, gatewayPort }: RuleOptions = {}): Admits {
  const isOpen = rules.includes("public");
  const parsed: readonly Rule[] = rules
    .filter((rule) => rule !== "public")
    .map((rule) => {
      const at = rule.lastIndexOf(":");
      return {
        host: rule.slice(0, at).toLowerCase().replace(/\.$/, ""),
        port: Number(rule.slice(at + 1)),
        isConfigured: configured.includes(rule),
      };
    });

  const ownNow = () => own().flatMap((text) => parseAddress(text.split("%", 1)[0]!) ?? []);
  const isMine = (address: Address) => ownNow().some((each) => isSame(each, address));
  const isGateway = (address: Address, port: number) => port === gatewayPort && (reachOf(address) === "never" || isMine(address));

  /** What a name may lead to; one address too many refuses all of them, since which is dialled would be somebody else's choice. */
  const refusesAll =
    (mayBePrivate: boolean, port: number) =>
    (addresses: readonly string[]): string | undefined => {
      if (addresses.length === 0) return "the name leads nowhere";
      for (const text of addresses) {
        const address = parseAddress(text);
        if (!address) return `the name leads to ${text}, which is no address`;
        const reach = reachOf(address);
        if (isGateway(address, port)) return `the name leads to ${text}, where the gateway itself listens`;
        const isPrivate = reach === "private" || isMine(address);
        if (reach === "never" || (isPrivate && !mayBePrivate)) return `the name leads to ${text}, which is not public`;
      }
      return undefined;
    };

  return (host, port) => {
    const target = parseHost(host);
    if (!target || !Number.isInteger(port) || port < 1 || port > 65_535)
      return { admitted: false, why: "neither a name nor an address, with a port" };
    if (target.kind === "address") {
      const { address, text } = target;
      const isAt = (declared: string) => {
        const each = parseAddress(declared);
        return each !== undefined && isSame(each, address);
      };
      const onPort = parsed.filter((rule) => rule.port === port && (rule.isConfigured || !isGateway(address, port)));
      if (onPort.some((rule) => isAt(rule.host.replace(/^\[(.*)\]$/, "$1")))) return { admitted: true, addresses: [text] };
      // Whoever looked it up there took one of the two, and whoever listens may listen on the other.
      if (onPort.some((rule) => rule.host === "localhost") && LOOPBACK.some(isAt)) return { admitted: true, addresses: LOOPBACK };
      if (!isOpen) return { admitted: false, why: "not declared" };
      if (refusesAll(false, port)([text]) !== undefined) return { admitted: false, why: "not declared, and not a public address" };
      return { admitted: true, addresses: [text] };
    }
    const { name } = target;
    const matching = parsed.filter((rule) => matches(rule, name, port));
    // By definition this machine, whatever a resolver says.
    if (name === "localhost" || name.endsWith(".localhost")) {
      return matching.some((rule) => rule.host === "localhost" && (rule.isConfigured || port !== gatewayPort))
        ? { admitted: true, addresses: LOOPBACK }
        : { admitted: false, why: "not declared" };
    }
    if (matching.length === 0 && !isOpen) return { admitted: false, why: "not declared" };
    const mayBePrivate = matching.some((rule) => !rule.host.includes("*") && (rule.isConfigured || isPrivateName(rule.host)));
    const isOperators = matching.some((rule) => rule.isConfigured);
    return { admitted: true, name, mayBePrivate, refuses: refusesAll(mayBePrivate, isOperators ? -1 : port) };
  };
}
