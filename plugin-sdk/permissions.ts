/** What the words of a manifest's `permissions` mean. */
import { covers, isPrivateName, parseAddress, reachOf } from "./addresses.ts";
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
function valuesAt(root: unknown, pointer: string): readonly unknown[] {
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

/** What an entry comes to that may lead into the configuration. */
const configured = (entry: string, config: unknown): readonly unknown[] =>
  entry.startsWith("config:") ? valuesAt(config, entry.slice("config:".length)) : [entry];
export const textsOf = (entry: string, config: unknown): readonly string[] =>
  configured(entry, config).filter((value): value is string => typeof value === "string" && value !== "");

/** What the words of permissions that the system enforces come to now: with other values the same words permit something else. */
export function configuredIn(
  { net = [], files: { read = [], write = [] } = {}, exec = [], sockets = [] }: Permissions,
  config: unknown,
  secret: (name: string) => Promise<string | undefined>,
): Promise<readonly unknown[]> {
  const paths = [read, write, exec, sockets].flat().map(async (entry) => textsOf(entry, config));
  return Promise.all([...net.map((entry) => hostsOf(entry, config, secret)), ...paths]);
}

const ports: Readonly<Record<string, string>> = { "https:": "443", "wss:": "443", "http:": "80", "ws:": "80" };
export const hostPort = (url: URL): string => `${url.hostname}:${url.port || ports[url.protocol]}`.toLowerCase();

/** Whether the operator says what an entry of `permissions.net` means, and not the plugin's author. */
export const isOperators = (entry: string): boolean => /^(config|secret):/.test(entry);

/** What an entry of `permissions.net` means now: `host:port`, `*.host:port`, `part.*.host:port`, `public`, or a host that the operator wrote without a port. */
export async function hostsOf(
  entry: string,
  config: unknown,
  secret: (name: string) => Promise<string | undefined>,
): Promise<readonly string[]> {
  const texts = entry.startsWith("secret:") ? [await secret(entry.slice("secret:".length))] : textsOf(entry, config);
  return texts.flatMap((text) => {
    const url = text?.includes("://") ? URL.parse(text) : undefined;
    if (!url) return text && !text.includes("://") ? reachedAs(text.toLowerCase()) : [];
    return url.port || ports[url.protocol] ? reachedAs(hostPort(url)) : [];
  });
}

/** Where a server listens on all interfaces, it is reached on this machine; an IPv6 address has brackets in every URL. */
function reachedAs(host: string): readonly string[] {
  if (parseAddress(host)?.version === 6) return reachedAs(`[${host}]`);
  const [, name = host, port = ""] = /^(.*?)(:\d+)?$/.exec(host) ?? [];
  if (name === "" || name === "0.0.0.0") return [host, `127.0.0.1${port}`];
  return name === "[::]" ? [host, `[::1]${port}`] : [host];
}

export function reaches(host: string, url: URL): boolean {
  const [target, name] = [hostPort(url), url.hostname];
  if (host.includes("*")) return covers(host, target);
  if (host !== "public") return host === target || host === name;
  const address = parseAddress(name.replace(/^\[(.*)\]$/, "$1"));
  return address ? reachOf(address) === "public" : name !== "" && !isPrivateName(name);
}

/** By name or, with `*` at the end, by its beginning; or by a reference that the operator wrote at a place of the plugin's configuration. */
export const mayRead = (permissions: Permissions, secret: string, config: unknown): boolean =>
  (permissions.secrets ?? []).some((entry) =>
    configured(entry, config).some((value) => {
      if (value !== entry) return (value as { readonly secret?: unknown } | null)?.secret === secret;
      return entry.endsWith("*") ? secret.startsWith(entry.slice(0, -1)) : entry === secret;
    }),
  );
