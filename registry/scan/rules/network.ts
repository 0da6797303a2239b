/** Addresses that the code reaches for, and that the manifest does not name. */
import { excerpt, found, type Permitted, type Rule } from "../subject.ts";

/** What takes an address, and goes there. */
const reaching = /\b(fetch|WebSocket|EventSource|axios(\.\w+)?|got|request|connect|createConnection)\s*\(\s*$/;
const modules = /^(node:)?(net|tls|dgram|http|https|http2)$/;

export const undeclaredHosts: Rule = function* ({ scripts, permitted }) {
  for (const script of scripts)
    for (const { value, at } of script.lexed.texts) {
      const host = hostIn(value);
      if (host === undefined || isPermitted(host, permitted)) continue;
      const isReached = reaching.test(script.lexed.bare.slice(Math.max(0, at - 60), at));
      yield found(
        "undeclared-host",
        isReached ? "high" : "low",
        script,
        script.line(at),
        isReached
          ? `it reaches for ${excerpt(host)}, which its permissions do not name`
          : `it mentions the address ${excerpt(value)}, which its permissions do not name`,
      );
    }
};

export const undeclaredNetwork: Rule = function* ({ scripts, permitted }) {
  if (permitted.net.length > 0 || permitted.sockets.length > 0) return;
  for (const script of scripts) {
    for (const { value, at } of script.lexed.texts)
      if (modules.test(value) && isImport(script.lexed.bare, at))
        yield found(
          "undeclared-network",
          "medium",
          script,
          script.line(at),
          `it loads ${value}, and its permissions name no address that it may reach`,
        );
    for (const match of script.lexed.bare.matchAll(/\bBun\s*\.\s*(connect|udpSocket|listen|serve)\b|(?<![.\w])(fetch|WebSocket)\s*\(/g))
      yield found(
        "undeclared-network",
        "medium",
        script,
        script.line(match.index),
        `it uses ${match[1] ? `Bun.${match[1]}` : match[2]}, and its permissions name no address that it may reach`,
      );
  }
};

/** What stands behind `from`, `import` or `require`. */
export const isImport = (bare: string, at: number): boolean =>
  /\b(from|import|require)\s*\(?\s*$/.test(bare.slice(Math.max(0, at - 30), at));

/** Of what is an address as a whole, and no sentence in which one stands; undefined for a host that is put together when it runs. */
function hostIn(value: string): string | undefined {
  const [, host] = /^(?:https?|wss?):\/\/([^/\s?#]+)[^\s]*$/i.exec(value) ?? [];
  if (host === undefined || host.includes("\0")) return undefined;
  const url = URL.canParse(`http://${host}`) ? new URL(`http://${host}`) : undefined;
  if (!url || isSelf(url.hostname)) return undefined;
  const isOpen = /^(http|ws):/i.test(value);
  return `${url.hostname}:${url.port || (isOpen ? "80" : "443")}`;
}

const isSelf = (host: string): boolean =>
  /^(localhost|127\.\d+\.\d+\.\d+|0\.0\.0\.0|\[::1?\]|.*\.(example|test|invalid|localhost)|(.*\.)?example\.(com|org|net))$/.test(host);

function isPermitted(address: string, { net }: Permitted): boolean {
  const name = address.replace(/:\d+$/, "");
  return net.some((entry) => {
    if (entry === "public") return true;
    if (/^(config|secret):/.test(entry)) return false;
    const wanted = entry.includes(":") ? address : name;
    return new RegExp(`^${entry.split("*").map(RegExp.escape).join("[^:]+")}$`, "i").test(wanted);
  });
}
