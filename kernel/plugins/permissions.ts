/** What an inline plugin may reach, checked by name. Only a process of its own makes it binding; `enforced` says which. */
import { pluginErrors } from "./errors.ts";
import type { Permissions } from "./manifest.ts";

/** The values that a JSON pointer leads to; `*` is any key. */
export function valuesAt(root: unknown, pointer: string): readonly unknown[] {
  let values = [root];
  for (const part of pointer.split("/").slice(1)) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    values = values.flatMap((value) => {
      if (typeof value !== "object" || value === null) return [];
      return key === "*" ? Object.values(value) : Object.hasOwn(value, key) ? [value[key as keyof typeof value]] : [];
    });
  }
  return values;
}

const configured = (entry: string, config: unknown) =>
  entry.startsWith("config:") ? valuesAt(config, entry.slice("config:".length)) : undefined;
const ports: Readonly<Record<string, string>> = { "https:": "443", "wss:": "443", "http:": "80", "ws:": "80" };
const hostPort = (url: URL): string => `${url.hostname}:${url.port || ports[url.protocol]}`.toLowerCase();
const isPrivate = (host: string): boolean =>
  /^(localhost|.*\.(localhost|local|internal)|0\.|10\.|127\.|169\.254\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)/i.test(
    host,
  ) ||
  host.startsWith("[") ||
  !host.includes(".");

export function mayReach(permissions: Permissions, url: URL, config: unknown): boolean {
  const target = hostPort(url);
  return (permissions.net ?? []).some((entry) => {
    if (entry === "public") return !isPrivate(url.hostname);
    const hosts = configured(entry, config)?.filter((value) => typeof value === "string") ?? [entry];
    return hosts.some((host) => {
      if (URL.canParse(host) && host.includes("://")) return hostPort(new URL(host)) === target;
      const name = host.toLowerCase();
      return name.startsWith("*.") ? target.endsWith(name.slice(1)) : name === target;
    });
  });
}

/** By name, or by a reference that the operator wrote at a place of the plugin's configuration. */
export const mayRead = (permissions: Permissions, secret: string, config: unknown): boolean =>
  (permissions.secrets ?? []).some((entry) => {
    const references = configured(entry, config);
    return references ? references.some((value) => (value as { secret?: unknown } | null)?.secret === secret) : entry === secret;
  });

const longestChain = 10;

/** Whether the URL leads to the address that a secret holds, as a URL or as `host[:port]`; without a port every port of the host is meant. */
function isAt(address: string | undefined, url: URL): boolean {
  const text = address?.includes("://") ? address : `http://${address}`;
  if (!address || !URL.canParse(text)) return false;
  const named = new URL(text);
  return named.hostname === url.hostname && (address.includes("://") || named.port !== "" ? hostPort(named) === hostPort(url) : true);
}

/** `fetch` within `permissions.net`, on every redirect too. A redirect that asks for the body again is the caller's to follow. */
export function limitedFetch(
  plugin: string,
  permissions: Permissions,
  config: () => unknown,
  secret: (name: string) => Promise<string | undefined>,
): typeof fetch {
  const named = (permissions.net ?? []).flatMap((entry) => (entry.startsWith("secret:") ? entry.slice("secret:".length) : []));
  const admit = async (url: URL) => {
    if (mayReach(permissions, url, config())) return;
    for (const name of named) if (isAt(await secret(name), url)) return;
    const host = hostPort(url);
    const has = JSON.stringify(permissions.net ?? []);
    throw pluginErrors.PLUGIN_PERMISSION(`${plugin} may not reach ${host}: permissions.net of its manifest is ${has}`, {
      data: { plugin, host },
    });
  };
  const limited = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const first = input instanceof Request ? input : undefined;
    let url = new URL(first?.url ?? String(input));
    await admit(url);
    if ((init.redirect ?? first?.redirect ?? "follow") !== "follow") return fetch(input, init);
    let method = (init.method ?? first?.method ?? "GET").toUpperCase();
    const headers = new Headers(init.headers ?? first?.headers);
    let response = await fetch(input, { ...init, redirect: "manual" });
    for (let hop = 0; hop < longestChain; hop++) {
      const location = response.headers.get("location");
      const asksAgain = response.status > 303 && method !== "GET" && method !== "HEAD";
      if (![301, 302, 303, 307, 308].includes(response.status) || location === null || asksAgain) break;
      const next = new URL(location, url);
      await admit(next);
      if (next.origin !== url.origin) for (const name of ["authorization", "cookie", "x-api-key"]) headers.delete(name);
      for (const name of ["content-type", "content-length"]) headers.delete(name);
      if (method !== "HEAD") method = "GET";
      url = next;
      response = await fetch(url, {
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
