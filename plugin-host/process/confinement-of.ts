/** What a manifest's permissions come to on this machine: its words resolved to paths and addresses. */
import { existsSync, mkdirSync, realpathSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import type { Manifest } from "@pincer/plugin-sdk/manifest";
import { valuesAt } from "@pincer/plugin-sdk/permissions";
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";

export interface Resolved {
  readonly read: readonly string[];
  readonly write: readonly string[];
  readonly exec: readonly string[];
  readonly sockets: readonly string[];
  /** `host:port`, `*.host:port`, or `public`. */
  readonly net: readonly string[];
  /** Those of them that the operator wrote, not the plugin's author. */
  readonly configured: readonly string[];
  readonly limits: { readonly memoryMb: number; readonly openFiles: number; readonly processes: number };
}

const defaults = { memoryMb: 512, openFiles: 256, processes: 32 };
const ports: Readonly<Record<string, string>> = { "https:": "443", "wss:": "443", "http:": "80", "ws:": "80" };

/** `secret` finds what was granted; `home` is the gateway's, for trusted plugins. Throws `PLUGIN_PERMISSION` for what is not there. */
export async function resolvePermissions(
  { id, permissions = {} }: Manifest,
  config: unknown,
  secret: (name: string) => Promise<string | undefined>,
  home?: string,
): Promise<Resolved> {
  const { net = [], files = {}, exec = [], sockets = [], limits = {} } = permissions;
  const refuse = (what: string) => pluginErrors.PLUGIN_PERMISSION(`${id} cannot start: ${what}`, { data: { plugin: id } });
  const configured = (entry: string): readonly string[] =>
    entry.startsWith("config:")
      ? valuesAt(config, entry.slice("config:".length)).filter((value): value is string => typeof value === "string" && value !== "")
      : [entry];
  const paths = (entries: readonly string[] = [], kind: string) =>
    entries.flatMap(configured).map((named) => {
      const path = home !== undefined && !isAbsolute(named) ? join(home, named) : named;
      if (path !== named) mkdirSync(path, { recursive: true, mode: 0o700 });
      if (!isAbsolute(path)) throw refuse(`permissions.${kind} names "${path}": expected an absolute path, or config:<pointer> to one`);
      if (!existsSync(path)) throw refuse(`permissions.${kind} names ${path}, which does not exist`);
      return realpathSync(path);
    });
  const binaries = exec.flatMap(configured).flatMap((name) => {
    const path = isAbsolute(name) ? name : Bun.which(name);
    if (!path || !existsSync(path)) throw refuse(`permissions.exec names ${name}, which is not installed`);
    return [path, realpathSync(path)]; // by the name that it is called by too
  });
  const hosts = await Promise.all(
    net.map(async (entry) => {
      if (entry.startsWith("secret:")) return hostOf(await secret(entry.slice("secret:".length)));
      return configured(entry).flatMap(hostOf);
    }),
  );
  const isOperators = (index: number) => /^(config|secret):/.test(net[index] ?? "");
  return {
    read: paths(files.read, "files.read"),
    write: paths(files.write, "files.write"),
    exec: [...new Set(binaries)],
    sockets: paths(sockets, "sockets"),
    net: [...new Set(hosts.flat())],
    configured: hosts.filter((_, index) => isOperators(index)).flat(),
    limits: { ...defaults, ...limits },
  };
}

/** `host:port` of a URL, or as it is. */
function hostOf(text: string | undefined): readonly string[] {
  if (!text) return [];
  if (!text.includes("://")) return [text.toLowerCase()];
  const url = URL.parse(text);
  const port = url && (url.port || ports[url.protocol]);
  return url && port ? [`${url.hostname}:${port}`.toLowerCase()] : [];
}
