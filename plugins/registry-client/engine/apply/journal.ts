/**
 * What an installation has begun, written down before it is, so that one that was interrupted is either completed or taken back: completed when its
 * one step was made (`settle`, or for a removal the folder was put aside), taken back otherwise.
 */
import { existsSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { finishExchange, forgetExchange } from "@pincer/plugin-kit/packages/stage";
import { hasCode } from "@pincer/plugin-sdk/error";
import type { Json } from "@pincer/plugin-sdk/json5";
import type { PackageName } from "@pincer/registry/name";
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { clientErrors } from "../../errors.ts";
import { folderOf, isLinked, namesIn, pointedAt, readText, removeIfEmpty, replaceFile, stagingOf, versionsOf } from "../home/layout.ts";
import { forgetLeft, keepLeft, removeKept } from "../home/left.ts";
import { keyOf, LockEntry, readLock, withEntry, writeLock } from "../home/lock.ts";
import type { Surroundings } from "../surroundings.ts";
import { isInUse } from "./in-use.ts";

const Begun = Type.Object({
  name: Type.Object({
    kind: Type.Union([Type.Literal("plugins"), Type.Literal("skills")]),
    id: Type.String({ pattern: "^[a-z][a-z0-9-]*$" }),
  }),
  /** What the lock says once it is done; null: nothing, since it was removed. */
  entry: Type.Union([LockEntry, Type.Null()]),
  /** A plugin that is removed, or taken back at its first installation, goes with what it kept. */
  data: Type.Optional(Type.Boolean()),
  /** What makes the settings as they were. */
  undo: Type.Array(
    Type.Unsafe<readonly [path: readonly string[], value: Json | null]>(Type.Tuple([Type.Array(Type.String()), Type.Any()])),
  ),
});
type Shape = Static<typeof Begun>;
export type Begun = { readonly [K in keyof Shape]: K extends "undo" ? readonly Shape["undo"][number][] : Shape[K] };

const beginning = "begun.json";
const fileOf = (home: string): string => join(stagingOf(home), beginning);

export const begin = (home: string, begun: Begun): void => replaceFile(fileOf(home), JSON.stringify(begun));

/** What others lay out there for when their turn comes stays, also what they begin with meanwhile: to remove what is left of a package takes a while. */
export function end(home: string): void {
  for (const name of namesIn(stagingOf(home)))
    if (name !== beginning && !isInUse(name)) rmSync(join(stagingOf(home), name), { recursive: true, force: true });
  rmSync(fileOf(home), { force: true });
  removeIfEmpty(stagingOf(home));
}

/** Whether something was begun, and is under way or was interrupted. */
export const isBegun = (home: string): boolean => existsSync(fileOf(home));

/** Undefined where nothing was begun. Throws `REGISTRY_CLIENT_JOURNAL_INVALID`. */
export function readBegun(home: string): Begun | undefined {
  const text = readText(fileOf(home));
  if (text === undefined) return undefined;
  try {
    const begun: unknown = JSON.parse(text);
    if (Value.Check(Begun, begun)) return begun;
  } catch {
    // silent-ok: said below
  }
  throw clientErrors.REGISTRY_CLIENT_JOURNAL_INVALID(
    `${fileOf(home)}, which says what was interrupted, cannot be read: "pincer install --frozen --mend" puts it aside, and has everything as pincer.lock says`,
  );
}

/** Before anything else is begun. `mend`: what cannot be read is put aside. */
export async function recover(surroundings: Surroundings, mend: boolean, signal: AbortSignal): Promise<void> {
  const { home } = surroundings;
  try {
    const begun = readBegun(home);
    if (begun && isMade(home, begun)) complete(home, begun);
    else if (begun) await takeBack(surroundings, begun, signal);
  } catch (error) {
    if (!mend || !hasCode(error, "REGISTRY_CLIENT_JOURNAL_INVALID")) throw error;
    // What was tried does not count; the rest is for whoever compares with the lock.
    for (const kind of ["plugins", "skills"] as const)
      for (const id of namesIn(join(home, kind))) rmSync(join(versionsOf(home, { kind, id }), "next"), { force: true });
  }
  end(home);
}

function isMade(home: string, { name, entry }: Begun): boolean {
  if (entry === null) return !existsSync(versionsOf(home, name));
  return pointedAt(home, name, "next") === undefined && pointedAt(home, name, "current") === entry.digest;
}

export function complete(home: string, { name, entry, data = false }: Begun): void {
  if (name.kind === "plugins") {
    if (entry) forgetLeft(home, name.id);
    else keepLeft(home, name.id, readLock(home)[keyOf(name)], data);
  }
  writeLock(home, withEntry(readLock(home), name, entry ?? undefined));
  prune(home, name, entry ?? undefined);
}

/** As it was before. */
export async function takeBack(
  { home, settings, running }: Surroundings,
  { name, undo, entry: wanted, data = false }: Begun,
  signal: AbortSignal,
): Promise<void> {
  await settings.change(
    undo.map(([path, value]) => [path, value ?? undefined]),
    signal,
  );
  rmSync(join(versionsOf(home, name), "next"), { force: true });
  if (wanted) {
    const folder = folderOf(home, name, wanted.digest);
    if (pointedAt(home, name, "current") === wanted.digest) finishExchange(folder);
    forgetExchange(folder);
  }
  const { [keyOf(name)]: entry } = readLock(home);
  if (entry || isLinked(home, name) || pointedAt(home, name, "current") !== undefined) prune(home, name, entry);
  else {
    discard(home, versionsOf(home, name));
    if (wanted && data) removeKept(home, name.id);
  }
  if (name.kind === "plugins") await running?.refresh(signal);
}

/** For what goes. */
export const asideIn = (home: string): string => join(stagingOf(home), `gone-${crypto.randomUUID()}`);

/** Put aside in one step, and removed at leisure. */
function discard(home: string, folder: string): void {
  if (!existsSync(folder)) return;
  const aside = asideIn(home);
  renameSync(folder, aside);
  rmSync(aside, { recursive: true, force: true });
}

/** Two versions are kept, each with what is said of it beside it. */
function prune(home: string, name: PackageName, entry: LockEntry | undefined): void {
  const kept = new Set([entry?.digest, entry?.before?.digest, pointedAt(home, name, "current")]);
  const folder = versionsOf(home, name);
  for (const each of namesIn(folder)) {
    const digest = /^([0-9a-f]{64})(\.\w+)?$/.exec(each)?.[1];
    if (digest !== undefined && !kept.has(digest)) discard(home, join(folder, each));
  }
  if (namesIn(folder).length === 0) rmSync(folder, { recursive: true, force: true });
}
