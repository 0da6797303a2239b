/** What a manifest's permissions come to on this machine: its words resolved to paths and addresses. */
import { existsSync, mkdirSync, realpathSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import type { Manifest } from "@pincer/plugin-sdk/manifest";
import { hostsOf, isOperators, textsOf } from "@pincer/plugin-sdk/permissions";
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

/** `secret` finds what was granted; of the gateway's `home` the operator alone gives. Throws `PLUGIN_PERMISSION` for what is not there, or not given. */
export async function resolvePermissions(
  { id, permissions = {} }: Manifest,
  config: unknown,
  secret: (name: string) => Promise<string | undefined>,
  { home, isTrusted }: { readonly home: string; readonly isTrusted: boolean },
): Promise<Resolved> {
  const { net = [], files = {}, exec = [], sockets = [], limits = {} } = permissions;
  const refuse = (what: string) => pluginErrors.PLUGIN_PERMISSION(`${id} cannot start: ${what}`, { data: { plugin: id } });
  const textsIn = (entries: readonly string[]) => entries.flatMap((entry) => textsOf(entry, config).map((text) => [text, entry] as const));
  const realOf = (path: string, entry: string, kind: string) => {
    const real = realpathSync(path);
    if (isTrusted || isOperators(entry) || entry === "bun" || !`${real}/`.startsWith(`${realpathSync(home)}/`)) return real;
    throw refuse(`permissions.${kind} names ${path}, in the gateway's home: expected config:<pointer>, where the operator says so`);
  };
  const paths = (entries: readonly string[] = [], kind: string) =>
    textsIn(entries).map(([named, entry]) => {
      const path = isTrusted && !isAbsolute(named) ? join(home, named) : named;
      if (path !== named) mkdirSync(path, { recursive: true, mode: 0o700 });
      if (!isAbsolute(path)) throw refuse(`permissions.${kind} names "${path}": expected an absolute path, or config:<pointer> to one`);
      if (!existsSync(path)) throw refuse(`permissions.${kind} names ${path}, which does not exist`);
      return realOf(path, entry, kind);
    });
  const binaries = textsIn(exec).flatMap(([name, entry]) => {
    // Bun itself is there wherever Pincer is, also where none is installed.
    const path = isAbsolute(name) ? name : name === "bun" ? process.execPath : Bun.which(name);
    if (!path || !existsSync(path)) throw refuse(`permissions.exec names ${name}, which is not installed`);
    return [path, realOf(path, entry, "exec")]; // by the name that it is called by too
  });
  const hosts = await Promise.all(net.map((entry) => hostsOf(entry, config, secret)));
  return {
    read: paths(files.read, "files.read"),
    write: paths(files.write, "files.write"),
    exec: [...new Set(binaries)],
    sockets: paths(sockets, "sockets"),
    net: [...new Set(hosts.flat())],
    configured: hosts.filter((_, index) => isOperators(net[index]!)).flat(),
    limits: { ...defaults, ...limits },
  };
}
