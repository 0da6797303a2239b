/** What a registry's folder need not hold any more: metadata, parts of the catalogue and lists of revocations that others have followed. */

import { filesOf } from "../catalogue.ts";
import { placeOf } from "../layout.ts";
import { currentSnapshot, type Roles } from "./current.ts";
import type { RepositoryFiles } from "./files.ts";
import { lives } from "./lifetime.ts";

/** One file of several that follow each other under one name. */
interface Member {
  readonly path: string;
  /** By what they are sorted: a version, or when it was written. */
  readonly order: number;
  readonly writtenAt: number;
}

/**
 * Whoever believes a timestamp asks for what it names for as long as it counts. So a file stays that the newest names, the one before it, and each that
 * was followed within the life of a timestamp. Roots stay, since clients follow them one by one, and so does every archive. Answers with what is gone.
 */
export function sweep(files: RepositoryFiles, roles: Roles, now: () => number): readonly string[] {
  const current = currentSnapshot(files);
  if (!current) return [];
  const isOld = (writtenAt: number) => writtenAt <= now() - lives.timestamp;
  const named = new Set([`metadata/${current.timestamp.meta["snapshot.json"].version}.snapshot.json`]);
  for (const [file, { version }] of Object.entries(current.snapshot.meta)) named.add(`metadata/${version}.${file}`);
  for (const role of ["catalogue", "revocations"])
    for (const { path, sha256 } of filesOf(roles(role)?.signed.targets ?? {})) named.add(placeOf(path, sha256));

  const gone: string[] = [];
  for (const folder of ["metadata", "targets", "targets/catalogue"]) {
    const series = new Map<string, Member[]>();
    for (const { name, writtenAt } of files.list(folder)) {
      const path = `${folder}/${name}`;
      // Left by one that was ended in the middle.
      if (name.endsWith(".next") && isOld(writtenAt)) gone.push(path);
      const [, mark = "", rest = ""] = /^([0-9a-f]{64}|\d+)\.([a-z0-9.-]+\.json(?:\.gz)?)$/.exec(name) ?? [];
      if (rest === "" || rest === "root.json") continue;
      const member = { path, writtenAt, order: folder === "metadata" ? Number(mark) : writtenAt };
      series.set(rest, [...(series.get(rest) ?? []), member]);
    }
    for (const members of series.values()) {
      members.sort((a, b) => a.order - b.order);
      const newest = members.findIndex(({ path }) => named.has(path));
      for (const { path, order } of members.slice(0, Math.max(0, newest - 1))) {
        // Of those that were written at once, nobody knows which came first.
        const follower = members.find((later) => later.order > order);
        if (follower && isOld(follower.writtenAt)) gone.push(path);
      }
    }
  }
  for (const path of gone) files.remove(path);
  return gone;
}
