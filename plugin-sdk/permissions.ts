/** What the words of a manifest's `permissions` mean. */
import { isPrivate } from "./addresses.ts";
import type { Contract } from "./contract.ts";
import type { GatewayEvent } from "./event.ts";
import type { Permissions } from "./manifest.ts";
import type { WireScope } from "./method.ts";
import { pluginErrors } from "./plugin-errors.ts";
import { allows } from "./wire/scopes.ts";

/** What is missing for a plugin to use a contract that gives power over the gateway. */
export const refusedUse = (plugin: string, scopes: readonly WireScope[], { id, scope }: Pick<Contract, "id" | "scope">) =>
  scope === undefined || scopes.includes(scope) ? undefined : unnamed(`${plugin} uses ${id}`, scope);

/** What is missing for a plugin to be told of an event that is not its own: it hears what a connection with its scopes would. */
export const refusedEvent = (plugin: string, scopes: readonly WireScope[], { name, scope }: Pick<GatewayEvent, "name" | "scope">) =>
  scope === "any" || allows(scopes, scope) ? undefined : unnamed(`${plugin} listens to ${name}`, scope);

export const unnamed = (what: string, scope: WireScope) =>
  pluginErrors.PLUGIN_PERMISSION(`${what}, for which permissions.scopes of its manifest must name ${scope}`);

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

/** What the operator wrote where permissions that the system enforces name it: with other values the same words permit something else. */
export function configuredIn(
  { net = [], files: { read = [], write = [] } = {}, exec = [], sockets = [] }: Permissions,
  config: unknown,
  secret: (name: string) => Promise<string | undefined>,
): Promise<readonly unknown[]> {
  const valuesOf = (entry: string) => (entry.startsWith("secret:") ? secret(entry.slice("secret:".length)) : configured(entry, config));
  return Promise.all([net, read, write, exec, sockets].flat().map(valuesOf));
}

const ports: Readonly<Record<string, string>> = { "https:": "443", "wss:": "443", "http:": "80", "ws:": "80" };
export const hostPort = (url: URL): string => `${url.hostname}:${url.port || ports[url.protocol]}`.toLowerCase();
const leadsInside = (host: string): boolean =>
  isPrivate(host) || /^(localhost|.*\.(localhost|local|internal))$/i.test(host) || host.startsWith("[") || !host.includes(".");

export function mayReach(permissions: Permissions, url: URL, config: unknown): boolean {
  const target = hostPort(url);
  return (permissions.net ?? []).some((entry) => {
    if (entry === "public") return !leadsInside(url.hostname);
    const hosts = configured(entry, config)?.filter((value) => typeof value === "string") ?? [entry];
    return hosts.some((host) => {
      if (URL.canParse(host) && host.includes("://")) return hostPort(new URL(host)) === target;
      const name = host.toLowerCase();
      return name.startsWith("*.") ? target.endsWith(name.slice(1)) : name === target;
    });
  });
}

/** By name or, with `*` at the end, by its beginning; or by a reference that the operator wrote at a place of the plugin's configuration. */
export const mayRead = (permissions: Permissions, secret: string, config: unknown): boolean =>
  (permissions.secrets ?? []).some((entry) => {
    const references = configured(entry, config);
    if (references) return references.some((value) => (value as { secret?: unknown } | null)?.secret === secret);
    return entry.endsWith("*") ? secret.startsWith(entry.slice(0, -1)) : entry === secret;
  });

/** Whether the URL leads to the address that a secret holds, as a URL or as `host[:port]`; without a port every port of the host is meant. */
export function isAt(address: string | undefined, url: URL): boolean {
  const text = address?.includes("://") ? address : `http://${address}`;
  if (!address || !URL.canParse(text)) return false;
  const named = new URL(text);
  return named.hostname === url.hostname && (address.includes("://") || named.port !== "" ? hostPort(named) === hostPort(url) : true);
}
