/**
 * A registry of this machine for one installation, which has the archives that its lock names and nothing else. Bun asks here, so that where they
 * come from, how patiently, and that they are what was locked is decided by us: its own cache is not compared with a lock.
 */
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";
import type { LockedPackage } from "./lock.ts";
import { unpackedBytes } from "./unpacked.ts";

/** Of all packages of one plugin together, unpacked; those with the largest binaries come to a quarter of it. */
const mostUnpacked = 2 * 2 ** 30;

/** The archive, checked. What it throws is told as it is. */
export type ArchiveSource = (wanted: LockedPackage, signal: AbortSignal) => Promise<Uint8Array>;

export interface Loopback extends AsyncDisposable {
  readonly url: string;
  /** Why the first of those that could not be had could not. */
  failure(): unknown;
}

interface LoopbackOptions {
  readonly packages: readonly LockedPackage[];
  readonly archives: ArchiveSource;
  readonly signal: AbortSignal;
  onServed(wanted: LockedPackage): void;
}

export function serveArchives({ packages, archives, signal, onServed }: LoopbackOptions): Loopback {
  // Whoever else is on this machine has no business with the operator's private packages.
  const prefix = `/${crypto.randomUUID()}/`;
  const served = new Map(packages.map((one) => [`${prefix}${placeOf(one)}`, one]));
  const closed = new AbortController();
  const given = AbortSignal.any([signal, closed.signal]);
  let failure: { readonly error: unknown } | undefined;
  let left = mostUnpacked;
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    // An archive is fetched whole before it is handed on.
    idleTimeout: 0,
    async fetch(request) {
      const wanted = served.get(decodeURIComponent(new URL(request.url).pathname));
      if (!wanted || failure) return new Response("none", { status: 404 });
      try {
        const bytes = await archives(wanted, given);
        const unpacked = await unpackedBytes(bytes, left);
        left -= unpacked;
        if (left < 0)
          throw pluginErrors.PLUGIN_INSTALL_FAILED(
            `${wanted.name} ${wanted.version} is too large: expected packages that come to ${mostUnpacked} bytes when they are unpacked, and more come`,
          );
        onServed(wanted);
        return new Response(new Uint8Array(bytes));
      } catch (error) {
        failure ??= { error };
        return new Response("none", { status: 404 });
      }
    },
  });
  return {
    url: new URL(prefix, server.url).href,
    failure: () => failure?.error,
    async [Symbol.asyncDispose]() {
      closed.abort(pluginErrors.PLUGIN_INSTALL_FAILED("the installation is over"));
      await server.stop(true);
    },
  };
}

/** Where registries of npm have the archive of a version. */
export const placeOf = ({ name, version }: Pick<LockedPackage, "name" | "version">): string =>
  `${name}/-/${name.slice(name.indexOf("/") + 1)}-${version}.tgz`;
