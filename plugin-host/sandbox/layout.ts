/**
 * What a confined plugin sees of the file system: a root of its own, into which is bound what it was given, each at its own path. Files are looked at
 * at once, as wherever a process is started: under load every wait for one costs the start a turn of a busy event loop.
 */
import { existsSync, realpathSync, statSync } from "node:fs";
import { extname, join, relative } from "node:path";
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";
import type { Confinement } from "./confinement.ts";
import type { Libraries } from "./libraries.ts";

/** Where a plugin finds what is always there. One folder, whose name nothing on a machine has. */
export const inside = {
  bun: "/pincer/bun",
  code: "/pincer/code",
  data: "/pincer/data",
  entry: (entry: string): string => `/pincer/entry${extname(entry)}`,
} as const;

export interface Bind {
  readonly from: string;
  readonly at: string;
  readonly access: "read" | "write" | "execute" | "connect";
}

/** Below these stand the kernel's own files, or ours. */
const RESERVED = ["/proc", "/sys", "/dev", "/pincer"];
const within = (path: string, folder: string) => path === folder || path.startsWith(folder === "/" ? "/" : `${folder}/`);

/**
 * Everything to be bound, what lies deeper later. Throws `PLUGIN_UNCONFINABLE` for what is not there, and for whatever lies inside a folder
 * that the plugin may write: it could put a link there, and be given at its next start what that leads to.
 */
export async function bindsOf(what: Confinement, libraries: Libraries): Promise<readonly Bind[]> {
  const refuse = (why: string) =>
    pluginErrors.PLUGIN_UNCONFINABLE(`${what.plugin} cannot be confined: ${why}`, { data: { plugin: what.plugin } });
  const declared = (paths: readonly string[], access: Bind["access"], permission: string): readonly Bind[] =>
    paths.map((at) => {
      const reserved = at === "/etc" ? at : RESERVED.find((folder) => within(at, folder) || within(folder, at));
      if (reserved) throw refuse(`permissions.${permission} names ${at}, where ${reserved} stands: name what lies elsewhere, or less`);
      if (!existsSync(at)) throw refuse(`permissions.${permission} names ${at}, which cannot be found`);
      return { from: realpathSync(at), at, access };
    });
  const read = declared(what.read, "read", "files.read");
  const write = declared(what.write, "write", "files.write");
  const exec = declared(what.exec, "execute", "exec");
  const sockets = declared(what.sockets, "connect", "sockets");
  for (const { from, at } of exec) if (!statSync(from).isFile()) throw refuse(`permissions.exec names ${at}: expected a file`);
  for (const { from, at } of sockets) if (!statSync(from).isSocket()) throw refuse(`permissions.sockets names ${at}: expected a socket`);

  const writable = write.map(({ from }) => from);
  const mayReplace = (folder: string, at: string) =>
    refuse(`it may write ${folder}, and could replace ${at} there: permit it a folder that does not hold it`);
  for (const path of [what.bun, what.entry, what.run, what.data, ...(what.hidden ?? [])]) {
    const folder = writable.find((root) => within(path, root));
    if (folder) throw mayReplace(folder, path);
  }
  const holder = (path: string) => writable.find((folder) => path !== folder && within(path, folder));
  /** False for a folder inside one that may be written, where it is there already, and no less readable for being writable. */
  const isApart = ({ from, at, access }: Bind): boolean => {
    const [real, named] = [holder(from), holder(at)];
    const isThere = real !== undefined && named !== undefined && (access === "read" || access === "write");
    if (!isThere && (real ?? named)) throw mayReplace((real ?? named)!, at);
    return !isThere;
  };

  const needed = await Promise.all([what.bun, ...exec.map(({ from }) => from)].map((binary) => libraries(binary, what.exec)));
  const bytecode = `${what.entry}.jsc`;
  const binds: Bind[] = [
    ...needed.flat().map(({ at, real }): Bind => ({ from: real, at, access: "execute" })),
    { from: realpathSync(what.bun), at: inside.bun, access: "execute" },
    { from: realpathSync(what.entry), at: inside.entry(what.entry), access: "read" },
    ...(existsSync(bytecode) ? [{ from: realpathSync(bytecode), at: `${inside.entry(what.entry)}.jsc`, access: "read" } as const] : []),
    ...(what.code !== undefined ? [{ from: what.code, at: inside.code, access: "read" } as const] : []),
    { from: what.data, at: inside.data, access: "write" },
    ...[...read, ...write, ...exec, ...sockets].filter(isApart),
  ];
  const depth = ({ at }: Bind) => at.split("/").length;
  const once = new Map(binds.map((bind) => [bind.at, bind]));
  return [...once.values()].sort((a, b) => depth(a) - depth(b));
}

/** Where, inside what is bound, something hidden would be seen. */
export function masksOf({ plugin, hidden = [] }: Confinement, binds: readonly Bind[]): readonly string[] {
  return hidden
    .map((path) => realpathSync(path))
    .flatMap((folder) =>
      binds.flatMap(({ from, at }) => {
        if (from === folder && !within(at, "/pincer")) {
          throw pluginErrors.PLUGIN_UNCONFINABLE(`${plugin} cannot be confined: its permissions name ${at}, which is not for plugins`, {
            data: { plugin },
          });
        }
        return within(folder, from) ? [join(at, relative(from, folder))] : [];
      }),
    );
}
