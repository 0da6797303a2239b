/** `ctx.fetch`: checked by name. In the gateway's process nothing but the plugin's own good will keeps it to that; a confined one has no other way. */
import { reachDirectly } from "../direct.ts";
import type { Permissions } from "../manifest.ts";
import { hostPort, hostsOf, reaches } from "../permissions.ts";
import { pluginErrors } from "../plugin-errors.ts";
import type { PublicFetch } from "./public-fetch.ts";

/** Loaded when it is first needed: most plugins name what they reach. */
export const publicFetch: PublicFetch = async (url, init) => {
  made ??= (await import("./public-fetch.ts")).createPublicFetch();
  return made(url, init);
};
let made: PublicFetch | undefined;

const longestChain = 10;
const HARMLESS = /^(accept(-.*)?|cache-control|if-.*|pragma|range|user-agent)$/;
const mostHosts = 256;

/** By name, or as one of all public ones. */
type Admitted = "named" | "public";

/**
 * `fetch` within `permissions.net`, on every redirect too. A redirect that asks for the body again is the caller's to follow. What is admitted as
 * public alone is fetched with `publicly`; absent: something else stands in the way of whatever is not.
 */
export function limitedFetch(
  plugin: string,
  permissions: Permissions,
  config: () => unknown,
  secret: (name: string) => Promise<string | undefined>,
  publicly?: PublicFetch,
): typeof fetch {
  const [ofSecrets = [], others = []] = [true, false].map((isSecret) =>
    (permissions.net ?? []).filter((net) => net.startsWith("secret:") === isSecret),
  );
  /** What a configuration was found to say of a host: a provider asks for the same one with every request. */
  let found: { readonly config: unknown; readonly hosts: Map<string, Admitted | false> } = { config: undefined, hosts: new Map() };
  /** By place: which secret led there last, and what stood under it. */
  const led = new Map<string, { readonly name: string; readonly text: string | undefined }>();
  const leads = async (entry: string, now: unknown, url: URL, get = secret): Promise<boolean> =>
    (await hostsOf(entry, now, get)).some((host) => reaches(host, url));
  const reachedBy = async (entries: readonly string[], now: unknown, url: URL): Promise<Admitted | false> => {
    let admitted: Admitted | false = false;
    for (const entry of entries)
      for (const host of await hostsOf(entry, now, secret)) {
        if (!reaches(host, url)) continue;
        if (host !== "public") return "named";
        admitted = "public";
      }
    return admitted;
  };
  const reachedBySecret = async (place: string, now: unknown, url: URL): Promise<boolean> => {
    const before = led.get(place);
    if (before && (await secret(before.name)) === before.text) return true;
    led.delete(place);
    for (const entry of ofSecrets) {
      const name = entry.slice("secret:".length);
      const text = await secret(name);
      if (!(await leads(entry, now, url, async () => text))) continue;
      led.set(place, { name, text });
      return true;
    }
    return false;
  };
  const admit = async (url: URL): Promise<Admitted> => {
    const now = config();
    if (found.config !== now || found.hosts.size > mostHosts) found = { config: now, hosts: new Map() };
    const { hosts } = found;
    // Not the origin, which is the same for every address that is none of the web's.
    const place = `${url.protocol}//${url.host}`;
    if (!hosts.has(place)) reachDirectly(url.hostname);
    const known = hosts.get(place) ?? (await reachedBy(others, now, url));
    hosts.set(place, known);
    if (known === "named") return known;
    // Secrets last: each is asked for.
    if (await reachedBySecret(place, now, url)) return "named";
    if (known) return known;
    const host = hostPort(url);
    const has = JSON.stringify(permissions.net ?? []);
    throw pluginErrors.PLUGIN_PERMISSION(`${plugin} may not reach ${host}: permissions.net of its manifest is ${has}`, {
      data: { plugin, host },
    });
  };
  const limited = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const first = input instanceof Request ? input : undefined;
    let url = new URL(first?.url ?? String(input));
    const admitted = await admit(url);
    const begin = (init: RequestInit) =>
      admitted === "public" && publicly ? publicly(url, first ? { ...partsOf(first), ...init } : init) : fetch(input, init);
    if ((init.redirect ?? first?.redirect ?? "follow") !== "follow") return begin(init);
    let method = (init.method ?? first?.method ?? "GET").toUpperCase();
    let headers: Headers | undefined;
    let response = await begin({ ...init, redirect: "manual" });
    for (let hop = 0; hop < longestChain; hop++) {
      if (response.status < 300 || response.status > 308) break;
      const location = response.headers.get("location");
      const asksAgain = response.status > 303 && method !== "GET" && method !== "HEAD";
      if (![301, 302, 303, 307, 308].includes(response.status) || location === null || asksAgain) break;
      const next = new URL(location, url);
      const how = await admit(next);
      headers ??= new Headers(init.headers ?? first?.headers);
      // Any header may carry a key, whatever it is called: only what never does goes to somebody else.
      if (next.origin !== url.origin) for (const name of [...headers.keys()]) if (!HARMLESS.test(name)) headers.delete(name);
      for (const name of ["content-type", "content-length"]) headers.delete(name);
      if (method !== "HEAD") method = "GET";
      url = next;
      response = await (how === "public" && publicly ? publicly : fetch)(url, {
        ...init,
        method,
        headers,
        body: null,
        signal: init.signal ?? first?.signal ?? null,
        redirect: "manual",
      });
    }
    return response;
  };
  return Object.assign(limited, { preconnect: fetch.preconnect });
}

const partsOf = ({ method, headers, body, signal }: Request): RequestInit => ({ method, headers, body, signal });
