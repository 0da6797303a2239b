/** Keeps an HTTP proxy that the environment names out of the way to this machine, and to networks of one's own. */
import { isPrivateName } from "./addresses.ts";

/** As Bun reads `NO_PROXY`: names with what ends in them, and networks. */
const OWN = [
  ...["localhost", "127.0.0.0/8", "::1/128"],
  ...["10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10"],
  ...["local", "lan", "home", "internal", "intranet", "corp", "private", "localdomain", "home.arpa"],
];
const PROXIES = ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];

type Environment = Record<string, string | undefined>;

const listed = (env: Environment): readonly string[] =>
  // The lower case one is the one that counts where both are set.
  (env["no_proxy"] ?? env["NO_PROXY"] ?? "").split(",").flatMap((entry) => (entry.trim() === "" ? [] : [entry.trim()]));

/**
 * Adds to `NO_PROXY` what no proxy is for, behind what the user has there; without a proxy nothing is changed. Bun looks there at every request.
 * `hostname` may be a name that only one's own network knows, such as that of a neighbour in a network of containers.
 */
export function reachDirectly(hostname?: string, env: Environment = process.env): void {
  if (!PROXIES.some((name) => env[name])) return;
  const before = listed(env);
  const all = [...new Set([...before, ...OWN, ...(hostname !== undefined && isPrivateName(hostname) ? [hostname] : [])])];
  if (all.length === before.length) return;
  env["no_proxy"] = all.join(",");
  env["NO_PROXY"] = all.join(",");
}
