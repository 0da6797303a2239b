/** What plugins keep beyond their removal, and whose it is, so that another publisher's of the same name does not find it unasked. */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { leaveRemoved } from "@pincer/plugin-sdk/removed";
import { Value } from "@sinclair/typebox/value";
import { readText, replaceFile } from "./layout.ts";
import { type LockEntry, LockedVersion, versionIn } from "./lock.ts";

const dataOf = (home: string, id: string): string => join(home, "data", id);
const fileOf = (home: string): string => join(home, "registries", "left.json");

function readLeft(home: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(readText(fileOf(home)) ?? "{}") as Readonly<Record<string, unknown>>;
  } catch {
    return {}; // silent-ok: then nobody knows whose it is, and whoever finds it asks
  }
}

function writeLeft(home: string, id: string, left: LockedVersion | undefined): void {
  const { [id]: before, ...others } = readLeft(home);
  if (left || before !== undefined) replaceFile(fileOf(home), `${JSON.stringify(left ? { ...others, [id]: left } : others, null, 2)}\n`);
}

/** When it is removed. `data`: nothing of it stays. The gateway's part is done when it looks next, or starts. */
export function keepLeft(home: string, id: string, entry: LockEntry | undefined, data: boolean): void {
  if (data) removeKept(home, id);
  else {
    leaveRemoved(home, id, false);
    // Where no gateway has ever run, nothing has kept anything.
    const hasRun = existsSync(join(home, "pincer.db")) || existsSync(dataOf(home, id));
    if (entry && hasRun) writeLeft(home, id, versionIn(entry));
  }
}

export function removeKept(home: string, id: string): void {
  leaveRemoved(home, id, true);
  rmSync(dataOf(home, id), { recursive: true, force: true });
  forgetLeft(home, id);
}

/** What was kept is of whoever has the name now. */
export const forgetLeft = (home: string, id: string): void => writeLeft(home, id, undefined);

/** Of what was removed and kept something; `version`: null, nobody knows. */
export function leftOf(home: string, id: string): { readonly version: LockedVersion | null } | undefined {
  const { [id]: found } = readLeft(home);
  if (Value.Check(LockedVersion, found)) return { version: found };
  return found !== undefined || existsSync(dataOf(home, id)) ? { version: null } : undefined;
}

export const keptWhere = (home: string, id: string): string => `${dataOf(home, id)}, and its values in the gateway's store`;
