/**
 * macOS: `sandbox-exec` with a profile of our own. What it means that macOS has no network namespaces: the plugin sees the machine's own
 * interfaces and may use none of them, but for one loopback port on which its bridge listens and which any process of this machine may
 * connect to while the plugin runs, to reach what the plugin may reach. Clients that know of no proxy do not reach the bridge.
 *
 * The profile is tested as text. It was not run: there was no Mac.
 */
import { existsSync } from "node:fs";
import { mkdir, realpath, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import type { Confined, Confinement, FoundConfinement } from "./confinement.ts";
import { bunOptions, dataBytes, environmentOf } from "./limits.ts";

const SANDBOX_EXEC = "/usr/bin/sandbox-exec";

const quoted = (text: string) => `"${text.replace(/[\\"]/g, "\\$&")}"`;
const subpath = (path: string) => `(subpath ${quoted(path)})`;
const literal = (path: string) => `(literal ${quoted(path)})`;
const allow = (operation: string, filters: readonly string[]) => (filters.length > 0 ? [`(allow ${operation} ${filters.join(" ")})`] : []);

/** What dyld, libSystem and the name of the time zone need of a Mac. */
const SYSTEM = ["/System/Library", "/usr/lib", "/usr/share/zoneinfo", "/private/var/db/timezone", "/private/var/db/dyld"];
const DEVICES = ["/dev/null", "/dev/random", "/dev/urandom"];

/** Later rules win: what is hidden comes after what would show it, and what lies deeper and is declared after that. */
export function profileOf(what: Confinement, { tmp, port }: { readonly tmp: string; readonly port: number | undefined }): string {
  const { bun, entry, code = entry, data, read, write, exec, sockets, hidden = [] } = what;
  const shown = (folders: readonly string[]) => folders.filter((folder) => hidden.some((above) => folder.startsWith(`${above}/`)));
  const own = [...[bun, entry, `${entry}.jsc`].map(literal), subpath(code)];
  return [
    "(version 1)",
    "(deny default)",
    // What every program of a Mac needs to begin.
    '(import "system.sb")',
    ...allow("process-exec*", [bun, ...exec].map(literal)),
    "(allow process-fork)",
    "(allow signal (target same-sandbox))",
    "(allow sysctl-read)",
    ...allow("file-read*", [literal("/"), ...SYSTEM.map(subpath), ...own, ...exec.map(literal), ...DEVICES.map(literal)]),
    ...allow("file-write-data", DEVICES.map(literal)),
    ...allow("file-read*", [...read, ...write].map(subpath)),
    ...allow("file-write*", write.map(subpath)),
    ...(hidden.length > 0 ? [`(deny file-read* file-write* ${hidden.map(subpath).join(" ")})`] : []),
    ...allow("file-read*", [...own, ...shown(read).map(subpath), ...shown(write).map(subpath)]),
    ...allow("file-write*", shown(write).map(subpath)),
    ...allow("file-read* file-write*", [data, tmp].map(subpath)),
    // A file that makes its owner of whoever runs it.
    "(deny file-write-setugid)",
    ...allow(
      "network-outbound",
      sockets.map((path) => `(remote unix-socket (path-literal ${quoted(path)}))`),
    ),
    ...(port === undefined
      ? []
      : [
          `(allow network-bind network-inbound (local ip "localhost:${port}"))`,
          `(allow network-outbound (remote ip "localhost:${port}"))`,
        ]),
  ].join("\n");
}

/** Nothing of the machine is reserved by it: whoever takes the port first has it, and the bridge then does not start. */
const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });

async function confineBySandboxExec(what: Confinement): Promise<Confined> {
  const tmp = join(what.run, "tmp");
  await mkdir(tmp, { recursive: true, mode: 0o700 });
  const port = what.net.length > 0 ? await freePort() : undefined;
  // The sandbox compares with what a path leads to: /tmp and /var are links there.
  const real = async (paths: readonly string[]) => Promise.all(paths.map((path) => realpath(path)));
  const [bun = "", entry = "", data = "", code = ""] = await real([what.bun, what.entry, what.data, what.code ?? what.entry]);
  const kinds = ["read", "write", "exec", "sockets", "hidden"] as const;
  const folders = await Promise.all(kinds.map(async (kind) => [kind, await real(what[kind] ?? [])] as const));
  const resolved: Confinement = { ...what, bun, entry, code, data, ...Object.fromEntries(folders) };
  const profile = join(what.run, "profile.sb");
  await writeFile(profile, profileOf(resolved, { tmp: await realpath(tmp), port }), { mode: 0o600 });
  const { openFiles } = what.limits;
  // No memory or task of a process is bounded by this system as Linux bounds them; `ulimit -d` is asked for all the same.
  const script = `ulimit -c 0; ulimit -n ${openFiles}; ulimit -d ${Math.ceil(dataBytes(what.limits) / 1024)} 2>/dev/null; exec "$@"`;
  return {
    command: ["/bin/sh", "-c", script, "sh", SANDBOX_EXEC, "-f", profile, bun, ...bunOptions, entry],
    env: {
      ...environmentOf(what, tmp),
      ...(port === undefined ? {} : { HTTPS_PROXY: `http://127.0.0.1:${port}` }),
    },
    ...{ code, data },
    ...(port !== undefined && { proxyPort: port }),
  };
}

export function findSandboxExec(): FoundConfinement {
  if (existsSync(SANDBOX_EXEC)) return { confine: confineBySandboxExec, kind: "sandbox-exec" };
  return { missing: `${SANDBOX_EXEC} is not there`, mend: "it is part of macOS: see whether the system is complete" };
}
